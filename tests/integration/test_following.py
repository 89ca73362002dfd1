"""A notification wakes whom it is for, and nobody else: a call that is due does not wait for five stages to look."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from builders import a_lead, insert
from integration.dialing import now
from integration.staff import hire
from leadline.clock import SystemClock
from leadline.domain.agent import Presence
from leadline.domain.lead import LeadState
from leadline.store import agents, configuration
from leadline.store.following import follow

WORDS = ("call", "agreed", "offer", "prompt", "expiry", "due", "configuration", "command", "trunk")


class Woken:
    """Who is woken how often, and how often the configuration is read again."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._changed = asyncio.Event()

    def stages(self):
        return {word: [lambda word=word: self.note(word)] for word in WORDS}

    def note(self, word: str) -> None:
        self.told.append(word)
        self._changed.set()

    async def reread(self) -> None:
        self.note("reread")

    async def hear(self, *words: str) -> list[str]:
        """Wait until so many have been told; returns them in order."""
        while len(self.told) < len(words):
            self._changed.clear()
            await self._changed.wait()
        told, self.told = self.told, []
        assert sorted(told) == sorted(words)
        return told

    async def by(self, database, *words: str) -> list[str]:
        """What was written wakes these and nobody else: `trunk` is told after it, and heard after it."""
        async with database.connection() as connection:
            await connection.execute("select pg_notify('trunk', '')")
        return await self.hear(*words, "trunk")


@pytest.fixture
async def woken(database):
    await hire(database)
    async with database.transaction() as connection:
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, 'VoiceProcess', '{}')"
        )
    async with following(database) as woken:
        yield woken


@asynccontextmanager
async def following(database):
    woken = Woken()
    task = asyncio.create_task(follow(database, SystemClock(), woken.stages(), woken.reread))
    # Whoever connects may have missed anything, and is told of every channel.
    await woken.hear("due", "command", "trunk", "reread", "configuration")
    yield woken
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("lead", "kinds"),
    [
        ({}, ["call"]),
        ({"calltype": 31}, ["offer"]),
        ({"state": LeadState.OFFERED}, ["agreed"]),
        ({"state": LeadState.AWAITING_PROMPT}, ["prompt"]),
        ({"expires_at": now() + timedelta(seconds=30)}, ["call", "expiry"]),
    ],
)
async def test_what_is_due_wakes_who_does_it_once_for_all_leads_of_a_statement(database, woken, lead, kinds):
    rows = [a_lead(id=n, **{"due_at": now(), "updated_at": now(), "expires_at": None} | lead) for n in range(1, 4)]
    async with database.transaction() as connection:
        await insert(connection, rows)
    await woken.by(database, *kinds)


async def test_what_is_due_later_wakes_nobody(database, woken):
    async with database.transaction() as connection:
        await insert(connection, [a_lead(due_at=now() + timedelta(hours=1), expires_at=None)])
    await woken.by(database)


@pytest.mark.parametrize(
    ("presence", "until", "words"),
    [
        (Presence.READY, None, ["due"]),
        (Presence.WRAP_UP, now() + timedelta(seconds=5), ["due"]),
        (Presence.PAUSED, None, []),
    ],
)
async def test_an_agent_who_is_ready_or_will_be_wakes_every_stage(database, woken, presence, until, words):
    async with database.transaction() as connection:
        await agents.put(connection, 1, "asha@acme.example", presence, now(), until=until)
    await woken.by(database, *words)


async def test_a_change_of_the_configuration_is_read_before_anybody_is_woken(database, woken):
    async with database.transaction() as connection:
        await configuration.notify(connection)
    told = await woken.by(database, "reread", "configuration")
    assert told.index("reread") < told.index("configuration")
