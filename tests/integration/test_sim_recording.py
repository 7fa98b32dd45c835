"""A journal served as an AllTick server, on real sockets: what was recorded is what a client gets."""

from __future__ import annotations

import itertools
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.program import PATIENCE_S, open_program, run_program
from tests.support.reading import write_journal
from tests.support.sim_client import client
from trio_ticks import AllTick, ConnectionConfig, PacingConfig, Tick, Ticks, open_engine, read
from trio_ticks.sim import Recording, Tape, open_sim
from trio_ticks.storage.reading import OnProgress, Reading
from trio_ticks.storage.reading.query import Query

DATA = Path(__file__).parents[1] / "data"
BTC = "btcusdt-2021-01-08.csv"
DIRECTIONS = {"buy": 1, "sell": 2, None: 0}
AT_ONCE = ConnectionConfig(pacing=PacingConfig(connect_s=0.0, across_s=0.0))


def in_ms(ticks: list[Tick]) -> list[Tick]:
    """Return ticks as the wire carries their stamps."""
    return [attrs.evolve(tick, time_us=tick.time_us // 1000 * 1000) for tick in ticks]


async def collected(
    url: str, count: int, *, journal: Path | None = None, trades: list[Tick] | None = None
) -> list[Tick]:
    """Return the first ticks that an engine hands to a strategy."""
    got: list[Tick] = []
    complete = trio.Event()

    async def collect(ticks: Ticks) -> None:
        async for tick in ticks:
            got.append(tick)
            if len(got) == count:
                complete.set()

    feed = AllTick("BTCUSDT", url=url, token="demo", plan="professional")
    async with open_engine(feed, journal=journal, strategies=[collect], connection=AT_ONCE):
        await complete.wait()
    return got


async def recorded(path: Path) -> list[Tick]:
    """Record the trades of a tape into a journal, by an engine, from a server; return what the journal holds."""
    trades = Tape.from_csv(DATA / BTC, "BTCUSDT").trades
    async with open_sim([], symbols=["BTCUSDT"]) as sim, trio.open_nursery() as nursery:

        async def serve() -> None:
            await sim.wait_subscribed("BTCUSDT")
            await sim.send(trades)

        nursery.start_soon(serve)
        await collected(sim.url, len(trades), journal=path)
    kept = list(read(path))
    assert [(tick.price_text, tick.side) for tick in kept] == [(trade.price_text, trade.side) for trade in trades]
    assert len({tick.time_us for tick in kept}) == len(trades) - 630
    return kept


async def test_a_recorded_session_is_received_as_it_was_recorded(tmp_path: Path) -> None:
    """All 2,001 trades, also the 630 that share a stamp, to the letter; then the server ends by itself."""
    with trio.fail_after(2 * PATIENCE_S):
        kept = await recorded(tmp_path / "x.journal")
        arguments = ["--journal", "x.journal", "--symbol", "BTCUSDT", "--speed", "1000", "--as-recorded", "--once"]
        async with open_program("sim", *arguments, cwd=tmp_path) as program:
            await program.wait_for("Ctrl-C")
            url = re.search(r"ws://\S+", program.stdout)
            assert url
            got = await collected(url[0], len(kept))
            assert await program.wait() == 0
    assert "2,001 ticks" in program.stdout
    assert "published 2,001 · pushed 2,001 · rules broken by clients: none" in program.stdout
    assert program.stderr == ""
    assert [attrs.evolve(tick, received_us=0) for tick in got] == [attrs.evolve(tick, received_us=0) for tick in kept]


async def test_a_recorded_session_is_played_at_its_pace_from_now_on(tmp_path: Path, mock_clock: MockClock) -> None:
    """What is due is sent and what is not is not; the stamps are shifted, and nothing else."""
    trades = list(Tape.from_csv(DATA / BTC, "BTCUSDT").trades)
    path = write_journal(tmp_path / "x.journal", [trades[n : n + 100] for n in range(0, len(trades), 100)])
    start_us = 1_700_000_000_000_000
    shifts_us = [trade.time_us - trades[0].time_us for trade in trades]
    recording = Recording.of(read(path))
    async with (
        open_sim(recording, autoplay=False, loop=False, speed=2, now_us=lambda: start_us) as sim,
        client(sim) as ours,
    ):
        await ours.subscribe("BTCUSDT")
        sim.play()
        await wait_all_tasks_blocked()
        mock_clock.jump(10.0005)
        due = sum(shift_us <= 20_001_000 for shift_us in shifts_us)
        got = await ours.ticks(due)
        assert sim.published == {"BTCUSDT": due}
        mock_clock.jump(15)
        got += await ours.ticks(len(trades) - due)
        await sim.wait_played()
    assert [(one["price"], one["volume"], one["trade_direction"], one["tick_time"]) for one in got] == [
        (trade.price_text, trade.volume_text, DIRECTIONS[trade.side], start_us // 1000 + shift_us // 2000)
        for trade, shift_us in zip(trades, shifts_us, strict=True)
    ]


async def test_the_side_of_any_recorded_trade_is_told(tmp_path: Path, mock_clock: MockClock) -> None:
    """Also of a code that AllTick itself would have no side for."""
    ticks = [Tick("BTC-USD", 1, 1.0, side="buy"), Tick("BTC-USD", 2, 1.0, side="sell")]
    recording = Recording.of(read(write_journal(tmp_path / "x.journal", [ticks])))
    async with open_sim(recording, autoplay=False, loop=False) as sim, client(sim) as ours:
        await ours.subscribe("BTC-USD")
        sim.play()
        assert [one["trade_direction"] for one in await ours.ticks(2)] == [1, 2]


@attrs.frozen
class Barren:
    """A source in which a reading finds nothing, however long it looks."""

    path: Path = Path("x.journal")
    looking: threading.Event = attrs.field(factory=threading.Event)

    def batches(self, query: Query, *, on_progress: OnProgress) -> Iterator[list[Tick]]:
        self.looking.set()
        for _ in itertools.repeat(None):
            on_progress(0, 1)
        yield []


async def test_a_reading_is_given_up_when_the_server_is_left() -> None:
    """At its next batch, not at its end, which may be far."""
    source = Barren()
    recording = Recording(reading=Reading(source=cast("Any", source), query=Query()), symbols=frozenset("A"), count=1)
    with trio.fail_after(PATIENCE_S):
        async with open_sim(recording):
            await trio.to_thread.run_sync(source.looking.wait)


async def test_a_played_journal_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    """Without --once it is played over and over; a signal ends it with exit code 0."""
    write_journal(tmp_path / "x.journal", [[Tick("BTCUSDT", n, 1.0) for n in range(3)]])
    with trio.fail_after(2 * PATIENCE_S):
        async with open_program("sim", "--journal", "x.journal", cwd=tmp_path) as program:
            await program.wait_for("Ctrl-C")
            url = re.search(r"ws://\S+", program.stdout)
            assert url
            assert len(await collected(url[0], 9)) >= 9
            program.send(signal.SIGTERM)
            assert await program.wait() == 0


async def test_no_journal_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """And nothing is served."""
    code, stdout, stderr = await run_program("sim", "--journal", "none.journal", cwd=tmp_path)
    assert (code, stdout, stderr) == (1, "", "trio-ticks: there is no journal none.journal\n")
