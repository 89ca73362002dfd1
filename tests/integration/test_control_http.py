"""Control and metrics over HTTP: what is read, what is told, what is refused."""

import re
from pathlib import Path

import msgspec
import pytest
from api import a_rest_push, an_application, client_of

from builders import SERVICEKEY, a_catalogue, a_process, an_organisation
from leadline.domain.attempt import Outcome
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import Database
from leadline.web import control_shapes
from leadline.web.metrics import NAMES
from leadline.web.tally import Tally

OTHER = "other_org"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
async def client(database: Database):
    async with database.connection() as connection:
        for name in ("Acme", "Other"):
            await connection.execute(
                "insert into organisation (name, apikey_sha256, timezone) values ($1, $2, 'UTC')", name, name.encode()
            )
        for organisation, servicekey in ((1, SERVICEKEY), (1, "Second"), (2, "Foreign")):
            await connection.execute(
                "insert into process (organisation_id, servicekey, policy) values ($1, $2, '{}')",
                organisation,
                servicekey,
            )
    known = a_catalogue(
        a_process(),
        a_process(id=2, servicekey="Second"),
        a_process(id=3, servicekey="Foreign", organisation_id=2),
        organisations=((OTHER, an_organisation(id=2, name="Other")),),
    )
    async with client_of(an_application(database, known)) as client:
        yield client


async def pushed(client, count: int) -> list[int]:
    records = [{"mobilenumber": f"845289230{n}", "calldatetime": "2026-11-24 18:00:00"} for n in range(count)]
    answer = (await client.post("/v1/leads:push", json=a_rest_push(*records))).json()
    return [result["leadid"] for result in answer["results"]]


async def test_processes_tell_how_they_stand(client):
    await pushed(client, 3)
    assert (await client.post(f"/v1/processes/{SERVICEKEY}:pause")).json() == {
        "servicekey": SERVICEKEY, "paused": True, "stopped": False, "hanging_up": 0,
    }  # fmt: skip
    answer = await client.get("/v1/processes")
    listed = msgspec.json.decode(answer.content, type=control_shapes.Processes).items
    assert [(one.servicekey, one.paused, one.waiting) for one in listed] == [
        ("Second", False, {}), (SERVICEKEY, True, {"scheduled": {"1001": 3}}),
    ]  # fmt: skip
    stopped = (await client.post(f"/v1/processes/{SERVICEKEY}:stop")).json()
    assert (stopped["paused"], stopped["stopped"]) == (True, True)
    assert (await client.post(f"/v1/processes/{SERVICEKEY}:pause")).json()["stopped"] is True
    resumed = await client.post(f"/v1/processes/{SERVICEKEY}:resume")
    assert msgspec.json.decode(resumed.content, type=control_shapes.ProcessAnswer).paused is False


async def test_leads_are_cancelled_moved_and_closed(client):
    first, second, third = await pushed(client, 3)
    cancelled = await client.post(f"/v1/leads/{first}:cancel")
    assert cancelled.json() == {"id": first, "result": "cancelled"}
    assert (await client.post(f"/v1/leads/{first}:cancel")).json()["result"] == "unchanged"
    body = {"servicekey": SERVICEKEY, "calldatetime": "2026-11-25 10:00:00"}
    trial = (await client.post("/v1/leads:reschedule", json=body | {"dry_run": True})).json()
    assert (trial["dry_run"], trial["matching"], trial["changed"], trial["closed"]) == (True, 3, 2, 1)
    assert (await client.get(f"/v1/leads/{second}")).json()["due_at"] == "2026-11-24T12:30:00Z"
    done = await client.post("/v1/leads:reschedule", json=body)
    assert msgspec.json.decode(done.content, type=control_shapes.BulkAnswer).changed == 2
    assert (await client.get(f"/v1/leads/{second}")).json()["due_at"] == "2026-11-25T04:30:00Z"
    again = (await client.post("/v1/leads:reschedule", json=body)).json()
    assert (again["changed"], again["unchanged"], again["left"]) == (0, 2, 0)
    assert (await client.post("/v1/leads:close", json={"ids": [third]})).json()["changed"] == 1
    assert (await client.get(f"/v1/leads/{third}")).json()["closed_reason"] == "cancelled"
    timeline = (await client.get(f"/v1/leads/{second}/timeline")).json()["items"]
    assert timeline[-1]["reason"] == "rescheduled by hand"


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/leads:close", {}, 422, "servicekey"),
        ("/v1/leads:close", {"servicekey": "Foreign"}, 404, "servicekey"),
        ("/v1/leads:close", {"servicekey": SERVICEKEY, "stat": "closed"}, 422, "stat"),
        ("/v1/leads:close", {"servicekey": SERVICEKEY, "state": "asleep"}, 422, "state"),
        ("/v1/leads:close", {"ids": ["x"]}, 422, "ids"),
        ("/v1/leads:close", {"servicekey": SERVICEKEY, "calltype": 2}, 422, "calltype"),
        ("/v1/leads:reschedule", {"servicekey": SERVICEKEY, "calldatetime": "soon"}, 422, "calldatetime"),
        ("/v1/leads:reschedule", {"servicekey": SERVICEKEY, "created_after": "2026"}, 422, "created_after"),
        ("/v1/leads:reschedule", [], 422, None),
        ("/v1/processes/Foreign:stop", None, 404, "servicekey"),
        ("/v1/leads/99:cancel", None, 404, "lead_id"),
        ("/v1/leads/x:cancel", None, 400, "lead_id"),
        (f"/v1/processes/{SERVICEKEY}:stop?now=1", None, 400, "now"),
    ],
)
async def test_what_cannot_be_done_names_the_field(client, path, body, status, field):
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert answer.json()["detail"]


async def test_another_organisations_processes_and_leads_are_not_there(client):
    (lead_id,) = await pushed(client, 1)
    client.headers["Authorization"] = f"Bearer {OTHER}"
    assert [one["servicekey"] for one in (await client.get("/v1/processes")).json()["items"]] == ["Foreign"]
    assert (await client.post(f"/v1/leads/{lead_id}:cancel")).status_code == 404
    assert (await client.post("/v1/leads:close", json={"ids": [lead_id]})).json()["matching"] == 0


async def metrics_of(client) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_metrics_count_what_was_pushed_and_what_waits(client, database):
    await pushed(client, 3)
    async with database.connection() as connection:
        await connection.execute("update due set due_at = '2026-11-24 06:29:00Z'")
        await connection.execute("update lead set held_by = 'calling_hours' where id = 1")
    read = await metrics_of(client)
    assert read["leadline_pushes_total"] == 1
    assert read['leadline_records_total{action="created"}'] == 3
    assert read['leadline_attempts_total{outcome="busy"}'] == 0
    assert read['leadline_due{kind="call",process="VoiceProcess"}'] == 3
    assert read['leadline_due_late_seconds{kind="call",process="VoiceProcess"}'] == 60
    assert read['leadline_held{process="VoiceProcess",rule="calling_hours"}'] == 1
    assert read["leadline_database_up"] == 1


async def test_without_the_database_the_counters_are_still_there():
    class Away(Database):
        def snapshot(self):
            raise DatabaseUnavailable("PostgreSQL does not answer")

    async with client_of(an_application(Away("postgresql:///"))) as client:
        read = await metrics_of(client)
    assert read["leadline_database_up"] == 0
    assert read["leadline_pushes_total"] == 0
    assert "leadline_workers" not in read


async def test_every_metric_is_documented_and_every_documented_one_is_there(client):
    documented = set(re.findall(r"`(leadline_[a-z_]+)", (DOCS / "running.md").read_text()))
    assert documented == set(NAMES)
    told = (await client.get("/metrics")).text
    assert {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")} == documented


def test_processes_that_share_memory_count_together():
    one = Tally.create()
    other = Tally(one._table)
    one.pushed([{"created": 2, "rejected": 1}])
    other.pushed([{"created": 3}])
    other.ended(Outcome.BUSY)
    told = {(what, by): count for what, by, count in one}
    assert (told["pushes", ""], told["records", "created"], told["records", "rejected"]) == (2, 5, 1)
    assert told["attempts", "busy"] == 1
