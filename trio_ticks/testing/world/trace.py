"""What happened in a world, line by line, and as one digest by which two runs are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import attrs
import trio


@attrs.define(eq=False)
class Trace:
    """Notes events in their order.

    Attributes:
        show: Is handed each line as it is noted; None: only the digest is kept.
    """

    show: Callable[[str], None] | None = None
    _hash: hashlib._Hash = attrs.field(factory=hashlib.sha256)

    def note(self, event: str, *details: object) -> None:
        """Note an event with the simulated second. It may depend on no path, process or memory address."""
        line = f"{trio.current_time():14.6f} {event} {' '.join(map(str, details))}".rstrip()
        self._hash.update(line.encode())
        if self.show is not None:
            self.show(line)

    def digest(self) -> str:
        """Return what two runs have in common if they were the same."""
        return self._hash.hexdigest()[:16]
