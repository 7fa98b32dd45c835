"""`compare`: the decisions of a replay against those that were kept live.

Run by run: the strategy is started afresh where it was started live, with what it was started with, and is handed
exactly what the journal holds up to its next start; and before that, where it began in the past, what it was shown of
that. Its decisions have to be the same, in every field and in order.

Where the engine was killed, decisions that it had made need not have reached the disk; those that a replay makes
beyond the last one kept are counted, and are no difference.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.errors import ConfigError, StrategyError, TrioTicksError
from trio_ticks.model import Record, Signal
from trio_ticks.replay.ahead import pulled_at_once
from trio_ticks.replay.performing import perform
from trio_ticks.replay.playback import Playback
from trio_ticks.replay.replaying import PATIENCE_S
from trio_ticks.replay.runs import Kept, Run, Runs
from trio_ticks.runtime.decisions import is_whole, shown
from trio_ticks.runtime.history import History
from trio_ticks.runtime.mailbox import Wanted
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.storage.reading import OnProgress


@attrs.frozen(kw_only=True)
class Difference:
    """The first decision that is not the same.

    Attributes:
        number: Which one of its run, from 1 on.
        run: Which run, from 1 on.
        live: What was kept, or None where live there was none.
        replayed: What the replay decided, or None where it decided nothing more.
        position: The batch of the journal that holds the live one; for none, that in which the run began.
        time_us: When the run, or else the decision, was.
    """

    number: int
    run: int
    live: Signal | None
    replayed: Signal | None
    position: int
    time_us: int


@attrs.frozen(kw_only=True)
class Compared:
    """What a comparison found.

    Attributes:
        name: The strategy's.
        runs: How many live runs there were, up to a difference.
        signals: How many decisions were the same.
        ticks: How many ticks the strategy was handed.
        beyond: Decisions of the replay that killed runs may have made and not kept.
        difference: The first one, or None.
        remarks: What explains a difference, or was done otherwise than asked; one line each.
    """

    name: str
    runs: int
    signals: int
    ticks: int
    beyond: int
    difference: Difference | None
    remarks: tuple[str, ...]


class _Sameness:
    """Takes decisions from both sides and pairs them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._replayed: deque[Signal] = deque()
        self.same = 0
        self.unlike: tuple[Kept | None, Signal | None] | None = None

    def add(self, signal: Signal) -> None:
        """Take one of the replay's."""
        self._replayed.append(signal)
        self.settle()

    def settle(self) -> None:
        """Pair what both sides have by now."""
        kept = self._run.signals
        paired = 0
        while self.unlike is None and paired < len(kept) and self._replayed:
            signal = self._replayed.popleft()
            if not _is_same(kept[paired].signal, signal):
                self.unlike = kept[paired], signal
            paired += 1
            self.same += self.unlike is None
        del kept[:paired]

    def finish(self) -> int:
        """Judge the ends; return how many decisions of the replay are beyond what a killed run has kept."""
        self.settle()
        if self.unlike is None and self._run.signals:
            self.unlike = self._run.signals[0], None
        elif self.unlike is None and self._replayed and self._run.is_complete:
            self.unlike = None, self._replayed[0]
        return len(self._replayed) if self.unlike is None else 0


async def compare(
    strategy: Strategy,
    journal: str | os.PathLike[str],
    *,
    patience_s: float | None = PATIENCE_S,
    on_progress: OnProgress | None = None,
) -> Compared:
    """Replay every live run of a strategy and compare its decisions with those that the journal kept.

    Args:
        strategy: Under the name that it had live. Symbols and parameters are those of the live run; where they differ
            from these, a remark says so.
        journal: Its file.
        patience_s: As for `replay`.
        on_progress: Is told how far it is, and how far it goes.

    Raises:
        ConfigError: the journal holds no run of a strategy of this name.
        JournalError: it cannot be read.
        StrategyError: the strategy asked for nothing.
    """
    path = Path(journal)
    runs = Runs(path, strategy.title, on_progress=on_progress)
    found = Compared(name=strategy.title, runs=0, signals=0, ticks=0, beyond=0, difference=None, remarks=())
    for run, batches in runs:
        found = await _with_run(found, strategy, run, batches, path, patience_s)
        if found.difference is not None:
            return found
    if not found.runs:
        raise ConfigError(_unknown(journal, strategy, runs))
    if runs.before:
        words = f"{runs.before:,} signals from before the first start that is kept were left out"
        found = attrs.evolve(found, remarks=(*found.remarks, words))
    return found


async def _with_run(
    found: Compared,
    strategy: Strategy,
    run: Run,
    batches: Iterator[Sequence[Record]],
    path: Path,
    patience_s: float | None,
) -> Compared:
    live, remarks = as_live(strategy, run.said)
    sameness = _Sameness(run)
    wanted = live.wanted
    handed = itertools.chain(_past(path, run, wanted), _chosen(wanted, batches))
    playback = Playback(name=live.title, pull=pulled_at_once(handed))
    performed, ticks = await perform(live, playback, on_signal=sameness.add, patience_s=patience_s)
    if playback.failure is not None or (isinstance(performed.error, StrategyError) and not performed.error.__cause__):
        raise performed.error or playback.failure  # type: ignore[misc]  # one of them is there
    for _ in batches:  # it may have returned early, as it may have live
        sameness.settle()
    beyond = sameness.finish()
    return attrs.evolve(
        found,
        runs=found.runs + 1,
        signals=found.signals + sameness.same,
        ticks=found.ticks + ticks.ledger().delivered,
        beyond=found.beyond + beyond,
        difference=_difference(found.runs + 1, run, sameness),
        remarks=tuple(dict.fromkeys((*found.remarks, *remarks, *_reasons(run, sameness, performed.error)))),
    )


def as_live(strategy: Strategy, said: Mapping[str, Any]) -> tuple[Strategy, list[str]]:
    """Return a strategy as it was started live, and what of that is not as it was given.

    Of a parameter with a text in it the journal has a digest only: it is taken as it was given.
    """
    live, remarks = strategy, []
    if "symbols" in said:
        live = attrs.evolve(live, symbols=said["symbols"])
        if strategy.symbols and list(strategy.symbols) != said["symbols"]:
            remarks.append(_instead("symbols", said["symbols"], strategy.symbols))
    if isinstance(said.get("params"), Mapping):
        params, differing = _params(strategy.params, said["params"])
        live, remarks = attrs.evolve(live, params=params), [*remarks, *differing]
    return live, remarks


def _params(given: Mapping[str, Any], recorded: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    params, remarks = {}, []
    for name, outlined in recorded.items():
        if name in given and shown(given[name]) == outlined:
            params[name] = given[name]
        elif is_whole(outlined):
            params[name] = outlined
            if name in given:
                remarks.append(_instead(f"params.{name}", outlined, given[name]))
        else:
            params.update({name: given[name]} if name in given else {})
            remarks.append(f"params.{name}: not as it was live; what it was is not kept, give it with --param")
    remarks += [
        f"params.{name}: live there was none, so there is none here" for name in given if name not in recorded
    ]
    return params, remarks


def _instead(key: str, recorded: object, given: object) -> str:
    return f"{key}: live they were {recorded!r}, which is used in place of {given!r}"


def _past(path: Path, run: Run, wanted: Wanted) -> Iterator[Sequence[Record]]:
    """Return what a run was shown of the time before its start, by the same rule as live."""
    since_us = run.said.get("since_us")
    if not isinstance(since_us, int):
        return iter(())
    return History(path=path, wanted=wanted, since_us=since_us, before=run.position - 1).pages()


def _chosen(wanted: Wanted, batches: Iterator[Sequence[Record]]) -> Iterator[Sequence[Record]]:
    for records in batches:
        some = wanted.of(records)
        if some:
            yield some


def _is_same(one: Signal, other: Signal) -> bool:
    """Tell whether two decisions are the same; a NaN is, where the other is one."""
    return one == other or repr(one) == repr(other)


def _difference(number: int, run: Run, sameness: _Sameness) -> Difference | None:
    if sameness.unlike is None:
        return None
    kept, replayed = sameness.unlike
    live = None if kept is None else kept.signal
    there = live or replayed
    return Difference(
        number=sameness.same + 1,
        run=number,
        live=live,
        replayed=replayed,
        position=run.position if kept is None else kept.position,
        time_us=run.started.time_us if there is None else there.time_us,
    )


def _reasons(run: Run, sameness: _Sameness, error: TrioTicksError | None) -> Iterator[str]:
    """Yield what a person should know of a run, beside its decisions."""
    if error is not None:
        yield f"in the replay it failed for good: {error}"
    if sameness.unlike is None:
        return
    if run.lacks:
        yield "the journal lacks ticks that the strategy had, see `trio-ticks gaps`"
    if "dropped" in run.stop_reason:
        yield f"live it was not handed everything: {run.stop_reason}"
    else:
        yield "if it fell behind live (overflow, max_age_s), it was not handed the ticks that were dropped"


def _unknown(journal: str | os.PathLike[str], strategy: Strategy, runs: Runs) -> str:
    known = ", ".join(sorted(runs.others))
    there = f"there are {known}; --name says which" if known else "it holds no run of any"
    return f"{os.fspath(journal)} holds no live run of a strategy {strategy.title}; {there}"
