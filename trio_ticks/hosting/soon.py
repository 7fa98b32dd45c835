"""Calling into a Trio run from another thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import trio


def caller_into(token: trio.lowlevel.TrioToken) -> Callable[..., None]:
    """Return what calls a function in a run's thread: soon, in the order of the calls; once it is over, never."""
    return partial(_call, token)


def _call(token: trio.lowlevel.TrioToken, function: Callable[..., object], *args: object) -> None:
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(function, *args)
