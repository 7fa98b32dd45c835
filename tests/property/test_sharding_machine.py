"""Symbols that come and go, refusals, lost connections and restarts: in the end each connection has what it should.

The model is a vendor that remembers one list for each open connection, as AllTick does, and nothing else.
"""

from __future__ import annotations

import itertools
import math

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trio_ticks.core.pacing import Pacer
from trio_ticks.core.sharding import assign, shard_count
from trio_ticks.core.suspects import Suspects

SYMBOLS = [f"S{number}" for number in range(24)]
BAD = frozenset(SYMBOLS[::7])
ROOM = 6
CONNECTIONS = 4
REQUEST_S, ACROSS_S = 1.05, 3.15


class Carrying(RuleBasedStateMachine):
    """A feed's shards, driven as the runtime drives them, on connections that may be lost at any request."""

    @initialize(symbols=st.sets(st.sampled_from(SYMBOLS), min_size=1))
    def start(self, symbols: set[str]) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, int]] = []
        self.lives = 0
        self.pacer = Pacer(request_s=REQUEST_S, across_s=ACROSS_S, connect_s=3.15)
        self.wanted = set(symbols)
        self.known_bad: set[str] = set()
        self.restart()

    @rule()
    def restart(self) -> None:
        """The process starts anew, and spreads its symbols over as few connections as they need."""
        count = shard_count(len(self.wanted), connections=CONNECTIONS, per_connection=ROOM, lines=1)
        self.known_bad = set()
        self.shards = [set(part) for part in assign(self.wanted, shards=count)]
        sizes = [len(shard) for shard in self.shards]
        assert max(sizes) <= ROOM
        assert max(sizes) - min(sizes) <= 1
        self.searches: dict[int, Suspects] = {}
        self.vendor: dict[int, tuple[str, ...]] = {}
        self.names: dict[int, int] = {}
        for index in range(count):
            self.reconnect(index)

    @rule(symbol=st.sampled_from(SYMBOLS))
    def add(self, symbol: str) -> None:
        index = min(range(len(self.shards)), key=lambda number: len(self.shards[number]))
        if symbol not in self.wanted and len(self.shards[index]) < ROOM:
            self.wanted.add(symbol)
            self.shards[index].add(symbol)
            self.searches[index].add([symbol])

    @precondition(lambda self: len(self.wanted) > 1)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        symbol = data.draw(st.sampled_from(sorted(self.wanted)))
        self.wanted.discard(symbol)
        self.known_bad.discard(symbol)
        for index, shard in enumerate(self.shards):
            shard.discard(symbol)
            self.searches[index].remove([symbol])

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.reconnect(data.draw(st.sampled_from(range(len(self.shards)))))

    @rule(data=st.data())
    def talk(self, data: st.DataObject) -> None:
        self.ask_once(data.draw(st.sampled_from(range(len(self.shards)))))

    def reconnect(self, index: int) -> None:
        """A new connection has nothing subscribed, and does not ask for what is known to be refused."""
        if index in self.names:
            self.pacer.forget(self.names[index])
        self.lives += 1
        self.names[index] = self.lives
        self.searches[index] = Suspects(sorted(self.shards[index] - self.known_bad))
        self.vendor[index] = ()

    def ask_once(self, index: int) -> None:
        search = self.searches[index]
        if search.is_settled:
            return
        self.now = self.pacer.request_at(self.names[index], self.now)
        assert self.pacer.claim(self.names[index], self.now, self.now) == self.now
        self.sent.append((self.now, self.names[index]))
        asked = search.ask()
        assert not self.known_bad & set(asked)
        if BAD & set(asked):
            self.known_bad |= set(search.refused())
        else:
            self.vendor[index] = asked
            search.accepted()

    @invariant()
    def each_symbol_has_one_home(self) -> None:
        """Whatever comes and goes, the shards are a partition of what is wanted, within the room of each."""
        if hasattr(self, "shards"):
            assert sorted(symbol for shard in self.shards for symbol in shard) == sorted(self.wanted)
            assert all(len(shard) <= ROOM for shard in self.shards)

    @invariant()
    def the_vendors_rhythm_is_kept(self) -> None:
        """No request comes too soon after one before it, on its own connection or another."""
        sent = getattr(self, "sent", [])
        for (before, one), (after, two) in itertools.pairwise(sent):
            assert after - before >= (REQUEST_S if one == two else ACROSS_S) - 1e-9

    def teardown(self) -> None:
        """Left in peace, every symbol that can be had is subscribed on its connection, and nothing else is."""
        if not hasattr(self, "shards"):
            return
        before = len(self.sent)
        while not all(search.is_settled for search in self.searches.values()):
            for index in self.searches:
                self.ask_once(index)
        for index, shard in enumerate(self.shards):
            assert set(self.vendor[index]) == shard - BAD
        most = sum(2 * len(shard) * (math.log2(max(len(shard), 2)) + 2) + 2 for shard in self.shards)
        assert len(self.sent) - before <= most


TestCarrying = Carrying.TestCase
