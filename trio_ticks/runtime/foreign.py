"""Calls into a feed, which may be the user's own code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trio_ticks.errors import RemoteProtocolError, in_one_line

T = TypeVar("T")


def own_code(call: Callable[[], T], name: str) -> T:
    """Run a part of the feed, and name it if it raises.

    Raises:
        RemoteProtocolError: It raised.
    """
    try:
        return call()
    except Exception as error:
        words = f"the feed's {name}() raised {in_one_line(error)}"
        raise RemoteProtocolError(words) from error
