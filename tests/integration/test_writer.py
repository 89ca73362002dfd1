"""Pushes that share a transaction: as if one had come after the other, and none for another's sake."""

import asyncio

import asyncpg
import pytest
from intake_front import Counting, Front

from builders import NOON, NUMBER, a_catalogue, a_lead, a_process, an_organisation, insert, new_ids
from leadline.domain.errors import Overloaded
from leadline.domain.vendor import UpdateParameter
from leadline.intake import command, deciding
from leadline.intake.request import Limits, authenticate, understand
from leadline.store import answers, leads, matching, writing
from leadline.store.answers import Answer, Place
from leadline.store.database import Database

OTHER = "9812345678"


@pytest.fixture
async def database(dsn):
    pool = Counting(dsn)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def front(database):
    return Front(database)


def a_push_of(front, *records, **nodes):
    given = {
        "apikey": "test_org", "servicekey": "VoiceProcess", "media": 12, "updateparam": "mobilenumber",
        "reqdatetime": "2026-11-24 11:00:00", "data": list(records), **nodes,
    }  # fmt: skip
    return understand(given, authenticate(given, front.catalogue), front.catalogue, Limits(), "json")


async def test_a_hundred_pushes_at_once_are_one_transaction(front, database):
    pushes = [front.push({"mobilenumber": f"98450{n:05}"}) for n in range(100)]
    answers = await asyncio.gather(*pushes)
    assert {answer["counts"]["created"] for answer in answers} == {1}
    assert database.transactions == 1
    assert len(await front.rows("lead")) == len(await front.rows("push")) == 100
    assert len(await front.rows("due", "lead_id")) == 100
    assert len({answer["requestid"] for answer in answers}) == 100


async def test_a_key_that_comes_twice_in_a_batch_is_created_once_and_the_later_wins(front, database):
    answers = await asyncio.gather(
        front.push({"mobilenumber": OTHER}),
        *(front.push({"mobilenumber": NUMBER, "name": f"turn {n}"}, verbose=1) for n in range(5)),
    )
    assert database.transactions == 1
    assert [a["results"][0]["action"] for a in answers[1:]] == ["created"] + ["updated"] * 4
    assert len({a["results"][0]["leadid"] for a in answers[1:]}) == 1
    assert [lead["name"] for lead in await front.rows("lead")] == [None, "turn 4"]
    assert [event["seq"] for event in await front.rows("event") if event["lead_id"] == 2] == [1, 2, 3, 4, 5, 6]


async def test_a_batch_mixes_organisations_each_with_its_own_list(database):
    other = an_organisation(id=2, name="Beta")
    processes = (a_process(), a_process(organisation_id=2, id=2, servicekey="Beta"))
    front = Front(database, a_catalogue(*processes, organisations=(("beta_org", other),)))
    async with database.connection() as connection:
        await connection.execute(
            "insert into organisation (name, apikey_sha256, timezone) values ('a', 'a', 'UTC'), ('b', 'b', 'UTC')"
        )
        await connection.execute("insert into do_not_call values (2, $1, 'file', now())", NUMBER)
    before = database.transactions
    _, acme, beta = await asyncio.gather(
        front.push({"mobilenumber": OTHER}),
        front.push({"mobilenumber": NUMBER}, verbose=1),
        front.push({"mobilenumber": NUMBER}, verbose=1, apikey="beta_org", servicekey="Beta"),
    )
    assert database.transactions - before == 1
    assert (acme["results"][0]["action"], beta["results"][0]["action"]) == ("created", "stored_not_dialable")
    assert [(lead["organisation_id"], lead["process_id"]) for lead in await front.rows("lead")][1:] == [(1, 1), (2, 2)]


async def test_a_push_by_another_parameter_finds_what_an_earlier_one_wrote(front):
    answers = await asyncio.gather(
        front.push({"mobilenumber": OTHER}),
        front.push({"mobilenumber": NUMBER, "customercode": "C1"}, verbose=1),
        front.push({"customercode": "C1", "name": "x"}, updateparam="customercode", verbose=1),
        front.push({"mobilenumber": NUMBER, "name": "y"}, verbose=1),
    )
    assert [a["results"][0]["action"] for a in answers[1:]] == ["created", "updated", "updated"]
    assert len(await front.rows("lead")) == 2


async def test_a_push_that_postgresql_refuses_fails_by_itself(front, database):
    async with database.connection() as connection:
        await connection.execute("alter table lead add constraint nobody check (fname <> 'Nobody')")
    first, good, bad, fine = await asyncio.gather(
        front.push({"mobilenumber": OTHER}),
        front.push({"mobilenumber": NUMBER}),
        front.push({"mobilenumber": "9812345671", "fname": "Nobody"}),
        front.push({"mobilenumber": "9812345672"}),
        return_exceptions=True,
    )
    assert isinstance(bad, asyncpg.CheckViolationError)
    assert {answer["counts"]["created"] for answer in (first, good, fine)} == {1}
    assert len(await front.rows("push")) == 3


async def test_what_another_transaction_holds_holds_up_nobody_else(front, database):
    await front.push({"mobilenumber": NUMBER})
    async with database.transaction() as connection:
        await leads.get(connection, 1, 1, lock=True)
        held = asyncio.create_task(front.push({"mobilenumber": NUMBER, "name": "x"}))
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*(front.push({"mobilenumber": f"98450{n:05}"}) for n in range(10)))
        assert {answer["counts"]["created"] for answer in answers} == {1}
        assert not held.done()
    assert (await held)["counts"]["updated"] == 1


async def test_what_is_held_for_another_push_is_waited_for_by_itself(front, database):
    """Its key is locked and its lead is not there yet: nobody may make a second one."""
    push = a_push_of(front, {"mobilenumber": NUMBER})
    stripes = deciding.reading_of(push, [*deciding.read_records(push)]).stripes
    async with database.transaction() as connection:
        assert not await matching.hold(connection, stripes, waits=True)
        second = asyncio.create_task(front.push({"mobilenumber": NUMBER, "name": "x"}))
        assert (await front.push({"mobilenumber": OTHER}))["counts"]["created"] == 1
        assert not second.done()
        await insert(connection, [a_lead(id=(await new_ids(connection, 1))[0])])
    assert (await second)["counts"]["updated"] == 1
    assert len(await front.rows("lead")) == 2


class Seal:
    """Keeps that a push was taken; `refuses` is what it raises where it is opened."""

    def __init__(self, key, refuses=None):
        self.place, self.refuses, self.taken = Place(1, "door", key), refuses, []

    async def open(self, connection):
        assert await answers.lock(connection, *self.place, wait=True)
        if self.refuses:
            raise self.refuses

    def keep(self, taken):
        self.taken.append(taken)
        return Answer(b"digest", b"answer")


async def test_sealed_pushes_share_a_transaction_and_keep_their_answers_in_it(front, database):
    seals = [Seal(f"r{n}") for n in range(10)]
    takes = [
        front.intake._intake.take(a_push_of(front, {"mobilenumber": f"98450{n:05}"}), seal)
        for n, seal in enumerate(seals)
    ]
    taken = await asyncio.gather(front.push({"mobilenumber": OTHER}), *takes)
    assert database.transactions == 1
    assert [seal.taken for seal in seals] == [[one] for one in taken[1:]]
    assert {(row["key"], row["answer"]) for row in await front.rows("answer", "key")} == {
        (seal.place.key, b"answer") for seal in seals
    }


async def test_of_two_pushes_with_one_seal_in_a_batch_the_later_opens_it_when_the_first_is_stored(front, database):
    first, second = Seal("r"), Seal("r", refuses=KeyError("answered before"))
    taken = await asyncio.gather(
        front.push({"mobilenumber": OTHER}),
        front.intake._intake.take(a_push_of(front, {"mobilenumber": NUMBER}), first),
        front.intake._intake.take(a_push_of(front, {"mobilenumber": NUMBER, "name": "x"}), second),
        return_exceptions=True,
    )
    assert taken[1:] == [first.taken[0], second.refuses]
    assert second.taken == []
    assert database.transactions == 2
    assert [lead["name"] for lead in await front.rows("lead")] == [None, None]


async def test_what_a_seal_raises_goes_out_unchanged_and_nothing_is_written(front, database):
    refusal = KeyError("answered before")
    async with database.transaction() as connection:
        await answers.write(connection, [(Place(1, "door", "r"), Answer(b"digest", b"answer"))], front.clock.now())
    with pytest.raises(KeyError) as raised:
        await front.intake._intake.take(a_push_of(front, {"mobilenumber": NUMBER}), Seal("r", refusal))
    assert raised.value is refusal
    assert await front.rows("lead") == await front.rows("push") == []


async def test_a_push_beyond_what_may_be_under_way_is_sent_away(front, database, monkeypatch):
    monkeypatch.setattr(command, "MOST_UNDER_WAY", 3)
    async with database.transaction() as connection:
        await connection.execute("select pg_advisory_xact_lock(1, n) from generate_series(0, 511) as n")
        waiting = asyncio.create_task(front.push({"mobilenumber": NUMBER}, {"mobilenumber": OTHER}))
        while not front.intake._intake._under_way:
            await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="2 records are being stored already"):
            await front.push({"mobilenumber": "9812345671"}, {"mobilenumber": "9812345672"})
    assert (await waiting)["counts"]["created"] == 2
    many = [{"mobilenumber": f"98450{n:05}"} for n in range(5)]
    assert (await front.push(*many))["counts"]["created"] == 5


async def test_a_push_of_many_records_is_one_transaction_in_several_parts(front, database, monkeypatch):
    monkeypatch.setattr(writing, "PART", 7)
    records = [{"mobilenumber": f"98450{n:05}", "customercode": n} for n in range(250)]
    assert (await front.push(*records))["counts"]["created"] == 250
    assert database.transactions == 1
    updated = await front.push(*({**record, "name": "x"} for record in reversed(records)))
    assert updated["counts"]["updated"] == 250
    stored = await front.rows("lead")
    assert [int(lead["customercode"]) for lead in stored] == list(range(250))
    assert {(lead["name"], lead["events"]) for lead in stored} == {("x", 3)}
    assert len(await front.rows("due", "lead_id")) == 250
    assert len(await front.rows("event")) == 750


async def test_every_push_is_in_the_log_with_its_counts_its_rejected_and_its_warnings(front):
    await asyncio.gather(
        front.push({"mobilenumber": OTHER}),
        front.push({"mobilenumber": NUMBER}, {"calltype": "?", "mobilenumber": 1}, requestid="r-1"),
        front.push(7, requestid="r-2"),
    )
    log = {row["requestid"]: row for row in await front.rows("push")}
    assert log["r-1"]["counts"] == {"created": 1, "rejected": 1}
    assert [r["record"] for r in log["r-1"]["rejected"]] == [{"calltype": "?", "mobilenumber": 1}]
    assert (log["r-2"]["counts"], log["r-2"]["rejected"][0]["code"]) == ({"rejected": 1}, "not_an_object")


async def test_what_is_due_soon_is_told_and_what_is_due_in_a_year_is_not(front, dsn):
    heard = []
    listener = await asyncpg.connect(dsn)
    await listener.add_listener("due", lambda *what: heard.append(what))
    await front.push({"mobilenumber": NUMBER, "calldatetime": "2036-01-01 00:00:00"})
    await listener.execute("select 1")
    assert heard == []
    await asyncio.gather(*(front.push({"mobilenumber": f"98450{n:05}"}) for n in range(20)))
    await listener.execute("select 1")
    assert len(heard) == 1
    await listener.close()


@pytest.mark.parametrize("parameter", UpdateParameter)
async def test_keys_are_looked_up_by_their_own_index_though_nothing_was_there_when_it_was_planned(dsn, parameter):
    database = Database(dsn, connections=1)
    await database.open()
    async with database.transaction() as connection:
        await matching.hold(connection, [(1, 1)], waits=False)
        plan = await connection.prepare(f"explain {matching._MATCH[leads.KEY_COLUMNS[parameter], False]}")
        lines = "\n".join(row[0] for row in await plan.fetch([1], ["x"], [1], [1], ["x"], NOON))
    await database.close()
    assert (
        f"Index Scan using lead_{leads.KEY_COLUMNS[parameter].removesuffix('_key').replace('crm', 'crm_key')} on"
        in lines
    )
    assert "lead_pkey" in lines
    assert "do_not_call_number" in lines
    assert "Seq Scan" not in lines
