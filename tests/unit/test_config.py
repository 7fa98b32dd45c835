"""The configuration: what is accepted, and the one line that says why something is not."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING

import attrs
import pytest

from trio_ticks.config import (
    ConnectionConfig,
    EngineConfig,
    FeedConfig,
    PacingConfig,
    Secret,
    SequencerConfig,
    StopConfig,
    StrategyConfig,
    load_config,
    parse_config,
    secret_from_env,
)
from trio_ticks.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "s3cr3t-t0ken"
FEED = "[feeds.alltick]\nsymbols = ['TSLA.US']\n"

FULL = """
ingest_batches = 8
[feeds.alltick]
symbols = ["TSLA.US", "700.HK"]
token = "${ALLTICK_TOKEN}"
plan = "free"
url = "wss://${HOST}/quote"
lines = 2
symbols_per_connection = 5
silent_after_s = 20
[feeds.alltick.pacing]
request_s = 1.05
heartbeat_s = 9
[feeds.prices]
kind = "coinbase"
symbols = ["BTC-USD"]
[sequencer]
identity = "content"
lateness_s = 0.5
[strategies.momentum]
use = "my_module:momentum"
symbols = ["TSLA.US"]
params = { fast = 20, venue = "${HOST}" }
overflow = "conflate"
max_age_s = 1.5
[stop]
grace_s = 3
"""


def refusal(text: str, **environ: str) -> str:
    """Return the line with which a text is refused."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source="ticks.toml", environ=environ)
    return str(caught.value)


def test_every_table_of_a_file_becomes_its_record() -> None:
    """What the file says is in the records, and the rest has its defaults."""
    config = parse_config(FULL, source="ticks.toml", environ={"ALLTICK_TOKEN": TOKEN, "HOST": "quote.example"})
    assert config == EngineConfig(
        feeds={
            "alltick": FeedConfig(
                kind="alltick",
                symbols=("TSLA.US", "700.HK"),
                token=Secret(TOKEN),
                plan="free",
                url="wss://quote.example/quote",
                lines=2,
                symbols_per_connection=5,
                silent_after_s=20.0,
                pacing=PacingConfig(request_s=1.05, heartbeat_s=9.0),
            ),
            "prices": FeedConfig(kind="coinbase", symbols=("BTC-USD",)),
        },
        sequencer=SequencerConfig(identity="content", lateness_s=0.5),
        strategies={
            "momentum": StrategyConfig(
                use="my_module:momentum",
                symbols=("TSLA.US",),
                params={"fast": 20, "venue": "quote.example"},
                overflow="conflate",
                max_age_s=1.5,
            )
        },
        stop=StopConfig(grace_s=3.0),
        ingest_batches=8,
    )


def test_a_feed_is_of_the_kind_its_table_is_named_after() -> None:
    """An empty kind is the table's name, in a file and in code."""
    assert _vendor(parse_config(FEED, source="", environ={}), "alltick").kind == "alltick"
    assert _vendor(EngineConfig(feeds={"coinbase": FeedConfig(symbols=("A",))}), "coinbase").kind == "coinbase"


def _vendor(config: EngineConfig, name: str) -> FeedConfig:
    feed = config.feeds[name]
    assert isinstance(feed, FeedConfig)
    return feed


TEXTS = "must be a list of at least one text, none of them blank"
SECONDS = "must be seconds from 0.001 to 86400"
URL = "must be scheme://host[:port][/path], without a user, ? or #; a token goes into token"
FEEDS = "must be at least one table [feeds.NAME], each NAME of letters, digits, - and _"
TOP = "accepted here: feeds, sequencer, strategies, journal, sinks, archive, http, stop, log, notify, ingest_batches"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", f"feeds: is missing; it {FEEDS}"),
        ("feeds = {}", f"feeds: {FEEDS}"),
        ("feeds = 5", "feeds: must be a table"),
        (f"[[feeds]]\ntoken = '{TOKEN}'", "feeds: must be a table"),
        (f"[feeds]\nalltick = '{TOKEN}'", "feeds.alltick: must be a table"),
        ("[feeds.'a b']\nsymbols = ['A']", f"feeds: {FEEDS}"),
        ("[feeds.alltick]", f"feeds.alltick.symbols: is missing; it {TEXTS}"),
        ("[feed.alltick]", "feed: is not a setting; did you mean feeds?"),
        ("[diary]", f"diary: is not a setting; {TOP}"),
        ('"a\\nb" = 1', f"'a\\nb': is not a setting; {TOP}"),
        ('a = "${A\\u0000}"', "a: the environment has no variable 'A\\x00'"),
        ("a = 1\nb =", "Invalid value (at end of document)"),
        ("a = 1\nb = x", "Invalid value (at line 2, column 5)"),
        ("a." * 5_000 + "b = 1", "is nested too deeply"),
        ("a = " + "[" * 9_999, "is nested too deeply"),
    ],
)
def test_a_file_that_makes_no_configuration_is_refused(text: str, line: str) -> None:
    """Bad TOML, tables that are missing, unknown or none: one line says where and what is accepted."""
    assert refusal(text) == f"ticks.toml: {line}"


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("silent_afters_s = 1", "silent_afters_s: is not a setting; did you mean silent_after_s?"),
        (f"tokn = '{TOKEN}'", "tokn: is not a setting; did you mean token?"),
        ("silent_after_s = -1.0", f"silent_after_s = -1.0: {SECONDS}"),
        ("silent_after_s = '15'", f"silent_after_s = '15': {SECONDS}"),
        ("silent_after_s = true", f"silent_after_s = True: {SECONDS}"),
        ("silent_after_s = nan", f"silent_after_s = nan: {SECONDS}"),
        ("silent_after_s = inf", f"silent_after_s = inf: {SECONDS}"),
        ("silent_after_s = 86401", f"silent_after_s = 86401: {SECONDS}"),
        ("lines = 3", "lines = 3: must be a whole number from 1 to 2"),
        ("lines = true", "lines = True: must be a whole number from 1 to 2"),
        ("lines = 1.0", "lines = 1.0: must be a whole number from 1 to 2"),
        (f"lines = 0x{'f' * 9_000}", "lines = a huge number: must be a whole number from 1 to 2"),
        ("symbols_per_connection = 0", "symbols_per_connection = 0: must be a whole number, at least 1"),
        ("backoff_max_s = 0.1", "backoff_max_s = 0.1: must be at least backoff_first_s, which is 0.5"),
        ("pacing = 5", "pacing: must be a table"),
        ("pacing = { request_s = -1 }", "pacing.request_s = -1: must be seconds from 0 to 86400"),
        ("kind = 'a:b:c'", "kind = 'a:b:c': must be the name of a feed, or module:Feed"),
        ("plan = ' '", "plan = ' ': must be a text that is not blank"),
        (f"url = 'wss://x?token={TOKEN}'", f"url: {URL}"),
        (f"url = 'wss://me:{TOKEN}@x'", f"url: {URL}"),
        ("token = ''", "token: must be a text that is not empty"),
        ("token = 1234", "token: must be a text that is not empty"),
        (f"token = ['{TOKEN}']", "token: must be a text that is not empty"),
        (
            "token = '${ALLTICK_TOKEN}'",
            "token: the environment has no variable 'ALLTICK_TOKEN'; set it: export ALLTICK_TOKEN=…",
        ),
    ],
)
def test_a_refused_setting_is_named_with_what_is_accepted(setting: str, line: str) -> None:
    """A refusal is one line: the file, the key, the value unless it may be secret, and what is accepted."""
    assert refusal(FEED + setting) == f"ticks.toml: feeds.alltick.{line}"
    assert TOKEN not in refusal(FEED + setting)


@pytest.mark.parametrize(
    ("symbols", "line"),
    [
        ("[]", f"symbols = (): {TEXTS}"),
        ("'AB'", f"symbols = 'AB': {TEXTS}"),
        ("['A', ' ']", f"symbols = ('A', ' '): {TEXTS}"),
        ("['A', 'B', 'A']", "symbols: 'A' is listed twice; once is accepted"),
        (
            str(list(range(99))),
            f"symbols = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …: {TEXTS}",
        ),
    ],
)
def test_refused_symbols_are_named(symbols: str, line: str) -> None:
    """A list of symbols has at least one, no blank and no twin; a long one does not flood the terminal."""
    assert refusal(f"[feeds.a]\nsymbols = {symbols}") == f"ticks.toml: feeds.a.{line}"
    strategy = f"[strategies.m]\nuse = 'a:b'\nsymbols = {symbols}"
    assert refusal(FEED + strategy) == f"ticks.toml: strategies.m.{line}"


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            "[sequencer]\nidentity = 'seq'",
            "sequencer.identity = 'seq': must be one of auto, content, trade_id, sequence, time",
        ),
        (
            "[sequencer]\nlateness_s = 11",
            "sequencer.window_s = 10.0: must be at least lateness_s, which is 11",
        ),
        (
            "[strategies.m]\nuse = 'momentum'",
            "strategies.m.use = 'momentum': must be module:name, such as my_module:momentum",
        ),
        (
            "[strategies.m]\nuse = 'a:b'\nparams = 5",
            "strategies.m.params: must be a table whose keys are names of parameters",
        ),
        (
            f"[strategies.m]\nuse = 'a:b'\nparams = {{ 'a b' = '{TOKEN}' }}",
            "strategies.m.params: must be a table whose keys are names of parameters",
        ),
        (
            "[strategies.m]\nuse = 'a:b'\noverflow = 'drop'",
            "strategies.m.overflow = 'drop': must be one of drop_oldest, drop_newest, conflate, fail",
        ),
    ],
)
def test_the_other_tables_are_refused_in_the_same_way(table: str, line: str) -> None:
    """Every table has its rules, and the same form of refusal."""
    assert refusal(FEED + table) == f"ticks.toml: {line}"


def test_an_integer_of_thousands_of_digits_is_bad_toml() -> None:
    """A number that Python itself refuses to read is refused in one line as well."""
    assert refusal(f"a = {'1' * 5_000}").startswith("ticks.toml: Exceeds the limit")


@pytest.mark.parametrize(
    ("kind", "settings", "line"),
    [
        (FeedConfig, {"symbols": "AB"}, f"symbols = 'AB': {TEXTS}"),
        (FeedConfig, {"symbols": ("A",), "token": 5}, "token: must be a text that is not empty"),
        (ConnectionConfig, {"ack_s": float("nan")}, f"ack_s = nan: {SECONDS}"),
        (ConnectionConfig, {"pacing": {"request_s": 1}}, "pacing: must be a PacingConfig"),
        (StopConfig, {"grace_s": None}, "grace_s = None: must be seconds from 0 to 86400"),
        (EngineConfig, {"feeds": {}}, f"feeds: {FEEDS}"),
        (EngineConfig, {"feeds": {"a": {"token": TOKEN}}}, f"feeds: {FEEDS}"),
    ],
)
def test_a_record_built_in_code_is_held_to_the_same_rules(
    kind: Callable[..., object], settings: dict[str, object], line: str
) -> None:
    """No configuration exists that breaks a rule, wherever it comes from."""
    with pytest.raises(ConfigError) as caught:
        kind(**settings)
    assert str(caught.value) == line


def test_the_records_are_frozen() -> None:
    """A setting that was checked cannot become one that was not."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        StopConfig().grace_s = -1  # type: ignore[misc] # the point of the test


def test_variables_come_from_the_process_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping the process has the variables; a name it lacks, or cannot have, is refused."""
    text = FEED + "token = '${TRIO_TICKS_TEST}'"
    monkeypatch.setenv("TRIO_TICKS_TEST", TOKEN)
    assert _vendor(parse_config(text, source="x"), "alltick").token == Secret(TOKEN)
    monkeypatch.delenv("TRIO_TICKS_TEST")
    with pytest.raises(ConfigError, match="no variable 'TRIO_TICKS_TEST'"):
        parse_config(text, source="x")
    with pytest.raises(ConfigError, match="no variable"):
        parse_config("a = '${\ud800}'", source="x")


def test_a_file_is_read_as_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    """The mark that some editors put in front of UTF-8 is no part of the TOML."""
    path = tmp_path / "ticks.toml"
    path.write_text(FEED, encoding="utf-8-sig")
    assert load_config(path) == load_config(str(path)) == parse_config(FEED, source="", environ={})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a directory, below a file, a circle of links, not UTF-8: one line begins with the path."""
    (tmp_path / "latin").write_bytes(b"# caf\xe9")
    (tmp_path / "circle").symlink_to("circle")
    for name, reason in [
        ("none", "cannot be read: No such file or directory; trio-ticks init writes one"),
        ("", "cannot be read: Is a directory"),
        ("latin/below", "cannot be read: Not a directory"),
        ("circle", "cannot be read: Too many levels of symbolic links"),
        ("latin", "is not UTF-8: unexpected end of data at byte 5"),
    ]:
        path = tmp_path / name
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value) == f"{path}: {reason}"


def test_a_refusal_carries_no_other_error_that_could_show_a_value() -> None:
    """The traceback of a refusal shows the refusal only."""
    with pytest.raises(ConfigError) as caught:
        parse_config(FEED + "lines = 3", source="x")
    assert caught.value.__suppress_context__


def test_a_secret_shows_itself_to_nobody() -> None:
    """Whatever prints, formats or nests a secret prints ***; only reveal() gives the text."""
    secret = Secret(TOKEN)
    feed = FeedConfig(symbols=("A",), token=secret)
    printed = [str(secret), repr(secret), format(secret, ">9"), repr([secret]), f"{secret}"]
    nested = [repr(feed), repr(attrs.asdict(feed)), repr(EngineConfig(feeds={"a": feed}))]
    assert all("***" in text and TOKEN not in text for text in printed + nested)
    assert secret.reveal() == TOKEN


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, vars])
def test_a_secret_does_not_leave_the_process_by_accident(dump: Callable[[object], object]) -> None:
    """A secret is neither pickled nor encoded nor opened."""
    with pytest.raises(TypeError) as caught:
        dump(Secret(TOKEN))
    assert TOKEN not in str(caught.value)


def test_a_parameter_from_the_environment_is_not_in_the_repr() -> None:
    """A key handed to a strategy is not printed with its configuration."""
    assert TOKEN not in repr(StrategyConfig(use="a:b", params={"key": TOKEN}))


def test_a_secret_is_a_value() -> None:
    """Equal texts are equal secrets, no secret equals its text, and a copy is itself."""
    secret = Secret(TOKEN)
    assert secret == Secret(TOKEN)
    assert hash(secret) == hash(Secret(TOKEN))
    assert secret != Secret("other")
    assert secret != TOKEN
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    with pytest.raises(TypeError, match="a secret is a text"):
        Secret(1234)  # type: ignore[arg-type] # the point of the test


def test_a_secret_of_the_environment_is_none_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as container files leave it, is as good as none."""
    monkeypatch.setenv("TRIO_TICKS_TEST", TOKEN)
    assert secret_from_env("TRIO_TICKS_TEST") == Secret(TOKEN)
    monkeypatch.setenv("TRIO_TICKS_TEST", "")
    assert secret_from_env("TRIO_TICKS_TEST") is None
    monkeypatch.delenv("TRIO_TICKS_TEST")
    assert secret_from_env("TRIO_TICKS_TEST") is None
