"""Which lines of a refused batch are the bad ones, found with few writes.

A server that refuses a batch may have stored the good part of it, or nothing, and what it says about the line that
was wrong differs by version. So the batch is halved until what is refused is one line, and a line is bad only when it
was refused alone. The writes on the way are no waste: what they carry is stored, and a line that was stored before
falls on its own point.

`sift` decides and does nothing: it yields the lines to write next and is sent the answer. A caller that was told
anything but stored or refused (a timeout, a wrong token) sends nothing and writes the same lines again later, or
drops the search and starts anew with the whole batch: either way no line is lost or doubled. A batch that is too
large for the server is sifted in the same way, and a line that is too large by itself is a bad one.

With b bad lines among n it takes at most 2·b·ceil(log2 n) writes after the one that was refused.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

import attrs


@attrs.frozen
class BadLine:
    """A line that the server will never take.

    Attributes:
        index: Which of the lines.
        reason: The server's own words about this line alone.
    """

    index: int
    reason: str


Search: TypeAlias = Generator[range, str | None, list[BadLine]]


def sift(count: int, reason: str) -> Search:
    """Narrow a refusal of ``count`` lines, at least one, down to single lines.

    Args:
        count: How many lines were refused together.
        reason: What the server said.

    Yields:
        The indexes of the lines to write next. The caller sends None where they were stored, or else the reason
        for which they were refused.

    Returns:
        The bad lines, in order. All others were stored.
    """
    return (yield from _narrowed(range(count), reason))


def _narrowed(lines: range, reason: str) -> Search:
    if len(lines) == 1:
        return [BadLine(lines[0], reason)]
    middle = len(lines) // 2
    first, second = lines[:middle], lines[middle:]
    told = yield first
    bad = [] if told is None else (yield from _narrowed(first, told))
    if told is None and len(second) > 1:
        # The first half was stored, so the second is what was refused: writing it whole would tell nothing new.
        return (yield from _narrowed(second, reason))
    told = yield second
    return bad if told is None else bad + (yield from _narrowed(second, told))
