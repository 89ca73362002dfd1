"""Every document of tests/corpus/push is answered as its file says, and stored as it says.

A file holds `request` (a document) or `body` (a file beside it, byte by byte), the `answer` (what it must hold,
lists in full), and may change the `process`, its `trunk`, the `organisation`, the `limits`; `lead` is what the
first lead must be.
"""

import json
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from builders import FixedClock, a_catalogue, a_policy, a_process, a_trunk, an_organisation
from leadline.domain.flow import Flow, Say
from leadline.domain.policy import ProcessPolicy
from leadline.intake.command import Intake
from leadline.intake.explain import Explainer
from leadline.intake.request import Limits
from leadline.intake.siblings import Siblings
from leadline.intake.vendor import VendorIntake
from leadline.store.catalogue import Catalogue, key_hash

CORPUS = Path(__file__).parents[1] / "corpus" / "push"
CASES = [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in sorted(CORPUS.glob("*/*.json"))]


def catalogue_of(case: dict) -> Catalogue:
    values = dict(case.get("process", {}))
    rules = [
        dict(zip(("name", "type", "label", "required", "max_length"), rule, strict=False))
        for rule in values.pop("fields", [])
    ]
    policy = msgspec.convert(msgspec.to_builtins(a_policy(**values)) | {"fields": rules}, ProcessPolicy)
    flow = Flow(name="f", start="s", nodes={"s": Say({"": "hello"}, "s")}) if case.get("speaks") else None
    acme = an_organisation(**case.get("organisation", {}))
    ours = a_process(policy=policy, trunks=(a_trunk(**case.get("trunk", {})),), flow=flow)
    foreign = a_process(id=2, organisation_id=2, servicekey="Foreign")
    catalogue = a_catalogue(ours, foreign, organisations=(("other", an_organisation(id=2, name="Other")),))
    return Catalogue(
        catalogue.organisations | {1: acme}, catalogue.keys | {key_hash("test_org"): 1}, catalogue.processes,
        catalogue.servicekeys, catalogue.trunks,
    )  # fmt: skip


def assert_holds(found: object, wanted: object, where: str = "answer") -> None:
    """`wanted` is in `found`: objects may hold more, lists may not."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), f"{where} is {found!r}"
        for name, value in wanted.items():
            assert name in found, f"{where} has no {name}"
            assert_holds(found[name], value, f"{where}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), f"{where} is {found!r}"
        assert len(found) == len(wanted), f"{where} is {found!r}"
        for index, value in enumerate(wanted):
            assert_holds(found[index], value, f"{where}[{index}]")
    else:
        assert found == wanted, f"{where} is {found!r}, not {wanted!r}"


@pytest.mark.parametrize("path", CASES)
async def test_the_corpus(path, database):
    case = json.loads(path.read_text())
    body = (path.parent / case["body"]).read_bytes() if "body" in case else json.dumps(case["request"]).encode()
    clock = FixedClock()
    limits = Limits(**case.get("limits", {}))
    siblings = Siblings(database, clock, limits)
    intake = VendorIntake(Intake(database, clock), Explainer(database, clock), siblings, clock, limits)

    answer = msgspec.json.decode(msgspec.json.encode(await intake.answer(body, catalogue_of(case), "json")))

    assert_holds(answer, case["answer"])
    assert datetime.strptime(answer["resdatetime"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  (a wall clock's)
    async with database.connection() as connection:
        rows = [dict(row) for row in await connection.fetch("select * from lead order by id")]
    if path.parent.name == "bad":
        assert rows == []
    else:
        assert rows != []
        stored = {name: v.isoformat() if isinstance(v, datetime) else v for name, v in rows[0].items()}
        assert_holds(stored, case.get("lead", {}), "lead")
