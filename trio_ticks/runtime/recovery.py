"""What an engine goes on from: the sequencer's memory and the coverage that its journal knows of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from trio_ticks.core.coverage import Coverage
from trio_ticks.core.saving import coverage_of, tail_begins, was_stopped, windows_of
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.errors import JournalError
from trio_ticks.model import Tick
from trio_ticks.runtime.assembly import FeedPlan
from trio_ticks.storage.journal import Journal, JournalReader, Mark


@attrs.frozen
class Recovered:
    """By feed, the sequencer and the coverage to go on with; and all marks, where feeds with places find theirs."""

    sequencers: dict[str, Sequencer]
    coverage: dict[str, Coverage]
    marks: Mapping[str, bytes] = attrs.field(factory=dict)


def fresh(plans: Iterable[FeedPlan]) -> Recovered:
    """Return what an engine without a journal begins with."""
    sequencers = {plan.name: Sequencer(**plan.sequencing) for plan in plans}
    return Recovered(sequencers, {name: Coverage(feed=name) for name in sequencers})


def recover(journal: Journal, plans: Sequence[FeedPlan]) -> Recovered:
    """Return what an engine goes on with after a stop or a crash. Reads the tail of the journal; blocks.

    Raises:
        JournalError: what was saved was made under another identity, or cannot be read.
    """
    marks = journal.marks()
    found = Recovered({}, {}, {key: mark.payload for key, mark in marks.items()})
    with JournalReader(journal.path) as reader:
        for plan in plans:
            heard: dict[str, int] = {}
            tail = _noting(_ticks(reader, tail_begins(marks), plan.name), heard)
            found.sequencers[plan.name] = _sequencer(plan, marks, tail)
            found.coverage[plan.name] = _coverage(plan, marks, heard)
    return found


def _sequencer(plan: FeedPlan, marks: Mapping[str, Mark], tail: Iterable[Tick]) -> Sequencer:
    saved = Sequencer(**plan.sequencing).checkpoint_of(windows_of(marks, plan.name))
    try:
        return Sequencer.restore(saved, tail, **plan.sequencing)
    except ValueError as error:
        raise JournalError(f"the journal does not fit feed {plan.name}: {error}") from error


def _coverage(plan: FeedPlan, marks: Mapping[str, Mark], heard: Mapping[str, int]) -> Coverage:
    coverage = Coverage(feed=plan.name)
    cause = "stopped" if was_stopped(marks) else "crashed"
    coverage.resume(coverage_of(marks, plan.name), heard=heard, cause=cause, symbols=plan.feed.symbols)
    return coverage


def _ticks(reader: JournalReader, after: int, feed: str) -> Iterator[Tick]:
    for records in reader.records(after=after, kinds={"tick"}):
        for item in records:
            if isinstance(item, Tick) and item.feed == feed:
                yield item


def _noting(ticks: Iterable[Tick], heard: dict[str, int]) -> Iterator[Tick]:
    """Pass ticks on, and note when each symbol was heard last."""
    for tick in ticks:
        heard[tick.symbol] = max(tick.received_us, heard.get(tick.symbol, 0))
        yield tick
