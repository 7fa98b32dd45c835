"""Strategies: functions of the user's that live inside the engine, each on its own stream.

A strategy that raises is isolated: it is logged, counted and started again on the same stream, with growing pauses,
until it has failed too often in a row. With ``on_error="stop"`` it stops the engine instead, by the same path as
every fatal error, so that what was received is still handed on to everyone else.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import attrs
import trio

from trio_ticks.config import OnError, Overflow, rules
from trio_ticks.core.ages import Ages
from trio_ticks.core.backoff import Backoff
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import ConfigError, EngineError, StrategyError, TrioTicksError, in_one_line
from trio_ticks.model import Batch, Record
from trio_ticks.runtime.calling import NOT_ASYNC, is_async, name_of
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.mailbox import Room, Wanted
from trio_ticks.runtime.stream import Ticks

log = logging.getLogger("trio_ticks.strategy")

FAILURES_IN_A_ROW = 10
"""Ten failures, none after a healthy minute: the bug is there to stay, and the log has said so ten times."""

HEALTHY_S = 60.0
"""A run that lasts so long makes the next failure a first one."""

_ONE_LINE = rules.Rule("a text on one line", lambda value: isinstance(value, str) and value.isprintable())
# As in a configuration, in the same words.
_RULES = {
    "symbols": rules.optional(rules.different_texts()),
    "params": rules.arguments(),
    "since": rules.optional(rules.past()),
}

_BACKOFF = {"first_s": 0.1, "max_s": 10.0, "healthy_s": HEALTHY_S}


def _in_order(symbols: Any) -> Any:
    """Return any collection of symbols as a tuple; a lone text is left for the rule to refuse."""
    return tuple(symbols) if isinstance(symbols, Iterable) and not isinstance(symbols, str) else symbols


@attrs.frozen(kw_only=True)
class Strategy:
    """An async function of a `Ticks`, or with ``inline`` a plain function of a `Tick`, and how to run it.

    Attributes:
        function: Called as ``function(ticks, **params)``; inline as ``function(tick, **params)``.
        name: In statistics and errors; the function's own name by default.
        symbols: What it wants to see; None: everything.
        params: Passed by keyword.
        overflow: What to do when it is slow: ``drop_oldest``, ``drop_newest``, ``conflate`` or ``fail``.
        capacity: Of its queue, in records.
        max_age_s: Drop, and count, prices older than that; None: none are too old.
        on_error: ``restart`` it, or ``stop`` the engine.
        since: Begin with what the journal holds from so long before the start on (``"30m"``, ``"2h"``, ``"1d"``, or
            seconds), and go over to live where that ends: nothing twice, nothing missing, and nothing overflows
            before. ``max_age_s`` judges only what comes live. None: with what comes.
        inline: Run inside the sequencer's task, to save the last microseconds. It then delays everyone, and has no
            queue that ``overflow`` and ``capacity`` could speak of.
    """

    function: Callable[..., Any] = attrs.field(kw_only=False)
    name: str = attrs.field(default="", validator=_ONE_LINE)
    symbols: Sequence[str] | None = attrs.field(default=None, converter=_in_order)
    params: Mapping[str, Any] = attrs.field(factory=dict)
    overflow: Overflow = "drop_oldest"
    capacity: int = 10_000
    max_age_s: float | None = None
    on_error: OnError = "restart"
    inline: bool = False
    since: float | None = attrs.field(default=None, converter=rules.seconds_in)

    def __attrs_post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigError(f"strategy {self.function!r} is not a function; accepted: an async function of Ticks")
        if self.inline and is_async(self.function):
            raise ConfigError(f"strategy {self.title}: inline takes a plain function of a Tick, this one is async")
        if self.on_error not in {"restart", "stop"}:
            raise ConfigError(f"strategy {self.title}: on_error = {self.on_error!r}; accepted: 'restart', 'stop'")
        if self.inline and self.since is not None:
            raise ConfigError(f"strategy {self.title}: inline has no stream that could begin in the past; not since")
        try:
            _ = self.room
            for name, rule in _RULES.items():
                rule(self, attrs.fields_dict(Strategy)[name], getattr(self, name))
        except ConfigError as error:
            raise ConfigError(f"strategy {self.title}: {error}") from None

    @property
    def title(self) -> str:
        """The name to go by."""
        return self.name or name_of(self.function)

    @property
    def wanted(self) -> Wanted:
        """The records it wants."""
        return Wanted(None if self.symbols is None else frozenset(self.symbols))

    @property
    def room(self) -> Room:
        """How far it may fall behind."""
        return Room(overflow=self.overflow, capacity=self.capacity, max_age_s=self.max_age_s)


@attrs.define
class StrategyState:
    """How a strategy is doing: ``running``, ``restarting``, ``finished`` or ``failed``."""

    name: str
    state: str = "running"
    failures: int = 0
    last_error: str = ""
    signals: int = 0

    def failed(self, error: Exception) -> None:
        """Count a failure."""
        self.failures += 1
        self.last_error = in_one_line(error)


Fail: TypeAlias = Callable[[TrioTicksError], None]


async def run_strategy(strategy: Strategy, ticks: Ticks, state: StrategyState, fail: Fail) -> None:
    """Run a strategy until it returns, its stream ends, or it has failed for good.

    Args:
        strategy: What to run.
        ticks: Its stream, closed on the way out; what was queued then counts as dropped.
        state: Kept up to date.
        fail: Called with the `StrategyError` that must stop the engine.

    Cancellation:
        Cancels the strategy; the stream is closed.
    """
    backoff = Backoff(**_BACKOFF)
    in_a_row = 0
    try:
        while True:
            began = trio.current_time()
            error = await _once(strategy, ticks)
            if error is None:
                state.state = "finished"
                return
            state.failed(error)
            lasted_s = trio.current_time() - began
            in_a_row = 1 if lasted_s >= HEALTHY_S else in_a_row + 1
            # A stream that failed, of its own overflow, would end the next run as it ended this one.
            if strategy.on_error == "stop" or in_a_row >= FAILURES_IN_A_ROW or _is_all(StrategyError, error):
                state.state = "failed"
                _give_up(strategy, error, fail)
                return
            named = {"event": "strategy failed", "strategy": state.name, "reason": state.last_error}
            log.error("strategy %s failed and is restarted", state.name, exc_info=error, extra={"fields": named})
            state.state = "restarting"
            await trio.sleep(backoff.after(lasted_s, 0.5))
            state.state = "running"
    finally:
        ticks.close()


async def _once(strategy: Strategy, ticks: Ticks) -> Exception | None:
    """Run the function once; return what it raised."""
    try:
        running = strategy.function(ticks, **strategy.params)
        if not isinstance(running, Awaitable):
            return StrategyError(NOT_ASYNC)
        await running
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything
        # The stream may have told it that the engine has failed, or that there is no more time: not its own failure.
        return None if _is_all((EngineError, trio.EndOfChannel), error) else error
    return None


def _is_all(kind: type[Exception] | tuple[type[Exception], ...], error: Exception) -> bool:
    """Tell whether an error is of this kind, or one of these, or a nursery's group of nothing else."""
    if isinstance(error, ExceptionGroup):
        return all(_is_all(kind, inner) for inner in error.exceptions)
    return isinstance(error, kind)


def _give_up(strategy: Strategy, error: Exception, fail: Fail) -> None:
    words = f"strategy {strategy.title} failed: {in_one_line(error)}"
    failure = StrategyError(words)
    failure.__cause__ = error
    if strategy.on_error == "stop":
        fail(failure)
    else:
        named = {"event": "strategy ended", "strategy": strategy.title, "reason": words}
        log.critical("%s; it is not restarted any more", words, extra={"fields": named})


class InlineConsumer:
    """A plain function that sees every tick inside the sequencer's task.

    Its exceptions are isolated as a task's are: counted and logged, fatal with ``on_error="stop"``, and after
    `FAILURES_IN_A_ROW` failing ticks it is called no more.
    """

    def __init__(self, strategy: Strategy, state: StrategyState, fail: Fail, now_us: NowUs) -> None:
        self.name = strategy.title
        self.ages = Ages()
        self._now_us = now_us
        self._max_age_us = math.inf if strategy.max_age_s is None else strategy.max_age_s * 1e6
        self._strategy = strategy
        self._function = partial(strategy.function, **strategy.params) if strategy.params else strategy.function
        self._wanted = strategy.wanted
        self._state = state
        self._fail = fail
        self._in_a_row = 0
        self._offered = 0
        self._delivered = 0

    def offer(self, records: Sequence[Record]) -> None:
        """Call the function for every tick among these."""
        if self._state.state == "failed":
            return
        ticks = Batch(self._wanted.of(records)).ticks
        self._offered += len(ticks)
        if ticks:
            self.ages.note_batch(ticks, len(ticks), self._now_us())
        function, has_limit = self._function, self._max_age_us < math.inf
        for tick in ticks:
            if has_limit and self._now_us() - tick.time_us > self._max_age_us:
                continue
            self._delivered += 1
            try:
                function(tick)
            except Exception as error:  # noqa: BLE001 - the user's code may raise anything
                self._note(error)
                if self._state.state == "failed":
                    return
            else:
                self._in_a_row = 0

    def end(self, failure: TrioTicksError | None) -> None:
        """Nothing to do: there is no queue."""

    def ledger(self) -> ConsumerLedger:
        """Return the counts; what was too old, or came after the function had failed, counts as dropped."""
        return ConsumerLedger(
            offered=self._offered, delivered=self._delivered, dropped=self._offered - self._delivered
        )

    def _note(self, error: Exception) -> None:
        self._state.failed(error)
        self._in_a_row += 1
        log.error("inline strategy %s failed", self.name, exc_info=error)
        if self._strategy.on_error == "stop" or self._in_a_row >= FAILURES_IN_A_ROW:
            self._state.state = "failed"
            _give_up(self._strategy, error, self._fail)
