"""`leadline processes` in the terminal, on a real database: what predictive dials by, and which trunks take no call."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
import yaml

from leadline.bootstrap import apply_configuration
from leadline.calling.pacing import Meter
from leadline.cli.control import Desk
from leadline.configuration.reading import read
from leadline.domain.breaker import Circuit
from leadline.settings import Settings
from leadline.store import circuits
from leadline.store.catalogue import CatalogueReader

CONFIGURATION = {
    "organisations": [
        {
            "name": "Acme",
            "apikey": "test_org",
            "timezone": "Asia/Kolkata",
            "subscriptions": {"tts": {"until": "2099-12-31"}},
            "users": [{"login": "asha@acme.example", "endpoint": "sip:asha@127.0.0.1:5090"}],
            "processes": [
                {"servicekey": "Plain", "flow": "bye"},
                {
                    "servicekey": "Ahead",
                    "mode": "predictive",
                    "users": ["asha@acme.example"],
                    "speech": {"language": "en"},
                    "pacing": {"abandoned_message": {"en": "This was Acme."}},
                },
            ],
        }
    ],
    "trunks": [{"name": "telco", "uri": "sip:{number}@127.0.0.1:5062"}],
    "flows": [{"name": "bye", "start": "bye", "nodes": {"bye": {"hangup": {"outcome": "done"}}}}],
}


@pytest.fixture
async def desk(database, dsn, tmp_path, monkeypatch) -> Desk:
    """Of a process that dials ahead, nine of whose ten customers talked to somebody."""
    file = tmp_path / "leadline.yaml"
    file.write_text(yaml.safe_dump(CONFIGURATION))
    await apply_configuration(dsn, read(file, {}))
    catalogue = CatalogueReader(database)
    await catalogue.refresh()
    meter, now = Meter(catalogue().process_of("Ahead")), datetime.now(UTC)
    async with database.transaction() as connection:
        for _ in range(10):
            await meter.answered(connection, now, 8.0)
            await meter.ended(connection, now, rang=20.0)
        await meter.abandoned(connection, now)
    monkeypatch.setenv("COLUMNS", "300")
    return Desk(None, Settings.from_environment({"LEADLINE_DATABASE_URL": dsn}))


async def test_it_shows_what_predictive_dials_by(desk, capsys):
    await asyncio.to_thread(desk.processes, as_json=False)
    heading, ahead, plain, *rest = capsys.readouterr().out.splitlines()
    assert "Dialing ahead" in heading
    assert "50% answer after 8 s, 0 s with an agent; 1 of 10 abandoned in 30 days (10.0% of 3.0%), room for 0" in ahead
    assert plain.split() == ["Plain", "0", "0"]
    assert rest == []
    await asyncio.to_thread(desk.processes, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["Plain"]["pacing"] is None
    assert (told["Ahead"]["pacing"]["answer_rate"], told["Ahead"]["pacing"]["abandonment"]) == (0.5, 0.1)


async def test_it_says_which_trunk_is_down_and_when_it_is_tried(desk, database, capsys):
    async with database.connection() as connection:
        await circuits.down(connection, "gone", "telco", Circuit(0.0, 30.0, "10 of the last 10 calls failed"))
        tried_at = await connection.fetchval("select until from circuit")
    await asyncio.to_thread(desk.processes, as_json=False)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("Trunk telco takes no call: down since ")
    assert told.endswith(
        f"tried with one call from {tried_at:%Y-%m-%d %H:%M:%S UTC} on: 10 of the last 10 calls failed"
    )
