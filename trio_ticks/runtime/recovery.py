"""What an engine goes on from: the sequencer's memory and the coverage that its journal knows of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from trio_ticks.core.coverage import Coverage
from trio_ticks.core.saving import coverage_of, last_round, tail_begins, was_stopped, windows_of
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.errors import JournalError
from trio_ticks.model import Tick
from trio_ticks.runtime.assembly import FeedPlan
from trio_ticks.storage.journal import Damage, Journal, JournalReader, Mark

log = logging.getLogger("trio_ticks.journal")


@attrs.frozen
class Recovered:
    """What an engine goes on with.

    Attributes:
        sequencers: By feed.
        coverage: By feed.
        rounds: By feed, which round of saving was finished last.
        marks: All of them, where feeds with places find theirs.
    """

    sequencers: dict[str, Sequencer]
    coverage: dict[str, Coverage]
    rounds: dict[str, int]
    marks: Mapping[str, bytes] = attrs.field(factory=dict)


def fresh(plans: Iterable[FeedPlan]) -> Recovered:
    """Return what an engine without a journal begins with."""
    sequencers = {plan.name: Sequencer(**plan.sequencing) for plan in plans}
    return Recovered(sequencers, {name: Coverage(feed=name) for name in sequencers}, {})


def recover(journal: Journal, plans: Sequence[FeedPlan]) -> Recovered:
    """Return what an engine goes on with after a stop or a crash. Reads the tail of the journal; blocks.

    What of the tail cannot be read is passed over, and said: the engine goes on from the rest.

    Raises:
        JournalError: what was saved was made under another identity, or cannot be read.
    """
    marks = journal.marks()
    found = Recovered({}, {}, {}, {key: mark.payload for key, mark in marks.items()})
    with JournalReader(journal.path) as reader:
        for plan in plans:
            found.sequencers[plan.name] = _sequencer(plan, marks, reader)
            found.coverage[plan.name] = _coverage(plan, marks, reader)
            found.rounds[plan.name] = last_round(marks, plan.name)
    return found


def _sequencer(plan: FeedPlan, marks: Mapping[str, Mark], reader: JournalReader) -> Sequencer:
    saved = Sequencer(**plan.sequencing).checkpoint_of(windows_of(marks, plan.name))
    try:
        return Sequencer.restore(saved, _ticks(reader, tail_begins(marks, plan.name), plan.name), **plan.sequencing)
    except ValueError as error:
        raise JournalError(f"the journal does not fit feed {plan.name}: {error}") from error


def _coverage(plan: FeedPlan, marks: Mapping[str, Mark], reader: JournalReader) -> Coverage:
    coverage = Coverage(feed=plan.name)
    saved, position = coverage_of(marks, plan.name)
    cause = "stopped" if was_stopped(marks, plan.name) else "crashed"
    coverage.resume(saved, _ticks(reader, position, plan.name), cause=cause, symbols=plan.feed.symbols)
    return coverage


def _ticks(reader: JournalReader, after: int, feed: str) -> Iterator[Tick]:
    for records in reader.records(after=after, kinds={"tick"}, on_damage=_say):
        for item in records:
            if isinstance(item, Tick) and item.feed == feed:
                yield item


def _say(damage: Damage) -> None:
    log.critical(
        "batches %d to %d of the journal cannot be read: %s",
        damage.first_position,
        damage.last_position,
        damage.reason,
    )
