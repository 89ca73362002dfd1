"""The push log keeps what a request says beside its records, so that a refused record can be pushed again as it was."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = ("alter table push add column request json",)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
