"""REGISTER (RFC 3261, section 10) with digest (RFC 8760): a carrier is told where we are, and says for how long."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from leadline.domain.policy import TrunkPolicy
from leadline.telephony.asking import Asking, Place, asking, place_of
from leadline.telephony.options import ANY
from leadline.telephony.phone.message import Message

ASKED_FOR: Final = 600
"""Seconds for which we would be registered; the carrier may grant fewer."""
_PARAMETER: Final = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_CHALLENGES: Final = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}
_OK, _TOO_BRIEF = 200, 423


class NotRegistered(Exception):
    """The carrier has not taken the registration; the text says what it answered."""


@dataclass(frozen=True, slots=True)
class Registrant:
    """Who registers, where, and at which of our ports calls are to reach us."""

    registrar: Place
    username: str
    password: str = field(repr=False)
    port: int

    @property
    def domain(self) -> str:
        return f"sip:{self.registrar}"

    @property
    def who(self) -> str:
        return f"sip:{self.username}@{self.registrar}"

    def contact(self, host: str) -> str:
        """The URI that is registered."""
        return f"sip:{self.username}@{Place(host, self.port)}"


async def register(registrant: Registrant, local: str | None = None, seconds: int = ASKED_FOR) -> float:
    """Register for up to so many seconds (0: no more) and return how many were granted; raises NotRegistered."""
    try:
        async with asking(registrant.registrar, local) as one:
            answer = await _admitted(one, registrant, seconds)
            if answer is not None and answer.status == _TOO_BRIEF:
                answer = await _admitted(one, registrant, int(answer.get("min-expires") or ASKED_FOR * 2))
            contact = registrant.contact(one.here.host)
    except OSError as error:
        raise NotRegistered(f"there is no way to {registrant.registrar}: {error}") from None
    if answer is None:
        raise NotRegistered(f"REGISTER to {registrant.registrar} was not answered")
    if answer.status != _OK:
        raise NotRegistered(f"{registrant.registrar} answered REGISTER with {answer.start.partition(' ')[2]}")
    return _granted(answer, contact, seconds)


async def _admitted(one: Asking, registrant: Registrant, seconds: int) -> Message | None:
    """The answer to a REGISTER, with our credentials if they are asked for."""
    headers = (("Contact", f"<{registrant.contact(one.here.host)}>"), ("Expires", str(seconds)))
    answer = await one.ask("REGISTER", registrant.domain, registrant.who, *headers)
    if answer is None or answer.status not in _CHALLENGES:
        return answer
    asked, given = _CHALLENGES[answer.status]
    authorization = _response(answer.all(asked), registrant)
    return await one.ask("REGISTER", registrant.domain, registrant.who, *headers, (given, authorization))


def _response(challenges: list[str], registrant: Registrant) -> str:
    """The credentials for the first challenge that we can answer; raises NotRegistered if there is none."""
    for challenge in challenges:
        asked = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(challenge)}
        algorithm = asked.get("algorithm", "MD5").upper()
        if challenge.lower().startswith("digest") and algorithm in _HASHES and "nonce" in asked:
            return _digest(asked, algorithm, registrant)
    raise NotRegistered(f"{registrant.registrar} asks for credentials in no way that we know: digest by MD5 or SHA-256")


def _digest(asked: dict[str, str], algorithm: str, registrant: Registrant) -> str:
    def hashed(text: str) -> str:
        return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce, uri = asked.get("realm", ""), asked["nonce"], registrant.domain
    secret = hashed(f"{registrant.username}:{realm}:{registrant.password}")
    quality, said = "", ""
    if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
        cnonce = token_hex(8)
        quality, said = f"00000001:{cnonce}:auth:", f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    response = hashed(f"{secret}:{nonce}:{quality}{hashed(f'REGISTER:{uri}')}")
    opaque = f', opaque="{asked["opaque"]}"' if "opaque" in asked else ""
    return (
        f'Digest username="{registrant.username}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}{said}{opaque}'
    )


def _granted(answer: Message, contact: str, asked_for: int) -> float:
    """The seconds that stand beside our own contact, else those of the whole answer."""
    for listed in ",".join(answer.all("contact")).split(","):
        expires = re.search(r";\s*expires\s*=\s*(\d+)", listed, re.IGNORECASE)
        if f"<{contact}>" in listed and expires:
            return float(expires[1])
    written = answer.get("expires")
    return float(written) if written.isdecimal() else float(asked_for)


Passwords = Callable[[str], str | None]


def registering(local: str, port: Callable[[], int | None], password: Passwords) -> Callable[..., Awaitable[float]]:
    """How we register from a local address, as reachable at a port of the engine, if it is up."""

    async def ask(trunk: TrunkPolicy, seconds: int) -> float:
        there, known, ours = place_of(trunk.uri), password(trunk.name), port()
        if there is None or trunk.username is None or known is None:
            raise NotRegistered("its password is not known here: write it in the file that `leadline up` reads")
        if ours is None:
            raise NotRegistered("the engine is down")
        return await register(Registrant(there, trunk.username, known, ours), None if local == ANY else local, seconds)

    return ask
