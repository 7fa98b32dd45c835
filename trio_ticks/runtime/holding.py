"""Keeping an error back until a nursery has finished its work."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import trio


class Held:
    """A context manager that holds what its block raised, so that it can be raised bare, outside of a nursery.

    A nursery wraps even one error into a group, and cancels its tasks at once. Where the tasks have to finish
    first, and the caller expects his own error back, the block's error waits here. A cancellation passes through,
    also out of a group: it belongs to the scope that asked for it.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, trio.Cancelled | GeneratorExit):
            return False
        if not isinstance(error, BaseExceptionGroup):
            self.error = error
            return True
        cancelled, self.error = error.split(trio.Cancelled)
        if cancelled is not None:
            raise cancelled
        return True

    def release(self) -> None:
        """Raise what was held, if anything was."""
        if self.error is not None:
            raise self.error
