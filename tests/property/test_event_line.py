"""Gaps, statuses and signals in line protocol, judged by a parser that is not ours."""

from __future__ import annotations

import json
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from trio_ticks.model import Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.storage.event_line import Event, event_line, gap_of_row, signal_of_row, status_of_row
from trio_ticks.storage.line_protocol import LineEncoder
from trio_ticks.storage.line_text import UnencodableError
from trio_ticks.storage.payload import encode

TEXTS = st.text(alphabet="ab\\ ,=\"'\n🙂", max_size=6) | st.sampled_from(["", "BTC-USD"])
STAMPS = st.integers(-(10**16), 10**16)
GAPS = st.builds(Gap, STAMPS, STAMPS, TEXTS, st.none() | TEXTS, TEXTS, st.none() | st.integers(0, 10**6))
STATUSES = st.builds(Status, TEXTS, STAMPS, TEXTS, TEXTS, st.none() | TEXTS, TEXTS)
VALUES = st.dictionaries(
    TEXTS, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS, max_size=3
)
SIGNALS = st.builds(Signal, TEXTS, TEXTS, STAMPS, VALUES, TEXTS, TEXTS)


def expected(event: Event) -> tuple[dict[str, str | None], dict[str, object]]:
    """Return tags and fields, where an empty or missing tag is none."""
    match event:
        case Gap():
            fields: dict[str, object] = {"start_us": event.start_us, "end_us": event.end_us}
            return {"cause": event.cause}, fields | ({} if event.missed is None else {"missed": event.missed})
        case Status():
            return {"status": event.status}, {
                "time_us": event.time_us,
                "reason": event.reason,
                "source": event.source,
            }
        case Signal():
            return {"name": event.name, "strategy": event.strategy}, {
                "time_us": event.time_us,
                "fields": event.fields,
            }


@given(GAPS | STATUSES | SIGNALS, st.integers(0, 2**62), TEXTS)
def test_an_event_is_read_back_or_refused_with_a_reason(event: Event, position: int, writer: str) -> None:
    """Any text in any place: never a broken line, and every field comes back."""
    try:
        line = event_line(event, position, measurement="tick", writer=writer)
    except UnencodableError:
        return
    parsed = parse_line(line)
    tags, fields = expected(event)
    tags |= {"feed": event.feed, "symbol": event.symbol, "writer": writer}
    assert parsed["measurement"] == f"tick_{event.kind}"
    assert parsed["tags"] == {name: value for name, value in tags.items() if value}
    read = dict(parsed["fields"])
    if "fields" in read:
        read["fields"] = json.loads(read["fields"])
    assert read == {**fields, "position": position}
    assert parsed["time"] == event.time_us * 1000 + position % 1000


def row_of(line: str) -> dict[str, Any]:
    """Return what an independent parser reads in a line, as a query would give it."""
    parsed = parse_line(line)
    return {**parsed["tags"], **parsed["fields"], "time": parsed["time"]}


def place_of(line: bytes) -> tuple[object, ...]:
    """Return what a database tells the point of a line by."""
    parsed = parse_line(line.decode())
    return parsed["measurement"], tuple(sorted(parsed["tags"].items())), parsed["time"]


@given(GAPS | STATUSES | SIGNALS, st.integers(0, 2**62), st.none() | st.integers(0, 2_000))
def test_an_event_out_of_its_point_is_the_event(event: Event, position: int, place: int | None) -> None:
    """Equal in every field, but that a gap or a status of an empty symbol is one of all symbols."""
    try:
        row = row_of(event_line(event, position, measurement="tick", place=place))
    except UnencodableError:
        return
    found = {"gap": gap_of_row, "status": status_of_row, "signal": signal_of_row}[event.kind](row)
    assert found == (event if isinstance(event, Signal) else attrs.evolve(event, symbol=event.symbol or None))


# So few different ones that most share series and moment with another.
TWINS = st.lists(
    st.builds(Signal, st.just("buy"), st.sampled_from("AB"), st.integers(5, 6), st.just({}), st.just("s"))
    | st.builds(Gap, st.integers(1, 2), st.just(5), st.just("closed"), st.sampled_from(["A", None]))
    | st.builds(Status, st.just("silent"), st.just(5), st.text("ab", max_size=1))
    | st.builds(Clock, st.just(5))
    | st.builds(Tick, st.just("A"), st.just(5), st.just(1.0), price_text=st.just("1.0")),
    max_size=12,
)


@given(TWINS, st.integers(0, 3_000), st.integers(0, 11))
def test_events_of_a_batch_are_as_many_points(batch: list[Record], position: int, number: int) -> None:
    """However alike they are; and one that is sent again by itself falls on none of the others."""
    lines = LineEncoder().encode_stored([(position, encode(batch))]).lines
    places = [place_of(line) for line in lines if not line.startswith(b"tick,")]
    events = [item for item in batch if item.kind in {"gap", "status", "signal"}]
    assert len(places) == len(set(places)) == len(events)
    if number < len(events):
        at = next(index for index, item in enumerate(batch) if item is events[number])
        again = LineEncoder().encode_stored([(position, encode([events[number]]))], place=at).lines
        assert place_of(again[0]) not in {*places[:number], *places[number + 1 :]}


def test_two_events_of_one_moment_are_two_points() -> None:
    """Neighbours in the journal have different nanoseconds."""
    gap = Gap(1, 2, "closed", "X", "f")
    first, second = (event_line(gap, at, measurement="tick").split() for at in (999, 1000))
    assert first[0] == second[0] == "tick_gap,cause=closed,feed=f,symbol=X"
    assert (first[-1], second[-1]) == ("2999", "2000")
