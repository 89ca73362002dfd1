"""A registration (RFC 3261, section 10): a carrier is told where we are reached, for as long as we say so."""

from collections.abc import Callable
from dataclasses import dataclass

from leadline.telephony.engine import Account


@dataclass(frozen=True, slots=True)
class Registrant:
    """Who registers over which trunk, and where."""

    trunk: str
    registrar: str
    """Host and port."""
    account: Account


Told = Callable[[str, str | None], None]
"""Hears of a trunk that its registration is taken, or, with the reason, that it is missing."""
