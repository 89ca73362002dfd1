"""`apply` makes the database agree with the file, once, and brings the leads that wait into line."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from builders import insert, new_ids
from leadline.configuration.plan import apply, plan
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError
from leadline.domain.lead import Lead, LeadState
from leadline.domain.vendor import CallType, Media
from leadline.store import events, leads
from leadline.store.catalogue import key_hash, load

GOOD = Path(__file__).parents[1] / "corpus" / "configuration" / "good" / "everything.yaml"
ENV = {"TRUNK_PASSWORD": "hidden"}
NOW = datetime(2027, 1, 5, 12, tzinfo=UTC)


class StoppedClock:
    def now(self):
        return NOW


@pytest.fixture
def applied(database, tmp_path):
    """Applies the good file with texts replaced, and returns the plan's lines."""

    async def run(*replacements):
        file = tmp_path / "leadline.yaml"
        text = GOOD.read_text("utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
        async with database.transaction() as connection:
            made = await plan(connection, read(file, ENV))
            await apply(connection, made, StoppedClock())
        return made.lines

    return run


async def catalogue_of(database):
    async with database.connection() as connection:
        return await load(connection)


async def a_lead(database, servicekey="VoiceProcess", number="+919812345678", **values):
    """A lead that waits for its time, stored with what is due of it."""
    async with database.transaction() as connection:
        process = await connection.fetchrow("select * from process where servicekey = $1", servicekey)
        [number_of_lead] = await new_ids(connection, 1)
        lead = Lead(
            organisation_id=process["organisation_id"],
            id=number_of_lead,
            process_id=process["id"],
            **{
                "media": Media.VOICE_OUT,
                "calltype": CallType.FRESH,
                "state": LeadState.SCHEDULED,
                "mobilenumber": number,
                "number": number,
                "number_key": number,
                "due_at": NOW + timedelta(days=1),
                "scheduled_by": NOW,
                "created_at": NOW,
                "updated_at": NOW,
            }
            | values,
        )
        await insert(connection, [lead])
    return lead


async def as_stored(database, lead):
    """The lead, the kinds of what is due of it, and its timeline."""
    async with database.connection() as connection:
        stored = await leads.get(connection, lead.organisation_id, lead.id)
        due = await connection.fetch("select kind from due where lead_id = $1 order by kind", lead.id)
        return stored, [row["kind"] for row in due], await events.timeline(connection, lead.organisation_id, lead.id)


async def test_what_the_file_says_is_what_the_catalogue_reads(database, applied):
    await applied()
    catalogue = await catalogue_of(database)
    configuration = read(GOOD, ENV)
    assert list(catalogue.trunks.values()) == [trunk.policy for trunk in configuration.trunks]
    for organisation in configuration.organisations:
        kept = catalogue.organisation_of(organisation.apikey)
        assert (kept.name, kept.timezone.key, kept.lenient_json, kept.tts_until) == (
            organisation.name, organisation.timezone, organisation.lenient_json, organisation.tts_until,
        )  # fmt: skip
        assert kept.logins == {user.login for user in organisation.users}
        for process in organisation.processes:
            found = catalogue.process_of(process.policy.servicekey)
            assert found.policy == process.policy
            assert found.flow == process.flow
            assert found.organisation_id == kept.id
            assert [trunk.name for trunk in found.trunks] == list(process.policy.trunks or ("telco", "gsm"))


async def test_no_secret_is_kept_but_as_a_hash(database, applied):
    await applied()
    async with database.connection() as connection:
        dump = [
            str(dict(row))
            for table in ("organisation", "login", "process", "trunk", "do_not_call")
            for row in await connection.fetch(f"select * from {table}")  # noqa: S608  (names are ours)
        ]
    assert str(key_hash("acme_key")) in dump[0]
    assert not [row for row in dump if "acme_key" in row or "hidden" in row]


async def test_a_second_run_changes_nothing_and_tells_nobody(database, dsn, applied):
    heard = asyncio.Queue()
    listener = await asyncpg.connect(dsn)
    await listener.add_listener("configuration", lambda *said: heard.put_nowait(said))
    assert len(await applied()) == 13
    await asyncio.wait_for(heard.get(), 10)
    before = await rows_of_all(database)
    assert await applied() == ()
    assert await rows_of_all(database) == before
    # Notifications come in the order of their commits: this one would come second if there had been another.
    async with database.connection() as connection:
        await connection.execute("select pg_notify('configuration', 'the test')")
    assert (await asyncio.wait_for(heard.get(), 10))[-1] == "the test"
    await listener.close()


async def rows_of_all(database):
    """Every row with the transaction that wrote it."""
    async with database.connection() as connection:
        return [
            tuple(row)
            for table in ("organisation", "login", "process", "trunk", "do_not_call", "lead", "event", "due")
            for row in await connection.fetch(f"select xmin::text, * from {table} order by 2, 3")  # noqa: S608
        ]


async def test_what_is_gone_is_retired_and_comes_back_as_the_same_row(database, applied):
    beta = GOOD.read_text("utf-8")
    beta = beta[beta.index("  - name: Beta") : beta.index("trunks:\n")]
    await applied()
    before = await catalogue_of(database)
    lines = await applied(
        (beta, ""), (', "+919800000001"', ""), (", {login: boss, role: supervisor}", ""), ("[boss, asha]", "[asha]")
    )
    assert lines == (
        "~ process VoiceProcess of Acme (users)",
        "- do_not_call +919800000001 of Acme",
        "- process BetaProcess of Beta",
        "- user boss of Acme",
        "- organisation Beta",
    )
    during = await catalogue_of(database)
    assert during.organisation_of("beta_key") is None
    assert during.process_of("BetaProcess") is None
    assert during.organisation_of("acme_key").logins == {"asha"}
    async with database.connection() as connection:
        assert await connection.fetchval("select retired_at from process where servicekey = 'BetaProcess'") == NOW
    assert await applied() == (
        "+ organisation Beta",
        "+ user boss of Acme",
        "~ process VoiceProcess of Acme (users)",
        "+ do_not_call +919800000001 of Acme",
        "+ process BetaProcess of Beta",
    )
    assert await catalogue_of(database) == before


async def test_what_was_made_by_api_stays_and_is_not_taken_over(database, applied):
    await applied()
    async with database.connection() as connection:
        await connection.execute("update trunk set origin = 'api' where name = 'gsm'")
        await connection.execute("update login set origin = 'api' where login = 'boss'")
    with pytest.raises(ConfigurationError, match="trunk gsm was not made by a configuration file"):
        await applied()
    gsm = next(
        entry for entry in re.split(r"(?m)^(?=  - )|^(?=flows:)", GOOD.read_text("utf-8")) if "name: gsm" in entry
    )
    await applied(
        (gsm, ""), ("[gsm, telco]", "[telco]"), (", {login: boss, role: supervisor}", ""), ("[boss, asha]", "[asha]")
    )
    catalogue = await catalogue_of(database)
    assert "gsm" in catalogue.trunks
    assert "boss" in catalogue.organisation_of("acme_key").logins


async def test_keys_may_be_exchanged_and_an_organisation_renamed(database, applied):
    await applied()
    lead = await a_lead(database)
    lines = await applied(("acme_key", "x_key"), ("beta_key", "acme_key"), ("x_key", "beta_key"))
    assert lines == ("~ organisation Acme (apikey)", "~ organisation Beta (apikey)")
    assert (await catalogue_of(database)).organisation_of("beta_key").name == "Acme"
    lines = await applied(
        ("acme_key", "x_key"), ("beta_key", "acme_key"), ("x_key", "beta_key"), ("name: Acme", "name: Acme Ltd")
    )
    assert lines == ("~ organisation Acme Ltd (name)",)
    organisation = (await catalogue_of(database)).organisation_of("beta_key")
    assert (organisation.name, organisation.id) == ("Acme Ltd", lead.organisation_id)


@pytest.mark.parametrize("state", [LeadState.SCHEDULED, LeadState.AWAITING_PROMPT, LeadState.OFFERED])
async def test_a_number_that_is_listed_later_closes_its_open_leads(database, applied, state):
    await applied()
    lead = await a_lead(database, state=state, events=4)
    other = await a_lead(database, number="+919812345679")
    assert await applied(("+919800000001", "+919812345678")) == (
        "+ do_not_call +919812345678 of Acme",
        "- do_not_call +919800000001 of Acme",
    )
    closed, due, timeline = await as_stored(database, lead)
    assert (closed.state, closed.closed_reason, closed.due_at, closed.events) == ("closed", "do_not_call", None, 5)
    assert due == []
    assert [(event["kind"], event["seq"], event["reason"]) for event in timeline] == [("lead.closed", 5, "do_not_call")]
    assert await as_stored(database, other) == (other, ["call"], [])


async def test_a_listed_number_closes_nothing_that_rings_nobody_or_rings_now(database, applied):
    await applied()
    beside = [
        await a_lead(database, "Inbound", due_at=None),
        await a_lead(database, media=Media.EMAIL_IN, due_at=None),
        await a_lead(database, state=LeadState.DIALING),
        await a_lead(database, "BetaProcess"),
    ]
    await applied(("+919800000001", "+919812345678"))
    for lead in beside:
        assert (await as_stored(database, lead))[0] == lead


async def test_a_listed_number_waits_for_the_push_that_holds_its_lead(database, applied):
    await applied()
    lead = await a_lead(database)
    async with database.transaction() as pushing:
        await pushing.execute("select from lead where id = $1 for update", lead.id)
        applying = asyncio.create_task(applied(("+919800000001", "+919812345678")))
        await until_somebody_waits_for_a_lock(database)
        assert not applying.done()
    await asyncio.wait_for(applying, 30)
    assert (await as_stored(database, lead))[0].state == "closed"


async def until_somebody_waits_for_a_lock(database):
    async with asyncio.timeout(20), database.connection() as connection:
        while not await connection.fetchval("select count(*) from pg_locks where not granted"):
            pass


async def test_another_text_sends_waiting_leads_back_for_their_speech(database, applied):
    await applied()
    waiting = [await a_lead(database, events=n) for n in range(3)]
    preview = await a_lead(database, calltype=CallType.PREVIEW)
    beside = [await a_lead(database, state=LeadState.DIALING), await a_lead(database, due_at=None)]
    assert await applied(("Hello {{ fname }}", "Good day {{ fname }}")) == ("~ process VoiceProcess of Acme (flow)",)
    for lead in (*waiting, preview):
        stored, due, [event] = await as_stored(database, lead)
        assert (stored.state, stored.due_at, due) == ("awaiting_prompt", lead.due_at, ["prompt"])
        assert (event["kind"], event["seq"]) == ("lead.awaiting_prompt", lead.events + 1)
    for lead in beside:
        assert (await as_stored(database, lead))[0] == lead


async def test_another_language_is_another_speech(database, applied):
    await applied()
    lead = await a_lead(database)
    assert await applied(("language: hi-IN, voice: f3", "language: mr")) == ("~ process VoiceProcess of Acme (speech)",)
    assert (await as_stored(database, lead))[0].state == "awaiting_prompt"


async def test_a_change_that_nobody_hears_leaves_leads_alone(database, applied):
    await applied()
    lead = await a_lead(database)
    assert await applied(("outcome: completed", "outcome: done"), ("ring_timeout: 45s", "ring_timeout: 50s")) == (
        "~ process VoiceProcess of Acme (flow, ring_timeout)",
    )
    assert (await as_stored(database, lead))[0] == lead


async def test_leads_that_a_rule_held_are_looked_at_by_the_new_rules(database, applied):
    await applied()
    held = [await a_lead(database, held_by="calling_hours", events=n) for n in range(3)]
    beside = [
        await a_lead(database),
        await a_lead(database, held_by="calling_hours", state=LeadState.CLOSED),
        await a_lead(database, held_by="tts_subscription", state=LeadState.AWAITING_PROMPT),
    ]
    await applied(("ring_timeout: 45s", "ring_timeout: 50s"))
    for lead in held:
        stored, due, [event] = await as_stored(database, lead)
        assert (stored.state, stored.due_at, stored.held_by, due) == ("scheduled", NOW, None, ["call"])
        assert (event["kind"], event["seq"]) == ("lead.scheduled", lead.events + 1)
    for lead in beside:
        assert (await as_stored(database, lead))[0] == lead


async def test_another_trunk_releases_leads_of_every_process(database, applied):
    await applied()
    held = [await a_lead(database, held_by="trunk"), await a_lead(database, "BetaProcess", held_by="trunk")]
    await applied(("channels: 30", "channels: 31"))
    assert {(await as_stored(database, lead))[0].due_at for lead in held} == {NOW}


async def test_where_nothing_is_said_any_more_nobody_waits_for_speech(database, applied):
    await applied()
    lead = await a_lead(database, state=LeadState.AWAITING_PROMPT)
    assert await applied(("flow: welcome", "flow: silent")) == ("~ process VoiceProcess of Acme (flow)",)
    stored, due, [event] = await as_stored(database, lead)
    assert (stored.state, due, event["kind"]) == ("scheduled", ["call"], "lead.scheduled")


async def test_more_leads_than_one_batch_go_back(database, applied, monkeypatch):
    monkeypatch.setattr("leadline.configuration.consequences.BATCH", 2)
    await applied()
    waiting = [await a_lead(database) for _ in range(5)]
    await applied(("Hello", "Good day"))
    assert {(await as_stored(database, lead))[0].state for lead in waiting} == {"awaiting_prompt"}


async def test_two_at_once_make_one(database, applied):
    configuration = read(GOOD, ENV)

    async def once():
        async with database.transaction() as connection:
            made = await plan(connection, configuration)
            await apply(connection, made, StoppedClock())
        return len(made.lines)

    assert sorted(await asyncio.gather(once(), once(), once())) == [0, 0, 13]


async def test_a_plan_that_fails_half_way_changes_nothing(database):
    configuration = read(GOOD, ENV)
    acme = configuration.organisations[0]
    twice = replace(configuration, organisations=(acme, replace(configuration.organisations[1], apikey=acme.apikey)))
    async with database.connection() as connection:
        made = await plan(connection, twice)
        with pytest.raises(asyncpg.UniqueViolationError):
            await apply(connection, made, StoppedClock())
        assert await connection.fetchval("select count(*) from organisation") == 0
