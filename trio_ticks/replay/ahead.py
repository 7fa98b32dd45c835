"""Pulling records out of a recording: at once, or ahead of time in a thread where a network is in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import trio

from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Record
from trio_ticks.replay.playback import Pull

# While a strategy is busy with one page, the next one is fetched; more would only be memory.
_PAGES_AHEAD = 1


def pulled_at_once(batches: Iterator[Sequence[Record]]) -> Pull:
    """Return a function that decodes the next batch when it is asked.

    Decoding needs the interpreter, which one thread has at a time: in a thread of its own a batch of a journal would
    come later by the two switches, and no sooner by anything.
    """

    async def pull() -> Sequence[Record]:  # noqa: ASYNC124 - async is what all sources have in common
        return next(batches, ())

    return pull


@asynccontextmanager
async def pulled_ahead(batches: Iterator[Sequence[Record]]) -> AsyncIterator[Pull]:
    """Yield a function that returns what a thread has fetched meanwhile.

    A read that is under way when the block ends is left behind; the recording's own timeouts end it.
    """
    send, receive = trio.open_memory_channel[Sequence[Record] | TrioTicksError](_PAGES_AHEAD)

    async def fetch() -> None:
        with send:
            while True:
                found = await trio.to_thread.run_sync(_next_of, batches, abandon_on_cancel=True)
                if found is None:
                    return
                await send.send(found)
                if isinstance(found, TrioTicksError):
                    return

    async def pull() -> Sequence[Record]:
        try:
            found = await receive.receive()
        except trio.EndOfChannel:
            return ()
        if isinstance(found, TrioTicksError):
            raise found
        return found

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch, name="reading the recording ahead")
        with receive:
            yield pull
        nursery.cancel_scope.cancel("the replay is over")


def _next_of(batches: Iterator[Sequence[Record]]) -> Sequence[Record] | TrioTicksError | None:
    try:
        return next(batches, None)
    except TrioTicksError as error:
        return error
