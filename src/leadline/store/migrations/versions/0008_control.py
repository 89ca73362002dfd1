"""Control: processes paused and stopped, and commands to the workers that hold live calls."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    "alter table process add column paused_at timestamptz, add column stopped_at timestamptz",
    """
    create table command (
        organisation_id int not null,
        attempt_id uuid not null,
        id bigint generated always as identity,
        worker text not null,
        kind text not null,
        data jsonb not null default '{}',
        at timestamptz not null,
        primary key (organisation_id, attempt_id, id)
    )
    """,
    "create index command_worker on command (worker, id)",
    # Partial, so that a lead which no rule holds costs a push or a call nothing.
    "create index lead_held on lead (process_id, held_by) where held_by is not null",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
