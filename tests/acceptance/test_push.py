"""`leadline push` and `replay`, from outside: a file goes in once, however often it is begun."""

import asyncio
import csv
import io
import json
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from acceptance.program import KEY, PATIENCE, Program, environment
from leadline.store.data_directory import DataDirectory

INBOUND = "direction: inbound\n        flow: bye"
"""Nobody is dialed: these tests are of the way in."""
HEADER = ("Mobile Number", "First Name", "customercode", "City")


def customers(number: int, broken: Sequence[int] = ()) -> str:
    """A CSV of so many customers; those that are broken have no number."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEADER)
    for place in range(number):
        mobile = "" if place in broken else f"98{place:08}"
        writer.writerow([mobile, f"Śuva{place}", f"c{place}", 'Pune,\n"MH"' if place % 2 else ""])
    return written.getvalue()


async def begin(program: Program, *words: str, **variables: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leadline.cli", *words, "--data", str(program.home / "data"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=program.home, env=environment() | {"COLUMNS": "200", "NO_COLOR": "1", "LEADLINE_APIKEY": KEY} | variables,
    )  # fmt: skip


async def run(program: Program, *words: str, given: str = "", **variables: str) -> tuple[int, str, str]:
    process = await begin(program, *words, **variables)
    out, err = await asyncio.wait_for(process.communicate(given.encode()), PATIENCE)
    return process.returncode or 0, out.decode(), err.decode()


async def select(program: Program, query: str) -> list[Any]:
    running = DataDirectory.read_running(program.home / "data")
    assert running is not None
    connection = await asyncpg.connect(running.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def counted(table: str) -> dict[str, str]:
    """The number of each line of a summary."""
    return {found[1]: found[2] for line in table.splitlines() if (found := re.match(r"(.+?) +([\d,]+)\b", line))}


async def until_journal(file: Path, batches: int) -> None:
    """Until so many batches are in the journal."""
    async with asyncio.timeout(PATIENCE):
        while not file.exists() or file.read_bytes().count(b"\n") <= batches:
            await asyncio.sleep(0.005)


@pytest.fixture
async def program(started) -> Program:
    return await started(process=INBOUND)


async def test_a_file_is_pushed_its_refused_rows_are_mended_and_it_is_safe_to_run_again(program):
    file, refused = program.home / "c.csv", program.home / "c.csv.rejected.csv"
    file.write_text(customers(5_000, broken=(0, 1_700, 4_999)))
    code, out, err = await run(program, "push", str(file), "--servicekey", "P")
    assert code == 3, (out, err)
    assert "4,997" in out
    assert "missing_key 3" in out
    assert "'First Name' is taken for fname" in err
    assert await select(program, "select count(*), count(distinct number) from lead") == [(4_997, 4_997)]
    ((name, city),) = await select(program, "select fname, fields->>'City' from lead where customercode = 'c3'")
    assert (name, city) == ("Śuva3", 'Pune,\n"MH"')
    assert await select(program, "select fields::text from lead where customercode = 'c2'") == [("{}",)]
    assert not (program.home / "c.csv.push-journal").exists()

    with refused.open(encoding="utf-8", newline="") as read:
        rows = list(csv.DictReader(read))
    assert [(row["rejected_row"], row["rejected_code"], row["rejected_field"]) for row in rows] == [
        (number, "missing_key", "mobilenumber") for number in ("2", "1702", "5001")
    ]
    assert [row["customercode"] for row in rows] == ["c0", "c1700", "c4999"]
    mended = refused.read_text().replace(",,Śuva", ",9711111111,Śuva", 1).replace(",,Śuva", ",9711111112,Śuva", 1)
    refused.write_text(mended.replace(",,Śuva", ",9711111113,Śuva"))
    code, out, err = await run(program, "push", str(refused), "--servicekey", "P")
    assert code == 0, (out, err)
    assert not (program.home / "c.csv.rejected.csv.rejected.csv").exists()
    assert await select(program, "select fields::text from lead where fname = 'Śuva0'") == [("{}",)]

    for options in ((), ("--restart",)):
        code, out, _ = await run(program, "push", str(file), "--servicekey", "P", *options)
        assert code == 3
    assert counted(out)["unchanged"] == "4,997"
    assert await select(program, "select count(*), sum(opening) from lead") == [(5_000, 5_000)]


@pytest.mark.parametrize(("number", "ended"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
async def test_a_push_that_is_broken_off_goes_on_without_doubling(program, number, ended):
    file, journal = program.home / "c.csv", program.home / "c.csv.push-journal"
    file.write_text(customers(5_000, broken=(5, 4_000)))
    words = ("push", str(file), "--servicekey", "P", "--batch", "100")
    process = await begin(program, *words)
    await until_journal(journal, 5)
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == ended
    assert (b"run the same command again" in err) == (number == signal.SIGINT)
    done = len(journal.read_bytes().splitlines()) - 1
    assert 5 <= done < 50

    code, _, err = await run(program, *words[:-1], "50")
    assert code == 1
    assert "--batch 100" in err
    assert "--restart" in err

    code, out, err = await run(program, *words)
    assert code == 3, err
    assert f"going on after row {done * 100 + 1:,}" in err
    assert "4,998" in out
    assert not journal.exists()
    assert await select(program, "select count(*), count(distinct number) from lead") == [(4_998, 4_998)]
    assert await select(program, "select count(*), count(distinct requestid) from push") == [(50, 50)]
    with (program.home / "c.csv.rejected.csv").open(newline="") as read:
        assert [row["rejected_row"] for row in csv.DictReader(read)] == ["7", "4002"]


async def test_a_file_that_changed_behind_the_journal_is_refused(program):
    file, journal = program.home / "c.csv", program.home / "c.csv.push-journal"
    file.write_text(customers(5_000))
    words = ("push", str(file), "--servicekey", "P", "--batch", "50")
    process = await begin(program, *words)
    await until_journal(journal, 3)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), PATIENCE)
    file.write_text(customers(5_000).replace("Śuva10,", "Suva10,"))
    code, _, err = await run(program, *words)
    assert code == 1
    assert "has changed" in err
    code, _, err = await run(program, *words, "--restart")
    assert code == 0, err
    assert await select(program, "select count(*) from lead") == [(5_000,)]
    assert await select(program, "select fname from lead where customercode = 'c10'") == [("Suva10",)]


async def test_whatever_a_file_is_written_in_the_names_are_right(program):
    home = program.home
    (home / "w.csv").write_bytes("mobile;name\n9811111111;Renée\n".encode("cp1252"))
    (home / "u.tsv").write_bytes("mobile\tname\n9811111112\tRené\n".encode("utf-16"))
    (home / "a.json").write_text('[{"mobilenumber": 9811111113, "name": "Rene", "plan": {"a": [1, null]}}]')
    (home / "b.ndjson").write_bytes(b'\xef\xbb\xbf{"mobilenumber": "9811111114", "name": "B"}\n{broken\n')
    document = {"media": "11", "data": [{"MobileNumber": "9811111115", "phone": "2", "name": "D"}], "calltype": "5"}
    (home / "d.json").write_text(json.dumps(document))
    for name, wanted in (("w.csv", 0), ("u.tsv", 0), ("a.json", 0), ("b.ndjson", 3), ("d.json", 0)):
        code, out, err = await run(program, "push", name, "--servicekey", "P")
        assert code == wanted, (name, out, err)
        assert ("Windows-1252" in err) == (name == "w.csv")
    code, out, err = await run(program, "push", "-", "-k", "P", given="mobile,name\n9811111116,Piped\n")
    assert code == 0, err
    found = await select(program, "select number, name, media, calltype from lead order by number")
    assert found == [
        ("+919811111111", "Renée", 12, 1001), ("+919811111112", "René", 12, 1001), ("+919811111113", "Rene", 12, 1001),
        ("+919811111114", "B", 12, 1001), ("+919811111115", "D", 11, 5), ("+919811111116", "Piped", 12, 1001),
    ]  # fmt: skip
    assert await select(program, "select fields::text from lead where name = 'D'") == [('{"phone":"2"}',)]
    with (home / "b.ndjson.rejected.csv").open(encoding="utf-8-sig", newline="") as read:
        (row,) = csv.DictReader(read)
    assert (row["rejected_row"], row["rejected_code"], row["line"]) == ("2", "malformed_json", "{broken")


async def test_a_dry_run_counts_what_would_be_and_stores_nothing(started):
    program = await started()  # outbound
    file = program.home / "c.csv"
    file.write_text(customers(1_500, broken=(7,)) + "12,Short,c-short,\n9820099999,Listed,c-listed,\n")
    code, out, err = await run(program, "push", str(file), "--servicekey", "P", "--dry-run")
    assert code == 3, (out, err)
    found = counted(out)
    assert found["dialable now"] == "1,499"
    assert found["would be rejected"] == "1"
    assert found["would be stored_not_dialable"] == "2"
    assert found["rejected: missing_key"] == "1"
    assert found["not dialed: do_not_call"] == "1"
    assert "row 9: missing_key" in out
    assert await select(program, "select (select count(*) from lead), (select count(*) from push)") == [(0, 0)]
    assert list(program.home.glob("c.csv.*")) == []


async def test_what_no_row_can_mend_stops_at_once_and_is_said(program):
    file = program.home / "c.csv"
    file.write_text(customers(3))
    code, _, err = await run(program, "push", str(file), "--servicekey", "None")
    assert code == 1
    assert "1108" in err
    code, _, err = await run(program, "push", str(file), "--servicekey", "P", LEADLINE_APIKEY="wrong")
    assert code == 1
    assert "1107" in err
    code, _, err = await run(program, "push", str(file), "--servicekey", "P", "--apikey-env", "MY_KEY")
    assert code == 1
    assert "MY_KEY is not set" in err
    code, _, err = await run(program, "push", str(file), "--servicekey", "P", "--url", "localhost:80")
    assert code == 1
    assert "http://HOST:PORT" in err
    code, _, err = await run(program, "push", str(file), "--servicekey", "P", "--updateparam", "leadnumber")
    assert code == 1
    assert "--map COLUMN=leadnumber" in err
    assert list(program.home.glob("c.csv.*")) == []
    other = program.home / "elsewhere"
    code, _, err = await run(
        program, "push", str(file), "--servicekey", "P", "--data", str(other), LEADLINE_URL=program.url
    )
    assert code == 0, err


async def test_refused_records_are_taken_out_of_the_push_log_and_pushed_again(program):
    await program.push({"name": "A"}, {"mobilenumber": "9811111111"}, reqdatetime="2026-11-25 10:00:00")
    await program.push(
        {"mobilenumber": "9822222222", "userlogin": "asha@acme.example", "plan": {"a": 1}}, {"name": "A"}
    )
    code, out, err = await run(program, "replay")
    assert code == 0, err
    records = [json.loads(line) for line in out.splitlines()]
    assert [(record.get("plan"), record["rejected_code"]) for record in records] == [
        ({"a": 1}, "unknown_user"), (None, "missing_key"),
    ]  # fmt: skip
    code, out, err = await run(program, "replay", "--dry-run")
    assert (code, counted(out)["would be rejected"]) == (3, "2"), (out, err)
    code, _, err = await run(program, "replay", "mend.csv", "--servicekey", "P")
    assert code == 0, err
    mend = program.home / "mend.csv"
    mend.write_text(mend.read_text().replace("asha@acme.example", "").replace(",A,", ",B,"))
    code, _, err = await run(program, "push", str(mend), "--servicekey", "P")
    assert code == 3, err
    assert await select(program, "select number from lead order by 1") == [("+919811111111",), ("+919822222222",)]
    code, _, err = await run(program, "replay", "mend.csv")
    assert (code, "is there already" in err) == (1, True)
    code, out, _ = await run(program, "replay", "--since", "2099-01-01")
    assert (code, out) == (0, "")

    config = program.home / "leadline.yaml"
    user = "users: [{login: asha@acme.example, name: Asha, role: agent}]"
    config.write_text(config.read_text().replace("    processes:", f"    {user}\n    processes:"))
    code, _, err = await run(program, "apply", str(config))
    assert code == 0, err
    async with asyncio.timeout(PATIENCE):
        while not await select(program, "select 1 from lead where userlogin = 'asha@acme.example'"):
            code, _, err = await run(program, "replay", "--push")  # the running Leadline hears of the user by itself
            assert code == 3, err


async def test_mended_records_are_pushed_as_their_pushes_would_have_without_any_option(program):
    await program.push({"name": "A"}, reqdatetime="2026-11-25 10:00:00")
    said = {"media": "11", "updateparam": "customercode", "calltype": "21", "calldatetime": "2099-11-25 15:00:00",
            "expirydatetime": "2099-12-31 00:00:00"}  # fmt: skip
    await program.push({"name": "B", "mobilenumber": "9822222222"}, reqdatetime="2026-11-24 10:00:00", **said)
    mend = program.home / "mend.csv"
    code, _, err = await run(program, "replay", "mend.csv")
    assert (code, f"leadline replay {mend.name} --push" in err) == (0, True), err
    with mend.open(newline="") as read:
        rows = list(csv.DictReader(read))
    rows[0]["mobilenumber"], rows[1]["customercode"] = "9811111111", "c2"
    with mend.open("w", newline="") as written:
        writer = csv.DictWriter(written, {**rows[0], **rows[1]})
        writer.writeheader()
        writer.writerows(rows)
    code, out, err = await run(program, "replay", "mend.csv", "--dry-run")
    assert (code, counted(out)["would be created"]) == (0, "2"), (out, err)
    code, _, err = await run(program, "replay", "mend.csv", "--push", "--servicekey", "P")
    assert (code, "leave out --since and --servicekey" in err) == (1, True)
    assert await select(program, "select 1 from lead") == []
    code, out, err = await run(program, "replay", "mend.csv", "--push")
    assert (code, counted(out)["created"]) == (0, "2"), (out, err)
    times = [f"({name} at time zone 'Asia/Kolkata')::text" for name in ("scheduled_by", "call_at", "expires_at")]
    assert await select(program, f"select name, media, calltype, {', '.join(times)} from lead order by 1") == [  # noqa: S608
        ("A", 12, 1001, "2026-11-25 10:00:00", None, None),
        ("B", 11, 21, "2026-11-24 10:00:00", "2099-11-25 15:00:00", "2099-12-31 00:00:00"),
    ]


async def test_of_pushes_from_before_their_requests_were_kept_replay_asks_what_it_must_know(program):
    await program.push({"name": "A"}, {"mobilenumber": "9811111111", "calltype": "x"}, media="11")
    await select(program, "update push set request = null")
    for words in (("--push",), ("--dry-run",), ("--push", "--media", "11")):
        code, _, err = await run(program, "replay", *words)
        assert (code, "push 1 is from before" in err, "--updateparam, for this" in err) == (1, True, True), err
    told = ("--media", "11", "--updateparam", "mobilenumber")
    code, out, err = await run(program, "replay", "--push", *told)
    assert (code, counted(out)["rejected"]) == (3, "2"), (out, err)
    assert "`leadline replay FILE`" in err
    code, _, err = await run(program, "replay", "mend.ndjson")
    assert code == 0, err
    mend = program.home / "mend.ndjson"
    mend.write_text(
        mend.read_text().replace('"calltype":"x"', '"calltype":"41"').replace('"A"', '"A","mobilenumber":"9"')
    )
    code, out, err = await run(program, "replay", "mend.ndjson", "--push")
    assert (code, counted(out)["created"]) == (0, "2"), (out, err)
    assert await select(program, "select media, calltype from lead order by 2") == [(11, 41), (11, 1001)]
