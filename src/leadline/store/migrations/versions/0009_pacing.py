"""Pacing: what is measured of each predictive process, and what became of its answered calls day by day."""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    # Updated by every call of the process: room in its page for the next version, so that no index is touched.
    """
    create table pacing (
        organisation_id int not null,
        process_id int not null,
        calls double precision not null,
        rate double precision not null,
        answers double precision not null,
        ring double precision not null,
        silences double precision not null,
        silence double precision not null,
        handled double precision not null,
        handling double precision not null,
        primary key (organisation_id, process_id)
    ) with (fillfactor = 50)
    """,
    """
    create table pacing_day (
        organisation_id int not null,
        process_id int not null,
        day date not null,
        answered int not null,
        abandoned int not null,
        primary key (organisation_id, process_id, day)
    ) with (fillfactor = 50)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
