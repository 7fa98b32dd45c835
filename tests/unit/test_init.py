"""From answers to a file: what is written is what was answered, and runs."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from trio_ticks.app.cli import app
from trio_ticks.app.init.answers import VENDORS, Answers, Influx, RedisStore
from trio_ticks.app.init.asking import Given, answers_of, ask
from trio_ticks.app.init.command import check_place, initialise, missing, terminal
from trio_ticks.app.init.writing import toml_of
from trio_ticks.config import (
    EngineConfig,
    FeedConfig,
    InfluxDB,
    JournalConfig,
    Redis,
    SinkConfig,
    load_config,
    parse_config,
)
from trio_ticks.errors import ConfigError, TrioTicksError

SECRETS = {"ALLTICK_TOKEN": "one", "INFLUX_TOKEN": "two", "REDIS_PASSWORD": "three"}

DOWN = RedisStore(url="redis://127.0.0.1:9/0")


class Script:
    """Answers questions from a list, and keeps what was asked and said."""

    def __init__(self, *answers: str) -> None:
        self._answers = deque(answers)
        self.asked: list[str] = []
        self.said: list[str] = []

    def text(self, question: str, *, default: str | None = None, choices: Sequence[str] = ()) -> str:
        self.asked.append(question)
        if not self._answers:
            raise EOFError
        answer = self._answers.popleft() or default or ""
        assert not choices or answer in choices
        return answer

    def is_so(self, question: str, *, default: bool) -> bool:
        return {"y": True, "n": False, "": default}[self.text(question, default="")]

    def say(self, words: str) -> None:
        self.said.append(words)


def parsed(answers: Answers) -> EngineConfig:
    return parse_config(toml_of(answers, name="ticks.toml"), source="ticks.toml", environ=SECRETS)


texts = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "${" not in text)


@given(
    feed=st.sampled_from([*VENDORS, "alltick-simple", "my_module:Feed"]),
    symbols=st.lists(texts, min_size=1, max_size=5, unique=True),
    plan=st.none() | texts,
    url=st.none() | st.just("ws://127.0.0.1:9"),
    journal=texts,
    influxdb=st.none()
    | st.builds(Influx, url=st.just("http://h:1"), org=texts, bucket=texts, has_token=st.booleans()),
    redis=st.none() | st.builds(RedisStore, url=st.just("rediss://h:1/2"), has_password=st.booleans()),
)
def test_what_is_written_is_what_was_answered(**fields: object) -> None:
    """Whatever the texts hold, the file is TOML, is a configuration, and says these and nothing else."""
    answers = Answers(**fields)  # type: ignore[arg-type]  # as drawn
    config = parsed(answers)
    ((_, feed),) = config.feeds.items()
    assert isinstance(feed, FeedConfig)
    token = feed.token.reveal() if feed.token else None
    found = (feed.kind, feed.symbols, feed.plan, feed.url, token)
    assert found == (
        answers.feed,
        tuple(answers.symbols),
        answers.plan,
        answers.url,
        SECRETS.get(answers.vendor.token),
    )
    assert config.journal == JournalConfig(path=answers.journal)
    sinks: dict[str, SinkConfig] = {}
    if answers.influxdb:
        store = answers.influxdb
        sinks["influxdb"] = InfluxDB(
            url=store.url, org=store.org, bucket=store.bucket, token="two" if store.has_token else None
        )
    if answers.redis:
        sinks["redis"] = Redis(url=answers.redis.url, password="three" if answers.redis.has_password else None)
    assert config.sinks == sinks
    assert not config.strategies


def test_no_secret_gets_into_the_file_and_each_key_is_explained() -> None:
    """Every setting has its comment; secrets are names of variables."""
    answers = Answers(
        feed="alltick",
        symbols=("BTCUSDT",),
        plan="free",
        url="ws://h",
        influxdb=Influx(url="http://h"),
        redis=RedisStore(url="redis://h", has_password=True),
    )
    text = toml_of(answers, name="mine.toml")
    settings = [line for line in text.splitlines() if re.match(r"\w+ = ", line)]
    assert len(settings) == 14
    assert all("  # " in line or '" # ' in line for line in settings)
    assert [name for name in SECRETS if f'"${{{name}}}"' in text] == list(SECRETS) == list(answers.variables)
    assert "trio-ticks run mine.toml" in text


def test_what_is_off_in_the_file_can_be_switched_on() -> None:
    """Each line that begins with a # and is a setting is accepted without it."""
    text = toml_of(answers_of(Given(feed="coinbase", symbols=("BTC-USD",))), name="x")
    switched = re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE)
    config = parse_config(switched, source="x")
    assert config.strategies["momentum"].symbols == ("BTC-USD",)
    assert isinstance(feed := config.feeds["coinbase"], FeedConfig)
    assert feed.lines == 2


def test_every_question_is_asked_and_a_wrong_answer_again() -> None:
    """Symbols beyond the plan and an address that is none are told, and asked for once more."""
    six = "A.US B.US, C.US D.US E.US F.US"
    script = Script("", "", six, "A.US,B.US  A.US", "influxdb", "h:1", "http://h:1", "", "mine", "n", "my.journal")
    answers = ask(Given(), script)
    assert answers == Answers(
        feed="alltick",
        symbols=("A.US", "B.US"),
        plan="free",
        journal="my.journal",
        influxdb=Influx(url="http://h:1", bucket="mine", has_token=False),
    )
    assert ["plan 'basic' would fit" in script.said[0], "http[s]://host" in script.said[1]] == [True, True]


def test_what_is_given_is_not_asked_for() -> None:
    """Flags and questions mix; with Coinbase there is no plan to ask for."""
    script = Script("redis", "", "y")
    given = Given(feed="coinbase", symbols=("BTC-USD",), journal="a")
    redis = RedisStore(url="redis://127.0.0.1:6379/0", has_password=True)
    assert ask(given, script) == Answers(feed="coinbase", symbols=("BTC-USD",), journal="a", redis=redis)
    assert len(script.asked) == 3
    full = attrs.evolve(given, redis=redis)
    assert ask(full, Script()) == answers_of(full)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(), "symbols"),
        (Given(feed="coinbase", symbols=("A",), plan="free"), "takes no 'plan'"),
        (Given(feed="nobody", symbols=("A",)), "there is no 'nobody'"),
        (Given(symbols=tuple(f"S{n}.US" for n in range(6))), "plan 'basic' would fit"),
        (Given(symbols=("${HOME}",)), "without ${…}"),
        (Given(symbols=("A.US",), journal="${HOME}/a"), "without ${…}"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(given: Given, words: str, tmp_path: Path) -> None:
    """Nobody is asked, so nobody can answer otherwise."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        initialise(given, tmp_path / "ticks.toml", asker=None, is_checked=False)
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_what_run_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what is missing to start it is said."""
    path = tmp_path / "ticks.toml"
    assert initialise(Given(feed="coinbase", symbols=("BTC-USD",)), path, asker=None, is_checked=False) == 0
    assert load_config(path).feeds["coinbase"].symbols == ("BTC-USD",)
    assert f"trio-ticks run {path}" in capsys.readouterr().out


def test_variables_that_are_not_set_are_named() -> None:
    """An empty one is none."""
    answers = answers_of(Given(symbols=("A.US",), influxdb=Influx(url="http://h")))
    assert missing(answers, {}) == ["ALLTICK_TOKEN", "INFLUX_TOKEN"]
    assert missing(answers, {"ALLTICK_TOKEN": "x", "INFLUX_TOKEN": ""}) == ["INFLUX_TOKEN"]


def test_nobody_who_answers_is_an_error_of_one_line(tmp_path: Path) -> None:
    """The end of the input in the middle of the questions leaves no file."""
    with pytest.raises(TrioTicksError, match="is not written: the questions were not answered"):
        initialise(Given(), tmp_path / "ticks.toml", asker=Script(""), is_checked=False)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """Unless it is to be replaced; a directory never is."""
    path = tmp_path / "ticks.toml"
    check_place(path, force=False)
    path.touch()
    check_place(path, force=True)
    for place, force in ((path, False), (tmp_path, True), (tmp_path / "none" / "ticks.toml", False)):
        with pytest.raises(ConfigError, match="accepted is"):
            check_place(place, force=force)


def test_a_pipe_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would answer; what to do instead is said."""
    monkeypatch.setattr("sys.stdin", io.StringIO("alltick\n"))
    with pytest.raises(ConfigError, match="accepted is --yes"):
        terminal()


def test_whoever_insists_gets_what_is_not_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody else: without an answer the usual one is no."""
    unreachable = Given(feed="coinbase", symbols=("BTC-USD",), url="ws://127.0.0.1:9", journal="a", redis=DOWN)
    path = tmp_path / "ticks.toml"
    assert initialise(unreachable, path, asker=Script("n"), is_checked=True) == 1
    assert not path.exists()
    assert initialise(unreachable, path, asker=Script("y"), is_checked=True) == 0
    assert path.exists()


@pytest.mark.parametrize("command", ["init", "doctor"])
def test_the_help_ends_with_an_example(command: str) -> None:
    """What to type is shown, not only described."""
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: trio-ticks {command}" in shown.stdout
