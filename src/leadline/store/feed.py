"""The feed: an organisation's events in the order of their commits, none ever passed over.

Ids are drawn before the commit, so that a smaller one may become visible after a larger. The feed is therefore
ordered by the transaction that wrote an event (`position`), and ends below the oldest transaction still running:
whatever is above may yet get company. A cursor is the id of the last event read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.store.events import rendered


async def after(connection: Any, organisation_id: int, cursor: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """Up to `limit` events that follow the one whose id is `cursor`; 0 begins at the beginning.

    A cursor that no event has stands for the event with the next smaller id.
    """
    rows = await connection.fetch(
        """with last as (
               select position, id from event where organisation_id = $1 and id <= $2 order by id desc limit 1)
           select id, at, kind, lead_id, opening, seq, data from event
           where organisation_id = $1
           and (position, id) > (coalesce((select position from last), 0), coalesce((select id from last), 0))
           and position < (select base from feed) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint
           order by position, id limit $3""",
        organisation_id,
        cursor,
        limit,
    )
    return [rendered(row) for row in rows]
