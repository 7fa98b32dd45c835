r"""Records of the journal as line protocol: a pure function of each record, its position and its batch.

::

    tick,feed=alltick,symbol=TSLA.US price=244.36,volume=120,price_text="244.36",volume_text="120",side="buy",
    time_us=1700000000123000i,sequence=7i,received_us=1700000000123456i,late=0i,ordinal=2i,position=41i
    1700000000123000002

(one line). A batch that is sent again is the same bytes, and its points fall on themselves. What each part is, and
which point a tick becomes, is in `trio_ticks.storage.tick_line`; gaps, statuses and signals, which lie between the
ticks, are in `trio_ticks.storage.event_line`.

A batch whose ticks are all common is written by `trio_ticks.storage.column_lines` without being decoded. Any other is
decoded and written tick by tick: the same lines, several times slower.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import cast

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.model import Record, Tick
from trio_ticks.storage.column_lines import UncommonError, lines_of
from trio_ticks.storage.event_line import EVENTS, Event, event_line, point_of
from trio_ticks.storage.line_text import UnencodableError
from trio_ticks.storage.payload import decode, parts_in
from trio_ticks.storage.tick_line import series_text, tick_line

# Symbols come from subscriptions, so some thousands; a journal put together from many must not grow this for ever.
_MOST_PREFIXES = 65_536

# A name that is escaped nowhere.
_MEASUREMENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


@attrs.frozen
class Refused:
    """A record that no line can carry.

    Attributes:
        index: Which of the records that were to be encoded.
        reason: Why, for its dead letter.
    """

    index: int
    reason: str


@attrs.frozen
class Encoded:
    """A batch, ready to be sent.

    Attributes:
        body: One line for each record that has one, in order, with a newline between them.
        refused: The records that have none.
        count: How many records of the encoder's kinds were given.
    """

    body: bytes
    refused: tuple[Refused, ...]
    count: int

    @property
    def lines(self) -> list[bytes]:
        """The lines, so that a server's refusal can be narrowed down to single ones."""
        return self.body.split(b"\n") if self.body else []

    @property
    def indexes(self) -> Sequence[int]:
        """Which of the records each line is."""
        without = {item.index for item in self.refused}
        return [index for index in range(self.count) if index not in without] if without else range(self.count)


class LineEncoder:
    """Writes records as lines.

    Args:
        measurement: Of the ticks. Begins with a letter; letters, digits, ``_``, ``.`` and ``-``.
        writer: A tag that keeps engines apart that write ticks of one feed to one bucket; "": none.
        by_trade_id: The feeds whose trade ids count every trade of a symbol.
        events: Whether gaps, statuses and signals have lines as well. All other kinds are passed by.

    Raises:
        ConfigError: The measurement or the writer cannot be used.
    """

    def __init__(
        self,
        *,
        measurement: str = "tick",
        writer: str = "",
        by_trade_id: Collection[str] = (),
        events: bool = True,
    ) -> None:
        if not _MEASUREMENT.fullmatch(measurement):
            raise ConfigError(f"measurement = {measurement!r:.60}: must be a letter, then letters, digits, _, . or -")
        try:
            series_text(measurement, "", "X", writer)
        except UnencodableError as error:
            raise ConfigError(str(error)) from None
        self._measurement = measurement
        self._writer = writer
        self._by_trade_id = frozenset(by_trade_id)
        self._kinds = line_kinds(events=events)
        self._prefix = lru_cache(_MOST_PREFIXES)(lambda feed, symbol: series_text(measurement, feed, symbol, writer))

    def encode_stored(self, batches: Iterable[tuple[int, bytes]], *, place: int | None = None) -> Encoded:
        """Return the lines of some batches as they lie in the journal.

        Args:
            batches: The position and the payload of each.
            place: In its batch, of a record that is sent again by itself: the one that the payload holds.

        Raises:
            JournalError: A payload is none, or of a newer version.
        """
        return _joined(self._stored(position, payload, place) for position, payload in batches)

    def encode(self, records: Sequence[Record], positions: Iterable[int]) -> Encoded:
        """Return the lines of some records.

        Args:
            records: In any order; the lines are in the same.
            positions: Where in the journal each of them is, one for each; of 63 bits at most. Neighbours of one
                position are its batch.
        """
        placed = zip(records, positions, strict=True)
        batches = groupby(placed, key=itemgetter(1))
        return _joined(self._batch([record for record, _ in some], position) for position, some in batches)

    def _stored(self, position: int, payload: bytes, place: int | None) -> Encoded:
        columns, rows = parts_in(payload)
        items: list[str | Record] = []
        if columns:
            try:
                lines, count = lines_of(columns, position, self._prefix, by_trade_id=self._by_trade_id)
            except UncommonError:
                return self._batch(decode(payload), position)
            if not rows:
                return Encoded(lines.encode(), (), count)
            items += lines.split("\n")
        for index, record in rows:
            items.insert(index, record)
        return self._batch(items, position, place)

    def _batch(self, items: Iterable[str | Record], position: int, place: int | None = None) -> Encoded:
        """Return the lines of a batch, of whose records some may be lines already."""
        lines: list[str] = []
        refused: list[Refused] = []
        taken: set[Hashable] = set()
        wanted = [(at, item) for at, item in enumerate(items) if isinstance(item, str) or item.kind in self._kinds]
        for index, (at, item) in enumerate(wanted):
            try:
                if isinstance(item, str):
                    lines.append(item)
                elif type(item) is Tick:
                    lines.append(self._tick_line(item, position))
                else:
                    lines.append(self._event_line(cast("Event", item), position, at, place, taken))
            except UnencodableError as error:
                refused.append(Refused(index, str(error)))
        return Encoded("\n".join(lines).encode(), tuple(refused), len(wanted))

    def _tick_line(self, tick: Tick, position: int) -> str:
        by_trade_id = tick.feed in self._by_trade_id
        return tick_line(tick, position, measurement=self._measurement, writer=self._writer, by_trade_id=by_trade_id)

    def _event_line(self, event: Event, position: int, at: int, place: int | None, taken: set[Hashable]) -> str:
        point = point_of(event)
        if place is None and point in taken:
            place = at
        taken.add(point)
        return event_line(event, position, measurement=self._measurement, writer=self._writer, place=place)


def line_kinds(*, events: bool) -> frozenset[str]:
    """Return the kinds of records of which there are lines."""
    return frozenset({Tick.kind}) | (EVENTS if events else frozenset())


def _joined(parts: Iterable[Encoded]) -> Encoded:
    bodies: list[bytes] = []
    refused: list[Refused] = []
    count = 0
    for part in parts:
        if part.body:
            bodies.append(part.body)
        refused += [Refused(count + item.index, item.reason) for item in part.refused]
        count += part.count
    return Encoded(b"\n".join(bodies), tuple(refused), count)
