"""The streams of an engine: those of its strategies, and those that its users open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import trio

from trio_ticks.core.ages import Ages
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Signal
from trio_ticks.runtime.bell import Bell, LiveDesk
from trio_ticks.runtime.catching_up import CatchUp, CatchUpConsumer
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.consumer import StreamConsumer
from trio_ticks.runtime.decisions import Decisions
from trio_ticks.runtime.fanout import Consumer, Fanout
from trio_ticks.runtime.history import History
from trio_ticks.runtime.journaling import JournalWriter, RunSync
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.runtime.strategy import InlineConsumer, Strategy, StrategyState, run_strategy
from trio_ticks.runtime.stream import Ticks


class Streams:
    """Opens streams, and starts strategies on theirs.

    Args:
        fanout: Where records come from.
        bell: Moves the time of streams on while nothing trades.
        writer: The journal's; None: there is none.
        now_us: The clock.
        run_sync: Where strategies that begin in the past wait for the disk.
        fail: Stops the engine.
    """

    def __init__(
        self,
        *,
        fanout: Fanout,
        bell: Bell,
        writer: JournalWriter | None,
        now_us: NowUs,
        run_sync: RunSync,
        fail: Callable[[TrioTicksError], None],
    ) -> None:
        self._fanout = fanout
        self._bell = bell
        self._writer = writer
        self._now_us = now_us
        self._run_sync = run_sync
        self._fail = fail
        self._decisions = Decisions(writer, now_us)
        self._started: list[tuple[Strategy, StrategyState]] = []

    @property
    def states(self) -> list[StrategyState]:
        """How the strategies are doing."""
        return [state for _, state in self._started]

    def open(self, name: str, wanted: Wanted, room: Room) -> StreamConsumer:
        """Open a stream of what comes from now on."""
        return self._live(name, wanted, room, self._decisions.keep)

    def start(self, strategy: Strategy, nursery: trio.Nursery) -> None:
        """Start a strategy, before anything has come: all that the journal holds is past."""
        state = StrategyState(strategy.title)
        self._started.append((strategy, state))
        since_us = None if strategy.since is None else self._now_us() - round(strategy.since * 1e6)
        self._decisions.started(strategy, since_us)
        if strategy.inline:
            self._fanout.add(InlineConsumer(strategy, state, self._fail, self._now_us))
            return
        keep = partial(self._decisions.keep, state=state)
        if since_us is None:
            ticks = self._live(strategy.title, strategy.wanted, strategy.room, keep).ticks
        else:
            ticks = self._past(strategy, since_us, keep)
        nursery.start_soon(self._run, strategy, ticks, state, name=f"strategy {strategy.title}")

    @contextmanager
    def watched_by(self, consumer: Consumer) -> Iterator[None]:
        """Let a consumer see every record, and the signals of strategies, while the block lasts."""
        self._fanout.add(consumer)
        self._decisions.watchers.append(consumer)
        try:
            yield
        finally:
            self._decisions.watchers.remove(consumer)
            self._fanout.remove(consumer)

    def end(self) -> None:
        """Everybody has decided everything."""
        for strategy, state in self._started:
            if strategy.inline:
                self._decisions.ended(strategy, state)

    async def _run(self, strategy: Strategy, ticks: Ticks, state: StrategyState) -> None:
        await run_strategy(strategy, ticks, state, self._fail)
        self._decisions.ended(strategy, state)

    def _live(self, name: str, wanted: Wanted, room: Room, keep: Callable[[Signal], None]) -> StreamConsumer:
        mailbox = Mailbox(name=name, wanted=wanted, room=room)
        desk = LiveDesk(mailbox, self._bell, keep)
        ages = Ages()
        ticks = Ticks(source=mailbox, now_us=self._now_us, max_age_s=room.max_age_s, desk=desk, ages=ages)
        consumer = StreamConsumer(mailbox, ticks, ages)
        self._fanout.add(consumer)
        return consumer

    def _past(self, strategy: Strategy, since_us: int, keep: Callable[[Signal], None]) -> Ticks:
        """Open a stream that begins in the journal."""
        writer, wanted, room = self._writer, strategy.wanted, strategy.room
        assert writer is not None, "a plan without a journal has no such strategy"
        path = writer.journal.path
        source = CatchUp(
            mailbox=Mailbox(name=strategy.title, wanted=wanted, room=room),
            history=History(path=path, wanted=wanted, since_us=since_us, before=writer.position),
            writer=writer,
            run_sync=self._run_sync,
        )
        desk = source.fronting(LiveDesk(source, self._bell, keep))
        ages = Ages()
        ticks = Ticks(
            source=source, now_us=source.judging(self._now_us), max_age_s=room.max_age_s, desk=desk, ages=ages
        )
        self._fanout.add(CatchUpConsumer(source, ticks, ages))
        return ticks
