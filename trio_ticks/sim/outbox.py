"""What one connection is to be sent: queued at any time without waiting, written by one task.

What is queued together is written together. A client that does not take it is given up: the queue is bounded in
bytes, and each write in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import trio

from trio_ticks.sim.exchange import GONE

STALL_S = 10.0  # for one write to get through; beyond it the client has stopped reading
BEHIND_S = 1.0  # what is to follow the next push follows by then even if there is none; clients wait 5 s for an ack


class Outbox:
    """The queue, and the task that empties it.

    Args:
        stream: Where it is written.
        capacity_bytes: What may be queued and not written.
        overflow: Called when there is more.
        drips: While there is anything in it, one byte is written at a time, and so many seconds waited after it.

    Attributes:
        pushes: Ticks written.
        whole: No frame is written by half.
    """

    def __init__(
        self,
        *,
        stream: trio.abc.SendStream,
        capacity_bytes: int,
        overflow: Callable[[], None],
        drips: Sequence[float],
    ) -> None:
        self._stream = stream
        self._capacity_bytes = capacity_bytes
        self._overflow = overflow
        self._drips = drips
        self._queue: list[bytes] = []
        self._behind: list[bytes] = []
        self._behind_due_s = math.inf
        self._queued = 0
        self._written = 0
        self._pushes_queued = 0
        self._closing = False
        self._over = False
        self._wake = trio.Event()
        self._progress = trio.Event()
        self.pushes = 0
        self.whole = True

    def put(self, data: bytes, *, pushes: int = 0) -> int:
        """Queue bytes and return the mark to give to `wait_written`."""
        if data:
            self._append(data)
            self._pushes_queued += pushes
            if pushes:
                self._release_behind()
            if self._queued - self._written > self._capacity_bytes:
                self._overflow()
        return self._queued

    def put_behind(self, data: bytes) -> None:
        """Queue bytes behind the next push, or soon if there is none."""
        self._behind.append(data)
        self._behind_due_s = trio.current_time() + BEHIND_S
        self._wake.set()

    def finish(self) -> None:
        """Let `run` return when the queue is empty. What waits for a push is dropped."""
        self._behind.clear()
        self._closing = True
        self._wake.set()

    def end(self) -> None:
        """Nothing more will be written: whoever waits for it need not."""
        self._over = True
        self._advance()

    async def wait_written(self, mark: int) -> bool:
        """Wait until everything up to a mark was handed to the kernel; False if it never will be."""
        while self._written < mark and not self._over:
            await self._progress.wait()
        return self._written >= mark

    async def run(self) -> str:
        """Write what is queued, all of it at a time, until it is empty and the end has come.

        Returns:
            "" then; ``peer`` if the client is gone, ``slow`` if it does not take what it is sent.
        """
        while True:
            while self._queue:
                data, pushes = b"".join(self._queue), self._pushes_queued
                self._queue.clear()
                self._pushes_queued = 0
                self.whole = False
                if failure := await self._write(data):
                    return failure
                self.whole = True
                self._written += len(data)
                self.pushes += pushes
                self._advance()
            if self._closing:
                return ""
            self._wake = trio.Event()
            with trio.CancelScope(deadline=self._behind_due_s):
                await self._wake.wait()
            if trio.current_time() >= self._behind_due_s:
                self._release_behind()

    def _append(self, data: bytes) -> None:
        self._queue.append(data)
        self._queued += len(data)
        self._wake.set()

    def _release_behind(self) -> None:
        for data in self._behind:
            self._append(data)
        self._behind.clear()
        self._behind_due_s = math.inf

    def _advance(self) -> None:
        """Wake whoever waits for bytes to be written."""
        self._progress.set()
        self._progress = trio.Event()

    async def _write(self, data: bytes) -> str:
        """Write, at once or drop by drop for as long as that is asked; return why it failed."""
        done = 0
        while self._drips and done < len(data):
            if failure := await self._send(data[done : done + 1]):
                return failure
            done += 1
            await trio.sleep(self._drips[-1] if self._drips else 0)
        return await self._send(data[done:])

    async def _send(self, data: bytes) -> str:
        """Write; return why it failed, or ""."""
        with trio.move_on_after(STALL_S) as patience:
            try:
                await self._stream.send_all(data)
            except GONE:
                return "peer"
        return "slow" if patience.cancelled_caught else ""
