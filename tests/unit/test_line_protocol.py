"""How a tick is written, by examples, and why some cannot be."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.storage.line_protocol import Refused, TickEncoder

TICK = Tick(
    "TSLA.US",
    1_700_000_000_123_000,
    244.36,
    120.0,
    "244.36",
    "120",
    "buy",
    None,
    7,
    "alltick",
    1_700_000_000_123_456,
    2,
)

LINE = (
    b'tick,feed=alltick,symbol=TSLA.US price=244.36,volume=120.0,price_text="244.36",volume_text="120",side="buy",'
    b"time_us=1700000000123000i,sequence=7i,received_us=1700000000123456i,late=0i,ordinal=2i,position=41i "
    b"1700000000123000002"
)


def test_a_line_is_what_the_documentation_shows() -> None:
    """Measurement, tags by name, fields, nanoseconds."""
    assert TickEncoder().encode([TICK], [41]).body == LINE


def test_a_writer_and_a_measurement_of_ones_own() -> None:
    """Both are in every line."""
    body = TickEncoder(measurement="trades", writer="left").encode([TICK], [41]).body
    assert body.startswith(b"trades,feed=alltick,symbol=TSLA.US,writer=left price=")


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": ({"price": float("nan")}, "price is not a finite number"),
    "infinite": ({"volume": float("inf")}, "volume is not a finite number"),
    "no symbol": ({"symbol": ""}, "symbol is empty"),
    "newline": ({"symbol": "A\nB"}, "symbol has a control character: 'A\\nB'"),
    "null": ({"price_text": "1\0"}, "price_text has a control character: '1\\x00'"),
    "backslash at the end": ({"feed": "a\\"}, "feed has a backslash that would swallow what follows it: 'a\\\\'"),
    "half an emoji": ({"symbol": "\ud83d"}, "symbol is no Unicode text: '\\ud83d'"),
    "65 bits": ({"trade_id": 2**64}, "trade_id is beyond 64 bits"),
    "a full microsecond": ({"time_us": 5, "ordinal": 1000}, "ordinal is 1000: its microsecond is full"),
    "far away": ({"time_us": 10**18}, "time_us is beyond the years 1677 to 2262"),
}


@pytest.mark.parametrize(("changes", "reason"), REASONS.values(), ids=REASONS)
def test_what_cannot_be_written_is_refused_alone(changes: dict[str, Any], reason: str) -> None:
    """With its reason, while its neighbours are written as ever."""
    encoded = TickEncoder().encode([TICK, attrs.evolve(TICK, **changes), TICK], [41, 42, 41])
    assert encoded.refused == (Refused(1, reason),)
    assert encoded.lines == [LINE, LINE]
    assert list(encoded.indexes) == [0, 2]


def test_a_tick_without_an_id_has_no_place_among_those_that_have_one() -> None:
    """By trade id, an ordinal would fall on another tick's point."""
    encoded = TickEncoder(by_trade_id=["alltick"]).encode([TICK], [41])
    assert encoded.refused[0].reason.startswith("trade_id is missing")


def test_no_tick_is_no_byte() -> None:
    """An empty batch has an empty body."""
    encoded = TickEncoder().encode([], [])
    assert (encoded.body, encoded.lines, encoded.refused) == (b"", [], ())


def test_batches_larger_than_a_chunk_are_whole() -> None:
    """In order, each with its own position."""
    batch = [attrs.evolve(TICK, time_us=n, symbol="a b" if n == 700 else "X") for n in range(1_500)]
    encoded = TickEncoder().encode(batch, range(10, 1_510))
    assert [line.split(b"time_us=")[1].split(b"i")[0] for line in encoded.lines] == [b"%d" % n for n in range(1_500)]
    assert encoded.lines[-1].split(b"position=")[1].startswith(b"1509i")


@pytest.mark.parametrize("arguments", [{"measurement": "a b"}, {"measurement": ""}, {"writer": "a\nb"}])
def test_settings_that_no_line_could_carry_are_refused(arguments: dict[str, str]) -> None:
    """Before the first tick, in one line."""
    with pytest.raises(ConfigError):
        TickEncoder(**arguments)
