"""The environment is read by one table, and whatever is wrong with it is said by name."""

from pathlib import Path

import pytest

from leadline.domain.errors import ConfigurationError
from leadline.settings import CLIENT, TABLE, Settings, address, environment, rows


def test_without_any_variable_everything_has_its_default():
    assert Settings.from_environment({}) == Settings(
        config=Path("leadline.yaml"),
        data=Path("leadline-data"),
        database_url=None,
        pg_bin=None,
        database_connections=10,
        http=("127.0.0.1", 8080),
        trusted_proxies=(),
        web_processes=None,
        drain=30.0,
        max_body=16 * 1024 * 1024,
        max_in_flight=256 * 1024 * 1024,
        body_timeout=60,
        max_records=10_000,
        rate_limit=0,
        hide_foreign_service_keys=False,
        push_log_days=90,
        sip_workers=1,
        sip_pace=12,
        log_level="info",
        log_format="console",
        unknown=(),
    )


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "LEADLINE_CONFIG": "/etc/leadline.yaml",
            "LEADLINE_DATA": " /var/lib/leadline ",
            "LEADLINE_DATABASE_URL": "postgresql://leadline@db/leadline",
            "LEADLINE_PG_BIN": "/usr/lib/postgresql/17/bin",
            "LEADLINE_DATABASE_CONNECTIONS": "20",
            "LEADLINE_HTTP": "[::]:80",
            "LEADLINE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,::1",
            "LEADLINE_WEB_PROCESSES": "3",
            "LEADLINE_DRAIN": "2.5 s",
            "LEADLINE_MAX_BODY": "1024",
            "LEADLINE_MAX_IN_FLIGHT": "2048",
            "LEADLINE_BODY_TIMEOUT": "7",
            "LEADLINE_MAX_RECORDS": "5",
            "LEADLINE_RATE_LIMIT": "25",
            "LEADLINE_HIDE_FOREIGN_SERVICE_KEYS": "Yes",
            "LEADLINE_PUSH_LOG_DAYS": "7",
            "LEADLINE_SIP_WORKERS": "4",
            "LEADLINE_SIP_PACE": "15",
            "LEADLINE_LOG_LEVEL": "DEBUG",
            "LEADLINE_LOG_FORMAT": "json",
        }
    )
    assert settings == Settings(
        config=Path("/etc/leadline.yaml"),
        data=Path("/var/lib/leadline"),
        database_url="postgresql://leadline@db/leadline",
        pg_bin=Path("/usr/lib/postgresql/17/bin"),
        database_connections=20,
        http=("::", 80),
        trusted_proxies=("127.0.0.1/32", "10.0.0.0/8", "::1/128"),
        web_processes=3,
        drain=2.5,
        max_body=1024,
        max_in_flight=2048,
        body_timeout=7,
        max_records=5,
        rate_limit=25,
        hide_foreign_service_keys=True,
        push_log_days=7,
        sip_workers=4,
        sip_pace=15,
        log_level="debug",
        log_format="json",
    )


def test_a_blank_variable_is_as_if_not_set():
    blank = {setting.name: "  " for setting in TABLE}
    assert Settings.from_environment(blank) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEADLINE_DATABASE_URL", "mysql://x", "must be a URL: postgresql://"),
        ("LEADLINE_DATABASE_CONNECTIONS", "1", "'1' must be a whole number from 2 to 1000"),
        ("LEADLINE_HTTP", "8080", "'8080' is no address and port"),
        ("LEADLINE_HTTP", "127.0.0.1:65536", "is no address and port"),
        ("LEADLINE_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1/8 has host bits set: write addresses or networks"),
        ("LEADLINE_TRUSTED_PROXIES", "*", "write addresses or networks, as 127.0.0.1, 10.0.0.0/8"),
        ("LEADLINE_DRAIN", "soon", "'soon' must be a number of seconds"),
        ("LEADLINE_DRAIN", "-1", "'-1' must be a number of seconds"),
        ("LEADLINE_MAX_BODY", "16MiB", "'16MiB' must be a whole number from 1024"),
        ("LEADLINE_MAX_RECORDS", "0", "must be a whole number from 1 to"),
        ("LEADLINE_SIP_WORKERS", "²", "must be a whole number"),
        ("LEADLINE_HIDE_FOREIGN_SERVICE_KEYS", "maybe", "'maybe' must be true or false"),
        ("LEADLINE_LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("LEADLINE_LOG_FORMAT", "xml", "must be one of console, json"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name, value, said):
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment({name: value})
    assert str(refused.value).startswith(f"{name}: ")
    assert said in str(refused.value)
    assert "; or unset it for " in str(refused.value)


def test_every_wrong_variable_is_named_at_once():
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment({"LEADLINE_HTTP": "x", "LEADLINE_DRAIN": "y"})
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["LEADLINE_HTTP", "LEADLINE_DRAIN"]


def test_variables_that_mean_nothing_are_listed():
    settings = Settings.from_environment(
        {"LEADLINE_HTPP": "x", "LEADLINE_A": "", "HOME": "/", "LEADLINE_HTTP": ":"[:0]}
    )
    assert settings.unknown == ("LEADLINE_A", "LEADLINE_HTPP")


def test_the_rows_say_what_holds_and_hide_passwords():
    shown = {
        row.name: row for row in rows({"LEADLINE_DATABASE_URL": "postgresql://me:hidden@db/x", "LEADLINE_DRAIN": "5"})
    }
    assert list(shown) == [setting.name for setting in (*TABLE, *CLIENT)]
    assert shown["LEADLINE_DATABASE_URL"].value == "postgresql://me:***@db/x"
    assert (shown["LEADLINE_DRAIN"].value, shown["LEADLINE_DRAIN"].default) == ("5", "30")
    assert all(row.unit and row.help.endswith(".") for row in shown.values())


def test_every_default_can_be_read_and_every_field_is_set():
    assert {setting.field for setting in TABLE} | {"unknown"} == set(Settings.__dataclass_fields__)


def test_a_host_name_will_do_for_http():
    assert address("localhost:0") == ("localhost", 0)


def test_the_environment_is_that_of_this_process(monkeypatch):
    monkeypatch.setenv("LEADLINE_DRAIN", "7")
    assert Settings.from_environment(environment()).drain == 7
