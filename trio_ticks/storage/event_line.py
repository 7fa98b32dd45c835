"""Gaps, statuses and signals as points, and back: few, so written plainly, each kind in a measurement of its own.

==========  ==================  =======================================  ======================================
record      measurement         tags                                     fields, beside ``position``
==========  ==================  =======================================  ======================================
`Gap`       ``<ticks>_gap``     cause, feed, symbol                      start_us, end_us, missed where known
`Status`    ``<ticks>_status``  feed, status, symbol                     time_us, reason, source
`Signal`    ``<ticks>_signal``  feed, name, strategy, symbol             time_us, fields (as JSON)
==========  ==================  =======================================  ======================================

A tag that a record does not have is left out: a gap without a symbol is one of all symbols. The nanoseconds below the
microsecond are the position in the journal modulo 1,000, so that two records of one moment and of different batches
are two points. Of one batch, those that would still share a point have their place in the batch as the tag ``place``.
Both are the same on a resend, which so falls on the same points. One point would be left only of two records of one
series and moment whose batches lie a thousand, or a multiple of that, apart.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

from trio_ticks.model import Gap, Signal, Status
from trio_ticks.storage.line_text import UnencodableError, field_integer, field_text, tag_text
from trio_ticks.storage.tick_line import LAST_NS, PER_MICROSECOND

Event: TypeAlias = Gap | Status | Signal

EVENTS = frozenset({Gap.kind, Status.kind, Signal.kind})
"""The kinds, as the records call themselves."""


def point_of(event: Event) -> Hashable:
    """Return what tells an event's point from those of the other events of its batch."""
    return event.kind, event.time_us, *_tags(event).values()


def event_line(event: Event, position: int, *, measurement: str, writer: str = "", place: int | None = None) -> str:
    """Return the line of a gap, a status or a signal.

    Args:
        event: The record.
        position: Where it is in the journal.
        measurement: That of the ticks, a name that needs no escaping.
        writer: One more tag, or "" for none.
        place: Its place in the batch, where another record of the batch has its point.

    Raises:
        UnencodableError: No line can carry it; the text is the reason.
    """
    time_ns = event.time_us * 1000 + position % PER_MICROSECOND
    if not -LAST_NS <= time_ns <= LAST_NS:
        raise UnencodableError("time_us is beyond the years 1677 to 2262")
    tags = {**_tags(event), "place": "" if place is None else f"{place}", "writer": writer}
    series = "".join(f",{name}={tag_text(name, value)}" for name, value in sorted(tags.items()) if value)
    fields = {**_fields(event), "position": field_integer("position", position)}
    written = ",".join(f"{name}={value}" for name, value in fields.items())
    return f"{measurement}_{event.kind}{series} {written} {time_ns}"


def gap_of_row(row: Mapping[str, Any]) -> Gap:
    """Return the gap that a point was written from; `trio_ticks.storage.tick_line.tick_of_row` says more.

    Raises:
        KeyError, TypeError, ValueError: It is no point of a gap.
    """
    return Gap(
        start_us=int(row["start_us"]),
        end_us=int(row["end_us"]),
        cause=row.get("cause") or "",
        symbol=row.get("symbol") or None,
        feed=row.get("feed") or "",
        missed=row.get("missed"),
    )


def status_of_row(row: Mapping[str, Any]) -> Status:
    """Return the status that a point was written from, as `gap_of_row` does."""
    return Status(
        status=row.get("status") or "",
        time_us=int(row["time_us"]),
        reason=row["reason"],
        feed=row.get("feed") or "",
        symbol=row.get("symbol") or None,
        source=row["source"],
    )


def signal_of_row(row: Mapping[str, Any]) -> Signal:
    """Return the signal that a point was written from, as `gap_of_row` does."""
    return Signal(
        name=row.get("name") or "",
        symbol=row.get("symbol") or "",
        time_us=int(row["time_us"]),
        fields=json.loads(row["fields"]),
        strategy=row.get("strategy") or "",
        feed=row.get("feed") or "",
    )


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
