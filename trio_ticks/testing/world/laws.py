"""The laws of a world: what has to hold at quiet moments, and of its whole history.

The oracle knows what no engine can: a number of each trade's own, which no law of the sequencer may look at, and
which links showed it when. In the terms of `trio_ticks.core.sequencer`, a link is a session.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from trio_ticks.core.marks import is_of_journal
from trio_ticks.core.saving import windows_of
from trio_ticks.model import Gap, Record, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.storage.event_line import EVENTS
from trio_ticks.storage.journal import Cursors, Journal, JournalReader
from trio_ticks.testing.checkers import check_identity, check_order
from trio_ticks.testing.world.disk import FREE
from trio_ticks.testing.world.plan import SYMBOLS, Plan
from trio_ticks.testing.world.strategies import CAPACITY

if TYPE_CHECKING:
    from trio_ticks.testing.world.life import Lived
    from trio_ticks.testing.world.market import Trade
    from trio_ticks.testing.world.strategies import Reader
    from trio_ticks.testing.world.world import World

Key: TypeAlias = tuple[object, ...]

WINDOW_US = 10_000_000
"""What the sequencer remembers of event time; older copies expire."""

STEP_TICKS = 1_024
"""What one step of the sequencer may add to a queue that was not full before it."""


def check_account(engine: Engine, when: str) -> None:
    """Check every equation of the ledger."""
    wrong = engine.statistics().ledger.imbalances()
    assert not wrong, f"the ledger {when}: {'; '.join(wrong)}"


def check_bounds(engine: Engine, plan: Plan) -> None:
    """Check that nothing grows without bound."""
    ledger = engine.statistics().ledger
    for name, consumer in ledger.consumers.items():
        capacity = 10_000 if name == "read" else 2 * CAPACITY  # in the queue, and in the strategy's hand
        assert consumer.queued <= capacity, f"{name} has {consumer.queued} ticks queued, {capacity} are allowed"
    assert ledger.journal is not None
    most = plan.queue_ticks + STEP_TICKS
    assert ledger.journal.queued <= most, f"{ledger.journal.queued} ticks wait for the journal, {most} are allowed"


def what_stands(world: World, reader: Reader, since: int) -> str:
    """Say which symbols have no new tick in the journal or for the strategy yet; "" where all have."""
    kept, seen = world.disk.kept.records, reader.records
    fresh = [{item.symbol for item in some[-300:] if _is_newer(item, since)} for some in (kept, seen)]
    names = ("in the journal", "for the strategy")
    lacking = [
        f"no tick of {one} {name}"
        for name, some in zip(names, fresh, strict=True)
        for one in SYMBOLS
        if one not in some
    ]
    return "; ".join(lacking)


def what_is_owed(engine: Engine) -> str:
    """Say which sinks lack ticks of the journal; "" where none does."""
    sinks = engine.statistics().sinks
    owing = [f"{sink.name} is {sink.state}: {sink.last_error}" for sink in sinks if sink.ledger.pending]
    return "; ".join(owing)


def _is_newer(item: Record, since: int) -> bool:
    return isinstance(item, Tick) and (item.sequence or 0) > since


def check_history(world: World) -> None:
    """Check all that must hold of a world that is over."""
    ticks = world.disk.kept.ticks
    check_identity(ticks)
    check_published(world, ticks)
    check_shown(world, ticks)
    check_missed(world)
    for lived in world.lives:
        check_life(world, lived)
    if not any(_is_loss(item) for item in world.disk.kept.records):
        check_order(ticks)
    check_journal(world)
    check_memory(world)
    check_database(world)
    check_events(world)
    check_store(world)


def check_published(world: World, ticks: list[Tick]) -> None:
    """Never twice: of each content, the journal has at most as many as were made."""
    made = Counter(_key_of_trade(world.plan, trade) for trade in world.vendor.trades)
    kept = Counter(_key(world.plan, tick) for tick in ticks)
    for key, count in kept.items():
        assert count <= made[key], (
            f"never twice: {key} is {count} times in the journal and was made {made[key]} times"
        )


def check_shown(world: World, ticks: list[Tick]) -> None:
    """Count: of each content, the journal has what any one session showed, unless a gap says that it lacks it."""
    kept = Counter(_key(world.plan, tick) for tick in ticks)
    shown: dict[Key, dict[int, list[tuple[Trade, int, int]]]] = {}
    for trade in world.vendor.trades:
        for link, received_us, high_us in trade.shown_by:
            sessions = shown.setdefault(_key_of_trade(world.plan, trade), {})
            sessions.setdefault(link, []).append((trade, received_us, high_us))
    gaps, covered = Gaps(world), covered_since(world)
    for key, sessions in shown.items():
        everyone = [showing for showings in sessions.values() for showing in showings]
        # Who was named may have been taken by whichever session came first; the others' copies were duplicates then.
        named = sum(gaps.name(trade, at_us, at_us) for trade, at_us, _ in everyone)
        for link, showings in sessions.items():
            wanted = 1 if world.plan.identity == "sequence" else len(showings)
            excused = named + sum(
                at_us - world.clock_steps_us < covered[trade.symbol] or _is_old(world.plan, trade, high_us)
                for trade, at_us, high_us in showings
            )
            assert excused + kept[key] >= wanted, (
                f"count: link {link} showed {key} {len(showings)} times, the journal has {kept[key]}, "
                f"and no gap names the receipt at {showings[-1][1]}"
            )


def check_missed(world: World) -> None:
    """Coverage: what was made and never received lies in a gap of its symbol."""
    gaps, covered = Gaps(world), covered_since(world)
    lag_us = round(world.plan.lag_s * 1e6)
    for trade in world.vendor.trades:
        if trade.shown_by or trade.swallowed or trade.made_us - world.clock_steps_us <= covered[trade.symbol]:
            continue
        assert gaps.name(trade, trade.made_us, trade.made_us + lag_us), (
            f"coverage: trade {trade.number} of {trade.symbol}, made at {trade.made_us}, is in no gap"
        )


def covered_since(world: World) -> dict[str, int]:
    """Return when the journal first knew of each symbol. What was lost before that was never covered."""
    since: dict[str, int] = {}
    for tick in world.disk.kept.ticks:
        since[tick.symbol] = min(tick.received_us, since.get(tick.symbol, tick.received_us))
    return since


class Gaps:
    """The gaps in the journal, by symbol. Where the clock was set, they are taken for longer by as much."""

    def __init__(self, world: World) -> None:
        self._slack_us = world.clock_steps_us + 2
        self._by_symbol: dict[str | None, list[Gap]] = {}
        for item in world.disk.kept.records:
            if isinstance(item, Gap):
                self._by_symbol.setdefault(item.symbol, []).append(item)

    def name(self, trade: Trade, start_us: int, end_us: int) -> bool:
        """Tell whether some instant of a stretch lies in a gap that concerns the trade."""
        found = [*self._by_symbol.get(trade.symbol, ()), *self._by_symbol.get(None, ())]
        slack_us = self._slack_us
        return any(gap.start_us - slack_us <= end_us and start_us <= gap.end_us + slack_us for gap in found)


def check_life(world: World, lived: Lived) -> None:
    """One order: what the strategy saw, the journal has in the same order; and the accounts agree with the world."""
    # That a strategy began or ended stands in the journal alone.
    kept = [
        item for item in world.disk.kept.records[lived.first_record : lived.last_record] if not is_of_journal(item)
    ]
    seen = lived.reader.records
    if any(_is_loss(item) for item in kept):
        rest = iter(seen)
        lost = [item for item in kept if not _is_loss(item) and item not in rest]
    else:
        lost = [item for item, other in zip(kept, seen, strict=False) if item != other]
    assert not lost, f"order: the strategy saw the journal's {lost[0]} elsewhere or not at all"
    if lived.crashed or lived.engine is None:
        return
    ledger = lived.engine.statistics().ledger
    received = sum(
        lived.first_link < link <= lived.last_link for trade in world.vendor.trades for link, _, _ in trade.shown_by
    )
    received += sum(lived.first_link < link <= lived.last_link for link in world.vendor.unusable)
    assert ledger.received == received, f"received {ledger.received}, but the links showed {received}"
    assert ledger.journal is not None
    written = sum(isinstance(item, Tick) for item in kept)
    assert ledger.journal.journaled == written, f"{ledger.journal.journaled} journaled, the journal took {written}"
    missed = sum(item.missed or 0 for item in kept if _is_loss(item) and isinstance(item, Gap))
    is_healed = lived is world.lives[-1]  # in others a gap may have found no room before the end
    assert ledger.journal.gapped == missed or (ledger.journal.gapped > missed and not is_healed), (
        f"{ledger.journal.gapped} are gapped, the gaps name {missed}"
    )


def check_journal(world: World) -> None:
    """The file holds what was committed, in order and readable, and what it remembers is bounded."""
    with JournalReader(world.disk.path) as reader:
        batches = reader.batches(limit=1_000_000)
        assert not reader.verify().damage, "the journal is damaged"
        total = reader.info().total_ticks
    kept = world.disk.kept
    assert total == len(kept.ticks), f"the journal counts {total} ticks, {len(kept.ticks)} were committed"
    records = [item for batch in batches for item in batch.decode()]
    assert records == kept.records[len(kept.records) - len(records) :], "the journal is not what was committed"
    positions = [batch.position for batch in batches]
    assert positions == list(range(positions[0], positions[0] + len(positions))), "positions have holes"


def check_memory(world: World) -> None:
    """What the sequencer remembers of a symbol is bounded in ticks and in event time, but for its newest stamp."""
    with Journal.open(world.disk.path, now_us=world.now_us(), free_bytes=lambda: FREE) as journal:
        marks = journal.marks()
    for window in windows_of(marks, "alltick"):
        stamps, symbol = window["stamps"][:-1], window["symbol"]
        entries = sum(count for _, _, copies in stamps for _, count in copies)
        assert entries <= world.plan.window_ticks, f"memory: {entries} ticks of {symbol} are remembered"
        oldest_us = min(window["high_us"], window["newest_us"]) - WINDOW_US
        assert all(time_us >= oldest_us for time_us, _, _ in stamps), f"memory: {symbol} is remembered for too long"


def check_database(world: World) -> None:
    """Journal and database are the same, tick for tick, but for dead letters that say why."""
    found = world.database.ticks()
    stored = {(tick.feed, tick.symbol, tick.time_us, tick.ordinal): tick for tick, _ in found.values()}
    with Cursors(world.disk.path) as cursors:
        dead = sum(letter.ticks for letter in cursors.dead_letters("influxdb", limit=1_000_000))
        states = {state.name: state for state in cursors.states()}
    poisoned = 0
    for tick in world.disk.kept.ticks:
        place = tick.feed, tick.symbol, tick.time_us, tick.ordinal
        if world.plan.poison and (tick.sequence or 0) % world.plan.poison == 0:
            poisoned += 1
        else:
            assert stored.get(place) == tick, f"the database has {stored.get(place)} in the place of {tick}"
    ticks = len(world.disk.kept.ticks)
    assert len(found) == ticks - poisoned, f"{len(found)} points for {ticks - poisoned} ticks"
    assert dead == poisoned, f"{dead} dead letters for {poisoned} ticks that the database refuses"
    for state in states.values():
        assert state.appended == ticks, f"{state.name} counts {state.appended} appended, the journal has {ticks}"
        assert state.pending == 0, f"{state.name} ends with {state.pending} pending"


def check_events(world: World) -> None:
    """Every gap, status and signal of the journal is one point of the database, however often it was sent."""
    kept = Counter(item for item in world.disk.kept.records if item.kind in EVENTS)
    found = Counter(world.database.events())
    assert found == kept, f"the database has the events {found - kept} too many, and lacks {kept - found}"


def check_store(world: World) -> None:
    """A sink that is a function gets every tick at least once, in the journal's order."""
    batches = world.store.batches
    ticks = [item for number in sorted(batches) for item in batches[number] if isinstance(item, Tick)]
    assert ticks == world.disk.kept.ticks, "the store has other ticks than the journal"


def _is_loss(item: object) -> bool:
    """Tell whether a record is a gap of the journal's own."""
    return isinstance(item, Gap) and item.symbol is None


def _is_old(plan: Plan, trade: Trade, high_us: int) -> bool:
    """Tell whether a showing may have been too old for the sequencer's window, or too late to be wanted."""
    if plan.late == "drop" and trade.time_us < high_us:
        return True
    return plan.window_ticks < STEP_TICKS or high_us - trade.time_us >= WINDOW_US


def _key(plan: Plan, tick: Tick) -> Key:
    number = tick.sequence if plan.identity == "sequence" else None
    return tick.symbol, tick.time_us, tick.price, tick.volume, tick.side, number


def _key_of_trade(plan: Plan, trade: Trade) -> Key:
    number = trade.number if plan.identity == "sequence" else None
    return trade.symbol, trade.time_us, trade.price, trade.volume, trade.side, number
