"""A replay's stream: speed, patience, failures, ends."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trio

from tests.support.replaying import NAME, chunks, decided, journal_of, keep_all, momentum, started, stopped
from trio_ticks import (
    ConfigError,
    Gap,
    JournalError,
    Signal,
    Status,
    Strategy,
    StrategyError,
    Tick,
    Ticks,
    read,
    replay,
)
from trio_ticks.model import Record
from trio_ticks.replay.comparing import compare

T0 = 1_700_000_000_000_000
TICKS = [Tick("A", T0 + number * 1_000_000, float(number)) for number in range(100)]


@pytest.mark.parametrize("speed", [1.0, 10.0, 0.5])
async def test_records_come_when_they_are_due(autojump_clock: trio.testing.MockClock, speed: float) -> None:
    """At a speed, a record comes when its time has passed that often faster; never before, whatever the batches."""
    began = trio.current_time()

    async def stamp(ticks: Ticks) -> list[float]:
        return [trio.current_time() - began async for _ in ticks]

    done = await replay(stamp, chunks(TICKS, 7), speed=speed)
    assert done.value == pytest.approx([number / speed for number in range(len(TICKS))])


async def test_a_slow_strategy_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """It gets everything, later; nothing is dropped."""

    async def slow(ticks: Ticks) -> int:
        count = 0
        async for _ in ticks:
            await trio.sleep(5)
            count += 1
        return count

    done = await replay(slow, chunks(TICKS, 7), speed=1.0)
    assert (done.value, done.ledger.dropped) == (100, 0)


@pytest.mark.parametrize("speed", [None, 1.0])
async def test_a_cancelled_read_loses_nothing(autojump_clock: trio.testing.MockClock, speed: float | None) -> None:
    """The next one goes on where it was cancelled."""

    async def impatient(ticks: Ticks) -> list[Tick]:
        got: list[Tick] = []
        while len(got) < len(TICKS):
            with trio.move_on_after(0.3):
                async for tick in ticks:
                    got.append(tick)  # noqa: PERF401 - what was got before the cancellation counts
        return got

    assert (await replay(impatient, chunks(TICKS, 7), speed=speed)).value == TICKS


async def test_a_strategy_that_never_reads_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """It neither hangs nor ends as if all were well: it is named, with what is accepted."""

    async def sleeper(_ticks: Ticks) -> None:
        await trio.sleep_forever()

    async def never_returns(ticks: Ticks) -> None:
        async for _ in ticks:
            pass
        await trio.sleep_forever()

    for strategy in (sleeper, never_returns):
        with pytest.raises(StrategyError, match=rf"{strategy.__name__} has asked for no record for 60 s.*accepted"):
            await replay(strategy, chunks(TICKS, 7))


async def test_a_strategy_that_returns_ends_the_replay() -> None:
    """The rest is not read, what was read and not taken is counted, and its value is what it returned."""

    async def first(ticks: Ticks) -> Tick:
        return await anext(ticks)

    async def nothing(_ticks: Ticks) -> str:
        return "done"

    done = await replay(first, chunks(TICKS, 7))
    assert (done.value, done.ticks, done.ledger.offered, done.ledger.dropped) == (TICKS[0], 1, 7, 6)
    assert (await replay(nothing, chunks(TICKS, 7))).value == "done"


async def test_a_failing_strategy_is_restarted_at_once(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """On the same stream, without a pause; ten failures within a minute of market time are too many."""
    began = trio.current_time()

    def failing(every: int) -> Strategy:
        async def run(ticks: Ticks) -> None:
            async for tick in ticks:
                if tick.price % every == every - 1:
                    raise ValueError(f"at {tick.price}")

        return Strategy(run, name="failing")

    done = await replay(failing(25), chunks(TICKS, 7))
    assert (done.failures, done.ticks, trio.current_time()) == (4, 100, began)
    assert caplog.messages[-1] == "strategy failing failed and is restarted: ValueError: at 99.0"
    assert [record.exc_info is not None for record in caplog.records] == [True, False, False, False]  # one traceback
    with pytest.raises(StrategyError, match=r"failing failed: ValueError: at 19\.0") as caught:
        await replay(failing(2), chunks(TICKS, 1))
    assert isinstance(caught.value.__cause__, ValueError)


async def test_a_strategy_that_was_healthy_may_fail_for_ever() -> None:
    """A run of a minute of market time makes the next failure a first one."""

    async def fails_each_minute(ticks: Ticks) -> None:
        count = 0
        async for _ in ticks:
            count += 1
            if count > 60:
                raise ValueError("again")

    ticks = [Tick("A", T0 + number * 1_000_000, 1.0) for number in range(61 * 15)]
    assert (await replay(fails_each_minute, chunks(ticks, 1))).failures == 15


async def test_on_error_stop_and_inline_are_as_live() -> None:
    """The first failure ends it; a plain function goes on with the next tick."""

    async def fails(ticks: Ticks) -> None:
        await anext(ticks)
        raise ValueError("once")

    with pytest.raises(StrategyError, match="once"):
        await replay(Strategy(fails, on_error="stop"), chunks(TICKS, 7))

    seen: list[float] = []

    def inline(tick: Tick) -> None:
        seen.append(tick.price)
        if tick.price % 2:
            raise ValueError("odd")

    done = await replay(Strategy(inline, inline=True), chunks(TICKS, 7))
    assert (seen, done.failures) == ([tick.price for tick in TICKS], 50)


async def test_what_cannot_be_read_ends_the_replay_behind_everything_before() -> None:
    """The recording's failure is raised as it is, and the strategy is not restarted for it."""
    seen: list[Tick] = []

    def broken() -> Iterator[Sequence[Record]]:
        yield TICKS[:30]
        raise JournalError("batch 2 is gone")

    async def collect(ticks: Ticks) -> None:
        async for tick in ticks:
            seen.append(tick)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(JournalError, match="batch 2 is gone"):
        await replay(collect, broken())
    assert seen == TICKS[:30]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"speed": 0}, "speed = 0"),
        ({"speed": -1.0}, "accepted is a positive number"),
        ({"start": "soon"}, "start = 'soon'"),
        ({"start": T0 + 5, "end": T0 + 5}, "nothing in between"),
        ({"symbols": "A"}, "a list"),
        ({"symbols": ["Z"]}, "no tick of Z; it begins at 2023-11-14T22:13:20.000000Z with A"),
        ({"start": T0 + 10**9}, r"no tick from 2023-11-14T22:30:00.000000Z on"),
    ],
)
async def test_a_misuse_is_one_line(arguments: dict[str, object], words: str) -> None:
    """It names what is wrong and what there is."""
    with pytest.raises(ConfigError, match=words) as caught:
        await replay(keep_all, chunks(TICKS, 7), **arguments)  # type: ignore[arg-type]  # what a user may pass
    assert "\n" not in str(caught.value)


async def test_a_symbol_that_never_comes_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Beside others that come it is no error, but a line that says what there is."""
    done = await replay(keep_all, chunks(TICKS, 7), symbols=["A", "Z"])
    assert done.ticks == 100
    assert caplog.messages == [
        "the given recording has no tick of Z; it begins at 2023-11-14T22:13:20.000000Z with A"
    ]


# ---- against live


def live_run(ticks: Sequence[Tick], *, clean: bool = True, lost: int = 0, **said: object) -> list[Record]:
    """Return what a journal holds of a live run of `momentum`."""
    signals = decided(ticks)
    kept = signals[: len(signals) - lost]
    end = [stopped(ticks[-1].time_us)] if clean else []
    return [started(ticks[0].time_us, **said), *ticks[:50], *kept[:3], *ticks[50:], *kept[3:], *end]


async def test_the_same_decisions_are_identical_run_by_run(tmp_path: Path) -> None:
    """Each live run is replayed afresh, on what the journal holds up to the next."""
    path = journal_of(
        tmp_path / "a.journal", [*live_run(TICKS[:60]), Gap(T0, T0 + 1, "stopped"), *live_run(TICKS[60:])]
    )
    found = await compare(Strategy(momentum), path)
    assert (found.difference, found.runs, found.signals, found.ticks) == (None, 2, 10, 100)


async def test_what_a_killed_run_did_not_keep_is_counted(tmp_path: Path) -> None:
    """Without a stop the journal may lack decisions at the end; behind a clean stop it may not."""
    killed = journal_of(tmp_path / "a.journal", live_run(TICKS, clean=False, lost=2))
    found = await compare(Strategy(momentum), killed)
    assert (found.difference, found.signals, found.beyond) == (None, 8, 2)
    clean = journal_of(tmp_path / "b.journal", live_run(TICKS, lost=2))
    found = await compare(Strategy(momentum), clean)
    assert found.difference is not None
    assert (found.signals, found.difference.number, found.difference.live) == (8, 9, None)
    assert found.difference.replayed == decided(TICKS)[8]


async def test_the_first_that_differs_is_told_with_its_place(tmp_path: Path) -> None:
    """In any field; so is one that the replay does not give."""
    records = live_run(TICKS)
    at = records.index(decided(TICKS)[4])
    records[at] = Signal("buy", "A", decided(TICKS)[4].time_us, {"price": 0.0}, NAME)
    found = await compare(Strategy(momentum), journal_of(tmp_path / "a.journal", records))
    assert found.difference is not None
    assert (found.difference.number, found.difference.live) == (5, records[at])
    assert found.difference.position == 1 + at // 50
    more: list[Record] = [*live_run(TICKS)[:-1], Signal("sell", "A", T0, {}, NAME), stopped(T0)]
    found = await compare(Strategy(momentum), journal_of(tmp_path / "b.journal", more))
    assert found.difference is not None
    assert (found.difference.number, found.difference.replayed) == (11, None)


async def test_a_live_run_is_replayed_with_what_it_was_started_with(tmp_path: Path) -> None:
    """Its parameters and symbols count, and where others were given a remark says so."""
    other = [Tick("B", tick.time_us, 0.0) for tick in TICKS]
    mixed: list[Record] = [record for pair in zip(other, TICKS, strict=True) for record in pair]
    records: list[Record] = [
        started(T0, symbols=["A"], params={"every": 20}),
        *mixed,
        *decided(TICKS, 20),
        stopped(T0),
    ]
    path = journal_of(tmp_path / "a.journal", records)
    found = await compare(Strategy(momentum, params={"every": 3}), path)
    assert (found.difference, found.signals) == (None, 5)
    assert [remark.partition(":")[0] for remark in found.remarks] == ["params.every"]


async def test_a_journal_without_the_strategy_says_which_there_are(tmp_path: Path) -> None:
    """One line that names them."""
    path = journal_of(tmp_path / "a.journal", live_run(TICKS))
    with pytest.raises(ConfigError, match="no live run of a strategy other; there are momentum"):
        await compare(Strategy(momentum, name="other"), path)


async def test_other_strategies_and_the_marks_of_starts_are_not_seen(tmp_path: Path) -> None:
    """A strategy sees what it saw live: neither decisions nor starts of anybody."""
    theirs: list[Record] = [
        Signal("x", "A", T0 + 1, {}, "theirs"),
        Status("started", T0 + 10**12, source="strategy theirs"),
    ]
    records = live_run(TICKS)
    path = journal_of(tmp_path / "a.journal", [*records[:5], *theirs, *records[5:]])
    assert (await compare(Strategy(momentum), path)).difference is None
    assert (await replay(keep_all, path)).value == TICKS


async def test_a_replay_of_a_replay_is_identical(tmp_path: Path) -> None:
    """What is kept of a replay is what it was handed and decided; replayed again, it is that once more."""
    gap = Gap(T0, T0 + 1, "mute")
    source = chunks([*TICKS[:30], gap, *TICKS[30:]], 7)
    first = await replay(momentum, source, params={"every": 9}, output=tmp_path / "a.journal")
    second = await replay(momentum, tmp_path / "a.journal", params={"every": 9}, output=tmp_path / "b.journal")
    assert first == second
    for name in ("a.journal", "b.journal"):
        found = await compare(Strategy(momentum), tmp_path / name)
        assert (found.difference, found.signals, found.remarks) == (None, len(first.signals), ())
    assert list(read(tmp_path / "a.journal", kind="all")) == list(read(tmp_path / "b.journal", kind="all"))
    kept = list(read(tmp_path / "a.journal", kind="all"))
    # The ninth tick came in the second batch of seven, so its decision stands before the fifteenth.
    assert kept.index(TICKS[13]) < kept.index(first.signals[0]) < kept.index(TICKS[14])
    with pytest.raises(ConfigError, match="exists"):
        await replay(momentum, source, output=tmp_path / "a.journal")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed there on Linux")
async def test_a_strategy_that_returns_early_leaves_no_file_open(tmp_path: Path) -> None:
    """Not even until the garbage is collected: a sweep over many parameters would run out of files."""
    path = journal_of(tmp_path / "some.journal", TICKS)

    async def first(ticks: Ticks) -> float:
        return (await anext(ticks)).price

    gc.collect()
    gc.disable()
    try:
        assert (await replay(first, path)).value == 0.0
        assert not [link for link in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(link)]
    finally:
        gc.enable()
