"""What the sibling methods are asked with, and how their nodes are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from leadline.clock import Clock
from leadline.domain.phone import digits_of, number_key
from leadline.domain.record import LONGEST_KEY
from leadline.domain.value import Refusal, text_of
from leadline.domain.vendor import Code
from leadline.intake.request import PushRefused, node_refused
from leadline.store.catalogue import Organisation, Process
from leadline.store.database import Database

LEAST_DIGITS, MOST_DIGITS = 3, 16


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a sibling method: its nodes by name, whose it is, and what it is answered from."""

    nodes: Mapping[str, Any]
    organisation: Organisation
    process: Process
    database: Database
    clock: Clock

    @property
    def zone(self) -> tzinfo:
        return self.organisation.timezone

    def text(self, name: str) -> str | None:
        """A node's text, None if it is blank; raises PushRefused."""
        return optional(self.nodes, name, self.zone)

    def key(self, name: str) -> str:
        """A node that must be there; raises PushRefused."""
        return mandatory(self.nodes, name, self.zone)

    def number(self, name: str) -> str:
        """What identifies a customer by the number in a node; raises PushRefused."""
        written = self.key(name)
        if not LEAST_DIGITS <= len(digits_of(written)) <= MOST_DIGITS:
            message = f"{name} must have {LEAST_DIGITS} to {MOST_DIGITS} digits"
            raise self.refused(name, message, "invalid_field")
        return number_key(written, self.process.policy.region)

    def refused(self, name: str, message: str, code: str, number: Code = Code.FAIL) -> PushRefused:
        """The refusal for a node."""
        return node_refused(number, name, message, self.zone, code)


def optional(nodes: Mapping[str, Any], name: str, zone: tzinfo) -> str | None:
    """A node's text, None if it is blank; raises PushRefused."""
    try:
        return text_of(name, nodes.get(name))
    except Refusal as refusal:
        raise node_refused(Code.FAIL, name, refusal.message, zone, refusal.code) from None


def mandatory(nodes: Mapping[str, Any], name: str, zone: tzinfo) -> str:
    """The text of a node that must be there; raises PushRefused."""
    text = optional(nodes, name, zone)
    if text is None:
        raise node_refused(Code.FAIL, name, f"{name} is mandatory: send it", zone, "missing_key")
    if len(text) > LONGEST_KEY:
        message = f"{name} may have {LONGEST_KEY} characters at most"
        raise node_refused(Code.FAIL, name, message, zone, "invalid_field")
    return text
