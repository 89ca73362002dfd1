"""A Leadline that is away is waited for; a large file goes through in the memory of a small one."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from leadline.cli.push import sender as sending
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.sender import Sender, Stopped

Answer = tuple[int, dict[str, str], bytes]
TAKEN = (200, {}, b'{"statuscode":"001","counts":{},"results":[]}')


@asynccontextmanager
async def leadline(answer: Callable[[bytes], Answer], port: int = 0) -> AsyncIterator[int]:
    """Something that listens as a Leadline does and answers as it is told; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
            status, headers, content = answer(body)
            lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, f"content-length: {len(content)}", "", ""]).encode() + content)

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(*answers: Answer) -> Callable[[bytes], Answer]:
    remaining = list(answers)
    return lambda _: remaining.pop(0)


def spoken_to(port: int, say: Callable[[str], object] = print) -> Sender:
    return Sender(f"http://127.0.0.1:{port}", "key", asyncio.Event(), say)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.02)


async def test_busy_is_waited_out_as_long_as_was_asked_and_said_once():
    said: list[str] = []
    busy = [(503, {"Retry-After": "1"}, b""), (429, {}, b""), (502, {}, b"<html>")]
    async with leadline(answering(*busy, TAKEN)) as port, spoken_to(port, said.append) as sender:
        began = asyncio.get_running_loop().time()
        assert (await sender.push(b"{}"))["statuscode"] == "001"
        assert asyncio.get_running_loop().time() - began >= 1
    assert [("HTTP 503" in said[0]), ("answers again" in said[1]), len(said)] == [True, True, 2]


async def test_what_is_not_up_yet_is_waited_for():
    async with leadline(answering()) as port:
        pass
    said: list[str] = []
    async with spoken_to(port, said.append) as sender:
        pushing = asyncio.create_task(sender.push(b"{}"))
        async with asyncio.timeout(20):
            while not said:
                await asyncio.sleep(0.01)
        async with leadline(answering(TAKEN), port):
            assert (await asyncio.wait_for(pushing, 20))["results"] == []
    assert "goes on by itself" in said[0]


async def test_a_stop_ends_the_waiting():
    async with leadline(answering()) as port:
        pass
    stopping = asyncio.Event()
    async with Sender(f"http://127.0.0.1:{port}", "key", stopping, lambda _: stopping.set()) as sender:
        with pytest.raises(Stopped):
            await asyncio.wait_for(sender.push(b"{}"), 20)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {}, b'{"statuscode":"1107","statusdesc":"x","errors":[{"message":"check the key"}]}'), "1107 x: check"),
        ((200, {}, b'{"statuscode":"5","errors":[{"code":"request_id_reused","message":"m"}]}'), "--restart"),
        ((200, {}, b'{"statuscode":"5","errors":[{"message":"dryrun is not available"}]}'), "dryrun is not available"),
        ((200, {}, b"[]"), "is it a Leadline"),
        ((200, {}, b"{}"), "not as Push Data does"),
        ((200, {}, b"<html>"), "is it a Leadline"),
        ((413, {}, b"{}"), "smaller --batch"),
        ((404, {}, b"{}"), "HTTP 404"),
        ((500, {}, b'{"detail":"broken"}'), "HTTP 500: broken"),
    ],
)
async def test_what_waiting_does_not_mend_is_said(answer, said):
    async with leadline(answering(answer)) as port, spoken_to(port) as sender:
        with pytest.raises(CannotPush) as refused:
            await sender.push(b"{}")
    assert said in str(refused.value)


def counting(body: bytes) -> Answer:
    records = msgspec.json.decode(body)["data"]
    return 200, {}, msgspec.json.encode({"statuscode": "001", "counts": {"created": len(records)}, "results": []})


async def memory_of_a_push(file: Path, port: int) -> int:
    """The most that a push of the file held, in KiB."""
    child = (
        "import re; from pathlib import Path; from leadline.cli import main\n"
        "try: main()\n"
        "finally: print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", child, "push", str(file), "-k", "P", "--url", f"http://127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"LEADLINE_APIKEY": "key", "LEADLINE_DATA": str(file.parent / "data")},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, err.decode()
    return int(out.split()[-1])


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
async def test_a_large_file_takes_the_memory_of_a_small_one(tmp_path, kind):
    line = '{"mobilenumber": "98%08d", "name": "' + "x" * 80 + '"}'
    row = "98%08d," + "x" * 80
    held = {}
    async with leadline(counting) as port:
        for number in (3_000, 200_000):
            file = tmp_path / f"{number}.{kind}"
            each = range(number)
            match kind:
                case "csv":
                    file.write_text("mobilenumber,name\n" + "\n".join(row % place for place in each))
                case "json":
                    file.write_text("[" + ",\n".join(line % place for place in each) + "]")
                case _:
                    file.write_text("\n".join(line % place for place in each))
            held[number] = await memory_of_a_push(file, port)
    assert held[200_000] < 1.25 * held[3_000], held
