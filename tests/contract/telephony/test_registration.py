"""REGISTER with digest, from where calls are taken: what a registrar takes, and what is said of one that refuses."""

import asyncio
import hashlib
import os
import re
import signal
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from builders import a_catalogue, a_process, a_trunk
from leadline.calling import registrations
from leadline.calling.registrations import UNKNOWN, Registrations
from leadline.clock import SystemClock
from leadline.telephony.asking import Place
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Account, Registrant
from leadline.telephony.phone.message import Message, respond

NONCE = "a nonce, with a comma"


class Registrar(asyncio.DatagramProtocol):
    """A registrar with one user, whose credentials it works out by RFC 7616 itself."""

    def __init__(self, algorithm="MD5", qop='qop="auth", ', grants=60, least=0, refuses=None):
        self.algorithm, self.qop, self.grants, self.least, self.refuses = algorithm, qop, grants, least, refuses
        self.seen: list[Message] = []
        self.bindings: dict[str, int] = {}
        self.sources: set[int] = set()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        request = Message.parse(data)
        self.seen.append(request)
        self.sources.add(addr[1])
        status, *headers = self.answer(request)
        self.transport.sendto(respond(request, status, "r", *headers).encode(), addr)

    def answer(self, request):
        said = request.get("authorization")
        if self.refuses:
            return (self.refuses,)
        if not said:
            challenge = f'Digest realm="carrier", nonce="{NONCE}", {self.qop}opaque="o", algorithm={self.algorithm}'
            return 401, ("WWW-Authenticate", challenge)
        if not self.admits(said):
            return (403,)
        contact, _, rest = request.get("contact").partition(";")
        asked = int(request.get("expires") or re.search(r"expires=(\d+)", rest)[1])
        if 0 < asked < self.least:
            return 423, ("Min-Expires", str(self.least))
        granted = min(asked, self.grants)
        self.bindings[contact] = granted
        return 200, ("Contact", f"{contact};expires={granted}")

    def admits(self, said):
        def hashed(text):
            return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[self.algorithm], text.encode()).hexdigest()

        given = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', said)}
        a1, a2 = hashed("acme:carrier:secret"), hashed(f"REGISTER:{given['uri']}")
        middle = f"{NONCE}:{given['nc']}:{given['cnonce']}:auth" if self.qop else NONCE
        return (given["username"], given["opaque"]) == ("acme", "o") and given["response"] == hashed(
            f"{a1}:{middle}:{a2}"
        )


@asynccontextmanager
async def registrar(**options):
    protocol = Registrar(**options)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: protocol, local_addr=("127.0.0.1", 0)
    )
    protocol.place = Place(*transport.get_extra_info("sockname"))
    try:
        yield protocol
    finally:
        transport.close()


@pytest.fixture
async def engine():
    engine = EmbeddedEngine(EmbeddedSettings(workers=2, first_pause=0.1, register_again=0.5))
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
def told():
    return asyncio.Queue()


def hearing(told):
    return lambda trunk, missing: told.put_nowait((trunk, missing))


def acme(place, password="secret", trunk="telco"):  # noqa: S107
    return Registrant(trunk, str(place), Account("acme", password))


HOW = [{}, {"algorithm": "SHA-256"}, {"qop": ""}, {"qop": 'qop="auth,auth-int", '}, {"least": 900, "grants": 900}]


@pytest.mark.parametrize("how", HOW, ids=str)
async def test_a_registrar_admits_us_where_calls_are_taken(engine, told, how):
    """Registrars that go by the source of REGISTER, as much as those that go by its Contact, find the engine's port."""
    async with registrar(**how) as far:
        engine.register(frozenset({acme(far.place)}), hearing(told))
        assert await asyncio.wait_for(told.get(), 10) == ("telco", None)
        ((contact, granted),) = far.bindings.items()
        assert re.fullmatch(rf"<sip:acme@127\.0\.0\.1:{engine.ports[0]}>", contact)
        assert far.sources == {engine.ports[0]}
        assert granted == far.grants
        assert far.seen[-1].uri.partition(";")[0] == f"sip:{far.place}"
        engine.register(frozenset(), hearing(told))
        async with asyncio.timeout(10):
            while far.bindings[contact]:
                await asyncio.sleep(0.005)


@pytest.mark.parametrize(("how", "password", "said"), [({}, "wrong", "403"), ({"refuses": 503}, "secret", "503")])
async def test_a_refusal_says_what_was_answered(engine, told, how, password, said):
    async with registrar(**how) as far:
        engine.register(frozenset({acme(far.place, password)}), hearing(told))
        trunk, missing = await asyncio.wait_for(told.get(), 10)
    assert trunk == "telco"
    assert re.match(rf"it has not taken our registration: .*{said}", missing)


async def test_a_registration_is_renewed_and_its_loss_and_return_are_told(engine, told):
    """A renewal that is refused once is asked for again before it is said to be missing."""
    async with registrar(grants=2) as far:
        engine.register(frozenset({acme(far.place)}), hearing(told))
        assert await asyncio.wait_for(told.get(), 10) == ("telco", None)
        asked = len(far.seen)
        async with asyncio.timeout(10):
            while len(far.seen) == asked:
                await asyncio.sleep(0.005)
        assert told.empty(), "a renewal is nothing new"
        far.refuses = 503
        _, missing = await asyncio.wait_for(told.get(), 20)
        assert "503" in missing
        far.refuses = None
        assert await asyncio.wait_for(told.get(), 20) == ("telco", None)


async def test_the_process_that_follows_one_that_died_registers_again(engine, told):
    async with registrar() as far:
        engine.register(frozenset({acme(far.place)}), hearing(told))
        assert await asyncio.wait_for(told.get(), 10) == ("telco", None)
        os.kill(engine.worker_pids[0], signal.SIGKILL)
        _, missing = await asyncio.wait_for(told.get(), 10)
        assert missing == "the process that was registered with it ended, and is started again"
        assert await asyncio.wait_for(told.get(), 20) == ("telco", None)


async def test_an_engine_that_stops_takes_leave(told):
    engine = EmbeddedEngine()
    await engine.start()
    async with registrar() as far:
        engine.register(frozenset({acme(far.place)}), hearing(told))
        assert await asyncio.wait_for(told.get(), 10) == ("telco", None)
        await engine.stop()
        assert set(far.bindings.values()) == {0}


async def test_the_configuration_is_followed(engine, told, monkeypatch):
    monkeypatch.setattr(registrations, "LOOK_EVERY", 0.1)
    async with registrar() as far, registrar() as other:
        uri = f"sip:{{number}}@{far.place}"
        trunk = a_trunk(uri=uri, username="acme", secured=True, register=True)
        unknown = replace(trunk, name="unknown")
        elsewhere = replace(trunk, uri=f"sip:{{number}}@{other.place}")
        known = [a_catalogue(a_process(trunks=(trunk, unknown, replace(trunk, name="other", register=False))))]
        passwords = {"telco": "secret", "other": "secret"}
        kept = Registrations(SystemClock(), lambda: known[0], engine, passwords.get, hearing(told))
        keeping = asyncio.create_task(kept.run())
        assert await asyncio.wait_for(told.get(), 10) == ("unknown", UNKNOWN)
        async with asyncio.timeout(10):
            while await told.get() != ("telco", None):
                """The other is said to be unknown at each look."""
        known[0] = a_catalogue(a_process(trunks=(elsewhere, replace(unknown, register=False))))
        async with asyncio.timeout(10):
            while await told.get() != ("unknown", None):
                """Nothing is missing of one that is not to be registered with any more."""
        async with asyncio.timeout(10):
            while await told.get() != ("telco", None):
                """The new one is taken where it was asked for, and we know it."""
        async with asyncio.timeout(10):
            while set(far.bindings.values()) != {0}:
                await asyncio.sleep(0.005)
        assert other.bindings
        keeping.cancel()
        await asyncio.wait([keeping])
        async with asyncio.timeout(10):
            while set(other.bindings.values()) != {0}:
                await asyncio.sleep(0.005)
