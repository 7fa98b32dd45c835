"""Keeping an error back until a nursery has finished its work."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import trio


class Held:
    """A context manager that holds what its block raised, so that it can be raised bare, outside of a nursery.

    A nursery wraps even one error into a group, and cancels its tasks at once. Where the tasks have to finish
    first, and the caller expects his own error back, the block's error waits here. A cancellation passes through,
    alone or in the group that a nursery of the block makes of it: it belongs to the scope that asked for it.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or _passes(error):
            return False
        self.error = error
        return True

    def holds(self, kind: type[BaseException]) -> bool:
        """Tell whether an error of this kind is held, alone or in a group."""
        if isinstance(self.error, BaseExceptionGroup):
            return self.error.subgroup(kind) is not None
        return isinstance(self.error, kind)

    def release(self) -> None:
        """Raise what was held, if anything was."""
        if self.error is not None:
            raise self.error


def _passes(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_passes(inner) for inner in error.exceptions)
    return isinstance(error, trio.Cancelled | GeneratorExit)
