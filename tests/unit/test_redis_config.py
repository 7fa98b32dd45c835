"""The settings of both ends of a stream."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trio_ticks.config import Redis, RedisFeed, Secret, parse_config
from trio_ticks.core.recording import Recorder
from trio_ticks.core.relaying import PLACE, Place
from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.runtime.assembly import assemble
from trio_ticks.runtime.places import Places
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks

URL = "redis://127.0.0.1:6379/0"
BOTH = """
[feeds.far]
kind = "redis"
url = "rediss://far.example"
stream = "{eu}:ticks"
reader = "store"
symbols = ["BTCUSDT"]
password = "${WORD}"
[sinks.redis]
url = "redis://127.0.0.1:6379/0"
readers = ["store", "trader"]
"""


def test_a_file_says_what_code_would() -> None:
    """A feed by its kind, a sink by its name; the feed goes by the name of its table; the password is not shown."""
    config = parse_config(BOTH, source="f", environ={"WORD": "s3cret-word"})
    far = RedisFeed(
        url="rediss://far.example",
        stream="{eu}:ticks",
        name="far",
        reader="store",
        symbols=("BTCUSDT",),
        password=Secret("s3cret-word"),
    )
    assert dict(config.feeds) == {"far": far}
    assert dict(config.sinks) == {"redis": Redis(url=URL, readers=("store", "trader"))}
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"url": "redis://user:hush@host"}, "url"),
        ({"url": "redis://host/0?password=hush"}, "url"),
        ({"url": "http://host"}, "url"),
        ({"stream": "a b"}, "stream"),
        ({"password": ""}, "password"),
        ({"readers": ["a b"]}, "readers"),
        ({"readers": "ab"}, "readers"),
        ({"cluster": 1}, "cluster"),
        ({"answer_s": 0.0}, "answer_s"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(changes: dict[str, object], named: str) -> None:
    """Before anything is sent, and without showing what may be a password."""
    with pytest.raises(ConfigError, match=f"^{named}") as caught:
        Redis(**{"url": URL, **changes})  # type: ignore[arg-type]  # the wrong values are the point
    assert "hush" not in str(caught.value)


def test_a_reader_goes_by_the_name_of_its_feed_unless_it_has_one() -> None:
    """No reader is without a name."""
    assert RedisFeed(url=URL, name="far").reads_as == "far"
    assert RedisFeed(url=URL, name="far", reader="store").reads_as == "store"
    with pytest.raises(ConfigError, match=r"^reader"):
        RedisFeed(url=URL, reader="a b")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line says what to install, for either end, before anything runs."""
    monkeypatch.setitem(sys.modules, "coredis", None)
    for sources, sinks in [([RedisFeed(url=URL)], []), ([RedisFeed(url=URL)], [Redis(url=URL)])]:
        with pytest.raises(ConfigError, match=r"pip install 'trio-ticks\[redis\]'$"):
            assemble(sources, journal=tmp_path / "a.journal", sinks=sinks)


def test_a_strategy_may_want_what_only_the_writer_knows() -> None:
    """Which symbols come is seen when they come, unless the feed names those it takes."""

    async def momentum(ticks: Ticks) -> None: ...

    wants = Strategy(momentum, symbols=("BTCUSDT",))
    assert assemble([RedisFeed(url=URL)], strategies=[wants]).relays
    with pytest.raises(ConfigError, match="which no feed carries"):
        assemble([RedisFeed(url=URL, symbols=("ETHUSDT",))], strategies=[wants])


def test_two_feeds_do_not_share_a_name() -> None:
    """Places are kept under it."""
    with pytest.raises(ConfigError, match="two of kind feed are called 'redis'"):
        assemble([RedisFeed(url=URL), RedisFeed(url=URL, stream="other")])


def test_a_place_moves_past_what_the_journal_left_out() -> None:
    """A gap stands for the records before the place: once it is written, they are not read again."""
    recorder = Recorder(capacity=1)
    place = {PLACE + "redis": Place(7, "w", 1).save()}
    recorder.offer([Tick("X", 1, 1.0)])
    recorder.offer([Tick("X", 2, 1.0)], place)
    assert [entry.marks for entry in recorder.take()] == [{}]
    assert recorder.written() is None
    assert [entry.marks for entry in recorder.take()] == [place]
    assert recorder.written() is not None
    assert recorder.take() == []


async def test_places_are_told_from_other_marks() -> None:
    """Whoever waits for one is woken by it, and by nothing else."""
    places = Places({"window/a/X": b"\x00", PLACE + "a": Place(3, "w").save()})
    assert (places.of("a").position, places.of("b").position) == (3, 0)
    places.settle({PLACE + "a": Place(5, "w").save(), "round/0": b""})
    assert await places.wait_moved("a", 3) == 5
