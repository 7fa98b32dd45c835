"""Which ticks are the same one, and in which order they are delivered.

A *session* is one subscribed lifetime of one connection: two lines, or one line before and after a
reconnect, are different sessions. They show the same trades, each with holes, in its own rhythm. The
sequencer turns what they show into one list without copies, and numbers it.

**The rule**, for each (feed, symbol). It keeps a ``floor`` and a ``high``; for each stamp t above the floor
``e[key]``, the copies accepted, and ``size[t]``, the next ordinal; for each open session ``c[key]``, the
copies it showed. What a key is, and whether its copies count, is in `trio_ticks.core.identity`.

1. t more than ``ahead_s`` after receipt: rejected. t at or below the floor: expired (with trade ids, also an
   id at or below the highest one forgotten).
2. c += 1. If c <= e, or the identity is unique and e >= 1: a duplicate. Otherwise e = c at once, even if the
   tick will wait or be dropped as late. A stamp with ``stamp_ticks`` entries rejects further ones.
3. Delivered at once when ``lateness_s`` is 0, otherwise when receipt + lateness has passed, in (time,
   arrival) order: ``late = t < high``, ``ordinal = size[t]``, ``size[t] += 1``, ``high = max(high, t)``. A
   waiting tick leaves early with a due one that belongs after it. ``late="drop"`` counts it instead.
4. Whole stamps are forgotten, oldest first, and the floor moves to each: those more than ``window_s`` behind
   min(high, newest receipt), and any while more than ``window_ticks`` entries are kept; never the stamp
   ``high``. (Not behind high alone: one tick stamped 50 s ahead must not push out the present.) What waits at
   a stamp is delivered before it is forgotten. Where the oldest stamp is ``high`` and there are too many
   entries, what waits at it and at the next one is delivered early, which moves ``high``; then it can go.
5. When a session ends its c go; e stays.

**The laws** that follow, whatever the sessions, interleavings, chunkings, drops and restarts:

* Count: above the floor, what was accepted of a key is the maximum over the sessions of what each showed.
* Never twice: if no session repeats a tick, none is delivered twice, at any age.
* Loss bound: lost are only twins of equal content of which each session missed a different one; none under a
  unique identity.
* Order: unflagged ticks never go back in time.
* Identity: (feed, symbol, time_us, ordinal) is unique for ever.

At most max(window_ticks, stamp_ticks) entries are kept for a symbol, and up to a quarter as many that are due to be
forgotten.

Hardly a tick needs step 2 to be worked as it is written: `trio_ticks.core.front` says which do not, and takes them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Unpack

from trio_ticks.core.front import COPY, Front
from trio_ticks.core.sequencer_settings import SequencerCounts, SequencerLimits, SequencerSettings
from trio_ticks.core.waiting import Waiting
from trio_ticks.core.window import NEVER, Window, numbered

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from trio_ticks.config import Late
    from trio_ticks.core.identity import Fields, Identity
    from trio_ticks.model import Tick

Checkpoint: TypeAlias = dict[str, Any]
"""Plain builtins: what `Sequencer.checkpoint` returns and any encoding can carry."""

_AHEAD = "stamped too far ahead of its receipt: is this machine's clock slow? set it, or raise sequencer.ahead_s"
_FULL = "its stamp is full"
_VERSION = 1  # of the checkpoint's layout; another one is refused rather than guessed at


class Sequencer:
    """Turns what several sessions show into one numbered list without copies. Pure: no clock, no I/O.

    The driver calls `push` with whatever a connection yielded, `advance` at `next_release_us`, `end_session`
    when a connection's subscribed life is over and `flush` at a soft stop. The lists returned, one after the
    other, are the one order that every consumer sees.

    Ticks handed in are never changed: those that need an ordinal or a flag come out as new ones.

    Args:
        identity: When two ticks are the same: ``content``, ``trade_id``, ``sequence`` or ``time``.
        lateness_s: How long a tick waits for earlier ones before it is delivered.
        late: ``flag`` delivers a late tick with ``late=True``; ``drop`` only counts it.
        ahead_s: How far past its receipt a stamp may lie. 60 s forgives a bad clock; an hour would let one
            garbled stamp make every later tick late.
        window_s: How much event time is remembered. 10 s covers two lines of one vendor and a fast reconnect;
            less forgets before the slower line has shown its copy, more only costs memory.
        window_ticks: How many ticks are remembered for a symbol; the window ends earlier where trading is
            denser.
        stamp_ticks: How many ticks one instant may hold. 65,536 is beyond any real one; without a limit a
            vendor whose clock stands still would fill the memory.

    Raises:
        ValueError: A setting is none of the accepted values.

    Examples:
        Line A shows two equal trades. Line B missed one of them and shows the other.

        >>> from trio_ticks.model import Tick
        >>> sequencer = Sequencer()
        >>> trade, twin = Tick("X", 1_000, 9.5), Tick("X", 1_000, 9.5)
        >>> [tick.ordinal for tick in sequencer.push([trade, twin], session="A", now_us=1_100)]
        [0, 1]
        >>> sequencer.push([twin], session="B", now_us=1_200)
        []
        >>> sequencer.counts.duplicates
        1
    """

    def __init__(
        self,
        *,
        identity: Identity = "content",
        lateness_s: float = 0.0,
        late: Late = "flag",
        ahead_s: float = 60.0,
        window_s: float = 10.0,
        window_ticks: int = 4096,
        stamp_ticks: int = 65_536,
    ) -> None:
        self._limits = SequencerLimits.of(
            identity=identity,
            lateness_s=lateness_s,
            late=late,
            ahead_s=ahead_s,
            window_s=window_s,
            window_ticks=window_ticks,
            stamp_ticks=stamp_ticks,
        )
        self._identity: Identity = identity
        self._rule = self._limits.rule
        self._fronts: defaultdict[str, dict[str, Front]] = defaultdict(dict)  # by feed and symbol
        self._sessions: dict[Hashable, int] = {}
        self._newest_number = 0
        self._waiting = Waiting()
        self._is_direct = self._limits.lateness_us == 0  # nothing waits, so fronts may take ticks
        self._accepted = self._duplicates = self._expired = self._late_dropped = self._refused = 0
        self._rejected: Counter[str] = Counter()

    def push(self, ticks: Iterable[Tick], *, session: Hashable, now_us: int) -> list[Tick]:
        """Take what a session showed, and return what may be delivered now.

        How a session's ticks are cut into pushes of the same receipt makes no difference.

        Args:
            ticks: In the order they came, of any feeds and symbols.
            session: The subscribed lifetime they came by; any hashable value.
            now_us: When they were received, UTC microseconds. It may go back a little from push to push,
                as it does where lines take turns.

        Returns:
            What had become due by ``now_us``, then what these ticks released.
        """
        out: list[Tick] = []
        is_direct, number = self._is_direct, self._number_of(session)
        if not is_direct:
            self._release(now_us, out)
        fields_of, limit_us = self._rule.fields_of, now_us + self._limits.ahead_us
        feed: str | None = None
        fronts: dict[str, Front] = {}
        for tick in ticks:
            fields = fields_of(tick)
            if not is_direct or fields is None or fields[0] > limit_us:
                self._admit(tick, fields, number, now_us, out)
                continue
            if tick.feed is not feed:
                feed = tick.feed
                fronts = self._fronts[feed]
            front = fronts.get(tick.symbol)
            if front is None:
                front = self._front_of(tick)
            ordinal = front.take(fields, number, now_us)
            if ordinal >= 0:
                same = tick.ordinal == ordinal and not tick.late
                out.append(tick if same else numbered(tick, ordinal, late=False))
            elif ordinal == COPY:
                self._duplicates += 1
            else:
                self._admit(tick, fields, number, now_us, out)
        self._accepted += len(out)
        return out

    def advance(self, now_us: int) -> list[Tick]:
        """Return the held ticks whose lateness has passed at ``now_us``."""
        return self._released(now_us)

    def flush(self) -> list[Tick]:
        """Return everything held, due or not: for a soft stop."""
        return self._released(math.inf)

    @property
    def next_release_us(self) -> int | None:
        """When to call `advance`, UTC microseconds; None while nothing is held."""
        return self._waiting.next_us

    @property
    def lateness_us(self) -> int:
        """How long a tick may be held."""
        return self._limits.lateness_us

    @property
    def held_since_us(self) -> int | None:
        """The receipt of what is held longest: all that came before it was delivered. None while nothing is held."""
        due_us = self._waiting.next_us
        return None if due_us is None else due_us - self._limits.lateness_us

    def end_session(self, session: Hashable) -> None:
        """Forget what a session showed. What was accepted from it stays; an unknown session is no error."""
        number = self._sessions.pop(session, None)
        if number is not None:
            for front in self._all_fronts():
                front.end_session(number)

    @property
    def rejected(self) -> int:
        """How many ticks were refused so far; cheaper than all `counts`."""
        return self._refused

    @property
    def counts(self) -> SequencerCounts:
        """What became of every tick pushed since the start, or since `restore`."""
        return SequencerCounts(
            accepted=self._accepted,
            duplicates=self._duplicates,
            expired=self._expired,
            late_dropped=self._late_dropped,
            held=len(self._waiting),
            rejected=self._refused,
            rejected_by=MappingProxyType(dict(self._rejected)),
        )

    def checkpoint(self) -> Checkpoint:
        """Return what a restart needs, as if the held ticks had never arrived: no journal has them yet."""
        saved = [self.save(*place) for place in self.places()]
        return self.checkpoint_of(window for window in saved if window is not None)

    def places(self) -> list[tuple[str, str]]:
        """Return the (feed, symbol) of all that is remembered."""
        return [(feed, symbol) for feed, fronts in self._fronts.items() for symbol in fronts]

    def state_of(self, feed: str, symbol: str) -> Hashable:
        """Return a value that differs whenever what `save` would return differs; cheap."""
        return self._fronts[feed][symbol].state

    def save(self, feed: str, symbol: str) -> Checkpoint | None:
        """Return the part of a `checkpoint` that is about one symbol; None where there is nothing to say."""
        window = self._fronts[feed][symbol].counted()
        return window.save(self._rule.key) if window.high_us != NEVER else None

    def checkpoint_of(self, windows: Iterable[Checkpoint]) -> Checkpoint:
        """Return what `save` returned of many symbols as one checkpoint."""
        return {"version": _VERSION, "identity": self._identity, "symbols": list(windows)}

    @classmethod
    def restore(
        cls, checkpoint: Checkpoint, tail: Iterable[Tick] = (), **settings: Unpack[SequencerSettings]
    ) -> Self:
        """Return a sequencer that goes on after a restart.

        Sessions do not survive, and every counter starts at 0. A tail that overlaps the checkpoint does no
        harm: ordinals tell what is in it.

        Args:
            checkpoint: What `checkpoint` returned, as it was or decoded from any encoding.
            tail: What was delivered after it, in that order, with ordinals; ``received_us`` is taken for the
                receipt.
            **settings: Those of the sequencer before.

        Raises:
            ValueError: A setting is none of the accepted values, or the checkpoint or the tail was made under
                another identity.
        """
        sequencer = cls(**settings)
        sequencer._load(checkpoint)
        for tick in tail:
            sequencer._recall(tick)
        return sequencer

    def _admit(self, tick: Tick, fields: Fields | None, session: int, now_us: int, out: list[Tick]) -> None:
        """Steps 1 and 2 of the rule, then 3 and 4 where the tick is accepted."""
        limits, rule, time_us = self._limits, self._rule, tick.time_us
        if time_us > now_us + limits.ahead_us:
            self._reject(_AHEAD)
            return
        if fields is None:
            self._reject(rule.keyless)
            return
        key = rule.key_of(fields)
        window = self._front_of(tick).counted()
        if time_us <= window.floor_us or (rule.by_id and window.is_id_forgotten(key)):
            self._expired += 1
            return
        accepted = window.copies.get(key, 0)
        if accepted and (not rule.counted or window.is_repeat(session, key, accepted)):
            self._duplicates += 1
            return
        if window.entries_at(time_us) >= limits.stamp_ticks:
            self._reject(_FULL)
            return
        window.add(time_us, key)
        if rule.counted:
            window.count_accepted(session, key)
        window.newest_us = max(window.newest_us, now_us)
        if limits.lateness_us:
            self._waiting.add(window, tick, now_us + limits.lateness_us)
        else:
            self._deliver(window, tick, out)
        self._evict(window, out)

    def _reject(self, reason: str) -> None:
        self._rejected[reason] += 1
        self._refused += 1

    def _front_of(self, tick: Tick) -> Front:
        fronts = self._fronts[tick.feed]
        front = fronts.get(tick.symbol)
        if front is None:
            front = fronts[tick.symbol] = Front(Window(tick.feed, tick.symbol), self._limits)
        return front

    def _all_fronts(self) -> Iterator[Front]:
        for fronts in self._fronts.values():
            yield from fronts.values()

    def _number_of(self, session: Hashable) -> int:
        """Return a session's number: what a caller names it by may take long to hash."""
        number = self._sessions.get(session)
        if number is None:
            self._newest_number += 1
            number = self._sessions[session] = self._newest_number
        return number

    def _released(self, now_us: float) -> list[Tick]:
        out: list[Tick] = []
        self._release(now_us, out)
        self._accepted += len(out)
        return out

    def _release(self, now_us: float, out: list[Tick]) -> None:
        for window, ticks in self._waiting.due(now_us):
            for tick in ticks:
                self._deliver(window, tick, out)
            self._evict(window, out)

    def _deliver(self, window: Window, tick: Tick, out: list[Tick]) -> None:
        """Step 3: flag and number an accepted tick."""
        if self._limits.drops_late and tick.time_us < window.high_us:
            self._late_dropped += 1
            return
        out.append(window.number(tick))

    def _evict(self, window: Window, out: list[Tick]) -> None:
        """Step 4: forget stamps, oldest first, and deliver what waits at them before that."""
        limits, order = self._limits, window.order
        while len(order) > 1:
            oldest = order[0]
            cutoff_us = min(window.high_us, window.newest_us) - limits.window_us
            if oldest >= cutoff_us and window.kept <= limits.window_ticks:
                return
            is_below_high = oldest < window.high_us
            for tick in self._waiting.through(window, oldest if is_below_high else order[1]):
                self._deliver(window, tick, out)
            if is_below_high:
                window.forget_oldest(by_id=self._rule.by_id)

    def _load(self, checkpoint: Checkpoint) -> None:
        made_with = checkpoint.get("version"), checkpoint.get("identity")
        accepted = _VERSION, self._identity
        if made_with != accepted:
            raise ValueError(f"checkpoint has (version, identity) {made_with}, accepted is {accepted}")
        for saved in checkpoint["symbols"]:
            window = Window.load(saved)
            self._fronts[window.feed][window.symbol] = Front(window, self._limits)

    def _recall(self, tick: Tick) -> None:
        """Take in a tick that was delivered before the restart."""
        key = self._rule.key(tick)
        if key is None:
            raise ValueError(f"the tail holds a tick that cannot have been delivered: {self._rule.keyless}")
        window = self._front_of(tick).counted()
        if tick.time_us <= window.floor_us or tick.ordinal < window.size_at(tick.time_us):
            return  # forgotten, or in the checkpoint
        window.add(tick.time_us, key).size = tick.ordinal + 1
        window.high_us = max(window.high_us, tick.time_us)
        window.newest_us = max(window.newest_us, tick.received_us)
        self._evict(window, [])
