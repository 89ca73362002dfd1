"""Workers have leases, the limits of a trunk are counted over all of them, and its health is kept.

`trunk_use` is a function because it must see what was committed while it waited for the lock: in a function that is
volatile each statement looks anew, and one round trip is enough.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """create table worker (
        name text primary key,
        host text not null,
        pid int not null,
        expires_at timestamptz not null
    )""",
    """create table trunk_health (
        trunk text not null,
        worker text not null references worker on delete cascade,
        state text not null,
        reason text not null,
        since timestamptz not null,
        primary key (trunk, worker)
    )""",
    "alter table attempt add column sent_at timestamptz",
    "drop index attempt_open",
    "create index attempt_up on attempt (trunk, worker) where state <> 'ended'",
    "create index attempt_sent on attempt (trunk, sent_at) where state = 'ended'",
    """create function trunk_use(me text, names text[], sliding interval)
    returns table (trunk text, up bigint, sent bigint, wait double precision) language plpgsql as $$
    declare since timestamptz;
    begin
        perform pg_advisory_xact_lock(hashtextextended(name, 1))
        from (select distinct name from unnest(names) as name order by name) as in_order;
        perform from worker where worker.name = me and expires_at > clock_timestamp() for key share;
        if not found then
            return;
        end if;
        since := clock_timestamp() - sliding;  -- a constant to the planner, which a volatile function is not
        return query
        select called.name, live.up, live.sent + over.sent,
               extract(epoch from least(live.first, over.first) - since)::double precision
        from unnest(names) as called(name)
        cross join lateral (
            select count(*) as up, count(*) filter (where sent_at is null or sent_at > since) as sent,
                   min(sent_at) filter (where sent_at > since) as first
            from (select sent_at from attempt where attempt.trunk = called.name and worker < me and state <> 'ended'
                  union all
                  select sent_at from attempt where attempt.trunk = called.name and worker > me and state <> 'ended'
                 ) as others) as live
        cross join lateral (
            select count(*) as sent, min(sent_at) as first from attempt
            where attempt.trunk = called.name and worker <> me and state = 'ended' and sent_at > since) as over;
    end $$""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
