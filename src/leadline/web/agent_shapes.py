"""What the addresses of agents take and answer, as types: bodies are read through them, and openapi.json tells them.

That the answers have these shapes, the tests hold.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from leadline.domain.agent import Presence
from leadline.domain.lead import LeadState


class Wish(Struct, forbid_unknown_fields=True):
    """Where an agent wants to be."""

    presence: Literal["ready", "paused", "logged_out"]


class Word(Struct, forbid_unknown_fields=True):
    """Whose word it is."""

    login: Annotated[str, Meta(max_length=255, description="The agent's login.")]


class AgentAnswer(Struct, forbid_unknown_fields=True):
    """An agent, and where they are."""

    login: str
    name: str | None
    role: str
    endpoint: Annotated[str | None, Meta(description="Where they are called: a SIP URI, or a number.")]
    presence: Presence
    since: datetime | None
    until: Annotated[datetime | None, Meta(description="When the wrap-up ends.")]
    attempt: Annotated[UUID | None, Meta(description="The call that they are taken for.")]


class Agents(Struct, forbid_unknown_fields=True):
    """The organisation's agents, by login."""

    items: list[AgentAnswer]


class Offer(Struct, forbid_unknown_fields=True):
    """A lead on an agent's desk."""

    lead_id: int
    offered_at: datetime
    until: Annotated[datetime | None, Meta(description="When it passes on to another agent.")]
    agreed: Annotated[bool, Meta(description="Whether the agent has said that it is to be dialed.")]


class Offers(Struct, forbid_unknown_fields=True):
    """What is on the agent's desk."""

    items: list[Offer]


class WordAnswer(Struct, forbid_unknown_fields=True):
    """Where the lead is now."""

    id: int
    state: LeadState
    due_at: datetime | None
