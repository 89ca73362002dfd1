"""Promise 2: Leadline, its SIP workers and PostgreSQL are killed at every step of an attempt, and nothing rings twice.

The seed decides every stroke: `pytest tests/crash --crash-seed N` has the same ones again, `--crash-rounds M` goes
through all points M times, each time with others.
"""

import asyncio
import contextlib
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from builders import a_lead, insert, new_ids
from crash.dying import Stroke
from leadline.calling.crash_points import Point
from leadline.clock import SystemClock
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.lead import LeadState
from leadline.store import leads
from leadline.store.database import Database
from leadline.store.embedded.server import EmbeddedPostgres
from leadline.store.migrations import migrate
from leadline.telephony.callee import Callee
from leadline.telephony.phone.phone import Phone

PROGRAM = Path(__file__).with_name("dying.py")
PATIENCE = 60.0
CONFIGURATION = """
organisations:
  - name: Acme
    apikey: crash-test
    processes:
      - {{servicekey: P, region: IN, flow: bye, calling_hours: null,
          retry: {{busy: null, no_answer: null, failed: null, max_attempts: 1}}}}
trunks:
  - name: phone
    uri: "sip:{{number}}@127.0.0.1:{port}"
    prefix: {{international: "00", national: "0", home_region: IN}}
    channels: 3
    cps: 100
flows:
  - {{name: bye, start: bye, nodes: {{bye: {{hangup: {{outcome: done}}}}}}}}
"""
AWAY = (DatabaseUnavailable, asyncpg.PostgresError)
AT_A_TIME = 3
"""Leads that are pushed whenever none waits."""


def strokes_of(seed: int, rounds: int) -> list[list[Stroke]]:
    """What each Leadline in turn does: perhaps another's death, then its own; every point is somebody's end."""
    drawn = random.Random(seed)  # noqa: S311  (the same again is the point)
    lives = []
    for _ in range(rounds):
        for point in drawn.sample(list(Point), len(Point)):
            other = Stroke(drawn.choice(list(Point)), drawn.randint(1, 3), drawn.choice(["sip", "postgres"]))
            lives.append([other, Stroke(point, drawn.randint(1, 3), "leadline")])
    return lives


class Ward:
    """The database, the phone, and the Leadlines that die one after another."""

    def __init__(self, home: Path, server: EmbeddedPostgres, database: Database, phone: Phone) -> None:
        self.home, self.server, self.database, self.phone = home, server, database, phone
        self._numbers = count(8_000_000_000)
        (home / "leadline.yaml").write_text(CONFIGURATION.format(port=phone.port))

    @contextlib.asynccontextmanager
    async def leadline(self, strokes: Sequence[Stroke]) -> AsyncIterator[asyncio.subprocess.Process]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
        with (self.home / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(PROGRAM), str(self.home / "leadline.yaml")),
                *(str(self.home / "data" / "postgres" / "postmaster.pid"), *map(str, strokes)),
                cwd=self.home, stdout=log, stderr=log,
                env=own | {"LEADLINE_DATABASE_URL": self.server.dsn, "LEADLINE_SIP_WORKERS": "1"},
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def push(self) -> None:
        """Leads that are due now."""
        now = SystemClock().now()
        async with self.database.transaction() as connection:
            made = []
            for lead_id in await new_ids(connection, AT_A_TIME):
                number = f"+91{next(self._numbers)}"
                values = {"mobilenumber": number, "number": number, "number_key": number, "events": 0}
                made.append(a_lead(id=lead_id, due_at=now, created_at=now, updated_at=now, scheduled_by=now, **values))
            await insert(connection, made)

    async def waiting(self) -> int:
        """Leads that are not closed; those that wait for a congested trunk are made due, so that nobody need wait."""
        async with self.database.transaction() as connection:
            late = await connection.fetch(
                "select * from lead where state = 'scheduled' and due_at > now() for update skip locked"
            )
            now = SystemClock().now()
            await leads.update(connection, [leads.from_row(row).but(due_at=now, held_by=None) for row in late])
            return await connection.fetchval("select count(*) from lead where state <> 'closed'")


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    (tmp_path / "data").mkdir()
    server = EmbeddedPostgres(tmp_path / "data", fast=True)
    await server.start()
    await migrate(server.dsn)
    database = Database(server.dsn)
    await database.open()
    try:
        async with Phone(default=Callee.answers(rings=0.05)) as phone:
            yield Ward(tmp_path, server, database, phone)
    finally:
        await database.close()
        await server.stop()


async def worked(ward: Ward, strokes: Sequence[Stroke]) -> None:
    """One Leadline, given work until it has struck itself; without a stroke, until nothing is left to do."""
    async with ward.leadline(strokes) as process, asyncio.timeout(PATIENCE):
        while process.returncode is None:
            await ward.server.up.wait()
            with contextlib.suppress(*AWAY):
                if not await ward.waiting():
                    if not strokes:
                        return
                    await ward.push()
            await asyncio.sleep(0.05)
        assert process.returncode == -9, (ward.home / "log").read_text()[-3_000:]


@pytest.mark.timeout(0)  # however many rounds there are, each life has its own
async def test_whatever_dies_at_whatever_step_no_phone_rings_twice(ward: Ward, request: pytest.FixtureRequest):
    seed, rounds = request.config.getoption("crash_seed"), request.config.getoption("crash_rounds")
    for life in strokes_of(seed, rounds):
        await worked(ward, life)
    await worked(ward, [])
    told = f"pytest tests/crash --crash-seed {seed} --crash-rounds {rounds}"
    async with ward.database.snapshot() as connection:
        attempts = {str(row["id"]): row for row in await connection.fetch("select * from attempt")}
        stored = {row["id"]: row for row in await connection.fetch("select * from lead")}
        closings = Counter(
            (row["lead_id"], row["opening"])
            for row in await connection.fetch("select lead_id, opening from event where kind = 'lead.closed'")
        )
        seqs = await connection.fetch("select lead_id, array_agg(seq order by seq) as seqs from event group by lead_id")
        due, commands = await connection.fetchrow(
            "select (select count(*) from due) as due, (select count(*) from command) as commands"
        )
    rung = ward.phone.invites
    assert max(rung.values()) == 1, told
    assert set(rung) <= set(attempts), told
    by_lead = Counter(attempts[attempt]["lead_id"] for attempt in rung)
    assert max(by_lead.values()) == 1, (told, by_lead.most_common(3))
    assert {row["state"] for row in attempts.values()} == {"ended"}, told
    assert {row["state"] for row in stored.values()} == {LeadState.CLOSED}, told
    assert closings == dict.fromkeys(((row["id"], row["opening"]) for row in stored.values()), 1), told
    assert all(row["seqs"] == list(range(1, stored[row["lead_id"]]["events"] + 1)) for row in seqs), told
    assert (due, commands) == (0, 0), told
    # Every stroke came, and none of them stopped the rest.
    ended = Counter(row["closed_reason"] for row in stored.values())
    assert ended["completed"] >= len(Point) * rounds, (told, ended)
    assert ended["unknown"] >= 1, (told, ended)
    assert set(ended) <= {"completed", "unknown"}, (told, ended)
