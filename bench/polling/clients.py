"""The two clients: one asks for last trades, again and again; the other is told of each by the engine.

Both note what they know when they could trade on it: the one when an answer is decoded, the other when a strategy
is handed the tick.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import msgspec
import trio

from bench.polling.manners import Allowance, Departures
from trio_ticks import ConnectionConfig, Ticks
from trio_ticks.feeds.alltick_http import question_query, question_url
from trio_ticks.runtime.asking import fetch
from trio_ticks.runtime.road import road_of

TOKEN = "demo"  # noqa: S105 - what the simulator accepts, no secret

DIRECT = ConnectionConfig(proxy="")
"""A proxy of the environment's would not find this machine's loopback address."""

PATIENCE_S = 60.0
"""For an answer: a busy machine may be slow, but the experiment must not hang."""

Note = Callable[[int], None]
"""Told the number of a trade that is known from now on."""


class _Trade(msgspec.Struct):
    seq: int


class _Trades(msgspec.Struct):
    tick_list: list[_Trade] = []


class _Answer(msgspec.Struct):
    ret: int
    data: _Trades = msgspec.field(default_factory=_Trades)


_ANSWER = msgspec.json.Decoder(_Answer, strict=False)

_OK = 200


class Poller:
    """Asks for the last trades of all codes, as often as is allowed.

    Attributes:
        queries: How many were answered.
        served: Set once one was.
    """

    def __init__(
        self, *, where: str, allowance: Allowance, codes: Sequence[str], one_way_s: float, note: Note
    ) -> None:
        self.queries = 0
        self.served = trio.Event()
        self._url = question_url(f"ws://{where}/quote-b-ws-api")
        self._lanes = allowance.requests
        self._departures = Departures(allowance, one_way_s=one_way_s)
        self._questions = _questions(allowance.queries(codes))
        self._road = road_of(DIRECT)
        self._note = note

    async def run(self) -> None:
        """Poll until cancelled.

        Raises:
            RuntimeError: An answer is an error.
        """
        async with trio.open_nursery() as nursery:
            for _ in range(self._lanes):
                nursery.start_soon(self._run_lane, name="polling lane")

    async def _run_lane(self) -> None:
        leaves_s = self._departures.next_s(trio.current_time())
        while True:
            await trio.sleep_until(leaves_s)
            await self._ask(next(self._questions))
            answered_s = trio.current_time()
            leaves_s = self._departures.next_s(answered_s, answered_s)

    async def _ask(self, question: str) -> None:
        assert self._url is not None, "the path is the documented one"
        status, body = await fetch(self._url, secret_query=question, timeout_s=PATIENCE_S, road=self._road)
        answer = _ANSWER.decode(body)
        if (status, answer.ret) != (_OK, _OK):
            raise RuntimeError(f"the simulator answered {status}: {body.decode()}")
        self.queries += 1
        self.served.set()
        for trade in answer.data.tick_list:
            self._note(trade.seq)


def _questions(queries: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the queries in turn, each time with a trace of its own."""
    for number, codes in enumerate(itertools.cycle(queries), start=1):
        yield f"token={TOKEN}&{question_query(codes, f'poll-{number}')}"


class Streamer:
    """The strategy of the trader who streams; it gives itself to the engine as ``follow``."""

    def __init__(self, *, note: Note) -> None:
        self._note = note

    async def follow(self, ticks: Ticks) -> None:
        """Note each tick."""
        async for tick in ticks:
            assert tick.sequence is not None, "AllTick's pushes have a number"
            self._note(tick.sequence)
