"""REGISTER with digest: what a registrar takes, what it grants, and what is said of one that refuses."""

import asyncio
import hashlib
import re
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from builders import a_catalogue, a_process, a_trunk
from leadline.calling import registrations
from leadline.calling.registrations import Registrations
from leadline.clock import SystemClock
from leadline.telephony.asking import Place
from leadline.telephony.phone.message import Message, respond
from leadline.telephony.registration import NotRegistered, Registrant, register, registering

NONCE = "a nonce, with a comma"


class Registrar(asyncio.DatagramProtocol):
    """A registrar with one user, whose credentials it works out by RFC 7616 itself."""

    def __init__(self, algorithm="MD5", qop='qop="auth", ', grants=60, least=0, refuses=None):
        self.algorithm, self.qop, self.grants, self.least, self.refuses = algorithm, qop, grants, least, refuses
        self.seen: list[Message] = []
        self.bindings: dict[str, int] = {}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        request = Message.parse(data)
        self.seen.append(request)
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
        asked = int(request.get("expires"))
        if 0 < asked < self.least:
            return 423, ("Min-Expires", str(self.least))
        contact = request.get("contact")
        granted = min(asked, self.grants)
        self.bindings[contact] = granted
        return 200, ("Contact", f"<sip:someone@else>;expires=1, {contact};expires={granted}")

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
    yield protocol
    transport.close()


def acme(place, password="secret"):  # noqa: S107
    return Registrant(place, "acme", password, 5080)


@pytest.mark.parametrize("how", [{}, {"algorithm": "SHA-256"}, {"qop": ""}, {"qop": 'qop="auth,auth-int", '}], ids=str)
async def test_a_registrar_admits_us_and_says_for_how_long(how):
    async with registrar(**how) as far:
        assert await register(acme(far.place), "127.0.0.1") == 60
        assert far.bindings == {"<sip:acme@127.0.0.1:5080>": 60}
        first, second = far.seen
        assert first.get("call-id") == second.get("call-id")
        assert (first.sequence, second.sequence) == (1, 2)
        assert second.uri == f"sip:{far.place}"
        assert await register(acme(far.place), seconds=0) == 0


async def test_a_time_that_is_too_brief_is_asked_for_again_as_long_as_it_must_be():
    async with registrar(least=900, grants=900) as far:
        assert await register(acme(far.place)) == 900


@pytest.mark.parametrize(
    ("how", "password", "said"),
    [
        ({}, "wrong", "answered REGISTER with 403 Forbidden"),
        ({"refuses": 503}, "secret", "answered REGISTER with 503"),
        ({"algorithm": "MD5-sess"}, "secret", "asks for credentials in no way that we know"),
    ],
)
async def test_a_refusal_says_what_was_answered(how, password, said):
    async with registrar(**how) as far:
        with pytest.raises(NotRegistered, match=said):
            await register(acme(far.place, password))


async def test_a_registration_is_kept_and_taken_back_and_its_loss_is_told(monkeypatch):
    monkeypatch.setattr(registrations, "AGAIN", 0.2)
    told: asyncio.Queue = asyncio.Queue()
    async with registrar(grants=1) as far:
        trunk = a_trunk(uri=f"sip:{{number}}@{far.place}", username="acme", secured=True, register=True)
        known = a_catalogue(a_process(trunks=(trunk, replace(trunk, name="other", register=False))))
        ask = registering("127.0.0.1", lambda: 5080, lambda _: "secret")
        kept = Registrations(SystemClock(), lambda: known, ask, lambda name, why: told.put_nowait((name, why)))
        keeping = asyncio.create_task(kept.run())
        assert await asyncio.wait_for(told.get(), 5) == ("telco", None)
        far.refuses = 503
        name, why = await asyncio.wait_for(told.get(), 15)
        assert (name, why.partition(":")[0]) == ("telco", "it has not taken our registration")
        far.refuses = None
        assert await asyncio.wait_for(told.get(), 15) == ("telco", None)
        keeping.cancel()
        await asyncio.wait([keeping])
        assert set(far.bindings.values()) == {0}
