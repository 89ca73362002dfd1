"""What is the embedded engine's own: its processes, their limits, and how they come and go."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Account, Answered, Capacity, Fault, Hangup, Ringing
from leadline.telephony.phone.phone import Phone

from .listening import Listener, an_invite, soon


@asynccontextmanager
async def running(**settings: object) -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(EmbeddedSettings(response_timeout=1.0, **settings))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def calling(engine: EmbeddedEngine, phone: Phone, number: str, **invite: object) -> Listener:
    return Listener(await engine.originate(an_invite(phone.uri(number), **invite)))


# What keeps it from starting


async def test_a_taken_port_is_named_with_its_remedy():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        engine = EmbeddedEngine(EmbeddedSettings(port=port))
        with pytest.raises(EngineUnavailable, match=rf"sip\.listen: port {port} of 127\.0\.0\.1 is taken .* write"):
            await engine.start()
        assert not engine.available
        assert engine.worker_pids == []
    await engine.start()
    assert engine.ports == [port]
    await engine.stop()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"host": "localhost"}, r"sip\.listen: 'localhost' is no IPv4 address; write"),
        ({"host": "192.0.2.77"}, r"sip\.listen: 192\.0\.2\.77 is no address of this machine; write"),
        ({"external_address": "198.51.100.9"}, r"sip\.external_address: .* leave it out"),
        ({"rtp_ports": (4000, 3000)}, r"sip\.rtp_ports: 4000-3000 is no range of ports; write"),
        ({"calls_per_worker": 255}, r"1 to 200 calls"),
        ({"workers": 0}, r"at least 1 worker"),
        ({"pace_per_worker": 0}, r"at least 1 call a second"),
    ],
)
async def test_settings_that_cannot_work_are_named(settings: dict[str, object], complaint: str):
    engine = EmbeddedEngine(EmbeddedSettings(**settings))
    with pytest.raises(EngineUnavailable, match=complaint):
        await engine.start()
    await engine.stop()


async def test_a_missing_library_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    python = tmp_path / "python-without-baresip"
    script = "import runpy, sys; sys.modules['baresip'] = None; runpy.run_module(sys.argv[1], run_name='__main__')"
    python.write_text(
        f'#!/bin/sh\nshift 3\nexec {sys.executable} -I -c "{script.replace("sys.argv[1]", repr(WORKER))}" "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(EngineUnavailable, match=r"baresip-python cannot be loaded .* run `make install`"):
        await EmbeddedEngine().start()


WORKER = "leadline.telephony.embedded.worker"


async def test_originate_before_start_and_after_stop_says_so(phone: Phone):
    engine = EmbeddedEngine()
    with pytest.raises(EngineUnavailable, match="not been started"):
        await calling(engine, phone, "1")
    await engine.stop()


# Its limits


async def test_a_full_worker_refuses_before_baresip_would(phone: Phone):
    async with running(calls_per_worker=2) as engine:
        listeners = [await calling(engine, phone, f"{n}") for n in range(2)]
        assert engine.capacity == Capacity(2, 2)
        assert not engine.available
        with pytest.raises(EngineUnavailable, match="full: 2 calls are up"):
            await calling(engine, phone, "3")
        await asyncio.gather(*(listener.until(Answered) for listener in listeners))
        await listeners[0].call.hangup()
        await listeners[0].ended()
        assert engine.capacity == Capacity(1, 2)
        await (await calling(engine, phone, "4")).until(Answered)
    assert phone.invites.total() == 3


async def test_a_worker_has_room_for_as_many_calls_as_it_may_begin_in_a_second(phone: Phone):
    """Who asks all the same is not refused: a customer who is on the line does not wait for the second leg."""
    async with running(pace_per_worker=2) as engine:
        assert engine.capacity == Capacity(0, 2)
        for number in "123":
            await (await calling(engine, phone, number)).until(Answered)
        full = engine.capacity
        assert (full.calls, full.free, engine.available) == (3, 0, True)
        assert full.wait is not None
        assert 0 < full.wait < 1
        await asyncio.sleep(full.wait)
        await soon(lambda: engine.capacity.free > 0)


async def test_a_worker_that_has_used_its_caller_ids_is_replaced_without_harm(phone: Phone):
    async with running(identities_per_worker=2) as engine:
        (first,) = engine.worker_pids
        one = await calling(engine, phone, "1", caller_id="+4401")
        await one.until(Answered)
        again = await calling(engine, phone, "1", caller_id="+4401")
        await again.until(Answered)
        two = await calling(engine, phone, "2", caller_id="+4402")
        await two.until(Answered)
        await soon(lambda: not engine.available)
        for listener in (one, again, two):
            await listener.call.hangup()
            assert (await listener.ended()).hung_up_by is Hangup.US
        await soon(lambda: engine.available)
        assert engine.worker_pids != [first]
        await (await calling(engine, phone, "3", caller_id="+4403")).until(Answered)
        assert (await phone.call_to("3")).caller == "+4403"


@pytest.mark.parametrize(("codecs", "offered"), [(("pcmu",), b"RTP/AVP 0 101"), (("pcma", "pcmu"), b"RTP/AVP 8 0 101")])
async def test_the_codecs_of_the_account_are_offered(phone: Phone, codecs: tuple[str, ...], offered: bytes):
    async with running() as engine:
        await (await calling(engine, phone, "1", account=Account(codecs=codecs))).until(Answered)
        assert offered in (await phone.call_to("1")).invite.body


@pytest.mark.parametrize(
    ("invite", "complaint"),
    [
        ({"account": Account(codecs=("opus",))}, "codecs: opus; the embedded engine has pcma and pcmu"),
        ({"account": Account(transport="smoke")}, "transport: 'smoke'; write udp, tcp or tls"),
        ({"caller_id": "a@b"}, "user contains '@'"),
        ({"headers": {"X-Bad": "a\r\nb"}}, "single-line"),
        ({"uri": "sip:1@127.0.0.1:99999"}, "is no SIP URI; write sip:NUMBER@HOST:PORT"),
        ({"uri": "sip:1@127.0.0.1:5060?Replaces=x"}, "is no SIP URI"),
        ({"uri": "sip:1@192.0.2.1"}, "no local address toward 192.0.2.1"),
    ],
)
async def test_what_sip_cannot_carry_is_refused_by_name(phone: Phone, invite: dict[str, object], complaint: str):
    async with running() as engine:
        listener = Listener(await engine.originate(an_invite(**{"uri": phone.uri("1"), **invite})))
        ended = await listener.ended()
        assert ended.fault is Fault.REFUSED
        assert complaint in ended.reason
        assert engine.capacity.calls == 0
        await (await calling(engine, phone, "2")).until(Answered)  # and the worker has not suffered
    assert phone.invites.total() == 1


# Several workers


async def test_workers_share_the_calls_and_die_alone(phone: Phone):
    async with running(workers=2) as engine:
        assert len(set(engine.worker_pids)) == len(set(engine.ports)) == 2
        listeners = [await calling(engine, phone, f"{n}") for n in range(4)]
        await asyncio.gather(*(listener.until(Answered) for listener in listeners))
        os.kill(engine.worker_pids[0], signal.SIGKILL)
        lost = listeners[::2]
        kept = listeners[1::2]
        for listener in lost:
            assert (await listener.ended()).fault is Fault.ENGINE_LOST
        assert engine.available
        for listener in kept:
            await listener.call.hangup()
            assert (await listener.ended()).hung_up_by is Hangup.US
        await soon(lambda: len(engine.worker_pids) == 2)


async def test_only_the_first_worker_takes_the_configured_port(phone: Phone):
    async with running() as first:
        (port,) = first.ports
    async with running(port=port, workers=2) as engine:
        assert engine.ports[0] == port
        os.kill(engine.worker_pids[0], signal.SIGKILL)
        await soon(lambda: len(engine.ports) < 2)
        await soon(lambda: len(engine.ports) == 2)
        assert engine.ports[0] == port
        assert engine.ports[1] != port


# The end


async def test_stop_hangs_up_a_crowd_and_leaves_no_process(phone: Phone):
    async with running() as engine:
        (pid,) = engine.worker_pids
        listeners = [await calling(engine, phone, f"{n}") for n in range(30)]
        await asyncio.gather(*(listener.until(Answered) for listener in listeners))
        async with asyncio.timeout(9):
            await engine.stop()
        assert not alive(pid)
        assert [(await listener.ended()).hung_up_by for listener in listeners] == [Hangup.US] * 30
        assert all(call.hung_up_by is Hangup.US for call in phone.calls), "a BYE was not waited for"


async def test_a_stuck_worker_is_killed(phone: Phone):
    async with running(stop_timeout=0.5) as engine:
        (pid,) = engine.worker_pids
        listener = await calling(engine, phone, "1")
        await listener.until(Answered)
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(5):
            await engine.stop()
        assert not alive(pid)
        assert (await listener.ended()).fault is Fault.ENGINE_LOST


async def test_a_sigterm_to_the_whole_group_leaves_the_worker_to_its_parent(phone: Phone):
    async with running() as engine:
        (pid,) = engine.worker_pids
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        await (await calling(engine, phone, "1")).until(Answered)
        assert engine.worker_pids == [pid]


HOLDER = """
import asyncio, sys
from leadline.telephony.embedded.engine import EmbeddedEngine
from leadline.telephony.engine import Invite

async def main():
    engine = EmbeddedEngine()
    await engine.start()
    for number in "12":
        await engine.originate(Invite(number, sys.argv[1].replace("N", number), 30.0))
    print(engine.worker_pids[0], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_worker_hangs_up_and_goes_when_its_parent_is_killed(phone: Phone):
    phone.callees["2"] = Callee.rings_for_ever()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, phone.uri("N")), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await asyncio.wait_for(process.stdout.readline(), 20))
    talking, ringing = await phone.call_to("1"), await phone.call_to("2")
    await asyncio.wait_for(asyncio.gather(talking.answered.wait(), ringing.ringing.wait()), 5)
    process.kill()
    await process.wait()
    await asyncio.wait_for(asyncio.gather(talking.ended.wait(), ringing.ended.wait()), 5)
    assert talking.hung_up_by is Hangup.US
    assert ringing.cancelled
    await soon(lambda: not alive(pid))


async def test_a_killed_worker_is_not_dialed_through_again(phone: Phone):
    """A call that was lost with its worker is reported, never repeated: its INVITE is seen once."""
    phone.callees["1"] = Callee.rings_for_ever()
    async with running() as engine:
        listener = await calling(engine, phone, "1", attempt_id="lost")
        await listener.until(Ringing)
        os.kill(engine.worker_pids[0], signal.SIGKILL)
        assert (await listener.ended()).fault is Fault.ENGINE_LOST
        await soon(lambda: engine.available)
        await (await calling(engine, phone, "2")).until(Answered)
    assert phone.invites["lost"] == 1
