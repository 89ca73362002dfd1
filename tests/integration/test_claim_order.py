"""The simulator's queue gives leads in the order in which the database does."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import NOON, a_lead, insert
from leadline.calling.fronts import Fronts
from leadline.domain.lead import LeadState
from leadline.domain.moment import EARLIEST
from leadline.domain.upsert import DueKind
from leadline.domain.vendor import CallType
from leadline.simulation.queue import DueQueue
from leadline.store import claims
from leadline.store.claims import Front

PROCESSES = (1, 2, 3)
MICROSECOND = timedelta(microseconds=1)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "process_id": st.sampled_from(PROCESSES),
            "calltype": st.sampled_from([int(calltype) for calltype in CallType]),
            "state": st.sampled_from([LeadState.SCHEDULED, LeadState.SCHEDULED, LeadState.CLOSED, LeadState.DIALING]),
            "due_at": st.none() | st.integers(-30, 10).map(lambda seconds: NOON + timedelta(seconds=seconds)),
        }
    ),
    max_size=25,
)


async def order(ready, take):
    """What is taken, two at a time, as the dialer does it."""
    taken = []
    while due := await ready():
        for priority, process in due:
            taken.append((priority, process, [lead.id for lead in await take(process, priority)]))
    return taken


async def in_the_database(connection, given_leads, most):
    await connection.execute("truncate lead, due cascade")
    await insert(connection, given_leads)

    fronts, asked = Fronts(lambda: 0.0), [(DueKind.CALL, process) for process in PROCESSES]

    async def ready():
        found = await fronts.look(connection, asked, NOON)
        return [(front.priority, front.process_id) for front in found if front.due_at <= NOON]

    async def take(process, priority):
        front = Front(DueKind.CALL, process, priority, EARLIEST)
        return [drawn.lead for drawn in await claims.draw(connection, front, NOON, most, NOON)]

    return await order(ready, take)


async def in_memory(given_leads, most):
    queue = DueQueue()
    for lead in given_leads:
        queue.put(lead)

    async def ready():
        return queue.ready(PROCESSES, NOON)

    async def take(process, priority):
        return queue.take(process, priority, NOON, most)

    return await order(ready, take)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=rows, most=st.integers(1, 4))
@pytest.mark.asyncio(loop_scope="function")
async def test_leads_are_taken_in_the_order_of_the_database(database, given_rows, most):
    given_leads = [
        # Distinct instants, as those of real pushes are: of equal ones the database may take either first.
        a_lead(**row | {"id": n, "number_key": str(n), "due_at": row["due_at"] and row["due_at"] + n * MICROSECOND})
        for n, row in enumerate(given_rows, 1)
    ]
    async with database.transaction() as connection:
        stored = await in_the_database(connection, given_leads, most)
    assert stored == await in_memory(given_leads, most)
