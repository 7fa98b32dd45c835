"""What ``top`` draws of a status: all of it where there is room, what matters most where there is not."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import Any

import pytest
import trio
from rich.console import Console

from tests.support.status_server import open_status, status
from trio_ticks.app.top.command import Top, top
from trio_ticks.app.top.screen import Screen
from trio_ticks.app.top.status import ages_of, decode_status
from trio_ticks.errors import TrioTicksError


def drawn(told: dict[str, Any], *, width: int, height: int = 24, is_live: bool = False) -> list[str]:
    """Return the lines that a terminal of that size shows."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(Screen(decode_status(json.dumps(told).encode(), "here"), is_live=is_live))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 99, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """And the prices and states are on it, whatever its width."""
    lines = drawn(status(symbols=3), width=width)
    assert max(map(len, lines)) <= width
    if width >= 40:
        for word in ("S2", "2.50", "stale", "live", "holding", "1,234"):
            assert any(word in line for line in lines), word
    assert any("the connection was cut" in line for line in lines) is (width >= 100)


@pytest.mark.parametrize("height", [10, 24, 40])
def test_what_is_drawn_anew_fits_and_says_what_it_left_out(height: int) -> None:
    """At least three symbols, and as many as there is room for; what is printed once has all."""
    lines = drawn(status(symbols=200), width=100, height=height, is_live=True)
    shown = sum(line.startswith("S") for line in lines)
    assert f"and {200 - shown} more" in "\n".join(lines)
    assert shown >= 3
    assert len(lines) <= max(height, 26)
    assert sum(line.startswith("S") for line in drawn(status(symbols=200), width=100, height=height)) == 200


def test_what_is_wrong_is_said() -> None:
    """A feed that is given up with its reason, symbols that the vendor refuses, a feed of another engine behind."""
    told = status(failed_feeds={"coinbase": "the token is not accepted"})
    told["relays"] = [{"name": "shared", "state": "held", "position": 5, "newest": 12, "last_error": "gone"}]
    told["shards"][0]["lines"][0]["refused"] = {"S1": "unknown code"}
    text = "\n".join(drawn(told, width=120))
    assert "feed coinbase is given up: the token is not accepted" in text
    assert "1/2" in text
    assert "7 behind" in text


def test_a_long_reason_gives_way_to_all_other_columns() -> None:
    """It is cut off where the terminal ends, as it stands: names and states are whole, and brackets are kept."""
    told = status()
    told["journal"] |= {
        "state": "holding",
        "last_error": "set [journal] path to another disk: " + "it is full, " * 20,
    }
    told["sinks"][0]["last_error"] = told["strategies"][0]["last_error"] = "it is full, " * 20
    told["shards"][0]["lines"][0]["last_error"] = "it is full, " * 20
    lines = drawn(told, width=120)
    for words in (
        "journal   holding",
        "influxdb  holding",
        "momentum  running",
        "alltick/other 0A  live",
        "[journal] path",
    ):
        (found,) = [line for line in lines if words in line]
        assert (len(found), found[-1]) == (120, "…")


def test_a_long_name_gives_way_to_states_and_figures() -> None:
    """What somebody calls a strategy hides no figure, however narrow the terminal is."""
    told = status()
    name = "a very long name of a strategy that somebody gave it"
    told["strategies"][0]["name"] = name
    told["ledger"]["consumers"] = {name: told["ledger"]["consumers"]["momentum"]}
    for width in (40, 80):
        (found,) = [line for line in drawn(told, width=width) if line.startswith("a ver")]
        assert (len(found), "…" in found, "running" in found, "1,200" in found) == (width, True, True, True)


def test_the_programs_own_consumers_are_shown_only_where_they_lost_something() -> None:
    """The log is one; nobody wants to know while it does its work."""
    told = status()
    assert "trio-ticks log" not in "\n".join(drawn(told, width=120))
    told["ledger"]["consumers"]["trio-ticks log"]["dropped"] = 1
    assert "trio-ticks log" in "\n".join(drawn(told, width=120))


def test_a_vendors_words_do_nothing_to_the_terminal() -> None:
    """They are shown, and neither move the cursor nor set its title."""
    told = status()
    told["shards"][0]["lines"][0]["last_error"] = "\x1b]0;title\x07\x1b[2Jgone\r\n"
    told["symbols"][0]["symbol"] = "S0\x1b[1m"
    text = "".join(drawn(told, width=200))
    assert text.isprintable()
    assert "\\x1b[2Jgone" in text


def test_an_engine_of_another_version_is_shown_as_far_as_it_is_known() -> None:
    """What it does not tell is not shown, and is no error."""
    little = {"state": "stopping", "started_us": 0, "now_us": 0, "ledger": {}, "more": {}}
    text = "\n".join(drawn(little, width=80))
    assert "stopping" in text
    assert "0 received" in text


def test_ages_are_shown_where_there_are_some() -> None:
    """For all consumers and sinks together; what has none yet says nothing."""
    some = {"p50_us": 1.0, "p99_us": 2, "count": 3}
    none = {"p50_us": None, "p99_us": None, "count": 0}
    ages = {"consumers": {"mine": some}, "strategy": some, "journal": None, "stored": none, "sinks": {}}
    assert list(ages_of(ages)) == [("strategy", 1.0, 2)]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"<html>", 200, "what answers there is no engine of trio-ticks"),
        (b'{"state": "running"}', 200, "what answers there is no engine of trio-ticks"),
        (b"", 404, "HTTP 404: no engine of trio-ticks tells its status there"),
    ],
)
async def test_somebody_else_who_answers_is_one_line(body: bytes, code: int, words: str) -> None:
    """Whatever it says."""
    async with open_status(body, code=code) as url:
        with pytest.raises(TrioTicksError) as caught:
            await trio.to_thread.run_sync(partial(top, Top(url=url, once=True)))
    assert str(caught.value).startswith(f"{url}/status: {words}")
    assert "\n" not in str(caught.value)
