"""Line protocol, judged by a parser that is not ours."""

from __future__ import annotations

import math
import re

import attrs
from hypothesis import example, given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from tests.property.test_event_line import GAPS, SIGNALS, STATUSES
from trio_ticks.model import Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.storage.line_protocol import LineEncoder
from trio_ticks.storage.line_text import UnencodableError, tag_text
from trio_ticks.storage.payload import encode
from trio_ticks.storage.tick_line import number_text, point_time, tick_line, tick_of_row

SPECIAL = st.text(alphabet="ab\\ ,=\"'~{}:\n\r\t\x00🙂é", max_size=8)
TEXTS = st.one_of(SPECIAL, st.text(max_size=8), st.sampled_from(["", "BTC-USD", "700.HK"]))
DECIMALS = st.from_regex(r"\A-?[0-9]{1,6}(\.[0-9]{1,6})?\Z")
FLOATS = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**6), 10**6).map(float)
INTEGERS = st.integers(-(2**64), 2**64) | st.integers(0, 2_000)
TIMES = st.integers(-(10**16), 10**16) | st.integers(-(10**6), 10**6)


def ticks(
    symbols: st.SearchStrategy[str] = TEXTS,
    texts: st.SearchStrategy[str] = TEXTS | DECIMALS,
    floats: st.SearchStrategy[float] = FLOATS,
) -> st.SearchStrategy[Tick]:
    return st.builds(
        Tick,
        symbol=symbols,
        time_us=TIMES,
        price=floats,
        volume=floats,
        price_text=texts,
        volume_text=texts,
        side=st.sampled_from([None, "buy", "sell"]),
        trade_id=st.none() | INTEGERS,
        sequence=st.none() | INTEGERS,
        feed=symbols,
        received_us=INTEGERS,
        ordinal=st.integers(0, 3) | st.integers(-1, 1_000_001),
        late=st.booleans(),
        conditions=st.none() | st.lists(st.text(max_size=4), max_size=2).map(tuple),
    )


COMMON = st.builds(
    Tick,
    symbol=st.sampled_from(["BTC-USD", "700.HK", "EUR/USD"]),
    time_us=st.integers(10**15, 2 * 10**15),
    price=st.floats(allow_nan=False, allow_infinity=False),
    volume=st.floats(0, 1e9),
    price_text=DECIMALS,
    volume_text=DECIMALS | st.just(""),
    side=st.sampled_from([None, "buy", "sell"]),
    trade_id=st.none() | st.integers(0, 10**12),
    sequence=st.none() | st.integers(-(2**62), 2**62),
    feed=st.sampled_from(["alltick", "coinbase", ""]),
    received_us=st.integers(10**15, 10**15 + 1),
    ordinal=st.integers(0, 999),
    late=st.booleans(),
)


def row_of(line: bytes) -> dict[str, object]:
    """Return what an independent parser reads in a line, as a query would give it."""
    parsed = parse_line(line.decode())
    return {**parsed["tags"], **parsed["fields"], "time": parsed["time"]}


@given(ticks(), st.integers(0, 2**63 - 1), TEXTS)
@example(Tick("a\\", 1, 1.0), 0, "")
@example(Tick("a\\,b", 1, 1.0), 0, "")
@example(Tick("a\nb", 1, 1.0, price_text="1\n"), 0, "\n")
def test_a_tick_is_read_back_exactly_or_refused_with_a_reason(tick: Tick, position: int, writer: str) -> None:
    """Any symbol, tag, text and number: never a broken line, never another tick than the one that was written."""
    reason = ""
    try:
        line = tick_line(tick, position, measurement="tick", writer=writer).encode()
    except UnencodableError as error:
        reason = str(error)
        line = b""
    assert bool(line) is not bool(reason)
    assert "\n" not in reason
    if not line:
        return
    assert b"\n" not in line
    row = row_of(line)
    assert tick_of_row(row) == tick
    assert row["time"] == point_time(tick)[0]
    assert row["position"] == position
    assert row.get("writer", "") == writer


@given(st.lists(ticks() | COMMON, max_size=6), st.integers(0, 2**62), st.booleans())
def test_a_line_is_the_same_alone_and_in_any_company(batch: list[Tick], first: int, by_trade_id: bool) -> None:
    """The bytes are a function of tick and position, so that a resend of any part falls on the same points."""
    feeds = ["coinbase", ""] if by_trade_id else []
    encoded = LineEncoder(by_trade_id=feeds).encode(batch, range(first, first + len(batch)))
    alone = [LineEncoder(by_trade_id=feeds).encode([tick], [first + at]) for at, tick in enumerate(batch)]
    assert encoded.lines == [line for one in alone for line in one.lines]
    assert [item.reason for item in encoded.refused] == [item.reason for one in alone for item in one.refused]
    assert sorted([*encoded.indexes, *(item.index for item in encoded.refused)]) == list(range(len(batch)))


# What lies in columns of one kind each, as of most feeds, and so is written straight from them.
ALIKE = COMMON.map(lambda tick: attrs.evolve(tick, trade_id=None, sequence=7, volume_text=f"{tick.ordinal}"))
PLAIN = st.sampled_from([Gap(1, 2, "closed", "X"), Status("silent", 3), Signal("buy", "X", 4), Clock(5)])
OTHERS = st.lists(st.tuples(st.integers(0, 4), PLAIN | GAPS | STATUSES | SIGNALS), max_size=4)


@given(
    st.lists(ALIKE, min_size=3, max_size=20) | st.lists(COMMON | ticks(), max_size=6),
    OTHERS,
    st.sampled_from(["", "engine-1", "a b"]),
    st.booleans(),
)
def test_batches_of_the_journal_are_written_as_tick_by_tick(
    some: list[Tick], others: list[tuple[int, Record]], writer: str, by_trade_id: bool
) -> None:
    """Straight from the columns or not: the same lines to the byte, in order, and the same records refused."""
    batch: list[Record] = [*some]
    for at, record in others:
        batch.insert(at, record)
    encoder = LineEncoder(writer=writer, by_trade_id=["coinbase", ""] if by_trade_id else [])
    assert encoder.encode_stored([(7, encode(batch))]) == encoder.encode(batch, [7] * len(batch))


@given(
    st.text("0123456789.-+e_ ", max_size=6) | DECIMALS | st.sampled_from(["inf", "nan", "-0", "9" * 400, "٣"]),
    FLOATS,
)
def test_a_number_is_written_by_its_text_only_where_it_is_a_plain_decimal(text: str, other: float) -> None:
    """What is written is a number to any parser, and to the last bit the one that was given."""
    for value in (other, *as_float(text)):
        try:
            written = number_text("price", value, text)
        except UnencodableError:
            assert not math.isfinite(value)
            continue
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", written)
        assert repr(float(written)) == repr(value)


def as_float(text: str) -> list[float]:
    try:
        return [float(text)]
    except ValueError:
        return []


def place_of(tick: Tick) -> tuple[bytes, bytes] | None:
    """Return what InfluxDB tells the tick's point by, measurement and tags and the time; None where it has none."""
    lines = LineEncoder().encode([tick], [0]).lines
    return (lines[0].split(b" ")[0], lines[0].split(b" ")[-1]) if lines else None


@given(
    st.integers(-(10**12), 10**12), st.integers(0, 1), st.integers(0, 1_200), st.integers(0, 3), st.integers(-1, 1)
)
def test_two_ticks_never_share_a_point(milliseconds: int, past: int, ordinal: int, apart_us: int, by: int) -> None:
    """Ticks near a whole millisecond, where the carried ones go: each place is one tick's, and each tick's is one."""
    stamp = milliseconds * 1000 + past
    other = Tick("X", stamp + apart_us, 1.0, ordinal=ordinal)
    # The tick that would be in its way, were the carried ones not apart, or one beside that.
    one = Tick("X", stamp, 1.0, ordinal=max(0, ordinal + 1000 * apart_us + by))
    places = place_of(one), place_of(other)
    if None not in places:
        assert (places[0] == places[1]) is ((one.time_us, one.ordinal) == (other.time_us, other.ordinal))
    for tick, place in zip((one, other), places, strict=True):
        assert (place is None) is (tick.ordinal >= 1000 and tick.time_us % 1000 > 0)


@given(st.integers(0, 10**9), st.permutations(range(40)))
def test_counted_trades_never_share_a_point(first_id: int, order: list[int]) -> None:
    """By trade id, trades of one stamp have places of their own, the same in whatever order an engine saw them."""
    found = {
        point_time(Tick("X", 7, 1.0, trade_id=first_id + number, ordinal=ordinal), by_trade_id=True)
        for ordinal, number in enumerate(order)
    }
    assert found == {(7_000 + (first_id + number) % 1000, False) for number in range(40)}
    assert len(found) == 40


@given(TEXTS)
def test_a_tag_is_read_back_or_refused(text: str) -> None:
    """What stands in a tag is what was put there, and nothing of it leaks into the fields."""
    try:
        written = tag_text("tag", text)
    except UnencodableError:
        return
    parsed = parse_line(f"m,a={written},b=c d=1i 5")
    assert parsed == {"measurement": "m", "tags": {"a": text, "b": "c"}, "fields": {"d": 1}, "time": 5}


@given(ticks())
def test_ticks_apart_only_in_text_are_apart(tick: Tick) -> None:
    """A decimal text is kept as it was received, whatever the number beside it."""
    other = attrs.evolve(tick, price_text=tick.price_text + "0")
    both = LineEncoder().encode([tick, other], [1, 1])
    assert len(set(both.lines)) == len(both.lines)
