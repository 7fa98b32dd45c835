"""`Ticks.bars`: bars out of a stream, in whatever batches its records come."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

import attrs
import pytest
import trio

from trio_ticks import Bar, Clock, ConfigError, FeedError, Gap, Record, Signal, Tick, Ticks
from trio_ticks.core.bars import BarMaker

S = 1_000_000
RECORDS: list[Record] = [
    Tick("A", 10 * S, 1.0, 2.0),
    Tick("B", 70 * S, 2.0, 1.0),
    Tick("A", 75 * S, 3.0, 1.0),
    Tick("A", 20 * S, 9.0, 1.0),
    Gap(80 * S, 90 * S, "silent"),
    Clock(120 * S),
    Tick("A", 130 * S, 4.0, 1.0),
]


@attrs.define
class Tape:
    """A source with these batches, which ends cleanly or fails."""

    batches: deque[Sequence[Record]]
    failure: Exception | None = None
    name: str = "tape"
    offered: int = 0
    dropped: int = 0
    queued: int = 0

    async def take(self) -> Sequence[Record]:
        await trio.lowlevel.checkpoint()
        if self.batches:
            return self.batches.popleft()
        if self.failure is not None:
            raise self.failure
        return ()

    def end(self) -> None:
        self.batches.clear()


@attrs.define
class Diary:
    """A desk that writes down what it is asked for."""

    asked: list[int] = attrs.field(factory=list)

    def keep(self, signal: Signal) -> None:
        raise AssertionError(signal)

    def wake_at(self, due_us: int) -> None:
        self.asked.append(due_us)


def stream(size: int, *, failure: Exception | None = None, desk: Diary | None = None) -> Ticks:
    batches: deque[Sequence[Record]] = deque(RECORDS[at : at + size] for at in range(0, len(RECORDS), size))
    return Ticks(source=Tape(batches, failure), now_us=lambda: 0, desk=desk)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_a_stream_gives_the_bars_of_its_records(size: int) -> None:
    """The same for any batches; at the end, what time had not closed."""
    maker = BarMaker("1m")
    expected: list[Bar] = [bar for record in RECORDS for bar in maker.push(record)] + maker.finish()
    assert [bar async for bar in stream(size).bars("1m")] == expected
    assert [bar.complete for bar in expected if bar.end_us > 120 * S] == [False]


@pytest.mark.parametrize("size", [1, 7])
async def test_a_clock_record_is_asked_for_when_a_bar_is_due(size: int) -> None:
    """Once for each such instant, while its records are read, so that a quiet market ends bars too."""
    desk = Diary()
    async for _ in stream(size, desk=desk).bars("1m", lateness_s=1):
        pass
    assert desk.asked == [61 * S, 121 * S, 181 * S]


async def test_a_failure_is_raised_behind_the_bars_before_it() -> None:
    """What was finished comes first; what was not, is not given out as if the stream had ended."""
    bars = stream(3, failure=FeedError("gone")).bars("1m")
    expected = BarMaker("1m").push_many(RECORDS)
    assert [await anext(bars) for _ in expected] == expected
    with pytest.raises(FeedError, match="gone"):
        await anext(bars)


async def test_what_is_no_bar_is_refused_at_the_call() -> None:
    """Not when the first bar would come."""
    with pytest.raises(ConfigError, match="accepted"):
        stream(1).bars("7m")


async def test_a_cancel_loses_nothing() -> None:
    """The next iteration goes on where it was cancelled."""
    bars = stream(1).bars("1m")
    found: list[Bar] = []
    for hurried in itertools.cycle([True, False]):
        with trio.CancelScope() as scope:
            if hurried:
                scope.cancel()
            try:
                found.append(await anext(bars))
            except StopAsyncIteration:
                break
    assert found == [bar async for bar in stream(7).bars("1m")]
