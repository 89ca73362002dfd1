"""Control from outside: the terminal and HTTP say the same, calls are hung up, metrics count all processes."""

import asyncio
import json
import re

from acceptance.program import KEY, Program, configuration, leadline
from leadline.telephony.callee import Callee


async def said(program: Program, *words: str) -> str:
    code, out, err = await leadline(*words, "--data", str(program.home / "data"))
    assert code == 0, err
    return out


async def test_a_process_is_stopped_and_goes_on_from_the_terminal(started, phone):
    phone.callees["09820012345"] = Callee.rings_for_ever()
    program = await started()
    (first,) = (await program.push({"mobilenumber": "9820012345"}))["results"]
    call = await phone.call_to("09820012345")
    assert "1 hung up" in await said(program, "stop", "P")
    await asyncio.wait_for(call.ended.wait(), 20)
    seen = await program.lead_that(first["leadid"], state="scheduled")
    assert seen["attempts"][0]["outcome"] == "no_answer"
    (second,) = (await program.push({"mobilenumber": "9820012346"}))["results"]
    shown = json.loads(await said(program, "processes", "--json"))["P"]
    assert (shown["stopped"], shown["calls"], shown["due_now"]) == (True, 0, 1)
    assert "P is paused" in await said(program, "pause", "P")
    await said(program, "resume", "P")
    assert (await program.lead_that(second["leadid"], state="closed"))["closed_reason"] == "completed"
    async with program.client() as client:
        (item,) = (await client.get("/v1/processes")).json()["items"]
    assert (item["servicekey"], item["paused"], item["stopped"]) == ("P", False, False)
    assert len(phone.calls) == 2


async def test_leads_are_cancelled_moved_and_closed_from_the_terminal(started, phone):
    phone.callees["09820012345"] = Callee.rings_for_ever()
    program = await started()
    later = {"calldatetime": "2036-05-01 10:00:00"}
    records = [{"mobilenumber": "9820012345"}, *({"mobilenumber": f"982001236{n}"} | later for n in range(3))]
    ringing, first, *rest = [result["leadid"] for result in (await program.push(*records))["results"]]
    await phone.call_to("09820012345")
    assert "hangs up" in await said(program, "cancel", str(ringing))
    assert (await program.lead_that(ringing, state="closed"))["closed_reason"] == "cancelled"
    assert "closed as cancelled" in await said(program, "cancel", str(first))
    moved = ("reschedule", "P", "--calltype", "1001", "--at", "2036-06-01 10:00:00")
    assert "2 of 4 leads would be changed" in await said(program, *moved, "--dry-run")
    assert "2 of 4 leads changed" in await said(program, *moved)
    assert (await program.lead(rest[0]))["due_at"] == "2036-06-01T04:30:00Z"
    assert "0 of 4 leads changed" in await said(program, *moved)
    assert "1 of 1 leads changed" in await said(program, "close", "P", "--id", str(rest[0]))
    assert (await program.lead(rest[0]))["closed_reason"] == "cancelled"
    code, _, err = await leadline("close", "Q", "--data", str(program.home / "data"))
    assert code == 1
    assert "there are P" in err


async def test_metrics_are_those_of_all_processes_whichever_is_asked(phone, tmp_path):
    (tmp_path / "leadline.yaml").write_text(configuration(phone.port))
    program = await Program(tmp_path, LEADLINE_WEB_PROCESSES="3").start()
    try:
        for n in range(6):
            answer = await program.push({"mobilenumber": f"982001234{n}"})
            await program.lead_that(answer["results"][0]["leadid"], state="closed")
        for _ in range(6):
            async with program.client() as client:
                text = (await client.get("/metrics", headers={"Connection": "close"})).text
            assert "leadline_pushes_total 6.0" in text
            assert 'leadline_records_total{action="created"} 6.0' in text
            assert 'leadline_attempts_total{outcome="answered"} 6.0' in text
            assert "leadline_workers 1.0" in text
            assert not re.search(r"98200|" + KEY, text)
    finally:
        await program.stop()
