"""Leads found by when they were stored: a summary of their pages, since they are stored in the order of their times."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = ("create index lead_stored on lead using brin (created_at) with (autosummarize = on)",)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
