"""What is asked for: kinds, symbols and a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from trio_ticks.model import Gap, Record
from trio_ticks.storage.layout import KINDS

ALL = "all"
FIRST_US, END_US = -(2**63), 2**63 - 1


@attrs.frozen(kw_only=True)
class Query:
    """Which records are wanted.

    Attributes:
        kind: ``ticks``, ``gaps`` … or ``all``.
        symbols: Of these, and those that concern every symbol of a feed. None: all.
        start_us: From this instant on. A gap is in it with any part of its stretch.
        end_us: Before this one.
    """

    kind: str = "ticks"
    symbols: frozenset[str] | None = None
    start_us: int = FIRST_US
    end_us: int = END_US

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds, one by one, as users call them."""
        return tuple(KINDS) if self.kind == ALL else (self.kind,)

    @property
    def record_kinds(self) -> frozenset[str]:
        """The kinds, as records call themselves."""
        return frozenset(KINDS[kind].kind for kind in self.kinds)

    def has_all(self, first_us: int, last_us: int) -> bool:
        """Return whether every record of the kinds between these times, both included, is wanted."""
        return self.symbols is None and self.start_us <= first_us <= last_us < self.end_us

    def matches(self, item: Record) -> bool:
        """Return whether a record of one of the kinds is wanted."""
        if self.symbols is not None and item.symbol is not None and item.symbol not in self.symbols:
            return False
        first_us = item.start_us if type(item) is Gap else item.time_us
        return first_us < self.end_us and item.time_us >= self.start_us
