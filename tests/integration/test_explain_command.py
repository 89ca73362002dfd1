"""`leadline explain` and `leadline keys`, on a real database."""

from pathlib import Path

import pytest
import uvloop
from api import a_rest_push, an_application, client_of

from builders import APIKEY, NUMBER
from leadline.bootstrap import apply_configuration
from leadline.cli import explain, keys
from leadline.cli.keys import Asked
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError
from leadline.settings import Settings
from leadline.store.catalogue import CatalogueReader
from leadline.store.keys import Scope

CONFIGURATION = """
organisations:
  - name: Acme
    apikey: test_org
    timezone: Asia/Kolkata
    subscriptions: {tts: {until: 2099-12-31}}
    processes: [{servicekey: VoiceProcess, flow: bye, calling_hours: null}]
trunks: [{name: telco, uri: "sip:{number}@127.0.0.1:5062"}]
flows: [{name: bye, start: bye, nodes: {bye: {hangup: {outcome: done}}}}]
"""


@pytest.fixture
async def known(database, dsn, tmp_path):
    """Acme, as `leadline apply` writes it, with one lead to be called in the year 2099."""
    file = tmp_path / "leadline.yaml"
    file.write_text(CONFIGURATION)
    await apply_configuration(dsn, read(file, {}))
    reader = CatalogueReader(database)
    await reader.refresh()
    async with client_of(an_application(database, reader())) as client:
        body = a_rest_push({"mobilenumber": NUMBER, "calldatetime": "2099-01-05 10:00:00"})
        assert (await client.post("/v1/leads:push", json=body)).status_code == 200
    return reader


async def test_the_terminal_explains_as_the_api_does(database, dsn, known):
    async with client_of(an_application(database, known())) as client:
        answered = (await client.get("/v1/leads/1/explain")).json()
    explanation = await explain.explained(dsn, 1)
    assert explanation["due_at_local"] == answered["due_at_local"] == "2099-01-05T10:00:00+05:30"
    assert [verdict["rule"] for verdict in explanation["verdicts"]] == [v["rule"] for v in answered["verdicts"]]
    with pytest.raises(ConfigurationError, match="there is no lead 2"):
        await explain.explained(dsn, 2)


async def test_the_table_tells_each_rule_and_the_next_call(dsn, known, capsys, monkeypatch):
    explanation = await explain.explained(dsn, 1)
    monkeypatch.setattr(uvloop, "run", lambda coroutine: (coroutine.close(), explanation)[1])
    explain.show(1, None, Settings.from_environment({"LEADLINE_DATABASE_URL": dsn}), as_json=False)
    said = capsys.readouterr().out
    assert "2099-01-05 04:30:00 UTC" in said
    assert "10:00:00+05:30 in Asia/Calcutta" in said
    assert all(verdict["rule"] in said for verdict in explanation["verdicts"])
    assert said.count("✗") == 1


async def test_a_key_is_made_used_listed_and_retired(database, dsn, known):
    key = await keys.added(dsn, Asked(None, "reader", (Scope.PULL,)))
    assert len(key) >= 40
    await known.refresh()
    async with client_of(an_application(database, known()), {"Authorization": f"Bearer {key}"}) as client:
        assert (await client.get("/v1/leads")).status_code == 200
        assert (await client.post("/v1/leads:push", json={})).status_code == 403
    _, grants = await keys.listed(dsn, Asked("Acme"))
    assert [(grant.name, grant.scopes) for grant in grants.values()] == [("reader", {Scope.PULL})]
    with pytest.raises(ConfigurationError, match="give another name"):
        await keys.added(dsn, Asked("Acme", "reader", (Scope.PULL,)))
    await keys.retired(dsn, Asked("Acme", retire="reader"))
    assert (await keys.listed(dsn, Asked(None)))[1] == {}
    with pytest.raises(ConfigurationError, match="no key 'reader'"):
        await keys.retired(dsn, Asked("Acme", retire="reader"))
    with pytest.raises(ConfigurationError, match="there are: Acme"):
        await keys.listed(dsn, Asked("Nobody"))
    assert known().organisation_of(APIKEY)


@pytest.mark.parametrize(
    ("asked", "said"), [(Asked(None, "x"), "needs a scope"), (Asked(None, "x", (Scope.PUSH,), "y"), "not both")]
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(asked, said):
    with pytest.raises(ConfigurationError, match=said):
        keys.run(asked, Path("/nowhere"), Settings.from_environment({}))
