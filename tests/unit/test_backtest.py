"""`backtest`: what comes out, how it ends, what it refuses. Its laws are in tests/property/test_market_time.py."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.journal import recorded_trades
from tests.support.log_setup import logging_of_its_own
from tests.support.reading import write_journal
from trio_ticks import Backtest, ConfigError, Gap, JournalError, Signal, Status, Strategy, Tick, backtest
from trio_ticks.app import cli
from trio_ticks.errors import JournalDamagedError
from trio_ticks.replay import market
from trio_ticks.replay.market_ticks import MarketTicks as Ticks
from trio_ticks.runtime.scheduler import public_next_deadline
from trio_ticks.storage.reading.sightings import spelled

START_US = 1_763_000_000_000_000
SECOND_US = 1_000_000


def tick(second: float) -> Tick:
    """A tick so many seconds after the start."""
    return Tick("A", START_US + round(second * SECOND_US), second)


TEN = [[tick(second) for second in range(10)]]


def now_s() -> float:
    """Market time since the start, to the microsecond."""
    return round(trio.current_time() * 1e6 - START_US) / 1e6


async def read(ticks: Ticks) -> list[float]:
    """Read everything; return the prices, which are the seconds."""
    return [tick.price async for tick in ticks]


def test_a_journal_is_played_from_end_to_end(tmp_path: Path) -> None:
    """Value, signals, gaps and the count of ticks come out, and say what happened."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    gap = Gap(trades[-1].time_us, trades[-1].time_us + 5, "closed")
    path = write_journal(tmp_path / "a.journal", [trades[:700], trades[700:], [gap]])

    async def strategy(ticks: Ticks, every: int) -> int:
        count = 0
        async for tick in ticks:
            count += 1
            assert round(trio.current_time() * 1e6) == ticks.now_us >= tick.time_us
            if count % every == 0:
                await ticks.signal("buy", tick.symbol, price=tick.price)
        return count

    result = backtest(strategy, path, "BTCUSDT", params={"every": 500})
    assert result.has_returned
    assert result.value == result.ledger.delivered == result.ledger.offered == len(trades)
    bought = trades[499::500]
    reached = [max(item.time_us for item in trades[: 500 * (number + 1)]) for number in range(len(bought))]
    assert result.signals == [
        Signal("buy", "BTCUSDT", time_us, {"price": item.price}, strategy="strategy")
        for time_us, item in zip(reached, bought, strict=True)
    ]
    assert result.gaps == [gap]
    assert result.end_us == gap.end_us
    assert f"{len(trades):,} delivered" in repr(result)
    assert "<table>" in result._repr_html_()


def test_what_a_strategy_raises_comes_out_bare() -> None:
    """The very error, with a note that says when."""

    async def strategy(ticks: Ticks) -> None:
        await anext(ticks)
        await trio.sleep(2.5)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        backtest(strategy, TEN)
    assert caught.value.__notes__ == ["at market time 2025-11-13T02:13:22.500000Z, in the backtest of strategy"]


def test_who_never_reads_is_over_at_the_end() -> None:
    """All its timers up to the end have fired, the last one at the end itself, and then it is cancelled."""
    fired = []

    async def strategy(_ticks: Ticks) -> None:
        while True:
            await trio.sleep(3)
            fired.append(now_s())

    result = backtest(strategy, TEN)
    assert (result.has_returned, result.value, fired) == (False, None, [3, 6, 9])
    assert result.end_us == START_US + 9 * SECOND_US
    assert "was still waiting" in repr(result)


def test_the_end_that_was_asked_for_is_reached() -> None:
    """Beyond the last tick time goes on to it, with its timers, and only then the loop ends."""
    fired = []

    async def strategy(ticks: Ticks) -> float:
        async def timer() -> None:
            while True:
                await trio.sleep(4)
                fired.append(now_s())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(timer)
            assert await read(ticks) == list(range(10))
            nursery.cancel_scope.cancel()
        return now_s()

    assert backtest(strategy, TEN, end=START_US + 20 * SECOND_US).value == 20
    assert fired == [4, 8, 12, 16, 20]


def test_time_begins_where_it_was_asked_to() -> None:
    """Before the first tick, and without those that lie before."""

    async def strategy(ticks: Ticks) -> tuple[float, list[float]]:
        return now_s(), await read(ticks)

    assert backtest(strategy, TEN, start=START_US + 7_500_000).value == (7.5, [8, 9])


def test_who_cleans_up_behind_a_shield_has_its_time() -> None:
    """After the cancel timers go on firing, so nothing hangs."""
    cleaned = []

    async def strategy(_ticks: Ticks) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(30, shield=True):
                await trio.sleep(5)
                cleaned.append(now_s())

    backtest(strategy, TEN)
    assert cleaned == [14]


def test_ticks_wait_for_whoever_sleeps_past_them() -> None:
    """None is left out, and time does not go back for them."""

    async def strategy(ticks: Ticks) -> list[tuple[float, float]]:
        await trio.sleep(4.5)
        return [(tick.price, now_s()) async for tick in ticks]

    expected = [(second, max(second, 4.5)) for second in range(10)]
    assert backtest(strategy, TEN).value == expected
    assert backtest(strategy, ([item] for item in TEN[0])).value == expected


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_a_duration_that_is_none_is_refused_as_live(seconds: float) -> None:
    """In the same words."""

    async def strategy(ticks: Ticks) -> int:
        with pytest.raises(ValueError, match="a timer takes a finite number of seconds, at least 0"):
            await ticks.sleep(seconds)
        with pytest.raises(ValueError, match="a timer takes a finite number of seconds, at least 1e-06"):
            ticks.every(min(seconds, 0.0))
        return 1

    assert backtest(strategy, TEN).value == 1


def test_a_deadline_counts_that_nobody_asked_the_time_for() -> None:
    """Set to an instant, on a scope that was open before, of the own task or another's."""

    async def watched(scope: trio.CancelScope, trace: list[float]) -> None:
        with scope:
            await trio.sleep_forever()
        trace.append(now_s())

    async def strategy(ticks: Ticks) -> tuple[list[float], list[float]]:
        others = trio.CancelScope()
        trace: list[float] = []
        seen: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watched, others, trace)
            await trio.sleep(0.5)
            with trio.CancelScope() as own:
                async for tick in ticks:
                    seen.append(tick.price)
                    if tick.price == 3:
                        others.deadline = (tick.time_us + 1_250_000) / 1e6
                    if tick.price == 5:
                        own.deadline = (tick.time_us + 2_000_000) / 1e6
            return seen, trace

    assert backtest(strategy, TEN).value == ([0, 1, 2, 3, 4, 5, 6, 7], [4.25])


def test_no_tick_is_given_to_whoever_is_cancelled() -> None:
    """A scope that was cancelled between two ticks ends before the later of them."""

    async def strategy(ticks: Ticks) -> list[float]:
        seen = []
        with trio.CancelScope() as scope:
            async for tick in ticks:
                seen.append(tick.price)
                if tick.price == 2:
                    scope.cancel()
        return [*seen, (await anext(ticks)).price]

    assert backtest(strategy, TEN).value == [0, 1, 2, 3]


def test_others_run_before_time_goes_on() -> None:
    """What a tick makes runnable in another task is done before the next tick, however many awaits it takes."""

    async def strategy(ticks: Ticks) -> list[tuple[float, float]]:
        send, receive = trio.open_memory_channel[float](100)
        done = []

        async def work() -> None:
            async for price in receive:
                for _ in range(5):
                    await trio.lowlevel.checkpoint()
                done.append((price, now_s()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            with send:
                async for tick in ticks:
                    send.send_nowait(tick.price)
        return done

    assert backtest(strategy, TEN).value == [(second, second) for second in range(10)]


@pytest.mark.parametrize("begins_s", [0.0, 2.5])
def test_a_thread_takes_no_market_time(begins_s: float) -> None:
    """Neither beside a reader nor beside a sleeper."""

    async def strategy(ticks: Ticks) -> list[float]:
        ended = []

        async def compute() -> None:
            await trio.sleep(begins_s)
            await trio.to_thread.run_sync(time.sleep, 0.05)
            ended.append(now_s())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(compute)
            async for _ in ticks:
                for _ in range(9):  # so that the thread has begun
                    await trio.lowlevel.checkpoint()
        return ended

    assert backtest(strategy, TEN).value == [begins_s]


def test_a_batch_ends_before_a_timer() -> None:
    """Whole otherwise; time is that of the last of it."""

    async def strategy(ticks: Ticks) -> list[tuple[int, float]]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 3)
            nursery.start_soon(trio.sleep, 7.5)
            return [(len(batch.ticks), now_s()) async for batch in ticks.batches()]

    sizes = backtest(strategy, TEN).value
    assert sizes[-2:] == [(4, 7), (2, 9)]
    assert sum(size for size, _ in sizes[:-2]) == 4


def test_its_own_timers_are_those_of_the_market() -> None:
    """`Ticks.every` yields multiples of its step up to the end; `Ticks.sleep` ends with the range."""

    async def strategy(ticks: Ticks) -> tuple[list[float], float]:
        instants = [(due_us - START_US) / 1e6 async for due_us in ticks.every(2.5)]
        await ticks.sleep(100)
        with pytest.raises(trio.EndOfChannel):
            await ticks.sleep(1)
        return instants, now_s()

    assert backtest(strategy, TEN, end=START_US + 10 * SECOND_US).value == ([2.5, 5, 7.5, 10], 10)


def test_records_are_those_that_were_seen_live() -> None:
    """What only the journal holds is left out, and a gap that reaches beyond the end is over there."""
    gap = Gap(START_US + 8 * SECOND_US, START_US + 50 * SECOND_US, "closed")
    mark = Status("started", START_US, source="strategy momentum")
    kept = Status("connected", START_US, source="coinbase 0A")
    decision = Signal("buy", "A", START_US)

    async def strategy(ticks: Ticks) -> list[Any]:
        return [item async for item in ticks.records()]

    result = backtest(strategy, [[mark, decision, kept, tick(0)], [gap]], end=START_US + 9 * SECOND_US)
    ended = Gap(gap.start_us, START_US + 9 * SECOND_US, "closed")
    assert result.value == [kept, tick(0), ended]
    assert result.gaps == [ended]


def test_damage_is_raised_after_everything_before_it() -> None:
    """To who reads, out of its loop; to who does not, at the end."""
    seen = []

    def torn() -> Iterator[list[Tick]]:
        yield TEN[0]
        raise JournalDamagedError("torn here")

    async def strategy(ticks: Ticks) -> None:
        async for tick in ticks:
            seen.append(tick.price)  # noqa: PERF401 - those before the error count

    async def asleep(_ticks: Ticks) -> None:
        await trio.sleep_forever()

    with pytest.raises(JournalError, match="torn here"):
        backtest(strategy, torn())
    assert seen == list(range(10))
    with pytest.raises(JournalError, match="torn here"):
        backtest(asleep, torn())


async def good(ticks: Ticks, fast: int = 1) -> None:
    """A strategy."""


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no function": (lambda: backtest("x", TEN), "not a function"),  # type: ignore[arg-type]
    "not async": (lambda: backtest(lambda _: None, TEN), "not an async function"),  # type: ignore[arg-type,return-value]
    "a parameter it lacks": (
        lambda: backtest(good, TEN, params={"slow": 1}),
        "strategy good: has no parameter 'slow'; accepted: fast",
    ),
    "no recording": (lambda: backtest(good, 5), "a int is no recording"),  # type: ignore[arg-type]
    "no journal": (lambda: backtest(good, "/nowhere/a.journal"), "no journal"),
    "nothing": (lambda: backtest(good, []), "the given recording has no tick at all"),
    "an empty range": (
        lambda: backtest(good, TEN, "B", start="2030-01-01"),
        r"no tick of B from 2030-01-01T.* on; it begins at .* with A",
    ),
    "an end before the start": (
        lambda: backtest(good, TEN, start="2030-01-01", end="2029-01-01"),
        "is not before end",
    ),
    "out of order": (lambda: backtest(read, [[tick(2)], [tick(1)]]), "record 2: A goes back in time"),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_played_is_one_clear_line(call: Callable[[], Any], words: str) -> None:
    """No traceback of ours is needed to see what is wrong."""
    with pytest.raises((ConfigError, JournalError), match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_whatever_can_be_replayed_can_be_played(tmp_path: Path) -> None:
    """A strategy with all that belongs to it, a plain one that is inline, and a file in place of a journal."""
    rows = [f"{tick.symbol},{tick.time_us},{tick.price}" for batch in TEN for tick in batch]
    (tmp_path / "ten.csv").write_text("\n".join(["symbol,time_us,price", *rows]))
    seen: list[float] = []

    async def each(ticks: Ticks, *, step: int) -> int:
        return sum([int(tick.price) for tick in [item async for item in ticks][::step]])

    def plain(item: Tick, *, plus: float) -> None:
        seen.append(item.price + plus)

    strategy = Strategy(each, name="mine", params={"step": 3})
    played = backtest(strategy, tmp_path / "ten.csv")
    assert (played.strategy, played.value) == ("mine", 0 + 3 + 6 + 9)
    assert backtest(strategy, tmp_path / "ten.csv", params={"step": 9}).value == 9
    backtest(Strategy(plain, inline=True, params={"plus": 1.0}), TEN)
    assert seen == [float(price + 1) for price in range(10)]


def test_a_symbol_that_never_comes_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """In one line that says what there is; whoever reads nothing is not told what nobody knows."""
    backtest(read, TEN, "A", "B")
    assert caplog.messages == [
        f"the given recording has no tick of B; it begins at {spelled(tick(0).time_us)} with A",
    ]
    caplog.clear()
    backtest(good, TEN, "A", "B")
    backtest(read, TEN, "A")
    assert caplog.messages == []


def test_it_runs_in_a_cell_of_a_notebook() -> None:
    """That is, in a thread where asyncio runs, with a way of its own to wake for signals, which it gets back."""

    async def cell() -> object:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: None)
        before = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        value = backtest(read, TEN).value
        await asyncio.sleep(0)
        after = signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        assert after == before
        return value

    assert asyncio.run(cell()) == list(range(10))


async def test_in_a_thread_that_runs_trio_it_says_what_to_do() -> None:
    """It would block that; in another thread it works."""
    with pytest.raises(ConfigError, match=r"trio\.to_thread\.run_sync"):
        backtest(read, TEN)
    result = await trio.to_thread.run_sync(partial(backtest, read, TEN))
    assert isinstance(result, Backtest)
    assert result.value == list(range(10))


def test_trios_public_statistics_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a version of Trio has other insides, it is slower and nothing else."""

    async def strategy(ticks: Ticks) -> list[tuple[float, float]]:
        seen = []

        async def timer() -> None:
            while True:
                await trio.sleep(0.7)
                seen.append((now_s(), -1.0))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(timer)
            async for tick in ticks:
                seen.append((now_s(), tick.price))  # noqa: PERF401 - the timer appends, too
            nursery.cancel_scope.cancel()
        return seen

    inside = backtest(strategy, TEN).value
    monkeypatch.setattr(market, "deadline_reader", lambda: public_next_deadline)
    assert backtest(strategy, TEN).value == inside
    assert len(inside) == 10 + 12


def test_memory_is_flat() -> None:
    """Two hundred thousand ticks, with timers, leave no more behind than twenty thousand."""
    held: list[int] = []

    def many() -> Iterator[list[Tick]]:
        for low in range(0, 200_000, 500):
            yield [tick(number / 100) for number in range(low, low + 500)]

    async def strategy(ticks: Ticks) -> int:
        async def timer() -> None:
            async for _ in ticks.every(5):
                pass

        count = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timer)
            async for _ in ticks:
                count += 1
                if count in {20_100, 199_600}:  # as far into a batch
                    gc.collect()
                    held.append(sys.getallocatedblocks())
        return count

    assert backtest(strategy, many()).value == 200_000
    assert held[1] - held[0] < 2_000


STRATEGIES = """
import trio

async def count(ticks, every=1):
    seen = 0
    async for tick in ticks:
        seen += 1
        if seen % every == 0:
            await ticks.signal("seen", tick.symbol, count=seen)
    return seen

def plain(ticks):
    pass

async def fails(ticks):
    raise ValueError("mine")
"""


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[int, str, str]]:
    """Returns what runs ``trio-ticks backtest`` on a journal of ten ticks: the code, and both outputs."""
    (tmp_path / "backtested.py").write_text(STRATEGIES)
    write_journal(tmp_path / "a.journal", TEN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["trio-ticks", "backtest", "a.journal", *arguments])
        with pytest.raises(SystemExit) as ended, logging_of_its_own():
            cli.main()
        out, err = capsysbinary.readouterr()
        return int(ended.value.code or 0), out.decode(), err.decode()

    return run


def test_the_command_tells_the_result(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """For people, for programs, and the signals as lines in a file or on standard output."""
    code, out, _ = command("--strategy", "backtested:count", "--param", "every=4")
    assert (code, out.splitlines()[1].split()) == (0, ["value", "10"])
    code, out, _ = command(
        "--strategy", "backtested:count", "--json", "--signals", "s.jsonl", "A", "--start", "-90000d"
    )
    shown = json.loads(out)
    assert (code, shown["value"], shown["ledger"]["delivered"], len(shown["signals"])) == (0, 10, 10, 10)
    lines = (tmp_path / "s.jsonl").read_text().splitlines()
    assert [json.loads(line)["fields"]["count"] for line in lines] == list(range(1, 11))
    code, out, _ = command("--strategy", "backtested:count", "--param", "every=5", "--signals", "-")
    assert (code, len(out.splitlines())) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--strategy", "backtested:nothing"], 2, "has no 'nothing'"),
        (["--strategy", "no_such_module:f"], 2, "no module"),
        (["--strategy", "backtested:plain"], 2, "not an async function"),
        (["--strategy", "backtested:count", "--param", "every"], 2, "NAME=VALUE"),
        (["--strategy", "backtested:fails"], 1, "ValueError: mine (at market time 2025-11-13T02:13:20"),
        (["--strategy", "backtested:count", "--end", "2000-01-01"], 2, "no tick before 2000"),
    ],
)
def test_the_command_refuses_in_one_line(
    command: Callable[..., tuple[int, str, str]], arguments: list[str], code: int, words: str
) -> None:
    """And exits with what the command line's other commands do."""
    got, out, err = command(*arguments)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert words in err
