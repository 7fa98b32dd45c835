r"""Ticks of the journal as line protocol: a pure function of each tick and its position.

::

    tick,feed=alltick,symbol=TSLA.US price=244.36,volume=120,price_text="244.36",volume_text="120",side="buy",
    time_us=1700000000123000i,sequence=7i,received_us=1700000000123456i,late=0i,ordinal=2i,position=41i
    1700000000123000002

(one line). A batch that is sent again is the same bytes, and its points fall on themselves. What each part is, and
which point a tick becomes, is in `trio_ticks.storage.tick_line`.

A batch whose ticks are all common is written by `trio_ticks.storage.column_lines` without being decoded. Any other is
decoded and written tick by tick: the same lines, several times slower.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import repeat

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.storage.column_lines import UncommonError, lines_of
from trio_ticks.storage.line_text import UnencodableError
from trio_ticks.storage.payload import columns_in, decode
from trio_ticks.storage.tick_line import series_text, tick_line

# Symbols come from subscriptions, so some thousands; a journal put together from many must not grow this for ever.
_MOST_PREFIXES = 65_536

# A name that is escaped nowhere.
_MEASUREMENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


@attrs.frozen
class Refused:
    """A tick that no line can carry.

    Attributes:
        index: Which of the ticks that were encoded.
        reason: Why, for its dead letter.
    """

    index: int
    reason: str


@attrs.frozen
class Encoded:
    """A batch, ready to be sent.

    Attributes:
        body: One line for each tick that has one, in order, with a newline between them.
        refused: The ticks that have none.
        count: How many ticks were given.
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
        """Which of the ticks each line is."""
        without = {item.index for item in self.refused}
        return [index for index in range(self.count) if index not in without] if without else range(self.count)


class TickEncoder:
    """Writes ticks as lines.

    Args:
        measurement: Begins with a letter; letters, digits, ``_``, ``.`` and ``-``.
        writer: A tag that keeps engines apart that write ticks of one feed to one bucket; "": none.
        by_trade_id: The feeds whose trade ids count every trade of a symbol.

    Raises:
        ConfigError: The measurement or the writer cannot be used.
    """

    def __init__(self, *, measurement: str = "tick", writer: str = "", by_trade_id: Collection[str] = ()) -> None:
        if not _MEASUREMENT.fullmatch(measurement):
            raise ConfigError(f"measurement = {measurement!r:.60}: must be a letter, then letters, digits, _, . or -")
        try:
            series_text(measurement, "", "X", writer)
        except UnencodableError as error:
            raise ConfigError(str(error)) from None
        self._measurement = measurement
        self._writer = writer
        self._by_trade_id = frozenset(by_trade_id)
        self._prefix = lru_cache(_MOST_PREFIXES)(lambda feed, symbol: series_text(measurement, feed, symbol, writer))

    def encode_stored(self, batches: Iterable[tuple[int, bytes]]) -> Encoded:
        """Return the lines of the ticks of some batches as they lie in the journal.

        Args:
            batches: The position and the payload of each.

        Raises:
            JournalError: A payload is none, or of a newer version.
        """
        bodies: list[bytes] = []
        refused: list[Refused] = []
        count = 0
        for position, payload in batches:
            part = self._one_stored(position, payload)
            if part.body:
                bodies.append(part.body)
            refused += [Refused(count + item.index, item.reason) for item in part.refused]
            count += part.count
        return Encoded(b"\n".join(bodies), tuple(refused), count)

    def encode(self, ticks: Sequence[Tick], positions: Iterable[int]) -> Encoded:
        """Return the lines of some ticks.

        Args:
            ticks: In any order; the lines are in the same.
            positions: Where in the journal each of them is, one for each; of 63 bits at most.
        """
        lines: list[str] = []
        refused: list[Refused] = []
        for index, (tick, position) in enumerate(zip(ticks, positions, strict=True)):
            try:
                lines.append(self._line(tick, position))
            except UnencodableError as error:
                refused.append(Refused(index, str(error)))
        return Encoded("\n".join(lines).encode(), tuple(refused), len(ticks))

    def _one_stored(self, position: int, payload: bytes) -> Encoded:
        columns = columns_in(payload)
        if columns:
            try:
                lines, count = lines_of(columns, position, self._prefix, by_trade_id=self._by_trade_id)
            except UncommonError:
                pass
            else:
                return Encoded(lines.encode(), (), count)
        ticks = [item for item in decode(payload) if type(item) is Tick]
        return self.encode(ticks, repeat(position, len(ticks)))

    def _line(self, tick: Tick, position: int) -> str:
        by_trade_id = tick.feed in self._by_trade_id
        return tick_line(tick, position, measurement=self._measurement, writer=self._writer, by_trade_id=by_trade_id)
