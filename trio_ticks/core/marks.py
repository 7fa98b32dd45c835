"""What only a journal has: the decisions of strategies, and the marks of where each of their runs began and ended.

They bear the strategy's name. Of another engine's strategies it has that of the feed that brought them in front, so
that two engines may each have a ``momentum``, and a replay of one never takes the other's for its own.
"""

from __future__ import annotations

import attrs

from trio_ticks.model import Record, Signal, Status

SOURCE = "strategy "
"""What the ``source`` of a strategy's statuses begins with; its name follows."""


def is_of_journal(item: Record) -> bool:
    """Tell whether only the journal has a record, so that no strategy sees it."""
    return type(item) is Signal or (type(item) is Status and item.source.startswith(SOURCE))


def brought_by(feed: str, item: Record) -> Record:
    """Return a record of another engine's journal as it is in the one that this feed fills."""
    if type(item) is Signal:
        return attrs.evolve(item, strategy=f"{feed}/{item.strategy}")
    if type(item) is Status and item.source.startswith(SOURCE):
        return attrs.evolve(item, source=f"{SOURCE}{feed}/{item.source.removeprefix(SOURCE)}")
    return item
