"""The feed of events in the order of their commits, keys with fewer rights, rejected records found by index.

An event's `position` is the number of the transaction that wrote it, so that whatever lies below the oldest
transaction still running is whole and stays as it is. Transaction numbers begin anew where a dump is restored into
another cluster; `realign_feed`, run after every migration, lifts the positions to come above those that are there.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "alter table event add column position bigint not null default pg_current_xact_id()::text::bigint",
    "create index event_feed on event (organisation_id, position, id)",
    "create table feed (base bigint not null)",
    "insert into feed values (0)",
    """
    create function realign_feed() returns void language plpgsql as $$
    declare
        newest bigint := (
            select max(last.position) from organisation cross join lateral (
                select max(position) as position from event where organisation_id = organisation.id) as last);
        lifted bigint := newest + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    begin
        if newest >= (select base from feed) + pg_snapshot_xmax(pg_current_snapshot())::text::bigint then
            update feed set base = lifted;
            execute format(
                'alter table event alter column position set default pg_current_xact_id()::text::bigint + %s', lifted);
        end if;
    end
    $$
    """,
    """
    create table api_key (
        sha256 bytea primary key,
        organisation_id int not null references organisation,
        name text not null,
        scopes text[] not null,
        created_at timestamptz not null,
        retired_at timestamptz,
        unique (organisation_id, name)
    )
    """,
    "create index push_rejected on push (organisation_id, id) where json_array_length(rejected) > 0",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
