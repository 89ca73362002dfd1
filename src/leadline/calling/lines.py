"""Ways out for a second leg: who answers a SIP address is called there, a number by the process's trunks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadline.calling.budget import TrunkBudget
from leadline.calling.ticket import Ticket
from leadline.domain.eligibility import Facts, routes
from leadline.domain.policy import TrunkPolicy
from leadline.telephony.engine import Account


def _nothing() -> None:
    """A SIP address takes no slot of a trunk."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where the INVITE goes and as whom; `sent` when it has left, `release` when the call is over."""

    uri: str
    account: Account = field(default_factory=Account)
    sent: Callable[[], None] = _nothing
    release: Callable[[], None] = _nothing


def request_uri(trunk: TrunkPolicy, dial_string: str) -> str:
    """Where an INVITE over a trunk goes; `#` begins something else in a URI."""
    return trunk.uri.replace("{number}", dial_string.replace("#", "%23"))


class Lines:
    """The trunks of this worker, for calls beside those that the dialer makes: within the same budgets."""

    def __init__(
        self,
        budgets: Mapping[str, TrunkBudget],
        is_up: Callable[[TrunkPolicy], bool],
        passwords: Callable[[str], str | None],
    ) -> None:
        self._budgets, self._is_up, self._passwords = budgets, is_up, passwords

    def seize(self, ticket: Ticket, target: str, now: datetime) -> Line | None:
        """A line to a SIP URI or to a number in E.164; None if no trunk may carry it or has a slot.

        Two calls are joined only inside one engine, so that a trunk of another one is no way out.
        """
        if target.startswith("sip:"):
            return Line(target)
        process = ticket.process
        own = {
            trunk.name: trunk for trunk in process.trunks if trunk.engine == ticket.trunk.engine and self._is_up(trunk)
        }
        called = ticket.lead.but(number=target)
        for route in routes(Facts(called, process.policy, tuple(own.values()), None, None, now)):
            budget = self._budgets[route.trunk]
            if budget.reserve():
                return self._line(own[route.trunk], route.dial_string, budget)
        return None

    def _line(self, trunk: TrunkPolicy, dial_string: str, budget: TrunkBudget) -> Line:
        return Line(
            request_uri(trunk, dial_string),
            Account(trunk.username, self._passwords(trunk.name), trunk.transport, trunk.codecs),
            budget.sent,
            budget.release,
        )
