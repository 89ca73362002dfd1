"""The embedded engine against sipp, a SIP stack that neither we nor baresip's authors wrote."""

import asyncio
import contextlib
import os
import random
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Account, Answered, Digit, Fault, Hangup, PlayFinished, Ringing

from .listening import Listener, a_tone, an_invite

pytestmark = pytest.mark.sipp

ROOT = Path(__file__).parents[3]
SCENARIOS = ROOT / "tests" / "sipp"


@pytest.fixture(scope="session")
def sipp() -> Path:
    """sipp, got if it is missing; a machine that cannot have it fails the test rather than skipping it."""
    got = subprocess.run([ROOT / "tools" / "get-sipp"], capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.fail(f"{got.stderr.strip()}\nremedy: `make test` as root once, or install sip-tester", pytrace=False)
    return Path(got.stdout.strip())


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(EmbeddedSettings(response_timeout=2.0))
    await engine.start()
    yield engine
    await engine.stop()


def free_ports(many: int) -> int:
    """The first of so many free UDP ports in a row; sipp takes its media ports so, and gives up where it cannot."""
    while True:
        first = random.randrange(20_000, 29_000, 2)  # noqa: S311
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + many):
                held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
            return first


def written(directory: Path, scenario: str, old: str, new: str) -> Path:
    """A scenario with other words in it."""
    path = directory / f"{scenario}.xml"
    path.write_text((SCENARIOS / path.name).read_text().replace(old, new))
    return path


@asynccontextmanager
async def playing(sipp: Path, scenario: Path, *arguments: str) -> AsyncIterator[str]:
    """One call of the scenario, played by sipp; yields its `host:port`, and fails if the call did not go as written."""
    port = free_ports(10)
    media = port + 2
    process = await asyncio.create_subprocess_exec(
        str(sipp),
        *("-sf", str(scenario), "-m", "1", "-nostdin", "-timeout", "20", "-timeout_error"),
        *("-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(media), "-trace_err", "-error_file"),
        *("/dev/stderr", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=sipp.parent.parent / "share" / "sip-tester",  # where its pcaps are
    )
    try:
        yield f"127.0.0.1:{port}"
        _, errors = await asyncio.wait_for(process.communicate(), 15)
        assert process.returncode == 0, errors.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_answer_play_and_hang_up(sipp: Path, engine: EmbeddedEngine):
    async with playing(sipp, SCENARIOS / "answer.xml") as there:
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}")))
        await listener.until(Answered)
        play_id = await listener.call.play(a_tone(0.5))
        assert await listener.until(PlayFinished) == PlayFinished(play_id, completed=True)
        await listener.call.hangup()
        ended = await listener.ended()
    assert (ended.sip_status, ended.hung_up_by) == (200, Hangup.US)


@pytest.mark.parametrize(
    ("agreed", "instead"),
    [("m=audio [media_port]", "m=audio 0"), ("PCMA/8000", "G729/8000"), ("a=ptime:20", "a=inactive")],
    ids=["refused", "unknown codec", "inactive"],
)
async def test_an_answer_without_audio_is_hung_up_and_tells_nobody_of_an_answer(
    sipp: Path, engine: EmbeddedEngine, tmp_path: Path, agreed: str, instead: str
):
    path = written(tmp_path, "answer", agreed, instead)
    if instead == "G729/8000":
        path.write_text(path.read_text().replace("AVP 8 101", "AVP 18 101").replace("rtpmap:8 ", "rtpmap:18 "))
    async with playing(sipp, path) as there:
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}")))
        ended = await listener.ended()
    assert (ended.sip_status, ended.fault, ended.hung_up_by) == (200, Fault.NO_AUDIO, None)
    assert "Answered" not in listener.kinds


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("486 Busy Here", 17),
        ("404 Not Found", 1),
        ("480 Temporarily Unavailable", 19),
        ("503 Service Unavailable", 34),
        ("603 Decline", 21),
        ("484 Address Incomplete", 28),
        ("600 Busy Everywhere", 17),
    ],
)
async def test_refusals(sipp: Path, engine: EmbeddedEngine, tmp_path: Path, status: str, cause: int):
    async with playing(
        sipp, written(tmp_path, "refuse", "486 Busy Here", status), "-key", "cause", str(cause)
    ) as there:
        ended = await Listener(await engine.originate(an_invite(f"sip:4420@{there}"))).ended()
    assert (ended.sip_status, ended.cause, ended.fault) == (int(status[:3]), cause, None)
    assert ended.reason == status


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        ("Reason: SIP;cause=480, Q.850;cause=34", 34),
        ("Reason: SIP;cause=480\nReason: Q.850;cause=17", 17),
        ("Reason: SIP;cause=480", None),
    ],
)
async def test_every_reason_of_a_refusal_is_read(
    sipp: Path, engine: EmbeddedEngine, tmp_path: Path, reasons: str, cause: int | None
):
    refusal = written(tmp_path, "refuse", 'Reason: Q.850;cause=[cause];text="as told"', reasons)
    async with playing(sipp, refusal) as there:
        ended = await Listener(await engine.originate(an_invite(f"sip:4420@{there}"))).ended()
    assert (ended.sip_status, ended.cause, ended.fault) == (486, cause, None)


async def test_silence_after_a_challenge_is_no_response(sipp: Path, engine: EmbeddedEngine):
    account = Account("us", "secret")
    async with playing(sipp, SCENARIOS / "challenge.xml") as there:
        ended = await Listener(await engine.originate(an_invite(f"sip:4420@{there}", account=account))).ended()
    assert (ended.sip_status, ended.fault) == (None, Fault.NO_RESPONSE)


async def test_no_answer_is_cancelled(sipp: Path, engine: EmbeddedEngine):
    async with playing(sipp, SCENARIOS / "no-answer.xml") as there:
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}", ring_timeout=1.0)))
        await listener.until(Ringing)
        assert (await listener.ended()).fault is Fault.RING_TIMEOUT


async def test_a_redirection_is_not_followed(sipp: Path, engine: EmbeddedEngine):
    """Else the far end would choose whom we call, and who pays."""
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.setblocking(False)
        target = f"sip:19005550100@127.0.0.1:{elsewhere.getsockname()[1]}"
        async with playing(sipp, SCENARIOS / "redirect.xml", "-key", "elsewhere", target) as there:
            ended = await Listener(await engine.originate(an_invite(f"sip:4420@{there}"))).ended()
        assert (ended.sip_status, ended.hung_up_by) == (302, None)
        with pytest.raises(BlockingIOError):
            elsewhere.recv(2_000)


@pytest.mark.skipif(os.geteuid() != 0, reason="sipp plays pcaps over raw sockets; our phone's keys are tested for all")
async def test_what_is_said_to_who_has_put_us_on_hold_comes_to_an_end(sipp: Path, engine: EmbeddedEngine):
    async with playing(sipp, SCENARIOS / "hold.xml") as there:
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}")))
        await listener.until(Answered)
        play_id = await listener.call.play(a_tone(2.0))
        assert await listener.until(PlayFinished, within=10) == PlayFinished(play_id, completed=True)
        await listener.call.hangup()
        assert (await listener.ended()).hung_up_by is Hangup.US


async def test_keys_of_another_stack(sipp: Path, engine: EmbeddedEngine):
    async with playing(sipp, SCENARIOS / "keys.xml") as there:
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}")))
        await listener.until(Answered)
        keys = [(await listener.until(Digit)).digit for _ in range(3)]
        await listener.call.hangup()
        await listener.ended()
    assert keys == ["5", "1", "#"]


@pytest.mark.parametrize(("called", "status"), [("+4420", "486"), ("nobody", "404")])
async def test_an_inbound_call_is_refused(sipp: Path, engine: EmbeddedEngine, tmp_path: Path, called: str, status: str):
    """Trap 8, for a caller id that we have called with and for one that we have not."""
    async with playing(sipp, SCENARIOS / "refuse.xml", "-key", "cause", "17") as there:
        await Listener(await engine.originate(an_invite(f"sip:1@{there}", caller_id="+4420"))).ended()
    async with playing(sipp, written(tmp_path, "inbound", "486", status), "-s", called, f"127.0.0.1:{engine.ports[0]}"):
        pass
    async with playing(sipp, SCENARIOS / "answer.xml") as there:  # and it did no harm
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}")))
        await listener.until(Answered)
        await listener.call.hangup()
        assert (await listener.ended()).sip_status == 200


async def test_a_transfer_is_refused(sipp: Path, engine: EmbeddedEngine):
    """Else the far end would have us call whom it likes, at our cost."""
    async with playing(sipp, SCENARIOS / "transfer.xml") as there:
        listener = Listener(await engine.originate(an_invite(f"sip:4420@{there}")))
        assert (await listener.ended()).hung_up_by is Hangup.CUSTOMER
