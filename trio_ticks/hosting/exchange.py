"""One kind of question that another thread asks, and who answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import trio

Question = TypeVar("Question")


class Exchange(Generic[Question]):
    """Answers questions one at a time. All of it is called in the engine's thread, and only `serve` waits.

    Args:
        find: Returns the answer. Cancelled, it has taken nothing.
        deliver: Hands it over. Never waits.
    """

    def __init__(self, find: Callable[[Question], Awaitable[Any]], deliver: Callable[[Any], object]) -> None:
        self._find = find
        self._deliver = deliver
        self._open: list[Question] = []
        self._wake = trio.Event()
        self._finding = trio.CancelScope()

    def ask(self, question: Question) -> None:
        """Ask this, in place of what was asked before."""
        self._open = [question]
        self._wake.set()

    def retract(self) -> None:
        """Want no answer any more."""
        if self._open:
            self._open = []
            self._finding.cancel("the reader has given up")

    async def serve(self) -> None:
        """Answer, until cancelled."""
        while True:
            while not self._open:
                self._wake = trio.Event()
                await self._wake.wait()
            question = self._open[0]
            with trio.CancelScope() as self._finding:
                answer = await self._find(question)
                if self._open == [question]:  # else another one was asked, while this answer was already there
                    self._open = []
                self._deliver(answer)
