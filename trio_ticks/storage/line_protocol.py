r"""Batches of ticks as line protocol, fast: a pure function of each tick and its position in the journal.

::

    tick,feed=alltick,symbol=TSLA.US price=244.36,volume=120.0,price_text="244.36",volume_text="120",side="buy",
    time_us=1700000000123000i,sequence=7i,received_us=1700000000123456i,late=0i,ordinal=2i,position=41i
    1700000000123000002

(one line). A batch that is sent again is the same bytes, and its points fall on themselves. What each part is, and
which point a tick becomes, is in `trio_ticks.storage.tick_line`.

JSON is line protocol in other punctuation, and msgspec writes JSON, exact floats included, in half the time that
f-strings take. So common ticks become `_Row` records whose *field names* carry the punctuation, and one
``bytes.translate`` over the whole chunk deletes JSON's own and puts line protocol's in its place. A chunk in which a
text would not survive this, or a number needs a second look, is written tick by tick: the same lines, slower.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from math import isfinite

import attrs
import msgspec

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.storage.line_text import MAX_INTEGER, UnencodableError
from trio_ticks.storage.tick_line import LAST_NS, PER_MICROSECOND, series_text, tick_line

# Larger chunks outgrow the processor's cache (a third slower at 5,000); smaller ones pay the fixed costs more often.
_CHUNK = 512

# Symbols come from subscriptions, so some thousands; a journal put together from many must not grow this for ever.
_MOST_PREFIXES = 65_536

# Any offset fits behind these.
_LAST_US = LAST_NS // 1000 - 1

# A name that is escaped nowhere.
_MEASUREMENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")

# What stands for a character of line protocol in names and prefixes, where JSON has its own use for that one.
_TRANSLATION = bytes.maketrans(b"~'}", b',"\n')
_DELETED = b'",:{'
_PLAIN = re.compile(r"[A-Za-z0-9._/^@+-]*")
_SIDES = frozenset({None, "buy", "sell"})

_NAMES = {
    "prefix": "",
    "price": " price=",
    "volume": "~volume=",
    "price_text": "~price_text='",
    "volume_text": "'~volume_text='",
    "side": "'~side='",
    "time_us": "'~time_us=",
    "trade_id": "i~trade_id=",
    "sequence": "i~sequence=",
    "received": "i",
    "ordinal": "~ordinal=",
    "position": "i~position=",
    "time_ns": "i ",
}


class _Row(msgspec.Struct, rename=_NAMES, omit_defaults=True, gc=False):
    """The parts of a common tick's line, in order. Each name ends what stands before it and begins its own."""

    prefix: str
    price: float
    volume: float
    price_text: str
    volume_text: str
    side: str | None = None
    time_us: int | None = None
    trade_id: int | None = None
    sequence: int | None = None
    received: str | None = None
    ordinal: int | None = None
    position: int | None = None
    time_ns: int | None = None


_write_json = msgspec.json.Encoder().encode


class _Prefixes(dict[str, str]):
    """What the lines of one feed begin with, by symbol; "" for a symbol that is not common."""

    def __init__(self, measurement: str, feed: str, writer: str) -> None:
        super().__init__()
        self._measurement, self._feed, self._writer = measurement, feed, writer

    def __missing__(self, symbol: str) -> str:
        if len(self) >= _MOST_PREFIXES:
            self.clear()
        prefix = ""
        if symbol and all(map(_PLAIN.fullmatch, (symbol, self._feed, self._writer))):
            prefix = series_text(self._measurement, self._feed, symbol, self._writer).replace(",", "~")
        self[symbol] = prefix
        return prefix


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
    """Writes ticks as lines. What it remembers between batches only saves time: no line depends on it.

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
        self._prefixes: dict[str, _Prefixes] = {}

    def encode(self, ticks: Sequence[Tick], positions: Iterable[int]) -> Encoded:
        """Return the lines of some ticks.

        Args:
            ticks: In any order; the lines are in the same.
            positions: Where in the journal each of them is, one for each; of 63 bits at most.
        """
        bodies: list[bytes] = []
        refused: list[Refused] = []
        left = iter(positions)
        for start in range(0, len(ticks), _CHUNK):
            chunk = ticks[start : start + _CHUNK]
            places = list(islice(left, len(chunk)))
            body = self._common(chunk, places)
            if body is None:
                body = self._one_by_one(chunk, places, start, refused)
            if body:
                bodies.append(body)
        return Encoded(b"\n".join(bodies), tuple(refused), len(ticks))

    def _one_by_one(self, ticks: Sequence[Tick], places: Sequence[int], start: int, refused: list[Refused]) -> bytes:
        """Return the lines of any ticks, and note those that have none."""
        lines: list[str] = []
        for index, (tick, place) in enumerate(zip(ticks, places, strict=True), start):
            by_trade_id = tick.feed in self._by_trade_id
            try:
                line = tick_line(
                    tick, place, measurement=self._measurement, writer=self._writer, by_trade_id=by_trade_id
                )
            except UnencodableError as error:
                refused.append(Refused(index, str(error)))
            else:
                lines.append(line)
        return "\n".join(lines).encode()

    def _common(self, ticks: Sequence[Tick], places: Sequence[int]) -> bytes | None:
        """Return the lines of ticks that are all common, or None."""
        prices = [tick.price for tick in ticks]
        volumes = [tick.volume for tick in ticks]
        # A sum is finite only if all its parts are; where it overflows, the slower way writes the same lines.
        if not isfinite(sum(prices) + sum(volumes)):
            return None
        texts = "".join([tick.price_text for tick in ticks] + [tick.volume_text for tick in ticks])
        if not (_is_alphanumeric(texts) and {tick.side for tick in ticks} <= _SIDES):
            return None
        times = [tick.time_us for tick in ticks]
        if min(times) < -_LAST_US or max(times) > _LAST_US:
            return None
        rows = self._rows(zip(ticks, prices, volumes, times, places, strict=True))
        # Without the array's brackets and the end of its last record.
        return None if rows is None else _write_json(rows)[1:-2].translate(_TRANSLATION, _DELETED)

    def _rows(self, ticks: Iterable[tuple[Tick, float, float, int, int]]) -> list[_Row] | None:
        """Return the parts of ticks' lines, or None where one has something uncommon."""
        rows: list[_Row] = []
        feed, prefixes, by_trade_id = None, _Prefixes("", "", ""), False
        received_us, late, received = None, None, ""
        for tick, price, volume, time_us, place in ticks:
            if tick.feed != feed:
                feed = tick.feed
                prefixes, by_trade_id = self._prefixes_of(feed), feed in self._by_trade_id
            if tick.received_us != received_us or tick.late is not late:  # the ticks of one read share them
                received_us, late = tick.received_us, tick.late
                received = f"~received_us={received_us}i~late={late:d}i" if abs(received_us) <= MAX_INTEGER else ""
            prefix = prefixes[tick.symbol]
            trade_id, sequence, ordinal = tick.trade_id, tick.sequence, tick.ordinal
            if (
                not (prefix and received)
                or not 0 <= ordinal < PER_MICROSECOND
                or (trade_id is None and by_trade_id)
                or (trade_id is not None and not -MAX_INTEGER <= trade_id <= MAX_INTEGER)
                or (sequence is not None and not -MAX_INTEGER <= sequence <= MAX_INTEGER)
                or tick.conditions is not None
            ):
                return None
            offset = trade_id % PER_MICROSECOND if by_trade_id and trade_id is not None else ordinal
            # By position, because arguments by name cost as much again as the record; so they are kept in sight.
            # fmt: off
            rows.append(_Row(
                prefix, price, volume, tick.price_text, tick.volume_text, tick.side, time_us,
                trade_id, sequence, received, ordinal, place, time_us * 1000 + offset,
            ))
            # fmt: on
        return rows

    def _prefixes_of(self, feed: str) -> _Prefixes:
        prefixes = self._prefixes.get(feed)
        if prefixes is None:
            prefixes = self._prefixes[feed] = _Prefixes(self._measurement, feed, self._writer)
        return prefixes


def _is_alphanumeric(texts: str) -> bool:
    """Tell whether decimal texts, put together, survive the translation: no punctuation but dots and minus signs."""
    rest = texts.replace(".", "").replace("-", "")
    return not rest or (rest.isascii() and rest.isalnum())
