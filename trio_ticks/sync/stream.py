"""A stream of ticks as plain code reads it."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from trio_ticks.core.inband import Field
from trio_ticks.hosting.host import Host
from trio_ticks.model import Bar, Batch, Record, Tick
from trio_ticks.runtime.stream import Ticks as NativeTicks
from trio_ticks.sync.hop import ThreadHop

T = TypeVar("T")


class Ticks:
    """A stream of ticks for one consumer: `trio_ticks.Ticks`, with plain loops.

    A clean stop of the engine ends the loop; a failure raises, after everything before it was yielded. `records` and
    `batches` draw from the same queue. Leave it by ``with`` or `close`; or let it be collected. It is used by one
    thread at a time: whoever sleeps on it is its reader, and finds afterwards what came meanwhile.

    Backpressure:
        None on the engine, as for `trio_ticks.Ticks`.
    """

    def __init__(self, native: NativeTicks, leave: Callable[[BaseException | None], None]) -> None:
        self._native = native
        self._leave = leave

    @property
    def name(self) -> str:
        """The consumer's name in statistics."""
        return self._native.name

    @property
    def dropped(self) -> int:
        """How many ticks this consumer has missed so far because it was slow, or they were old."""
        return self._native.dropped

    def __iter__(self) -> Iterator[Tick]:
        return self

    def __next__(self) -> Tick:
        try:
            return finished(self._native.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def records(self) -> Iterator[Record]:
        """Iterate over everything in order: ticks, gaps, statuses."""
        return _Each(self, self._native.records())

    def batches(self) -> Iterator[Batch]:
        """Iterate over whole batches: one step of the loop for whatever one read of the socket brought."""
        return _Each(self, self._native.batches())

    def bars(
        self,
        interval: str | None = None,
        *,
        ticks: int | None = None,
        volume: float | None = None,
        session: str | None = None,
        fill: bool = False,
        lateness_s: float = 0.0,
    ) -> Iterator[Bar]:
        """Iterate over bars instead of ticks; as `trio_ticks.Ticks.bars`.

        Raises:
            ConfigError: an argument is none of what is accepted.
        """
        bars = self._native.bars(
            interval, ticks=ticks, volume=volume, session=session, fill=fill, lateness_s=lateness_s
        )
        return _Each(self, bars)

    @property
    def now_us(self) -> int:
        """In-band time, UTC microseconds: the greatest of the records that were handed out; 0 before the first."""
        return self._native.now_us

    def sleep(self, seconds: float) -> None:
        """Block until in-band time has moved on by so many seconds; as `trio_ticks.Ticks.sleep`.

        Raises:
            ValueError: the duration is not finite, or negative.
            trio.EndOfChannel: an earlier sleep has ended with the stream, so this one would never.
        """
        finished(self._native.sleep(seconds))

    def every(self, seconds: float) -> Iterator[int]:
        """Iterate over instants of in-band time, the multiples of so many seconds since 1970; ends with the stream.

        Raises:
            ValueError: the duration is not finite, or below a microsecond.
        """
        return _Each(self, self._native.every(seconds))

    def signal(self, name: str, symbol: str, **fields: Field) -> None:
        """Keep a decision beside the records that led to it; as `trio_ticks.Ticks.signal`.

        Raises:
            ConfigError: a field is no text, number, truth value or None.
        """
        finished(self._native.signal(name, symbol, **fields))

    def close(self) -> None:
        """Give the subscription up. What was still queued counts as dropped."""
        self._leave(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(error)


class _Each(Generic[T]):
    """An iterator over what an async one yields that never waits but by blocking. It keeps its stream alive."""

    def __init__(self, ticks: Ticks, each: AsyncIterator[T]) -> None:
        self._ticks = ticks
        self._each = each

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            # A coroutine, as that of every async function; its type says only that it can be awaited.
            return finished(cast("Coroutine[Any, Any, T]", self._each.__anext__()))
        except StopAsyncIteration:
            raise StopIteration from None


def open_stream(
    host: Host, symbols: Sequence[str], options: Mapping[str, Any], *, leave: Callable[[BaseException | None], None]
) -> Ticks:
    """Open a stream, and call this after it has been left, with the error of its block."""
    hop = ThreadHop(host.soon)
    opened = host.open_stream(hop, *symbols, **options)

    def leave_both(error: BaseException | None) -> None:
        host.close_stream(hop)
        leave(error)

    ticks = Ticks(opened.result(), leave_both)
    # One that nobody can read any more shall not fill a queue for ever.
    weakref.finalize(ticks, host.soon, hop.stop_serving).atexit = False
    return ticks


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never yields, because what it waits for blocks, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    coroutine.close()
    raise RuntimeError("a stream of trio_ticks.sync waits by blocking only, and this one did not")
