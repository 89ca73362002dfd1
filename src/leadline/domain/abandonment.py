"""The call of a predictive process: to whoever of its agents is free first, else the message that it was in vain.

Who called, and that nobody is there, is what the law wants said to a customer whom nobody speaks to in time
(the "safe harbor" of 16 CFR 310.4(b)(4)(iii)).
"""

from collections.abc import Mapping
from typing import Final

from leadline.domain.flow import Flow, Hangup, Say, Transfer
from leadline.domain.pacing import AGENT_WITHIN

ABANDONED: Final = "abandoned"
"""The disposition of a call that nobody came to in time."""


def to_whoever_is_free(servicekey: str, message: Mapping[str, str]) -> Flow:
    """The flow of a call that is made ahead of the agents; `message` is a template per language.

    An agent is looked for from the answer on: there is nothing that the customer is to hear first, and the end of what
    they say cannot be heard yet.
    """
    transfer = Transfer(servicekey, {"no_agent": "message", "ended": "talked"}, timeout=AGENT_WITHIN)
    return Flow(
        "predictive",
        "agent",
        {
            "agent": transfer,
            "message": Say(message, "abandoned"),
            "abandoned": Hangup(ABANDONED),
            "talked": Hangup("completed"),
        },
    )
