"""Who we are to a trunk: one baresip user agent per caller id and account, since From is set per agent (trap 7)."""

import asyncio
import re

import baresip
from baresip import Runtime, UserAgent

from leadline.telephony.engine import Account, Invite

_CODECS = frozenset({"pcma", "pcmu"})
_TRANSPORTS = frozenset({"udp", "tcp", "tls"})
_NO_TRANSFER = ("call_transfer=no",)
"""A REFER would make us dial whatever number the far end likes."""
_URI = re.compile(
    r"sips?:[^\s@<>\"?;:]+@(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?:;[^\s<>\"?]*)?"
)
_LAST_PORT = 65_535


def host_of(uri: str) -> str:
    """The host of a request URI; raises ValueError for what must not reach baresip: a bad URI corrupts its memory."""
    found = _URI.fullmatch(uri)
    if found is None or not 0 < int(found["port"] or 5060) <= _LAST_PORT:
        raise ValueError(f"{uri!r} is no SIP URI; write sip:NUMBER@HOST:PORT")
    return found["host"]


class Identities:
    """Agents made on demand and kept: baresip cannot give one back, so there are `most` of them and no more."""

    def __init__(self, runtime: Runtime, most: int) -> None:
        self._runtime, self._most = runtime, most
        self._agents: dict[tuple[str, str, Account], asyncio.Task[UserAgent]] = {}

    @property
    def exhausted(self) -> bool:
        return len(self._agents) >= self._most

    async def agent(self, invite: Invite) -> UserAgent:
        """The agent that an INVITE leaves from; raises ValueError for an identity that SIP or baresip cannot carry."""
        account = invite.account
        key = (invite.caller_id or account.username or "leadline", host_of(invite.uri), account)
        making = self._agents.get(key)
        if making is None:
            if self.exhausted:
                raise ValueError(f"{self._most} caller ids have been used and the worker is about to be replaced")
            making = self._agents[key] = asyncio.create_task(self._make(*key))
        try:
            return await making
        except BaseException:
            self._agents.pop(key, None)
            raise

    async def _make(self, user: str, host: str, account: Account) -> UserAgent:
        if not account.codecs or not _CODECS.issuperset(account.codecs):
            raise ValueError(f"codecs: {', '.join(account.codecs) or 'none'}; the embedded engine has pcma and pcmu")
        if account.transport not in _TRANSPORTS:
            raise ValueError(f"transport: {account.transport!r}; write udp, tcp or tls")
        written = baresip.Account(
            user=user,
            domain=host,
            password=account.password or "",
            auth_user=account.username,
            reg_interval=0,
            transport=account.transport,  # type: ignore[arg-type]
            audio_codecs=account.codecs,
            extra_params=_NO_TRANSFER,
        )
        return await UserAgent.create(self._runtime, written)
