"""The program's log: lines for people and for programs, and what must not be in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import NoReturn

import attrs
import pytest

from tests.support.log_setup import logging_of_its_own
from trio_ticks.app import logs
from trio_ticks.app.logs import configure_logging, tell, tell_repeats
from trio_ticks.app.repeats import Repeats
from trio_ticks.config import EngineConfig, LogConfig, Secret, parse_config
from trio_ticks.config.secret import secrets_in
from trio_ticks.model import Gap, Status

TOKEN = "s3cr3t-t0ken"
line_log = logging.getLogger("trio_ticks.line")


class Stderr:
    """What was written to standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture(autouse=True)
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Stderr]:
    """Standard error; the logging of the test's process is as it was afterwards."""
    with logging_of_its_own():
        yield Stderr(capsys)


def fail(words: str) -> NoReturn:
    raise ValueError(words)


def test_a_line_for_people_has_time_level_and_words(stderr: Stderr) -> None:
    """In UTC, to the millisecond."""
    configure_logging()
    line_log.warning("alltick 0A: %s", "closed")
    assert stderr.getvalue().endswith("Z WARNING alltick 0A: closed\n")
    assert stderr.getvalue()[4:5] + stderr.getvalue()[10:11] + stderr.getvalue()[19:20] == "-T."


def test_a_line_for_programs_is_an_object_with_its_reasons_named(stderr: Stderr) -> None:
    """One line each, an exception in it too, whatever the words hold."""
    configure_logging(0, LogConfig(format="json"))
    line_log.warning('0A: "closed"\nby them', extra={"fields": {"event": "disconnected", "cause": "closed"}})
    try:
        fail("of the user's")
    except ValueError:
        line_log.exception("strategy failed")
    first, second = map(json.loads, stderr.getvalue().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning",
        "logger": "trio_ticks.line",
        "message": '0A: "closed"\nby them',
        "event": "disconnected",
        "cause": "closed",
    }
    assert "ValueError: of the user's" in second["error"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_others_say_is_one_line_that_does_nothing_to_a_terminal(form: str, stderr: Stderr) -> None:
    """A vendor that sends a line break cannot make a line of its own."""
    configure_logging(0, LogConfig(format=form))  # type: ignore[arg-type]  # both are accepted
    line_log.warning("0A: %s", "bye\n2026-01-01T00:00:00.000Z INFO all is well\x1b[2J")
    [line] = stderr.getvalue().splitlines()
    assert line.isprintable()
    assert "bye" in line


def test_gaps_and_statuses_are_told_with_their_fields(stderr: Stderr) -> None:
    """A program need not take the sentence apart."""
    configure_logging(0, LogConfig(format="json"))
    tell(Gap(1, 2_000_001, "closed", symbol="BTC-USD", feed="coinbase"))
    tell(Status("stale", 5, "has not ticked", feed="coinbase", symbol="BTC-USD"))
    gap, status = map(json.loads, stderr.getvalue().splitlines())
    assert (gap["event"], gap["cause"], gap["symbol"], gap["end_us"]) == ("gap", "closed", "BTC-USD", 2_000_001)
    assert (status["event"], status["status"], status["reason"]) == ("status", "stale", "has not ticked")


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_secret_of_the_configuration_is_logged_by_anybody(form: str, stderr: Stderr) -> None:
    """Neither in words, nor in fields, nor in a traceback, nor by a library that knows nothing of secrets."""
    configure_logging(2, LogConfig(format=form), secrets=[TOKEN])  # type: ignore[arg-type]  # both are accepted
    try:
        fail(f"GET /?token={TOKEN}")
    except ValueError:
        logging.getLogger("some.library").exception("GET %s", TOKEN, extra={"fields": {"url": f"x?{TOKEN}"}})
    assert "***" in stderr.getvalue()
    assert TOKEN not in stderr.getvalue()


def test_all_secrets_of_a_configuration_are_found() -> None:
    """Wherever they are: in a feed, a sink, a proxy, the webhook."""
    text = f"""
    [feeds.alltick]
    symbols = ["A.US"]
    token = "{TOKEN}"
    proxy = "http://user:password@proxy.example:8080"
    [sinks.influxdb]
    url = "http://db.example"
    org = "o"
    bucket = "b"
    token = "another-token"
    [notify]
    url = "https://hooks.example/T0/B0"
    """
    found = secrets_in(parse_config(text, source="test"))
    assert set(found) == {
        TOKEN,
        "another-token",
        "http://user:password@proxy.example:8080",
        "https://hooks.example/T0/B0",
    }
    assert secrets_in([Secret("x"), 1, "y"]) == ["x"]


@pytest.mark.parametrize(
    ("verbosity", "level", "said"),
    [
        (0, "info", ["info", "warning", "other"]),
        (0, "error", ["other"]),
        (0, "debug", ["debug", "info", "warning", "other"]),
        (1, "error", ["debug", "info", "warning", "other"]),
    ],
)
def test_the_level_is_of_our_own_words_and_v_says_more(
    verbosity: int, level: str, said: list[str], stderr: Stderr
) -> None:
    """What others warn of is always worth a line."""
    configure_logging(verbosity, LogConfig(level=level))  # type: ignore[arg-type]  # all are accepted
    for name in ("debug", "info", "warning"):
        getattr(line_log, name)(name)
    logging.getLogger("some.library").warning("other")
    assert [line.split()[-1] for line in stderr.getvalue().splitlines()] == said


def test_what_repeats_is_held_back_and_summed_up(stderr: Stderr) -> None:
    """By the next line, by whoever looks, or at the end."""
    now_s = [0.0]
    handler = logs._Limited(Repeats(most=1), now_s=lambda: now_s[0])
    logging.getLogger().handlers = [handler]
    for _ in range(38):
        line_log.warning("0A: refused")
    now_s[0] = 61.0
    tell_repeats()
    line_log.warning("0A: refused")
    line_log.warning("0A: refused")
    handler.close()
    assert stderr.getvalue().splitlines() == [
        "0A: refused",
        "repeated 37 times: 0A: refused",
        "0A: refused",
        "repeated 1 times: 0A: refused",
    ]


def test_the_settings_have_defaults_that_the_command_line_shares() -> None:
    """A program without a configuration logs as one with an empty table."""
    assert EngineConfig(feeds=parse_config("[feeds.coinbase]\nsymbols=['A-B']", source="t").feeds).log == LogConfig()
    assert attrs.asdict(LogConfig()) == {"format": "console", "level": "info", "repeats_per_min": 10}
