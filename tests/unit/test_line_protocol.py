"""How a tick is written, by examples, and why some cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from trio_ticks.errors import ConfigError
from trio_ticks.model import Clock, Gap, Record, Status, Tick
from trio_ticks.storage import column_lines, payload
from trio_ticks.storage.line_protocol import LineEncoder, Refused
from trio_ticks.storage.tick_line import series_text

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
    b'tick,feed=alltick,symbol=TSLA.US price=244.36,volume=120,price_text="244.36",volume_text="120",side="buy",'
    b"time_us=1700000000123000i,sequence=7i,received_us=1700000000123456i,late=0i,ordinal=2i,position=41i "
    b"1700000000123000002"
)


def test_a_line_is_what_the_documentation_shows() -> None:
    """Measurement, tags by name, fields, nanoseconds."""
    assert LineEncoder().encode([TICK], [41]).body == LINE


def test_a_writer_and_a_measurement_of_ones_own() -> None:
    """Both are in every line."""
    body = LineEncoder(measurement="trades", writer="left").encode([TICK], [41]).body
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
    encoded = LineEncoder().encode([TICK, attrs.evolve(TICK, **changes), TICK], [41, 42, 41])
    assert encoded.refused == (Refused(1, reason),)
    assert encoded.lines == [LINE, LINE]
    assert list(encoded.indexes) == [0, 2]


def test_a_tick_without_an_id_has_no_place_among_those_that_have_one() -> None:
    """By trade id, an ordinal would fall on another tick's point."""
    encoded = LineEncoder(by_trade_id=["alltick"]).encode([TICK], [41])
    assert encoded.refused[0].reason.startswith("trade_id is missing")


def test_no_tick_is_no_byte() -> None:
    """An empty batch has an empty body."""
    encoded = LineEncoder().encode([], [])
    assert (encoded.body, encoded.lines, encoded.refused) == (b"", [], ())


def test_batches_of_the_journal_are_whole() -> None:
    """In order, each record under its batch's position, whether a batch is common or not, or has no tick at all."""
    ticks = [attrs.evolve(TICK, time_us=n, symbol="a b" if n == 700 else "X") for n in range(1_500)]
    gap = Gap(1, 2, "closed")
    batches: list[list[Record]] = [[*ticks[:499], gap], [gap], [*ticks[499:1_000]], [gap, *ticks[1_000:]]]
    encoded = LineEncoder().encode_stored((10 + at, payload.encode(batch)) for at, batch in enumerate(batches))
    records = [record for batch in batches for record in batch]
    assert [line.startswith(b"tick_gap,") for line in encoded.lines] == [item is gap for item in records]
    found = [line for line in encoded.lines if line.startswith(b"tick,")]
    assert [line.split(b"time_us=")[1].split(b"i")[0] for line in found] == [b"%d" % n for n in range(1_500)]
    positions = [int(line.split(b"position=")[1].split(b"i")[0]) for line in encoded.lines]
    assert positions == [10] * 500 + [11] + [12] * 501 + [13] * 501
    assert (encoded.count, encoded.refused) == (1_503, ())


def test_an_encoder_of_ticks_passes_all_others_by() -> None:
    """They have no line, and no index either: whoever wants ticks alone counts ticks alone."""
    bad = attrs.evolve(TICK, symbol="")
    batch: list[Record] = [Clock(1), TICK, Gap(1, 2, "closed"), bad, TICK, TICK]
    ticks = LineEncoder(events=False).encode_stored([(41, payload.encode(batch))])
    assert (ticks.lines, ticks.refused, ticks.count) == ([LINE] * 3, (Refused(1, "symbol is empty"),), 4)


def test_what_is_refused_between_ticks_is_told_by_its_index() -> None:
    """A status that no line can carry costs neither its neighbours nor their indexes."""
    bad = Status("x", 1, reason="two\nlines")
    batch: list[Record] = [TICK, Clock(1), TICK, bad, TICK, TICK]
    encoded = LineEncoder().encode_stored([(41, payload.encode(batch))])
    assert encoded.refused == (Refused(2, "reason has a control character: 'two\\nlines'"),)
    assert (encoded.lines, list(encoded.indexes)) == ([LINE] * 4, [0, 1, 3, 4])


def test_what_is_refused_is_told_by_its_place_among_all() -> None:
    """Over several batches, of which only one has such a tick."""
    bad = attrs.evolve(TICK, symbol="")
    batches = [[TICK] * 3, [TICK, bad, TICK], [TICK] * 4]
    encoded = LineEncoder().encode_stored((at, payload.encode(batch)) for at, batch in enumerate(batches))
    assert encoded.refused == (Refused(4, "symbol is empty"),)
    assert (len(encoded.lines), list(encoded.indexes)) == (9, [0, 1, 2, 3, 5, 6, 7, 8, 9])


COLUMNS: dict[str, Callable[[Tick, int], Tick]] = {
    "as it is": lambda tick, _: tick,
    "several symbols": lambda tick, n: attrs.evolve(tick, symbol=f"S{n % 3}"),
    "several feeds": lambda tick, n: attrs.evolve(tick, feed=f"f{n % 2}", symbol=f"S{n % 3}"),
    "more symbols than a code can tell": lambda tick, n: attrs.evolve(tick, symbol=f"S{n}"),
    "no side": lambda tick, _: attrs.evolve(tick, side=None),
    "some side": lambda tick, n: attrs.evolve(tick, side=("buy", "sell", None)[n % 3]),
    "one price": lambda tick, _: attrs.evolve(tick, price=7.0, price_text="7.00"),
    "no size": lambda tick, _: attrs.evolve(tick, volume=0.0, volume_text=""),
    "a price that is not its text": lambda tick, n: attrs.evolve(tick, price=n / 7),
    "ids": lambda tick, n: attrs.evolve(tick, trade_id=10**12 + n, sequence=None),
    "received over time": lambda tick, n: attrs.evolve(tick, received_us=tick.received_us + n // 5),
    "some late": lambda tick, n: attrs.evolve(tick, late=n % 4 == 0),
    "equal stamps": lambda tick, n: attrs.evolve(tick, time_us=5_000, ordinal=n),
}


@pytest.mark.parametrize("change", COLUMNS.values(), ids=COLUMNS)
def test_common_batches_are_not_decoded(change: Callable[[Tick, int], Tick]) -> None:
    """Whatever a feed usually brings is written straight from the columns, to the byte as tick by tick."""
    ticks = [
        change(attrs.evolve(TICK, time_us=1_000 * n, price=n / 4, price_text=f"{n / 4}", ordinal=0), n)
        for n in range(1, 301)
    ]
    columns = payload.columns_in(payload.encode(ticks))
    lines, count = column_lines.lines_of(
        columns, 41, lambda feed, symbol: series_text("tick", feed, symbol, ""), by_trade_id=()
    )
    assert (lines.encode(), count) == (LineEncoder().encode(ticks, [41] * 300).body, 300)


@pytest.mark.parametrize("arguments", [{"measurement": "a b"}, {"measurement": ""}, {"writer": "a\nb"}])
def test_settings_that_no_line_could_carry_are_refused(arguments: dict[str, Any]) -> None:
    """Before the first tick, in one line."""
    with pytest.raises(ConfigError):
        LineEncoder(**arguments)
