"""Two lives of an engine on one journal: the first is ended at any step of any task, the second goes on from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest
import trio

from tests.support.storing import crash_copy, kept, kept_ticks
from trio_ticks.config import ConnectionConfig, JournalConfig, SequencerConfig
from trio_ticks.errors import SinkRejectedError, SinkUnavailableError
from trio_ticks.model import Gap, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.sinks import Sink, SinkBatch
from trio_ticks.storage.journal import Cursors, CursorState
from trio_ticks.testing import check_identity, check_order
from trio_ticks.testing.simulation import on_the_spot, run_seeded
from trio_ticks.testing.venue import EPOCH_US, Venue

SCRIPT = "script"
PAUSE_S = 2.0
"""Between the two lives: less than the sequencer's window, so that what the vendor repeats is still known."""

Delivered: TypeAlias = list[tuple[int, tuple[Tick, ...]]]


class Tripwire(trio.abc.Instrument):
    """Counts the steps of the engine's tasks, and does something just before one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.pulled = False
        self.pull: Callable[[], None] | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.pull is None or self.pulled or task.name.startswith((SCRIPT, "<")) or "." in task.name:
            return
        self.steps += 1
        if self.steps == self.at:
            self.pulled = True
            self.pull()


class Auditor(trio.abc.Instrument):
    """Looks into the account before each step of any task, and keeps what is wrong with it."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.looks = 0
        self.wrong: list[str] = []

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.engine is None:
            return
        self.looks += 1
        ledger = self.engine.statistics().ledger
        self.wrong += ledger.imbalances()
        for name, part in [("journal", ledger.journal), *ledger.sinks.items()]:
            assert part is not None
            self.wrong += [f"{name}: {part}"] if min(attrs.astuple(part)) < 0 else []


@attrs.define
class Sinks:
    """Three sinks: one that takes everything, one with moods, and one that wants gaps only.

    Attributes:
        steady, moody: Batches that were taken, with their id.
        gaps: What the third one was given.
    """

    steady: Delivered = attrs.field(factory=list)
    moody: Delivered = attrs.field(factory=list)
    gaps: list[Gap] = attrs.field(factory=list)
    _attempts: int = 0

    def all(self) -> list[Sink]:
        return [
            Sink(self.take, name="steady"),
            Sink(self.take_or_not, name="moody", batch_ticks=3),
            Sink(self.take_gaps, name="gaps", kinds=["gap"]),
        ]

    async def take(self, batch: SinkBatch) -> None:
        await trio.sleep(0.05)
        self.steady.append((batch.id, tuple(batch.ticks)))

    async def take_or_not(self, batch: SinkBatch) -> None:
        """Refuse for now, refuse for good, fail after having taken it, and take it, by turns."""
        self._attempts += 1
        await trio.sleep(0.02)
        match self._attempts % 5:
            case 1:
                raise SinkUnavailableError("not now", after_s=0.1)
            case 2:
                self.moody.append((batch.id, tuple(batch.ticks)))
                raise LookupError("a bug after the work was done")
            case 4:
                raise SinkRejectedError("not these")
        self.moody.append((batch.id, tuple(batch.ticks)))

    async def take_gaps(self, batch: SinkBatch) -> None:
        await trio.lowlevel.checkpoint()
        self.gaps += [item for item in batch.records if isinstance(item, Gap)]


@attrs.define
class Story:
    """What the vendor sent over both lives, and what became of it."""

    path: Path
    how: str
    at: int
    lateness_s: float = 0.0
    ingest_batches: int = 64
    sinks: Sinks = attrs.field(factory=Sinks)
    sent: list[Tick] = attrs.field(factory=list)
    made_us: dict[float, int] = attrs.field(factory=dict)
    ended_s: float = 0.0

    def first_life(self, wire: Tripwire) -> None:
        run_seeded(partial(self._live, wire, self._play), seed=self.at, instruments=[wire])

    def second_life(self, auditor: Auditor) -> None:
        run_seeded(partial(self._live, auditor, self._play_again), seed=self.at, instruments=[auditor])

    async def _live(self, instrument: Tripwire | Auditor, play: Callable[[Venue, Engine], object]) -> None:
        venue = Venue()
        venue.step_clock(self.ended_s and self.ended_s + PAUSE_S)
        path = self.path
        with trio.CancelScope() as scope:
            async with venue.open_engine(
                venue.feed("X", "Y", heartbeat_s=2.0),
                journal=JournalConfig(path=str(path), checkpoint_s=0.5, min_free=0, fsync="checkpoint"),
                sinks=self.sinks.all(),
                connection=ConnectionConfig(silent_after_s=5.0),
                sequencer=SequencerConfig(lateness_s=self.lateness_s),
                run_sync=on_the_spot,
            ) as engine:
                if isinstance(instrument, Auditor):
                    instrument.engine = engine
                else:
                    instrument.pull = partial(self._end, engine, scope)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(play, venue, engine, name=SCRIPT)  # type: ignore[arg-type]  # both are async
                    await engine.wait_stopped()
                    nursery.cancel_scope.cancel()
        self.ended_s = trio.current_time()
        assert engine.statistics().ledger.imbalances() == []

    def _end(self, engine: Engine, scope: trio.CancelScope) -> None:
        """End the first life in the middle of whatever it does."""
        if self.how == "crash":
            self.path = crash_copy(self.path, self.path.with_name("crashed.journal"))
            self.sinks = Sinks(list(self.sinks.steady), list(self.sinks.moody), list(self.sinks.gaps))
            engine.abort()
        elif self.how == "stop":
            engine.stop()
        else:
            scope.cancel()

    async def _send(self, venue: Venue, count: int) -> None:
        """Let so many trades happen, each with a price of its own, in two of one microsecond."""
        ticks = []
        for _ in range(count):
            number = len(self.sent)
            ticks.append(Tick("XY"[number % 2], venue.now_us() - number % 3 * 100_000, float(number)))
            self.sent.append(ticks[-1])
            self.made_us[float(number)] = venue.now_us()
        await venue.send(*ticks)

    async def _play(self, venue: Venue, engine: Engine) -> None:
        await venue.wait_subscribed()
        for count in (1, 4, 2):
            await self._send(venue, count)
            await trio.sleep(0.3)
        venue.drop()
        await self._send(venue, 2)
        await venue.wait_subscribed()
        await self._send(venue, 3)
        await trio.sleep(0.1)
        await self._send(venue, 3)
        await trio.sleep(0.4)
        engine.stop()

    async def _play_again(self, venue: Venue, engine: Engine) -> None:
        """The vendor shows every second trade again, as vendors do on a new subscription, and trading goes on."""
        await venue.wait_subscribed()
        await venue.send(*[tick for tick in self.sent if int(tick.price) % 2])
        await self._send(venue, 4)
        await trio.sleep(30.0)  # for the moods of a sink to pass
        engine.stop()


def stories(tmp_path: Path, how: str, *, stride: int, **options: Any) -> Iterator[tuple[Story, Auditor]]:
    """Run the story with the first life ended at one step after the other, until one is not reached any more."""
    for at in range(1, 10_000, stride):
        home = tmp_path / str(at)
        home.mkdir()
        story = Story(home / "ticks.journal", how, at, **options)
        wire, auditor = Tripwire(at), Auditor()
        story.first_life(wire)
        story.second_life(auditor)
        yield story, auditor
        if not wire.pulled:
            assert at > 100, "the scenario is too short to mean anything"
            return


@pytest.mark.parametrize(
    ("how", "lateness_s"), [("cancel", 0.0), ("stop", 0.0), ("crash", 0.0), ("crash", 0.25), ("stop", 0.25)]
)
def test_wherever_a_life_ends_the_journal_goes_on(tmp_path: Path, how: str, lateness_s: float) -> None:
    """Nothing twice, no ordinal given twice, what is not there is named, and the account is exact at each step."""
    for story, auditor in stories(tmp_path, how, stride=5, lateness_s=lateness_s):
        where = f"{how} at step {story.at}"
        ticks = kept_ticks(story.path)
        prices = [tick.price for tick in ticks]
        assert len(prices) == len(set(prices)), where
        check_identity(ticks)
        check_what_is_missing(story, set(prices), where)
        check_sinks(story, ticks, where)
        assert auditor.wrong == [], where
        assert auditor.looks > 50, where


def check_what_is_missing(story: Story, prices: set[float], where: str) -> None:
    """A trade that is not in the journal was made in a gap that is, or before anything was covered."""
    records = kept(story.path)
    gaps = [item for item in records if isinstance(item, Gap)]
    connected = [item.time_us for item in records if isinstance(item, Status) and item.status == "connected"]
    first_us = min(connected)
    for tick in story.sent:
        made_us = story.made_us[tick.price]
        if tick.price in prices or made_us <= first_us:
            continue
        around = [gap for gap in gaps if gap.symbol in {None, tick.symbol} and gap.start_us <= made_us <= gap.end_us]
        assert around, f"{where}: {tick.symbol} {tick.price} of {made_us - EPOCH_US} us is in none of {gaps}"


def check_sinks(story: Story, ticks: Sequence[Tick], where: str) -> None:
    """Every sink was given everything, in order, again only what it had not acknowledged, and the counts agree."""
    with Cursors(story.path) as cursors:
        states = {state.name: state for state in cursors.states()}
        dead = {(letter.position, letter.place) for letter in cursors.dead_letters("moody")}
    assert [tick for _, batch in once(story.sinks.steady) for tick in batch] == list(ticks), where
    check_state(states["steady"], len(ticks), stored=len(ticks), where=where)
    taken = {tick.price for _, batch in story.sinks.moody for tick in batch}
    moody = states["moody"]
    assert moody.dead_lettered == len(dead), where
    assert len(taken) + moody.dead_lettered >= len(ticks), where
    check_state(moody, len(ticks), stored=len(ticks) - moody.dead_lettered, where=where)
    gaps = [item for item in kept(story.path) if isinstance(item, Gap)]
    assert list(dict.fromkeys(story.sinks.gaps)) == list(dict.fromkeys(gaps)), where
    assert states["gaps"].discarded == len(ticks), where


def check_state(state: CursorState, ticks: int, *, stored: int, where: str) -> None:
    assert (state.appended, state.stored, state.pending) == (ticks, stored, 0), where


def once(delivered: Delivered) -> Delivered:
    """Return what was delivered without what came again: ids never go back, and one id has always the same ticks."""
    found: Delivered = []
    for number, batch in delivered:
        if found and found[-1][0] == number:
            assert found[-1][1] == batch
            continue
        assert not found or found[-1][0] < number
        found.append((number, batch))
    return found


def test_the_account_is_exact_between_any_two_steps(tmp_path: Path) -> None:
    """Every equation of the journal and the sinks holds whenever no task is in the middle of a step."""
    story = Story(tmp_path / "ticks.journal", "stop", 0)
    auditor = Auditor()
    story.second_life(auditor)
    assert auditor.wrong == []
    assert auditor.looks > 100
    check_order(kept_ticks(story.path))
