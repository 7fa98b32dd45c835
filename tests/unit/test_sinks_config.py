"""The settings of a database."""

from __future__ import annotations

import sys

import pytest

from trio_ticks.config import FunctionSink, InfluxDB, Secret, SinkConfig, parse_config
from trio_ticks.errors import ConfigError
from trio_ticks.storage.influxdb import InfluxWriter

NAMES = {"INFLUX_URL": "http://127.0.0.1:8086", "INFLUX_ORG": "trading", "INFLUX_BUCKET": "ticks"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {**NAMES, "INFLUX_TOKEN": "hush-hush"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_environment_says_where(environment: pytest.MonkeyPatch) -> None:
    """Url, organisation, bucket and token; the token is printed nowhere."""
    settings = InfluxDB.from_env()
    assert settings == InfluxDB(url=NAMES["INFLUX_URL"], org="trading", bucket="ticks", token=Secret("hush-hush"))
    assert "hush-hush" not in repr(settings)
    environment.delenv("INFLUX_TOKEN")
    assert InfluxDB.from_env().token is None


def test_what_the_environment_lacks_is_named(environment: pytest.MonkeyPatch) -> None:
    """All of it, in one line."""
    environment.delenv("INFLUX_ORG")
    environment.setenv("INFLUX_BUCKET", "")
    with pytest.raises(ConfigError, match=r"^the environment has no INFLUX_ORG, INFLUX_BUCKET$"):
        InfluxDB.from_env()


def test_a_variable_that_is_refused_is_named(environment: pytest.MonkeyPatch) -> None:
    """By the name its reader set it by, without what may be a password."""
    environment.setenv("INFLUX_URL", "http://user:hush@host")
    with pytest.raises(ConfigError, match=r"^INFLUX_URL: must be http") as caught:
        InfluxDB.from_env()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"url": "127.0.0.1:8086"}, "url"),
        ({"bucket": " "}, "bucket"),
        ({"token": ""}, "token"),
        ({"measurement": "a b"}, "measurement"),
        ({"batch_points": 0}, "batch_points"),
        ({"read_s": float("nan")}, "read_s"),
        ({"gzip": 1}, "gzip"),
        ({"events": "yes"}, "events"),
        ({"writer": "a\nb"}, "writer"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(changes: dict[str, object], named: str) -> None:
    """Before anything is sent."""
    values: dict[str, object] = {"url": "http://h", "org": "o", "bucket": "b"}
    with pytest.raises(ConfigError, match=f"^{named}"):
        InfluxDB(**{**values, **changes})  # type: ignore[arg-type]  # the wrong values are the point


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "influxdb_client", None)
    with pytest.raises(ConfigError, match=r"pip install 'trio-ticks\[influxdb\]'$"):
        InfluxWriter(InfluxDB(url="http://h", org="o", bucket="b"))


FEED = '[feeds.coinbase]\nsymbols = ["BTC-USD"]\n'
WHERE = 'url = "http://h"\norg = "o"\nbucket = "b"\n'


@pytest.mark.parametrize(
    ("text", "sink"),
    [
        (f"[sinks.influxdb]\n{WHERE}", InfluxDB(url="http://h", org="o", bucket="b")),
        (
            f'[sinks.left]\nkind = "influxdb"\nwriter = "l"\n{WHERE}',
            InfluxDB(url="http://h", org="o", bucket="b", writer="l"),
        ),
        ('[sinks.influxdb]\nuse = "mine:store"', FunctionSink(use="mine:store")),
    ],
)
def test_a_table_is_a_sink_by_its_name_its_kind_or_its_function(text: str, sink: SinkConfig) -> None:
    """What the file says is the record that code would build."""
    assert list(parse_config(FEED + text, source="f", environ={}).sinks.values()) == [sink]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (
            "[sinks.x]",
            r"^f: sinks\.x\.kind = 'x': must be one of influxdb, redis; a sink of your own has use instead$",
        ),
        ("[sinks.x]\nkind = 1", r"^f: sinks\.x\.kind = 1: must be one of"),
        ("[sinks]\nx = 1", r"^f: sinks\.x: must be a table$"),
        (f"[sinks.influxdb]\nbuckett = 1\n{WHERE}", r"^f: sinks\.influxdb\.buckett: .*did you mean bucket\?$"),
        ('[sinks.influxdb]\nurl = "http://h"\norg = "o"', r"^f: sinks\.influxdb\.bucket: is missing; it must be"),
        (f'[sinks.influxdb]\ntoken = ""\n{WHERE}', r"^f: sinks\.influxdb\.token: must be"),
        ('[sinks.x]\nuse = "nothing"', r"^f: sinks\.x\.use = 'nothing': must be module:name"),
    ],
)
def test_a_sink_that_cannot_be_used_is_refused_with_its_place(text: str, refusal: str) -> None:
    """File, table, key, and what is accepted."""
    with pytest.raises(ConfigError, match=refusal):
        parse_config(FEED + text, source="f", environ={})
