"""The kit for users' own tests: its names, what works without Hypothesis, scripts, and strategies run over them."""

from __future__ import annotations

import doctest
import importlib
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from trio_ticks import Clock, ConfigError, Gap, Signal, Tick, Ticks, testing
from trio_ticks.testing import START_US, check_deterministic, check_same_signals, merge, simulate, ticks_from

ROOT = Path(__file__).parents[2]

PUBLIC = [
    "Fault",
    "MemorySink",
    "START_US",
    "Script",
    "Simulated",
    "Step",
    "Venue",
    "check_count",
    "check_deterministic",
    "check_identity",
    "check_ledger",
    "check_loss_bound",
    "check_never_twice",
    "check_order",
    "check_same_signals",
    "deliveries",
    "disordered",
    "fault_scripts",
    "merge",
    "on_the_spot",
    "run_faults",
    "run_seeded",
    "scripts",
    "simulate",
    "streams",
    "ticks",
    "ticks_from",
]

WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
from trio_ticks.testing import Venue, check_order, simulate, ticks_from

async def count(ticks):
    return len([tick async for tick in ticks])

print(simulate(count, ticks_from("X", [1, 2, 3])).value)
try:
    from trio_ticks.testing import streams
except ImportError as error:
    print(error)
"""


def test_the_public_names_are_these_and_can_be_imported() -> None:
    """A name comes or goes on purpose: users' imports depend on it."""
    assert sorted(testing.__all__) == PUBLIC
    assert [name for name in PUBLIC if getattr(testing, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'stream'"):
        _ = testing.stream


def test_only_the_strategies_need_hypothesis() -> None:
    """Without it a strategy is tested all the same, and what needs it says how to get it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HYPOTHESIS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "3",
        "trio_ticks.testing.streams needs Hypothesis: pip install 'trio-ticks[testing]'",
    ]


@pytest.mark.parametrize("name", ["", ".script", ".simulating", ".faults", ".memory_sink", ".scenarios"])
def test_examples_in_docstrings_run(name: str) -> None:
    """What the documentation shows is what happens."""
    assert doctest.testmod(importlib.import_module(f"trio_ticks.testing{name}")).failed == 0


async def everything(ticks: Ticks) -> list[object]:
    return [record async for record in ticks.records()]


def seconds(time_us: int) -> float:
    return (time_us - START_US) / 1e6


# ---- scripts


def test_time_runs_along_a_script() -> None:
    """Prices keep their distance, pauses replace it, and what takes no time takes none."""
    script = (
        ticks_from("X", [1, 2], every_s=2).then_status("connected").then_gap("mute", seconds=7, missed=1).then([3])
    )
    script = script.then_silence(4).then([4, 5], every_s=0).late(6, by_s=0.5).then([7])
    found = [(record.kind, seconds(record.time_us)) for record in script]
    assert found == [
        ("tick", 0.0),
        ("tick", 2.0),
        ("status", 2.0),
        ("gap", 9.0),
        ("tick", 9.0),
        ("clock", 13.0),
        ("tick", 13.0),
        ("tick", 13.0),
        ("tick", 12.5),
        ("tick", 13.0),
    ]
    assert script.records[3] == Gap(START_US + 2_000_000, START_US + 9_000_000, "mute", "X", "test", 1)


def test_ticks_are_numbered_as_the_engine_does() -> None:
    """Ordinals count within a stamp, late ones included, and survive a merge of one symbol with itself."""
    script = ticks_from("X", [1, 2, 3], every_s=0).then([4], every_s=1).late(5, by_s=1e-6)
    assert [(tick.ordinal, tick.late) for tick in script.ticks] == [
        (0, False),
        (1, False),
        (2, False),
        (3, False),
        (0, True),
    ]
    twice = merge(ticks_from("X", [1, 2]), ticks_from("X", [3, 4]))
    assert [(tick.price, tick.ordinal) for tick in twice.ticks] == [(1.0, 0), (3.0, 1), (2.0, 0), (4.0, 1)]


def test_a_script_is_a_value() -> None:
    """What goes on with it leaves it as it was."""
    script = ticks_from("X", [1])
    script.then([2]).then_silence(1).late(3, by_s=1)
    assert [tick.price for tick in script.ticks] == [1.0]


def test_texts_keep_their_digits() -> None:
    """And a price by number has one, too."""
    tick = ticks_from("X", ["1.50"], volumes="2.0", sides="sell").ticks[0]
    assert (tick.price, tick.price_text, tick.volume, tick.volume_text, tick.side) == (
        1.5,
        "1.50",
        2.0,
        "2.0",
        "sell",
    )
    assert (ticks_from("X", [7]).ticks[0].price_text, ticks_from("X", [7]).ticks[0].volume_text) == ("7", "")


def test_what_makes_no_sense_is_told() -> None:
    """Each with what is accepted."""
    script = ticks_from("X", [1, 2])
    with pytest.raises(ValueError, match="list of prices"):
        script.then("3")
    with pytest.raises(ValueError, match="1 volumes for 2 prices"):
        script.then([3, 4], volumes=[1])
    with pytest.raises(ValueError, match="finite"):
        script.then([float("nan")])
    with pytest.raises(ValueError, match="does not go back"):
        script.then_gap("silent", seconds=-1)
    with pytest.raises(ValueError, match="a microsecond and more"):
        script.late(3, by_s=0)
    with pytest.raises(ValueError, match="no trade of X"):
        ticks_from("X").late(3, by_s=1)
    with pytest.raises(ValueError, match="symbol='X' or 'Y'"):
        merge(script, ticks_from("Y", [1])).then([3])
    with pytest.raises(ValueError, match="no script"):
        merge()


# ---- simulate


def test_a_strategy_sees_the_script_and_nothing_is_lost() -> None:
    """The records, in order; gaps and the ledger in the result; symbols as wanted."""
    script = merge(ticks_from("X", [1, 2]).then_gap("silent", seconds=5), ticks_from("Y", [3]))
    result = simulate(everything, script)
    assert [record for record in result.value if type(record) is not Clock] == list(script)
    assert [gap.cause for gap in result.gaps] == ["silent"]
    assert (result.ledger.offered, result.ledger.delivered, result.ledger.dropped) == (3, 3, 0)
    assert [tick.price for tick in simulate(everything, script, symbols=["Y"]).value if type(tick) is Tick] == [3.0]


def test_prices_come_from_anywhere_and_a_lone_symbol_is_no_list_of_letters() -> None:
    """A generator, a column of a table; and what is taken for symbols is said."""
    assert [tick.price for tick in ticks_from("X", (price for price in (1, 2))).ticks] == [1.0, 2.0]
    with pytest.raises(ConfigError, match=r"symbols = 'TSLA\.US': must be a list of at least one text"):
        simulate(everything, ticks_from("TSLA.US", [1]), symbols="TSLA.US")


def test_an_empty_script_is_a_stream_that_ends() -> None:
    """No tick, no hang; only time begins."""
    assert [record.kind for record in simulate(everything, ticks_from("X")).value] == ["clock"]


def test_a_strategys_own_error_comes_out_bare() -> None:
    """As it was raised; and one that is none is told so."""

    async def fails(ticks: Ticks) -> None:
        await anext(ticks)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        simulate(fails, ticks_from("X", [1]))
    with pytest.raises(ConfigError, match="not an async function"):
        simulate(lambda _: None, ticks_from("X", [1]))  # type: ignore[arg-type,return-value]  # just that is meant


def test_whoever_waits_for_what_never_comes_is_cancelled_at_the_end() -> None:
    """A test never hangs; timers up to the script's end have fired."""
    woken: list[float] = []

    async def dozes(ticks: Ticks) -> None:
        while True:
            await trio.sleep(2)
            woken.append(trio.current_time())

    assert simulate(dozes, ticks_from("X", [1]).then_silence(5)).value is None
    assert len(woken) == 2


def test_plain_sleep_means_the_scripts_time() -> None:
    """It ends between the right two records."""

    async def naps(ticks: Ticks) -> list[float]:
        await anext(ticks)
        await trio.sleep(2.5)
        return [tick.price async for tick in ticks if seconds(tick.time_us) > 2.5]

    assert simulate(naps, ticks_from("X", [0, 1, 2, 3, 4])).value == [3.0, 4.0]


# ---- the same each time


def test_what_depends_on_the_scheduler_is_found() -> None:
    """Two tasks that race decide differently under some seed."""

    async def races(ticks: Ticks) -> None:
        order: list[int] = []

        async def run(number: int) -> None:
            await trio.lowlevel.checkpoint()
            order.append(number)

        async for tick in ticks:
            async with trio.open_nursery() as nursery:
                for number in range(8):
                    nursery.start_soon(run, number)
            await ticks.signal("order", tick.symbol, order=str(order))

    script = ticks_from("X", [1])
    check_deterministic(races, script, seeds=(3, 3))
    with pytest.raises(AssertionError, match="signal 1 differs"):
        check_deterministic(races, script, seeds=range(8))


def test_signals_are_compared_to_the_end() -> None:
    """One too many differs, and a number that is none is the same as another such."""
    one = [Signal("a", "X", 1, {"ratio": float("nan")})]
    check_same_signals(one, [Signal("a", "X", 1, {"ratio": float("nan")})])
    for first, second in itertools.permutations((one, [*one, *one])):
        with pytest.raises(AssertionError, match="signal 2 differs"):
            check_same_signals(first, second)
