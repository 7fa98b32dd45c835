"""Gaps, statuses and signals as points: few, so they are written plainly, each kind in a measurement of its own.

==========  ==================  =======================================  ======================================
record      measurement         tags                                     fields, beside ``position``
==========  ==================  =======================================  ======================================
`Gap`       ``<ticks>_gap``     cause, feed, symbol                      start_us, end_us, missed where known
`Status`    ``<ticks>_status``  feed, status, symbol                     time_us, reason, source
`Signal`    ``<ticks>_signal``  feed, name, strategy, symbol             time_us, fields (as JSON)
==========  ==================  =======================================  ======================================

A tag that a record does not have is left out: a gap without a symbol is one of all symbols. The nanoseconds below the
microsecond are the position in the journal modulo 1,000, so that two records of one moment are two points.
"""

from __future__ import annotations

import json
from typing import TypeAlias

from trio_ticks.model import Gap, Signal, Status
from trio_ticks.storage.line_text import UnencodableError, field_integer, field_text, tag_text
from trio_ticks.storage.tick_line import LAST_NS, PER_MICROSECOND

Event: TypeAlias = Gap | Status | Signal


def event_line(event: Event, position: int, *, measurement: str, writer: str = "") -> str:
    """Return the line of a gap, a status or a signal.

    Args:
        event: The record.
        position: Where it is in the journal.
        measurement: That of the ticks, a name that needs no escaping.
        writer: One more tag, or "" for none.

    Raises:
        UnencodableError: No line can carry it; the text is the reason.
    """
    time_ns = event.time_us * 1000 + position % PER_MICROSECOND
    if not -LAST_NS <= time_ns <= LAST_NS:
        raise UnencodableError("time_us is beyond the years 1677 to 2262")
    tags = {**_tags(event), "writer": writer}
    series = "".join(f",{name}={tag_text(name, value)}" for name, value in sorted(tags.items()) if value)
    fields = {**_fields(event), "position": field_integer("position", position)}
    written = ",".join(f"{name}={value}" for name, value in fields.items())
    return f"{measurement}_{event.kind}{series} {written} {time_ns}"


def _tags(event: Event) -> dict[str, str]:
    place = {"feed": event.feed, "symbol": event.symbol or ""}
    match event:
        case Gap():
            return {**place, "cause": event.cause}
        case Status():
            return {**place, "status": event.status}
        case Signal():
            return {**place, "name": event.name, "strategy": event.strategy}


def _fields(event: Event) -> dict[str, str]:
    match event:
        case Gap():
            fields = {
                "start_us": field_integer("start_us", event.start_us),
                "end_us": field_integer("end_us", event.end_us),
            }
            return fields if event.missed is None else {**fields, "missed": field_integer("missed", event.missed)}
        case Status():
            texts = {"reason": field_text("reason", event.reason), "source": field_text("source", event.source)}
            return {"time_us": field_integer("time_us", event.time_us), **texts}
        case Signal():
            values = field_text("fields", json.dumps(dict(event.fields)))
            return {"time_us": field_integer("time_us", event.time_us), "fields": values}
