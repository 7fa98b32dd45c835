"""Market time against a naive oracle: merge the times of ticks and timers, ticks first where they meet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import trio
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.model import Tick
from trio_ticks.replay.backtest import backtest
from trio_ticks.replay.market_ticks import MarketTicks

START_US = 1_763_000_000_123_457

# Short steps meet each other often, and long ones are not whole in binary.
STEPS_US = st.integers(1, 4) | st.sampled_from([100_000, 333_333, 60_000_000])
GAPS_US = st.integers(0, 4) | st.sampled_from([99_999, 100_000, 1_000_001])
MANY_GAPS = st.lists(GAPS_US, min_size=1, max_size=30)


@st.composite
def recordings(draw: st.DrawFn) -> list[list[Tick]]:
    """Ticks in order, some of them late, cut anywhere."""
    times = list(itertools.accumulate(draw(MANY_GAPS), initial=START_US))
    ticks = [
        Tick("A", time_us - back, float(number), late=back > 0)
        for number, time_us in enumerate(times)
        for back in [draw(st.sampled_from([0, 0, 0, 5])) if number else 0]
    ]
    cuts = sorted({0, len(ticks), *draw(st.lists(st.integers(0, len(ticks)), max_size=6))})
    return [ticks[low:high] for low, high in itertools.pairwise(cuts)]


def reached(recording: list[list[Tick]]) -> list[int]:
    """Return market time at each tick: it does not go back."""
    times = [tick.time_us for batch in recording for tick in batch]
    return list(itertools.accumulate(times, max))


def now_us() -> int:
    """Return what Trio's clock says."""
    return round(trio.current_time() * 1e6)


Event = tuple[int, int, int]
"""Market time, -1 for a tick or the number of the timer's task, and which one of it."""


def timers_and_ticks(recording: list[list[Tick]], timers: Sequence[Sequence[int]]) -> list[Event]:
    """The oracle for tasks that sleep beside one that reads."""
    times = reached(recording)
    events = [(time_us, -1, number) for number, time_us in enumerate(times)]
    for task, steps in enumerate(timers):
        dues = itertools.accumulate(steps, initial=START_US)
        events += [(due, task, number) for number, due in enumerate(dues) if number and due <= times[-1]]
    return sorted(events)


def side_by_side(recording: list[list[Tick]], timers: Sequence[Sequence[int]], **how: Any) -> list[Event]:
    """What the backtest makes of the same."""
    trace: list[Event] = []

    async def sleeper(task: int, steps: Sequence[int]) -> None:
        for number, step_us in enumerate(steps, 1):
            await trio.sleep(step_us / 1e6)
            trace.append((now_us(), task, number))

    async def strategy(ticks: MarketTicks) -> None:
        async with trio.open_nursery() as nursery:
            for task, steps in enumerate(timers):
                nursery.start_soon(sleeper, task, steps)
            number = 0
            async for tick in ticks:
                assert tick.time_us <= now_us()
                trace.append((now_us(), -1, number))
                number += 1
            nursery.cancel_scope.cancel()

    assert backtest(strategy, recording, **how).has_returned
    return trace


def in_order_of_tasks(trace: list[Event]) -> list[Event]:
    """Sort timers of one instant, among which any order is right; ticks stay where they are."""
    groups = itertools.groupby(trace, key=lambda event: (event[0], event[1] < 0))
    return [event for _, group in groups for event in sorted(group)]


@given(recordings(), st.lists(st.lists(STEPS_US, max_size=12), max_size=4))
def test_timers_end_between_exactly_the_right_two_ticks(recording: list[list[Tick]], timers: list[list[int]]) -> None:
    """Any number of sleepers beside a reader: ticks up to a deadline come before it, the next one behind it."""
    expected = timers_and_ticks(recording, timers)
    assert in_order_of_tasks(side_by_side(recording, timers)) == expected


@given(recordings(), st.lists(st.lists(STEPS_US, max_size=12), max_size=4), st.integers(0, 9))
def test_the_same_call_gives_the_same_trace(recording: list[list[Tick]], timers: list[list[int]], seed: int) -> None:
    """The order of tasks at one instant included; and however the recording is cut."""
    one = side_by_side(recording, timers, seed=seed)
    whole = [[tick for batch in recording for tick in batch]]
    assert side_by_side(recording, timers, seed=seed) == one
    assert side_by_side(whole, timers, seed=seed) == one


STEP = st.tuples(st.sampled_from(["read", "sleep", "timeout", "deadline", "in_band"]), STEPS_US)


def alone(recording: list[list[Tick]], program: list[tuple[str, int]], end_us: int) -> list[tuple[str, int]]:
    """The oracle for one task that reads and sleeps in turn."""
    trace, now, waiting = [], START_US, reached(recording)
    for action, step_us in program:
        due_us = now + step_us
        is_tick = bool(waiting) and (action == "read" or waiting[0] <= due_us) and action not in {"sleep", "in_band"}
        if is_tick:
            now = max(now, waiting.pop(0))
            trace.append(("tick", now))
        elif action != "read" and due_us <= end_us:
            now = due_us
            trace.append((action, now))
        else:
            break
    return trace


@given(recordings(), st.lists(STEP, max_size=30), st.sampled_from([None, 1, 100_000_000]))
def test_one_task_that_reads_and_sleeps_in_turn(
    recording: list[list[Tick]], program: list[tuple[str, int]], beyond_us: int | None
) -> None:
    """Timeouts around a read, absolute deadlines set late, and sleeps past ticks, which are read afterwards."""
    last_us = max(reached(recording))
    end_us = None if beyond_us is None else last_us + beyond_us
    trace: list[tuple[str, int]] = []

    async def strategy(ticks: MarketTicks) -> None:
        for action, step_us in program:
            due_us = now_us() + step_us
            if action == "sleep":
                await trio.sleep(step_us / 1e6)
            elif action == "in_band":
                await ticks.sleep(step_us / 1e6)
                if now_us() < due_us:  # the range is over
                    return
            else:
                with trio.CancelScope() as scope:
                    if action == "timeout":
                        scope.relative_deadline = step_us / 1e6
                    elif action == "deadline":  # nobody is asked for the time
                        scope.deadline = due_us / 1e6
                    await anext(ticks)
                if not scope.cancelled_caught:
                    action = "tick"  # noqa: PLW2901 - what came of it
            assert ticks.now_us == now_us()
            trace.append((action, now_us()))

    async def until_its_end(ticks: MarketTicks) -> None:
        try:
            await strategy(ticks)
        except StopAsyncIteration:
            return

    backtest(until_its_end, recording, end=end_us)
    assert trace == alone(recording, program, last_us if end_us is None else end_us)
