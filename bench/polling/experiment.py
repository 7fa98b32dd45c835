"""Everything together: a simulator and a client for each way to learn a price, all of them at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import trio

from bench.polling.clients import DIRECT, TOKEN, Poller, Streamer
from bench.polling.manners import Allowance
from bench.polling.measure import Learnt, Summary, Trade
from bench.polling.network import open_delay
from bench.polling.outcome import Outcome, Span
from bench.polling.venue import CODES, Clock, publish, recorded_ticks
from trio_ticks import AllTick, Strategy, open_engine
from trio_ticks.model import Tick
from trio_ticks.sim import Sim, open_sim
from trio_ticks.sim.rules import PLANS

STREAM_PLAN = "basic"
"""The smallest plan that streams fifteen symbols; the free one carries five."""

SETTLE_S = 1.0
"""After the measured span, so that what happened at its end can arrive."""


@attrs.frozen(kw_only=True)
class Setting:
    """How the experiment is run.

    Attributes:
        seconds: Measured so long.
        warm_up_s: After so long. The slowest poller needs 30 s to ask for each symbol once.
        one_way_s: Delay of the network in each direction.
        grid_s: Between two instants at which all clients' prices are looked at.
    """

    seconds: float = 60.0
    warm_up_s: float = 30.0
    one_way_s: float = 0.040
    grid_s: float = 0.010


@attrs.frozen(kw_only=True)
class Result:
    """What came of the experiment.

    Attributes:
        setting: How it was run.
        start_us: Begin of the measured span.
        end_us: Its end.
        trades: What happened, by symbol.
        learnt: What each client learnt, by client, whose name is its place in ``outcomes``, and symbol.
        outcomes: The venue's own first.
        late_s: How late the venue woke up for a trade; on a busy machine, everyone did.
    """

    setting: Setting
    start_us: int
    end_us: int
    trades: Mapping[str, Sequence[Trade]]
    learnt: Sequence[Mapping[str, Sequence[Learnt]]]
    outcomes: Sequence[Outcome]
    late_s: Summary


class Notebook:
    """What one client learnt, and when.

    Args:
        ticks: Everything that happens, numbered from 1.
        clock: The one that everybody is measured by.
    """

    def __init__(self, ticks: Sequence[Tick], clock: Clock) -> None:
        self.learnt: dict[str, list[Learnt]] = {code: [] for code in CODES}
        self._clock = clock
        self._ticks = ticks
        counts = dict.fromkeys(CODES, 0)
        self._numbers = []
        for tick in ticks:
            self._numbers.append(counts[tick.symbol])
            counts[tick.symbol] += 1

    def note(self, sequence: int) -> None:
        """Note that a trade is known from now on; the vendor's number leads to it."""
        learnt = Learnt(self._clock.now_us(), self._numbers[sequence - 1])
        self.learnt[self._ticks[sequence - 1].symbol].append(learnt)


@attrs.define(kw_only=True)
class _Client:
    name: str
    plan: str
    sim: Sim
    notebook: Notebook
    poller: Poller | None = None


async def run(setting: Setting, plans: Iterable[str] = tuple(PLANS)) -> Result:
    """Run the experiment; takes as long as its setting says, in real time.

    Args:
        setting: How.
        plans: Those within whose limits is polled.
    """
    ticks = recorded_ticks(setting.warm_up_s + setting.seconds + SETTLE_S)
    clock = Clock()
    async with AsyncExitStack() as stack:
        streaming = await stack.enter_async_context(_streaming(setting, Notebook(ticks, clock)))
        polling = [await stack.enter_async_context(_polling(setting, plan, Notebook(ticks, clock))) for plan in plans]
        clients = [streaming, *polling]
        begin_us = clock.next_ms_us()
        ticks = [attrs.evolve(tick, time_us=begin_us + tick.time_us) for tick in ticks]
        start_us = begin_us + round(setting.warm_up_s * 1e6)
        end_us = start_us + round(setting.seconds * 1e6)
        async with trio.open_nursery() as nursery:
            for client in polling:
                if client.poller is not None:
                    nursery.start_soon(client.poller.run, name=f"poller, {client.plan}")
            late_s = await publish(ticks, [client.sim for client in reversed(clients)], clock)
            await clock.sleep_until(end_us + round(SETTLE_S * 1e6))
            for client in polling:  # none is left out, should the machine have stood still for all of the span
                if client.poller is not None:
                    await client.poller.served.wait()
            nursery.cancel_scope.cancel("the span is over")
    return _result(setting, ticks, clients, start_us, end_us, Summary.of(late_s))


@asynccontextmanager
async def _streaming(setting: Setting, notebook: Notebook) -> AsyncIterator[_Client]:
    """Run an engine on a simulator; yield when it is subscribed to everything."""
    streamer = Streamer(note=notebook.note)
    async with (
        open_sim([], symbols=CODES, token=TOKEN, plan=STREAM_PLAN) as sim,
        open_delay(sim, setting.one_way_s) as where,
        open_engine(
            AllTick(*CODES, url=f"ws://{where}", token=TOKEN, plan=STREAM_PLAN),
            strategies=[Strategy(streamer.follow, on_error="stop")],
            connection=DIRECT,
        ),
    ):
        await sim.wait_subscribed(*CODES)
        yield _Client(name="streamed", plan=STREAM_PLAN, sim=sim, notebook=notebook)


@asynccontextmanager
async def _polling(setting: Setting, plan: str, notebook: Notebook) -> AsyncIterator[_Client]:
    """Yield a poller and its simulator; it is not running yet."""
    async with (
        open_sim([], symbols=CODES, token=TOKEN, plan=plan) as sim,
        open_delay(sim, setting.one_way_s) as where,
    ):
        poller = Poller(
            where=where,
            allowance=Allowance.of(PLANS[plan]),
            codes=CODES,
            one_way_s=setting.one_way_s,
            note=notebook.note,
        )
        yield _Client(name="polled", plan=plan, sim=sim, notebook=notebook, poller=poller)


def _result(
    setting: Setting, ticks: Sequence[Tick], clients: Sequence[_Client], start_us: int, end_us: int, late_s: Summary
) -> Result:
    trades: dict[str, list[Trade]] = {code: [] for code in CODES}
    for tick in ticks:
        trades[tick.symbol].append(Trade(tick.time_us, tick.price))
    span = Span(trades, start_us, end_us, round(setting.grid_s * 1e6))
    venue = {code: [Learnt(trade.time_us, number) for number, trade in enumerate(trades[code])] for code in CODES}
    return Result(
        setting=setting,
        start_us=start_us,
        end_us=end_us,
        trades=trades,
        learnt=[venue, *(client.notebook.learnt for client in clients)],
        outcomes=[span.outcome("venue", venue), *(_outcome(span, client) for client in clients)],
        late_s=late_s,
    )


def _outcome(span: Span, client: _Client) -> Outcome:
    return attrs.evolve(
        span.outcome(client.name, client.notebook.learnt),
        plan=client.plan,
        cycle_s=Allowance.of(PLANS[client.plan]).cycle_s(CODES) if client.poller else 0.0,
        queries=client.poller.queries if client.poller else 0,
        violations=dict(client.sim.statistics().violations),
    )
