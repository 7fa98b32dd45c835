"""The way into another thread: what waits crosses together, and a question that is taken back costs nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_ticks import Tick
from trio_ticks.errors import TrioTicksError
from trio_ticks.hosting import hop as hop_module
from trio_ticks.hosting.hop import CLOSED, Hop, Parcel, Sight
from trio_ticks.model import Record
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.runtime.stream import Ticks
from trio_ticks.runtime.tasks import TrioTasks

BATCHES = 7
IN_BATCH = 3


class NearHop(Hop):
    """A hop to where it begins: it can be looked at step by step."""

    def __init__(self) -> None:
        super().__init__(tasks=TrioTasks(), soon=lambda function, *args: function(*args))
        self.parcels: list[list[float]] = []

    async def take(self) -> Sequence[Record]:
        raise NotImplementedError

    async def look_beyond(self, due_us: int) -> bool:
        raise NotImplementedError

    def deliver(self, item: Parcel | Sight) -> None:
        self.put(item)

    def read(self) -> list[float]:
        """Take what has been delivered."""
        read: list[float] = []
        while self._parcels and self._parcels[0] is not CLOSED:
            parcel = [item.price for item in self.open_next() if isinstance(item, Tick)]
            self.parcels.append(parcel)
            read += parcel
        return read


def filled() -> tuple[NearHop, Mailbox, list[float]]:
    """Return a hop, the queue that it leads out of, and the prices that wait there in small batches."""
    mailbox = Mailbox(name="reader", wanted=Wanted(), room=Room())
    prices = [float(number) for number in range(BATCHES * IN_BATCH)]
    for first in range(0, len(prices), IN_BATCH):
        mailbox.offer([Tick("X", 1 + round(price), price) for price in prices[first : first + IN_BATCH]])
    hop = NearHop()
    hop.host(Ticks(source=mailbox, now_us=lambda: 0))
    return hop, mailbox, prices


async def test_what_waits_crosses_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One question brings all of it, up to the bound; a slow way that is used so does not fall behind."""
    for together, sizes in ((1_000, [21]), (10, [12, 9]), (1, [3] * BATCHES)):
        monkeypatch.setattr(hop_module, "TOGETHER", together)
        hop, _, prices = filled()
        read: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hop.serve)
            while len(read) < len(prices):
                hop.batches.ask(None)
                await wait_all_tasks_blocked()
                read += hop.read()
            hop.stop_serving()
        assert read == prices
        assert [len(parcel) for parcel in hop.parcels] == sizes
        assert hop.queued == 0


@pytest.mark.parametrize("steps", range(2 * BATCHES))
async def test_a_question_that_is_taken_back_loses_nothing(steps: int) -> None:
    """After any number of rounds of the scheduler; the account is exact meanwhile, and the next question goes on."""
    hop, mailbox, prices = filled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hop.serve)
        hop.batches.ask(None)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        hop.batches.retract()
        await wait_all_tasks_blocked()
        assert hop.queued == len(prices)
        read = hop.read()
        assert hop.queued == mailbox.queued == len(prices) - len(read)
        hop.batches.ask(None)
        await wait_all_tasks_blocked()
        assert read + hop.read() == prices
        hop.stop_serving()


async def test_a_failure_behind_what_waits_is_told_behind_it() -> None:
    """Though all of it crossed together."""
    hop, mailbox, prices = filled()
    mailbox.end(TrioTicksError("it has failed"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hop.serve)
        hop.batches.ask(None)
        await wait_all_tasks_blocked()
        assert hop.read() == prices
        hop.batches.ask(None)
        await wait_all_tasks_blocked()
        with pytest.raises(TrioTicksError, match="it has failed"):
            hop.read()
        hop.stop_serving()


async def test_nothing_is_read_behind_the_end() -> None:
    """What was on its way when the reader closed is for nobody, and no sleeper waits for it."""
    hop, _, _ = filled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hop.serve)
        hop.batches.ask(None)
        await trio.lowlevel.checkpoint()
        hop.end()
        await wait_all_tasks_blocked()
        assert hop.read() == []
        with pytest.raises(trio.EndOfChannel):
            hop.seen_beyond(10**9)
        hop.stop_serving()
