"""How often the same words are said: a few times a minute, and then once more how often they were not.

The same are words that differ in nothing but numbers: "no tick for 61 s" and "no tick for 62 s" are one event, the
lines ``alltick/stock 0A`` and ``alltick/stock 1A`` are two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

WINDOW_S = 60.0
"""After the first of them. Shorter would tell of an endless fault every few seconds, longer late that it goes on."""

MOST_KINDS = 1_000
"""Of words that are remembered at once. Beyond, the oldest are told and forgotten: memory stays bounded whatever is
logged."""

_NUMBER = re.compile(r"\b\d[\d.,:]*\b")


def alike(words: str) -> str:
    """Return what words have in common with others that differ in numbers alone."""
    return _NUMBER.sub("#", words)


@attrs.define
class Window:
    """What became of some words since they were first said: of the ``level`` they had then."""

    since_s: float
    words: str
    level: int
    said: int = 0
    held: int = 0


class Repeats:
    """Counts what is said.

    Args:
        most: So often in a window.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._windows: dict[str, Window] = {}

    def may_say(self, words: str, level: int, now_s: float) -> bool:
        """Return whether these words are to be said now, and count them."""
        window = self._windows.setdefault(alike(words), Window(now_s, words, level))
        if window.said < self._most:
            window.said += 1
            return True
        window.held += 1
        return False

    def over(self, now_s: float, *, all_of_them: bool = False) -> Iterator[Window]:
        """Yield the windows that are over and in which something was held back; forget all that are over.

        Args:
            now_s: Of the clock that `may_say` is told.
            all_of_them: Also those that are not over, because nothing more will be said.
        """
        for key, window in list(self._windows.items()):  # in the order in which they began
            if not all_of_them and now_s < window.since_s + WINDOW_S and len(self._windows) <= MOST_KINDS:
                break
            del self._windows[key]
            if window.held:
                yield window
