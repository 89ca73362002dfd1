"""Do-not-call lists of processes beside those of organisations, with expiry, origin and reason; attempts by number.

A number may stand on one list once for each origin: what the file lists is retired with the file, and nothing else.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "alter table do_not_call drop constraint do_not_call_pkey",
    """
    alter table do_not_call
        add column process_id int references process (id),
        add column expires_at timestamptz,
        add column reason text,
        add column id bigint generated always as identity,
        add primary key (organisation_id, id)
    """,
    """
    create unique index do_not_call_number
        on do_not_call (organisation_id, number, process_id, origin) nulls not distinct
    """,
    "create index attempt_number on attempt (organisation_id, number, started_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
