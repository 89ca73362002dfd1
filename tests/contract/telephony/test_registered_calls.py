"""Calls out of an engine that is registered: each of its processes proves who we are, by itself."""

import asyncio

from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Account, Answered, Registrant
from leadline.telephony.phone.message import Message, respond
from leadline.telephony.phone.phone import Phone

from .listening import Listener, an_invite

CREDENTIALS = ("acme", "s3cret")


class Carrier(Phone):
    """A carrier that takes one registration and every call only from who proves to be its user."""

    def __init__(self) -> None:
        super().__init__(credentials=CREDENTIALS, default=Callee.answers())
        self.registered: set[int] = set()
        self.proven: list[int] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.startswith(b"REGISTER "):
            super().datagram_received(data, addr)
            return
        request = Message.parse(data)
        if not self._digest.admits("REGISTER", request.get("authorization")):
            self._send(respond(request, 401, "carrier", ("WWW-Authenticate", self._digest.challenge)), addr)
            return
        self.registered.add(addr[1])
        contact = request.get("contact").partition(";")[0]
        self._send(respond(request, 200, "carrier", ("Contact", f"{contact};expires=60")), addr)

    def _admit(self, invite, peer) -> None:
        before = len(self.calls)
        super()._admit(invite, peer)
        if len(self.calls) > before:
            self.proven.append(peer[1])


async def test_a_process_that_did_not_register_authenticates_its_calls_too():
    engine, told = EmbeddedEngine(EmbeddedSettings(workers=2)), asyncio.Queue()
    account = Account(*CREDENTIALS)
    async with Carrier() as carrier:
        await engine.start()
        try:
            there = f"127.0.0.1:{carrier.port}"
            engine.register(
                frozenset({Registrant("telco", there, account)}),
                lambda trunk, missing: told.put_nowait((trunk, missing)),
            )
            assert await asyncio.wait_for(told.get(), 15) == ("telco", None)
            up = []
            for number in ("100", "101"):
                up.append(Listener(await engine.originate(an_invite(carrier.uri(number), account=account))))
                await up[-1].until(Answered)
            assert carrier.registered == {engine.ports[0]}
            assert set(carrier.proven) == set(engine.ports)
            assert carrier.challenges == 2
            for listener in up:
                await listener.call.hangup()
                assert (await listener.ended()).sip_status == 200
        finally:
            await engine.stop()
