"""Load without end for tests of throughput: many symbols at a steady rate, from frames that were encoded before.

The symbols take turns, so each ticks ``rate / symbols`` times a second. A frame is encoded once with a placeholder
where its times stand; what goes out together is joined, and one replacement of the placeholder dates all of it.
A date has as many digits as its placeholder, so frame lengths stay true. Times are those of sending, and so is
``seq``, whatever the switch says of it: in microseconds, so that a client can tell how old a tick is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import attrs
import trio

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.sim.connection import Link
from trio_ticks.sim.dialect import Encode, Session
from trio_ticks.sim.pushes import text_frame

PACE_S = 0.01  # between two batches, by default: short against a trader's patience, long against a wake-up's cost
BATCH = 5_000  # at most this many ticks at once, about 0.8 MB
ROUNDS = 4  # prices that a symbol takes in turn, so that no two ticks in a row are equal

_STAMP_MS = 1_111_111_111_111
_SEQ_US = 2_222_222_222_222_222
# The sequence in microseconds; the stamp in milliseconds and, once those are gone, in seconds.
_PLACEHOLDERS = (b"2222222222222222", b"1111111111111", b"1111111111")


@attrs.frozen
class Load:
    """What is sent.

    Attributes:
        symbols: How many codes there are: ``L0000USDT``, ``L0001USDT`` … on the service for crypto.
        rate: Ticks a second, all symbols together; infinite: as fast as they are taken.
        pace_s: Between two batches at a finite rate.

    Raises:
        ConfigError: There is nothing to send.
    """

    symbols: int = 5_000
    rate: float = 10_000.0
    pace_s: float = PACE_S

    def __attrs_post_init__(self) -> None:
        if not (self.symbols >= 1 and self.rate > 0):
            raise ConfigError(f"load = {self.symbols} symbols, {self.rate} ticks/s: both must be positive")

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The codes, in the order in which they tick."""
        return tuple(f"L{number:04}USDT" for number in range(self.symbols))


class Loader:
    """Sends a load to whoever subscribed to it.

    Args:
        load: What is sent.
        audience: The connections that get ticks now.
        now_us: The wall clock.
    """

    def __init__(
        self,
        *,
        load: Load,
        audience: Callable[[], Iterable[tuple[Link, Session]]],
        now_us: Callable[[], int],
    ) -> None:
        self._load = load
        self._audience = audience
        self._now_us = now_us
        self._sent = 0
        self._frames: dict[Encode, tuple[bytes, ...]] = {}
        self._wanted: dict[Link, tuple[object, Sequence[bytes]]] = {}

    @property
    def published(self) -> Mapping[str, int]:
        """Ticks so far of each symbol that had any, subscribers or not."""
        full, rest = divmod(self._sent, self._load.symbols)
        counts = ((code, full + (place < rest)) for place, code in enumerate(self._load.codes))
        return {code: count for code, count in counts if count}

    async def run(self) -> None:
        """Send until cancelled. A client that cannot keep up is cut, as always, unless the rate is infinite."""
        if math.isinf(self._load.rate):
            await self._run_unpaced()
        began_s = trio.current_time()
        while True:
            await trio.sleep(self._load.pace_s)
            due = int((trio.current_time() - began_s) * self._load.rate) - self._sent
            while due > 0:
                self._send(min(due, BATCH))
                due -= BATCH
                await trio.lowlevel.checkpoint()

    async def _run_unpaced(self) -> None:
        """Send the next batch when the last is written; wait for somebody to take any."""
        while True:
            marks = self._send(BATCH)
            if not marks:
                self._sent -= BATCH  # "as fast as they are taken", and nobody took any
                await trio.sleep(PACE_S)
            for link, mark in marks:
                await link.outbox.wait_written(mark)
            await trio.lowlevel.checkpoint()

    def _send(self, count: int) -> Sequence[tuple[Link, int]]:
        """Hand the next ticks to every connection."""
        now_us = self._now_us()
        stamps = tuple(str(now_us // unit).encode() for unit in (1, 1_000, 1_000_000))
        begin, self._sent = self._sent, self._sent + count
        audience = dict(self._audience())
        self._wanted = {link: wanted for link, wanted in self._wanted.items() if link in audience}
        marks = []
        for link, session in audience.items():
            wanted = [frame for frame in self._turns(self._frames_for(link, session), begin, count) if frame]
            data = b"".join(wanted)
            for placeholder, stamp in zip(_PLACEHOLDERS, stamps, strict=True):
                data = data.replace(placeholder, stamp)
            if data:
                marks.append((link, link.send(data, pushes=len(wanted))))
        return marks

    def _turns(self, frames: Sequence[bytes], begin: int, count: int) -> Iterable[bytes]:
        """Return the frames whose turn it is; they go round and round."""
        place = begin % len(frames)
        if place + count <= len(frames):
            return frames[place : place + count]
        return itertools.islice(itertools.cycle(frames), place, place + count)

    def _frames_for(self, link: Link, session: Session) -> Sequence[bytes]:
        """Return a connection's frames, one for each turn; b"" for what it is not subscribed to."""
        symbols = session.symbols
        known, frames = self._wanted.get(link, (None, ()))
        if known is not symbols:
            encoded = self._encoded(session.encode)
            codes = itertools.cycle(self._load.codes)
            frames = [frame if code in symbols else b"" for code, frame in zip(codes, encoded, strict=False)]
            self._wanted[link] = symbols, frames
        return frames

    def _encoded(self, encode: Encode) -> Sequence[bytes]:
        """Return one frame for each turn, encoded once for all connections of a dialect."""
        if encode not in self._frames:
            self._frames[encode] = tuple(
                text_frame(encode(_tick(code, number, turn), _SEQ_US))
                for turn in range(ROUNDS)
                for number, code in enumerate(self._load.codes)
            )
        return self._frames[encode]


def _tick(code: str, number: int, turn: int) -> Tick:
    """Return a tick with the placeholder for its time; prices differ from turn to turn."""
    price = f"{10 + number % 90}.{25 * turn:02}"
    return Tick(
        symbol=code, time_us=_STAMP_MS * 1000, price=float(price), price_text=price, volume_text="1.5", side="buy"
    )
