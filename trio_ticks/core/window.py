"""What the sequencer remembers of one symbol: the stamps above the floor, and who showed what.

Everything at or below the floor is forgotten and never taken again, so neither a copy nor an ordinal can come
back. In the names of the sequencer's rule: ``copies`` is e, ``Stamp.size`` is size, ``sessions`` holds the c.

Every stamp above ``high_us`` holds waiting ticks only, because releasing one raises ``high_us`` to it.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import attrs

from trio_ticks.model import Tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_ticks.core.identity import Key

# Before every stamp and every id, and still an int that any encoding of a checkpoint can carry.
NEVER = -(2**63)


@attrs.define(eq=False)
class Stamp:
    """One instant of one symbol.

    Attributes:
        size: Ticks delivered at it, which is the next ordinal.
        entries: Ticks accepted at it, delivered or not.
        keys: Their distinct keys.
    """

    size: int = 0
    entries: int = 0
    keys: list[Key] = attrs.field(factory=list)


@attrs.define(eq=False)
class Window:
    """The memory of one (feed, symbol).

    Attributes:
        feed: Its feed.
        symbol: Its symbol.
        floor_us: The newest stamp forgotten; ticks at or before it are expired.
        high_us: The newest stamp delivered.
        newest_us: The newest receipt of an accepted tick.
        id_floor: The highest trade id forgotten; NEVER where ids are not the identity.
        key_high: The highest key accepted, where keys are numbers, and no lower than `id_floor`.
        kept: Entries of all stamps together.
        copies: Key → ticks accepted of it.
        stamps: Stamp → what is kept of it.
        order: The stamps, oldest first.
        sessions: Session → key → how often that session showed it; only where repeats count. Sessions are
            known by numbers here.
        held: Waiting ticks as (stamp, arrival, tick), in that order.
    """

    feed: str
    symbol: str
    floor_us: int = NEVER
    high_us: int = NEVER
    newest_us: int = NEVER
    id_floor: int = NEVER
    key_high: int = NEVER
    kept: int = 0
    copies: dict[Key, int] = attrs.field(factory=dict)
    stamps: dict[int, Stamp] = attrs.field(factory=dict)
    order: deque[int] = attrs.field(factory=deque)
    sessions: dict[int, dict[Key, int]] = attrs.field(factory=dict)
    held: list[tuple[int, int, Tick]] = attrs.field(factory=list)

    def entries_at(self, time_us: int) -> int:
        """Return how many ticks were accepted at a stamp."""
        stamp = self.stamps.get(time_us)
        return stamp.entries if stamp is not None else 0

    def size_at(self, time_us: int) -> int:
        """Return how many ticks were delivered at a stamp."""
        stamp = self.stamps.get(time_us)
        return stamp.size if stamp is not None else 0

    def is_id_forgotten(self, key: Key) -> bool:
        """Tell whether a trade id is at or below the highest one forgotten."""
        return isinstance(key, int) and key <= self.id_floor

    def is_repeat(self, session: int, key: Key, accepted: int) -> bool:
        """Count one showing of a key by a session, unless it is one more than was accepted, which is some."""
        counts = self.sessions.get(session)
        if counts is None:
            counts = self.sessions[session] = {}
        shown = counts.get(key, 0)
        if shown == accepted:
            return False
        counts[key] = shown + 1
        return True

    def count_accepted(self, session: int, key: Key) -> None:
        """Note that a session showed every copy of a key, the one just added included."""
        counts = self.sessions.get(session)
        if counts is None:
            counts = self.sessions[session] = {}
        counts[key] = self.copies[key]

    def add_newer(self, stamps: list[int], keys: list[Key]) -> Counter[Key]:
        """Accept and number many at once, at stamps after all others, in order; return the keys with their copies."""
        copies, sizes = Counter(keys), Counter(stamps)
        for key, time_us in dict(zip(keys, stamps, strict=True)).items():
            stamp = self.stamps.get(time_us)
            if stamp is None:
                self.stamps[time_us] = Stamp(sizes[time_us], sizes[time_us], [key])
            else:
                stamp.keys.append(key)
        self.order.extend(sizes)
        self.copies.update(copies)  # a plain dict's: they are new to it
        self.kept += len(keys)
        return copies

    def add(self, time_us: int, key: Key, copies: int = 1) -> Stamp:
        """Accept copies of a key at a stamp above the floor, and return the stamp."""
        stamp = self.stamps.get(time_us)
        if stamp is None:
            stamp = self.stamps[time_us] = Stamp()
            if not self.order or time_us > self.order[-1]:
                self.order.append(time_us)
            else:
                insort(self.order, time_us)
        before = self.copies.get(key, 0)
        if not before:
            stamp.keys.append(key)
            if isinstance(key, int) and key > self.key_high:
                self.key_high = key
        self.copies[key] = before + copies
        stamp.entries += copies
        self.kept += copies
        return stamp

    def number(self, tick: Tick) -> Tick:
        """Give an accepted tick its ordinal and flag; the tick itself is left as it is."""
        late = tick.time_us < self.high_us
        if not late:
            self.high_us = tick.time_us
        stamp = self.stamps[tick.time_us]
        ordinal = stamp.size
        stamp.size = ordinal + 1
        if tick.ordinal == ordinal and tick.late is late:
            return tick
        return numbered(tick, ordinal, late=late)

    def forget_oldest(self, *, by_id: bool) -> None:
        """Forget the oldest stamp with all that was counted at it, and move the floor to it."""
        self.floor_us = self.order.popleft()
        stamp = self.stamps.pop(self.floor_us)
        self.kept -= stamp.entries
        copies, sessions = self.copies, self.sessions.values()
        for key in stamp.keys:
            del copies[key]
            for counts in sessions:
                counts.pop(key, None)
            if by_id and isinstance(key, int) and key > self.id_floor:
                self.id_floor = key

    def save(self, key_of: Callable[[Tick], Key | None]) -> dict[str, Any]:
        """Return the memory as plain builtins, as if the held ticks had never arrived."""
        held = Counter(key_of(tick) for _, _, tick in self.held)
        stamps = []
        for time_us in self.order:
            stamp = self.stamps[time_us]
            left = [(key, self.copies[key] - held[key]) for key in stamp.keys]
            copies = [[list(key) if isinstance(key, tuple) else key, n] for key, n in left if n]
            if copies:
                stamps.append([time_us, stamp.size, copies])
        return {
            "feed": self.feed,
            "symbol": self.symbol,
            "floor_us": self.floor_us,
            "high_us": self.high_us,
            "newest_us": self.newest_us,
            "id_floor": self.id_floor,
            "stamps": stamps,
        }

    @classmethod
    def load(cls, saved: dict[str, Any]) -> Window:
        """Return the memory that `save` described."""
        fields = dict(saved)
        stamps = fields.pop("stamps")
        window = cls(**fields, key_high=fields["id_floor"])
        for time_us, size, copies in stamps:
            for key, n in copies:
                window.add(time_us, tuple(key) if isinstance(key, list) else key, n)
            window.stamps[time_us].size = size
        return window


def numbered(tick: Tick, ordinal: int, *, late: bool) -> Tick:
    """Return a tick that differs in its ordinal and flag only."""
    # Called directly, by position: `attrs.evolve` takes several times as long.
    return Tick(
        tick.symbol,
        tick.time_us,
        tick.price,
        tick.volume,
        tick.price_text,
        tick.volume_text,
        tick.side,
        tick.trade_id,
        tick.sequence,
        tick.feed,
        tick.received_us,
        ordinal,
        late,
        tick.conditions,
    )
