"""What waits for one live consumer, and what gives way when it falls behind.

The engine never waits for a strategy: it puts each batch into the strategy's `Buffer` and goes on. A buffer
holds at most ``capacity`` records. What does not fit is dropped by one of four policies:

=============== ======================================================================================
``drop_oldest`` the newest ``capacity`` records are kept
``drop_newest`` what came first is kept
``conflate``    the latest tick of each (feed, symbol) is kept, where the first one since the last take stood
``fail``        as ``drop_newest``, and ``failed`` turns true
=============== ======================================================================================

Nothing is dropped silently. At the place in the order where records are missing stands one `Gap` with
the cause ``overflow``, the number of ticks, and an interval that covers everything dropped there.
Conflated ticks are missing from what lies between two takes, so their gap comes first. A gap that stands
between records takes the room of one, so that memory stays bounded.

The law, at any moment: ``offered == taken + dropped + queued``, in ticks.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Protocol

from trio_ticks.core.inband import greatest_us
from trio_ticks.model import Bar, Gap, Tick, ticks_in

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from trio_ticks.config import Overflow
    from trio_ticks.model import Record


class Buffer:
    """The bounded queue of one consumer. Both ends are synchronous and never wait.

    Args:
        capacity: In records, at least 1.
        overflow: What gives way.

    Attributes:
        offered: How many ticks were put in.
        failed: The policy is ``fail``, and something did not fit. What is queued can still be taken.

    Raises:
        ValueError: A capacity below 1.
    """

    def __init__(self, *, capacity: int, overflow: Overflow) -> None:
        if capacity < 1:
            raise ValueError(f"a buffer with room for {capacity} records: needs at least 1")
        self._loss = _Loss()
        self._queue = _queue(capacity, overflow, self._loss)
        self._fails = overflow == "fail"
        self._taken = 0
        self.offered = 0
        self.failed = False

    @property
    def dropped(self) -> int:
        """How many ticks were dropped."""
        return self._loss.total

    @property
    def queued(self) -> int:
        """How many ticks wait to be taken."""
        return self.offered - self._taken - self._loss.total

    def put(self, records: Sequence[Record]) -> None:
        """Queue records, which nobody may change afterwards, and drop what has to give way."""
        if records:
            self.offered += ticks_in(records)
            self._queue.put(records)
            self.failed = self.failed or (self._fails and bool(self._loss))

    def newest_us(self) -> int:
        """Return how far what waits, or was dropped from it, moves in-band time."""
        return max(self._loss.end_us, *(greatest_us(tuple(batch)) for batch in self._queue.waiting()), 0)

    def take(self) -> list[Record]:
        """Return the next batch: what was put together, unless it was cut, and the gaps beside it.

        ``conflate`` makes one batch of all that waits. An empty list means that nothing does.
        """
        batch = self._queue.take() if self._queue else []
        self._taken += ticks_in(batch)
        return batch

    def __bool__(self) -> bool:
        return bool(self._queue)


class _Loss:
    """What was dropped and not yet shown, all in one place of the order."""

    def __init__(self) -> None:
        self.total = 0
        self._shown = 0
        self._span: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        return self._span is not None

    def add(self, records: Iterable[Record]) -> None:
        """Count records that were dropped, at least one."""
        records = tuple(records)
        start = min(map(_start_us, records))
        end = max(map(_end_us, records))
        if self._span is not None:
            start, end = min(start, self._span[0]), max(end, self._span[1])
        self._span = (start, end)
        self.total += ticks_in(records)

    @property
    def end_us(self) -> int:
        """The end of what was dropped and not yet shown; 0 where nothing was."""
        return 0 if self._span is None else self._span[1]

    def take(self) -> list[Record]:
        """Return the gap to show, if there is one."""
        if self._span is None:
            return []
        (start_us, end_us), self._span = self._span, None
        missed, self._shown = self.total - self._shown, self.total
        return [Gap(start_us=start_us, end_us=end_us, cause="overflow", missed=missed)]


def _start_us(record: Record) -> int:
    return record.start_us if isinstance(record, Gap) else record.time_us


def _end_us(record: Record) -> int:
    return record.end_us if isinstance(record, Bar) else record.time_us


class _Queue(Protocol):
    def put(self, records: Sequence[Record]) -> None: ...
    def take(self) -> list[Record]: ...
    def waiting(self) -> Iterable[Iterable[Record]]: ...
    def __bool__(self) -> bool: ...


def _queue(capacity: int, overflow: Overflow, loss: _Loss) -> _Queue:
    if overflow == "conflate":
        return _KeepLatest(capacity, loss)
    return _KeepNewest(capacity, loss) if overflow == "drop_oldest" else _KeepOldest(capacity, loss)


class _KeepNewest:
    """Drops at the old end. The loss lies before everything queued."""

    def __init__(self, capacity: int, loss: _Loss) -> None:
        self._capacity = capacity
        self._loss = loss
        self._batches: deque[Sequence[Record]] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def put(self, records: Sequence[Record]) -> None:
        self._batches.append(records)
        self._size += len(records)
        while self._size > self._capacity:
            self._cut(self._size - self._capacity)

    def _cut(self, excess: int) -> None:
        """Drop so many records of the oldest batch, or all it has."""
        oldest = self._batches[0]
        if len(oldest) <= excess:
            self._batches.popleft()
            self._loss.add(oldest)
            self._size -= len(oldest)
            return
        if not isinstance(oldest, deque):  # once per batch, so that cutting one by one stays linear
            oldest = self._batches[0] = deque(oldest)
        self._loss.add(oldest.popleft() for _ in range(excess))
        self._size -= excess

    def waiting(self) -> Iterable[Iterable[Record]]:
        return self._batches

    def take(self) -> list[Record]:
        batch = self._batches.popleft()
        self._size -= len(batch)
        return [*self._loss.take(), *batch]


class _KeepOldest:
    """Drops at the new end. The loss lies behind everything queued, until something is queued behind it."""

    def __init__(self, capacity: int, loss: _Loss) -> None:
        self._capacity = capacity
        self._loss = loss
        self._batches: deque[Sequence[Record]] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def put(self, records: Sequence[Record]) -> None:
        room = self._capacity - self._size - bool(self._loss)
        if room > 0:
            self._append(records if len(records) <= room else records[:room])
        if len(records) > room:
            self._loss.add(records[max(room, 0) :])

    def _append(self, records: Sequence[Record]) -> None:
        gap = self._loss.take()
        if gap:  # never alone: whatever was dropped, something was queued before it and is still there
            self._batches[-1] = [*self._batches[-1], *gap]
        self._batches.append(records)
        self._size += len(gap) + len(records)

    def waiting(self) -> Iterable[Iterable[Record]]:
        return self._batches

    def take(self) -> list[Record]:
        batch = self._batches.popleft()
        self._size -= len(batch)
        return [*batch, *(() if self._batches else self._loss.take())]


class _KeepLatest:
    """Drops a tick when its symbol's next one comes, and the oldest record when there are too many others."""

    def __init__(self, capacity: int, loss: _Loss) -> None:
        self._capacity = capacity
        self._loss = loss
        self._latest: OrderedDict[Hashable, Record] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._latest)

    def put(self, records: Sequence[Record]) -> None:
        for record in records:
            key: Hashable = (record.feed, record.symbol) if type(record) is Tick else object()
            before = self._latest.get(key)
            if before is not None:
                self._loss.add((before,))
            self._latest[key] = record
            if len(self._latest) > self._capacity:
                self._loss.add((self._latest.popitem(last=False)[1],))

    def waiting(self) -> Iterable[Iterable[Record]]:
        return (self._latest.values(),)

    def take(self) -> list[Record]:
        batch = [*self._loss.take(), *self._latest.values()]
        self._latest.clear()
        return batch
