"""Builders: each makes a whole thing of which a test names only what matters to it."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from leadline.domain.lead import Lead, LeadState
from leadline.domain.policy import PrefixRule, ProcessPolicy, TrunkPolicy
from leadline.domain.record import Record
from leadline.store.catalogue import Catalogue, Organisation, Process, key_hash
from leadline.store.writing import Rows, write

NOON = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
"""A Tuesday, twelve o'clock in India."""
APIKEY = "test_org"
SERVICEKEY = "VoiceProcess"
NUMBER = "+918452892308"


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing is to wait in this test, but something waits {seconds} s")


def a_trunk(**values: Any) -> TrunkPolicy:
    given = {
        "name": "telco",
        "uri": "sip:{number}@127.0.0.1:5062",
        "prefix": PrefixRule(home_region="IN", international="00", national="0"),
    }
    return TrunkPolicy(**(given | values))


def a_policy(**values: Any) -> ProcessPolicy:
    return ProcessPolicy(**({"servicekey": SERVICEKEY, "region": "IN"} | values))


def an_organisation(**values: Any) -> Organisation:
    given = {
        "id": 1,
        "name": "Acme",
        "timezone": ZoneInfo("Asia/Kolkata"),
        "lenient_json": False,
        "tts_until": date(2099, 12, 31),
        "logins": frozenset({"asha@acme.example"}),
    }
    return Organisation(**(given | values))


def a_process(**values: Any) -> Process:
    """A process with one trunk and no flow; keywords of its policy go into the policy."""
    own = {name: values.pop(name) for name in Process.__dataclass_fields__.keys() & values.keys()}
    policy = own.pop("policy", None) or a_policy(**({"servicekey": own.get("servicekey", SERVICEKEY)} | values))
    given = {
        "organisation_id": 1,
        "id": 1,
        "servicekey": policy.servicekey,
        "policy": policy,
        "flow": None,
        "trunks": (a_trunk(),),
        "spoken": frozenset(),
    }
    return Process(**(given | own))


def a_catalogue(*processes: Process, organisations: tuple[tuple[str, Organisation], ...] = ()) -> Catalogue:
    """A catalogue of these processes, of Acme with the key `test_org` and of any further organisations."""
    keyed = ((APIKEY, an_organisation()), *organisations)
    chosen = processes or (a_process(),)
    return Catalogue(
        organisations={organisation.id: organisation for _, organisation in keyed},
        keys={key_hash(key): organisation.id for key, organisation in keyed},
        processes={process.id: process for process in chosen},
        servicekeys={process.servicekey: process.id for process in chosen},
        trunks={trunk.name: trunk for process in chosen for trunk in process.trunks},
    )


def a_lead(**values: Any) -> Lead:
    """A fresh lead with a valid number, scheduled and due since noon."""
    given = {
        "organisation_id": 1,
        "id": 7,
        "process_id": 1,
        "media": 12,
        "calltype": 1001,
        "asked_calltype": values.get("calltype", 1001),
        "state": LeadState.SCHEDULED,
        "mobilenumber": NUMBER,
        "number": NUMBER,
        "number_key": NUMBER,
        "due_at": NOON,
        "scheduled_by": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Lead(**(given | values))


async def new_ids(connection: Any, count: int) -> list[int]:
    """Ids for leads that are about to be inserted."""
    rows = await connection.fetch(
        "select nextval(pg_get_serial_sequence('lead', 'id')) as id from generate_series(1, $1::int)", count
    )
    return [row["id"] for row in rows]


async def insert(connection: Any, leads: Sequence[Lead]) -> None:
    """Write new leads as pushes do, with what is due of them."""
    await write(connection, Rows(new=list(leads)))


def a_record(**values: Any) -> Record:
    """A record as read, that carries nothing but its number."""
    given: dict[str, Any] = {
        "key": NUMBER,
        "carried": {"mobilenumber": NUMBER, "number": NUMBER, "number_key": NUMBER},
        "fields": {},
        "calltype": None,
        "call_at": None,
    }
    return Record(**(given | values))


def a_push(*records: Any, **nodes: Any) -> bytes:
    """The body of a Push Data request; a node given as `...` is left out."""
    document = {
        "method": "ImportProcessData",
        "apikey": APIKEY,
        "servicekey": SERVICEKEY,
        "media": "12",
        "updateparam": "mobilenumber",
        "reqdatetime": "2026-11-24 12:00:00",
        "data": list(records) or [{"mobilenumber": NUMBER}],
    }
    return json.dumps({name: value for name, value in (document | nodes).items() if value is not ...}).encode()
