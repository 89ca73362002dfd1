"""Agents: their presence, and the leads that are offered to them: previews, which nothing was due of before."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    create table agent (
        organisation_id int not null references organisation,
        login text not null,
        presence text not null,
        since timestamptz not null,
        until timestamptz,
        attempt uuid,
        primary key (organisation_id, login)
    ) with (fillfactor = 70)
    """,
    "create index agent_idle on agent (organisation_id, since) where presence = 'ready'",
    "create index agent_wrapping on agent (until) where presence = 'wrap_up'",
    "create index agent_attempt on agent (attempt) where attempt is not null",
    "create index lead_for_agent on lead (organisation_id, userlogin) where held_by = 'agent'",
    """
    create table offer (
        organisation_id int not null,
        lead_id bigint not null,
        login text,
        passed text[] not null default '{}',
        offered_at timestamptz not null,
        until timestamptz,
        primary key (organisation_id, lead_id)
    )
    """,
    "create index offer_until on offer (until)",
    "create unique index offer_login on offer (organisation_id, login)",
    """
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select organisation_id, id, 'offer', process_id, case calltype when 31 then 1 else 3 end, due_at from lead
    where state = 'scheduled' and due_at is not null and calltype in (31, 71) on conflict do nothing
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
