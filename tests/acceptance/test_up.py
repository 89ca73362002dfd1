"""`leadline up`, from outside: ready, stopped, killed, and what it says when it cannot."""

import asyncio
import json
import os
import re
import secrets
import signal
import socket
from pathlib import Path

from acceptance.program import Program, configuration, leadline
from leadline.store.data_directory import DataDirectory
from leadline.telephony.callee import Callee
from leadline.telephony.phone.phone import Phone


async def test_it_says_ready_when_it_is_and_stops_in_good_order(started):
    program = await started()
    async with program.client() as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        assert (await client.get("/healthz")).status_code == 200
    assert await program.stop() == 0
    assert await program.line() == ""


async def test_a_pushed_customer_is_called_once_and_read_back(started, phone):
    phone.callees["09820012345"] = Callee.answers()
    program = await started()
    answer = await program.push({"mobilenumber": "+91 98200 12345", "fname": "Grace", "calltype": "5"})
    assert (answer["statuscode"], answer["counts"]["created"]) == ("001", 1)
    call = await phone.call_to("09820012345")
    lead = await program.lead_that(answer["results"][0]["leadid"], state="closed")
    assert (lead["closed_reason"], lead["number"], lead["status"]) == ("completed", "+919820012345", 5)
    (attempt,) = lead["attempts"]
    assert (attempt["id"], attempt["outcome"], attempt["disposition"]) == (call.attempt_id, "answered", "done")
    assert (attempt["hung_up_by"], attempt["path"], attempt["sip_status"]) == ("us", ["bye"], 200)
    kinds = await program.kinds(lead["id"])
    assert kinds[0] == "lead.created"
    assert kinds[-1] == "lead.closed"
    assert kinds.count("lead.closed") == 1
    assert len(phone.calls) == 1
    again = await program.push({"mobilenumber": "09820012345", "fname": "Grace", "calltype": "5"})
    assert again["counts"]["unchanged"] == 1


async def test_a_busy_customer_is_called_again_by_the_retry_rule(started, phone):
    phone.callees["09820012345"] = Callee.busy()
    program = await started(process="flow: bye\n        retry: {busy: {after: 1s, times: 1}}")
    answer = await program.push({"mobilenumber": "9820012345"})
    lead = await program.lead_that(answer["results"][0]["leadid"], state="closed")
    assert lead["closed_reason"] == "attempts_exhausted"
    assert [attempt["outcome"] for attempt in lead["attempts"]] == ["busy", "busy"]
    assert len(phone.invites) == 2


async def test_killed_with_a_call_up_it_starts_again_and_does_not_ring_twice(started, phone):
    phone.callees["09820012345"] = Callee.rings_for_ever()
    program = await started()
    answer = await program.push({"mobilenumber": "9820012345"}, {"mobilenumber": "12"})
    lead_id = answer["results"][0]["leadid"]
    await phone.call_to("09820012345")
    await program.stop(signal.SIGKILL)
    program = await started()
    lead = await program.lead_that(lead_id, state="closed")
    assert lead["closed_reason"] == "unknown"
    assert [attempt["outcome"] for attempt in lead["attempts"]] == ["unknown"]
    assert len(phone.calls) == 1
    assert (await program.lead(answer["results"][1]["leadid"]))["closed_reason"] == "not_dialable"


async def test_a_killed_postmaster_comes_back_and_pushes_go_on(started):
    program = await started()
    before = await program.push({"mobilenumber": "12"})
    postmaster = int((program.home / "data" / "postgres" / "postmaster.pid").read_text().split("\n")[0])
    os.kill(postmaster, signal.SIGKILL)
    async with asyncio.timeout(60), program.client() as client:
        while True:
            answer = await client.get(f"/v1/leads/{before['results'][0]['leadid']}")
            if answer.status_code == 200:
                break
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            await asyncio.sleep(0.05)
    assert (await program.push({"mobilenumber": "13"}))["counts"]["stored_not_dialable"] == 1
    assert await program.stop() == 0
    assert "Traceback" not in (program.home / "log").read_text()


async def test_sigterm_waits_for_calls_that_are_up_and_begins_no_new_one(started, phone):
    phone.callees["09820012345"] = Callee.answers(rings=1.5)
    program = await started("--drain", "20")
    answer = await program.push({"mobilenumber": "9820012345"})
    await phone.call_to("09820012345")
    assert await program.stop() == 0
    program = await started()
    lead = await program.lead(answer["results"][0]["leadid"])
    assert (lead["state"], lead["closed_reason"]) == ("closed", "completed")


async def test_after_the_drain_calls_are_hung_up_and_concluded(started, phone):
    phone.callees["09820012345"] = Callee.rings_for_ever()
    program = await started("--drain", "1")
    answer = await program.push({"mobilenumber": "9820012345"})
    call = await phone.call_to("09820012345")
    assert await program.stop() == 0
    assert call.cancelled
    program = await started()
    lead = await program.lead(answer["results"][0]["leadid"])
    assert [attempt["outcome"] for attempt in lead["attempts"]] == ["no_answer"]
    assert lead["state"] == "scheduled"


async def test_a_second_leadline_on_the_directory_is_refused(started):
    program = await started()
    second = Program(program.home)
    await second.spawn()
    assert await second.line() == ""
    assert await second.process.wait() == 1
    assert "used by another Leadline" in second.log()


async def test_a_taken_http_port_is_named_with_the_remedy(tmp_path: Path):
    (tmp_path / "leadline.yaml").write_text(configuration(5060))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await leadline(
            "up",
            "--config",
            str(tmp_path / "leadline.yaml"),
            "--data",
            str(tmp_path / "d"),
            "--http",
            f"127.0.0.1:{port}",
        )
    assert (code, out) == (1, "")
    assert f"127.0.0.1:{port}" in err
    assert "--http" in err


async def test_a_taken_sip_port_is_said_and_gone_on_from_when_it_is_free(started, phone, tmp_path: Path):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    sip = f'sip: {{listen: "127.0.0.1:{taken.getsockname()[1]}"}}\n'
    (tmp_path / "leadline.yaml").write_text(sip + configuration(phone.port))
    program = Program(tmp_path)
    await program.spawn()
    try:
        async with asyncio.timeout(60):
            while "telephony" not in program.log():
                await asyncio.sleep(0.05)
        taken.close()
        assert (await program.line()).startswith("ready ")
    finally:
        await program.stop(signal.SIGKILL)


async def test_a_faulty_configuration_is_refused_with_its_line(tmp_path: Path):
    (tmp_path / "leadline.yaml").write_text(configuration(5060, process="flow: buy"))
    code, _, err = await leadline("up", "--config", str(tmp_path / "leadline.yaml"), "--data", str(tmp_path / "data"))
    assert code == 1
    assert "leadline.yaml:" in err
    assert "buy" in err
    assert not (tmp_path / "data").exists()


async def test_leads_are_listed_and_shown_in_the_terminal(started, phone):
    program = await started()
    answer = await program.push({"mobilenumber": "9820012345", "name": "Grace Fernandes"})
    lead_id = answer["results"][0]["leadid"]
    await program.lead_that(lead_id, state="closed")
    data = str(program.home / "data")
    code, out, _ = await leadline("leads", "--data", data)
    assert code == 0
    assert "Grace Fernandes" in out
    assert "closed (completed)" in out
    code, out, _ = await leadline("leads", str(lead_id), "--data", data)
    assert code == 0
    assert "attempt.answered" in out
    code, out, _ = await leadline("leads", "--json", "--data", data, "--number", "09820012345")
    assert [lead["id"] for lead in json.loads(out)] == [lead_id]
    code, _, err = await leadline("leads", "999", "--data", data)
    assert code == 1
    assert "leadline leads" in err


async def test_apply_changes_a_running_leadline_and_a_second_run_nothing(started, phone):
    program = await started()
    before = await program.push({"mobilenumber": "13"})
    file, data = program.home / "leadline.yaml", str(program.home / "data")
    file.write_text(file.read_text().replace("servicekey: P", "servicekey: Q"))
    code, out, _ = await leadline("apply", str(file), "--data", data)
    assert code == 0
    assert "Q" in out
    code, out, _ = await leadline("apply", str(file), "--data", data)
    assert (code, out) == (0, "nothing to change\n")
    async with asyncio.timeout(20):
        while (await program.push({"mobilenumber": "12"}, servicekey="Q"))["statuscode"] != "001":
            await asyncio.sleep(0.05)
    assert (await program.push({"mobilenumber": "12"}, servicekey="P"))["statuscode"] == "1108"
    # What was pushed to the process that is gone from the file is still there to be read.
    async with program.client() as client:
        listed = (await client.get("/v1/leads", params={"servicekey": "P"})).json()["items"]
    assert [(lead["id"], lead["servicekey"]) for lead in listed] == [(before["results"][0]["leadid"], "P")]
    assert DataDirectory.read_running(program.home / "data") is not None


async def test_a_changed_password_of_a_trunk_reaches_a_running_leadline(started, tmp_path: Path):
    async with Phone(credentials=("acme", "new")) as carrier:
        program = await started(trunk="username: acme\n    password: old\n    cps: 100")
        file, data = tmp_path / "leadline.yaml", str(tmp_path / "data")
        text = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{carrier.port}", file.read_text())
        file.write_text(text)
        assert (await leadline("apply", str(file), "--data", data))[0] == 0
        file.write_text(text.replace("password: old", "password: new"))
        code, out, _ = await leadline("apply", str(file), "--data", data)
        assert (code, out) == (0, "nothing to change\n")
        async with asyncio.timeout(30):
            while not carrier.calls:
                answer = await program.push({"mobilenumber": f"98200{secrets.randbelow(10**5):05}"})
                assert answer["statuscode"] == "001"
                await asyncio.sleep(0.2)


async def test_init_writes_a_configuration_that_up_takes(tmp_path: Path):
    code, out, _ = await leadline("init", str(tmp_path))
    assert code == 0
    assert "leadline up" in out
    code, _, err = await leadline("init", str(tmp_path))
    assert code == 1
    assert "already" in err
    program = await Program(tmp_path).start()
    assert await program.stop() == 0


async def test_settings_and_help_name_what_there_is():
    _, out, _ = await leadline("settings")
    assert "LEADLINE_DATABASE_URL" in out
    _, out, _ = await leadline("--help")
    assert all(command in out for command in ("up", "init", "apply", "settings", "leads", "demo"))
