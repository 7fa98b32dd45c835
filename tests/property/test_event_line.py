"""Gaps, statuses and signals in line protocol, judged by a parser that is not ours."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from trio_ticks.model import Gap, Signal, Status
from trio_ticks.storage.event_line import Event, event_line
from trio_ticks.storage.line_text import UnencodableError

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


def test_two_events_of_one_moment_are_two_points() -> None:
    """Neighbours in the journal have different nanoseconds."""
    gap = Gap(1, 2, "closed", "X", "f")
    first, second = (event_line(gap, at, measurement="tick").split() for at in (999, 1000))
    assert first[0] == second[0] == "tick_gap,cause=closed,feed=f,symbol=X"
    assert (first[-1], second[-1]) == ("2999", "2000")
