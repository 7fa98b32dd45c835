"""What a run logs of its records, and refused symbols no more than once.

A symbol that the vendor refuses is told of when that is known. Where it refuses all of them that is the end, and the
program's last line names the symbols and the reason: then once is enough. So until something of a list was accepted,
a refusal waits for what becomes of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trio_ticks.app.logs import tell
from trio_ticks.model import Record, Status


@contextmanager
def telling() -> Iterator[Callable[[Record], None]]:
    """Yield what logs a record; an error of the block is what the program will say last."""
    refusals = _Refusals()
    last_words = ""
    try:
        yield refusals.tell
    except Exception as error:
        last_words = str(error)
        raise
    finally:
        refusals.release(last_words)


class _Refusals:
    """Holds refusals back until the first connection is subscribed."""

    def __init__(self) -> None:
        self._held: list[Status] = []
        self._has_begun = False

    def tell(self, record: Record) -> None:
        if not self._has_begun and isinstance(record, Status):
            if record.status == "rejected":
                self._held.append(record)
                return
            self._has_begun = record.status == "connected"
            if self._has_begun:
                self.release()
        tell(record)

    def release(self, last_words: str = "") -> None:
        """Log what is held and not said by these words."""
        for refusal in self._held:
            if str(refusal.symbol) not in last_words or refusal.reason not in last_words:
                tell(refusal)
        self._held.clear()
