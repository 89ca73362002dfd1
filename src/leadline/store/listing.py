"""Numbers put on do-not-call lists: the leads that wait to call them are closed at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from leadline.domain.do_not_call import Listing, Origin
from leadline.domain.eligibility import on_list
from leadline.domain.ruling import closed
from leadline.store import do_not_call
from leadline.store.leads import from_row
from leadline.store.writing import move


async def put(
    connection: Any, organisation_id: int, listings: Sequence[Listing], origin: Origin, now: datetime
) -> None:
    """List numbers, and close the open leads that have them.

    A lead that another transaction holds is passed over, so that nobody waits for anybody in a circle: the dialer
    closes it, since it looks at the lists with every claim.
    """
    await do_not_call.add(connection, organisation_id, listings, origin, now)
    numbers, processes = [listing.number for listing in listings], [listing.process_id for listing in listings]
    rows = await connection.fetch(_WAITING, organisation_id, numbers, processes)
    stopped = []
    for row in rows:
        on = do_not_call.list_of(everywhere=row["everywhere"])
        stopped.append(closed(from_row(row), on_list(row["number"], on), now))
    await move(connection, stopped)


# In an inbound process nobody is called, and a lead that is not for the phone waits for no call.
_WAITING: Final = """
    select lead.*, everywhere from (
        select number, array_agg(process_id) as processes, bool_or(process_id is null) as everywhere
        from unnest($2::text[], $3::int[]) as put(number, process_id) group by number) as listed
    cross join lateral (
        select * from lead where number_key = listed.number and number = listed.number and organisation_id = $1
        and (everywhere or process_id = any(processes))
        and media in (11, 12) and state in ('scheduled', 'awaiting_prompt', 'offered')
        and exists (select from process where id = process_id and policy ->> 'direction' <> 'inbound')
        order by id for update skip locked) as lead
"""
