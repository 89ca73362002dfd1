"""Trunks as all workers hold them together: second legs count for their limits, and one circuit breaker each."""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = (
    # A leg that is over is kept for as long as its INVITE counts, and a little longer.
    """create table leg (
        organisation_id int not null,
        id uuid not null,
        trunk text not null,
        worker text not null,
        sent_at timestamptz,
        ended_at timestamptz,
        primary key (organisation_id, id)
    )""",
    "create index leg_trunk on leg (trunk, worker)",
    "create index leg_over on leg (ended_at) where ended_at is not null",
    """create table circuit (
        trunk text primary key,
        answered boolean not null default false,
        since timestamptz,
        until timestamptz,
        pause double precision not null default 0,
        reason text not null default '',
        by_silence boolean not null default false,
        trial text references worker on delete set null,
        trial_until timestamptz
    )""",
    "delete from trunk_health",
    # What is told of many leads is estimated, and these columns go together.
    "create statistics due_waiting (mcv) on kind, process_id, priority from due",
    "create statistics lead_held_by (mcv) on process_id, held_by from lead",
    "update lead set held_by = null where state = 'closed' and held_by is not null",
    """create or replace function trunk_use(me text, names text[], sliding interval)
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
        select called.name, live.up + beside.up, live.sent + over.sent + beside.sent,
               extract(epoch from least(live.first, over.first, beside.first) - since)::double precision
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
            where attempt.trunk = called.name and worker <> me and state = 'ended' and sent_at > since) as over
        cross join lateral (
            select count(*) filter (where ended_at is null) as up,
                   count(*) filter (where sent_at > since or (sent_at is null and ended_at is null)) as sent,
                   min(sent_at) filter (where sent_at > since) as first
            from leg where leg.trunk = called.name and worker <> me) as beside;
    end $$""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
