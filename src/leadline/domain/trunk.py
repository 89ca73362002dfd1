"""From E.164 to what a trunk wants to be dialed, and what it may not be.

A rule is data: GSM gateways take `+` everywhere, telephone companies `00` abroad and `0` at home. Where no
rule says how to call abroad, abroad is not called: toll fraud begins with a trunk that dials anything.
"""

from leadline.domain.phone import Number
from leadline.domain.policy import PrefixRule


class Undialable(Exception):
    """A number that a trunk may not carry; the text says why and what would change it."""


def dial_string(number: Number, prefix: PrefixRule | None, region: str) -> str:
    """The digits this trunk is sent for `number`; raises Undialable.

    `region` is the process's, and counts as home where the trunk has no rule of its own.
    """
    home = number.region == (prefix.home_region if prefix else region)
    if prefix is None:
        if not home:
            raise Undialable(
                f"{number.e164} is abroad ({number.region}) and the trunk has no prefix rule: "
                "set prefix.international to allow calls abroad"
            )
        return number.e164
    if home and prefix.national is not None:
        return prefix.national + number.national
    if prefix.international is not None:
        return f"{prefix.international}{number.country_code}{number.national}"
    if home:
        return number.e164
    raise Undialable(
        f"{number.e164} is abroad ({number.region}) and the trunk has no prefix.international: calls abroad are refused"
    )
