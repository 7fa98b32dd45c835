"""The two counters of the demo, and everything else there is to see."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence

import attrs
import trio

from trio_ticks.app.demo_screen import Event, Row, Side, View
from trio_ticks.app.demo_witness import Witness
from trio_ticks.app.recipe import Recipe
from trio_ticks.model import Gap, Record, Status, Tick
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.engine import Engine

_RATE_S = 2.0
"""Ticks are counted over so long for their rate; shorter flickers, longer hides a fault."""

_EVENTS = 100


@attrs.frozen
class Fault:
    """A fault that happened: ``cut`` or ``mute``, seconds after the start."""

    at_s: float
    kind: str


class Score:
    """What was published, and what each side made of it.

    Attributes:
        witness: What was published, and what came of it at the engine.
        faults: Those that happened.
        told: How many events there were so far.
    """

    def __init__(self, *, symbols: Sequence[str], recipe_url: str) -> None:
        self.witness = Witness()
        self.recipe = Recipe(url=recipe_url, symbols=symbols, tell=lambda text: self.say("recipe", text))
        self.faults: list[Fault] = []
        self.told = 0
        self._symbols = symbols
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._began = trio.current_time()
        self._at_rest = False
        self._engine_mute = self._recipe_mute = False
        self._recipe_missed_mute = 0
        self._recipe_absent = 0
        self._counts = Counter[str]()
        self._history: deque[tuple[float, Counter[str]]] = deque()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return trio.current_time() - self._began

    # ---- what happens

    def publish(self, batch: Sequence[Tick], now_us: int) -> list[Tick]:
        """Note what is published now; return it with the numbers by which it is known again."""
        if self._recipe_mute:
            self._recipe_missed_mute += len(batch)
        return self.witness.publish(batch, now_us)

    def befall(self, kind: str) -> None:
        """Note a fault that strikes both sides now."""
        self.faults.append(Fault(round(self.elapsed_s, 3), kind))
        self._engine_mute = self._recipe_mute = kind == "mute"
        what = {"cut": "CUT: every connection is cut", "mute": "MUTE: connections stay open, but bring no tick"}
        self.say("fault", what[kind])

    def take(self, records: Sequence[Record]) -> None:
        """Note what the engine's strategy is handed, ticks and all else."""
        for record in records:
            if isinstance(record, Tick):
                self.witness.strike(record)
                self._counts[record.symbol] += 1
            elif isinstance(record, Gap):
                self.witness.name(record)
            elif isinstance(record, Status) and record.status in {"mute", "disconnected"}:
                self.say("engine", f"noticed: {record.reason}; reconnects")
        self._tell_of_gaps([record for record in records if isinstance(record, Gap)])

    def say(self, who: str, text: str) -> None:
        """Note an event."""
        self.told += 1
        self._events.append(Event(self.elapsed_s, who, text))

    def rest(self) -> None:
        """Take the counts as final from now on: nothing is on its way any more."""
        self._at_rest = True

    def _tell_of_gaps(self, gaps: Sequence[Gap]) -> None:
        if gaps:
            self._engine_mute = False
            lasted_s = max(gap.end_us - gap.start_us for gap in gaps) / 1e6
            symbols = ", ".join(gap.symbol or "all" for gap in gaps)
            self.say("engine", f"is back; told the strategy of a {lasted_s:.2f} s gap in {symbols}")

    # ---- what is to be seen

    def new_events(self, seen: int) -> Sequence[Event]:
        """Return the events after the first ``seen``."""
        fresh = self.told - seen
        return list(self._events)[-fresh:] if fresh else ()

    def view(self, engine: Engine, fault_in_s: float = 0.0) -> View:
        """Return everything that is shown, as it is now."""
        now_us = utc_now_us()
        return View(
            elapsed_s=self.elapsed_s,
            fault_in_s=fault_in_s,
            fault_next="mute" if len(self.faults) % 2 else "cut",
            rows=tuple(self._rows(engine, now_us)),
            engine=self._engine_side(engine, now_us),
            recipe=self._recipe_side(now_us),
            events=tuple(self._events),
        )

    def _engine_side(self, engine: Engine, now_us: int) -> Side:
        named = self.witness.named
        open_count = self.witness.unaccounted if self._at_rest else self.witness.overdue(now_us)
        mute = named["mute"] + (open_count if self._engine_mute else 0)
        missed = named.total() + open_count
        return Side(
            state=_state(engine),
            delivered=self.witness.delivered,
            missed=missed,
            cut=missed - mute,
            mute=mute,
            thrown_away=0,
            told=sum(engine.statistics().gaps.values()),
        )

    def _recipe_side(self, now_us: int) -> Side:
        self._recipe_absent = max(self._recipe_absent, self._sent_to_recipe(now_us) - self.recipe.received)
        mute = min(self._recipe_absent, self._recipe_missed_mute)
        return Side(
            state=self.recipe.state,
            delivered=self.recipe.delivered,
            missed=self._recipe_absent + self.recipe.thrown_away,
            cut=self._recipe_absent - mute,
            mute=mute,
            thrown_away=self.recipe.thrown_away,
            told=0,
        )

    def _sent_to_recipe(self, now_us: int) -> int:
        """Return how many ticks it has received or lost for certain: while it hears, some are on their way."""
        hears = self.recipe.state == "connected" and not self._recipe_mute
        return self.witness.due(now_us) if hears and not self._at_rest else self.witness.published

    def _rows(self, engine: Engine, now_us: int) -> Iterator[Row]:
        now = trio.current_time()
        self._history.append((now, Counter(self._counts)))
        while len(self._history) > 1 and now - self._history[1][0] >= _RATE_S:
            self._history.popleft()
        since, before = self._history[0]
        for symbol in self._symbols:
            tick = engine.latest(symbol)
            yield Row(
                symbol=symbol,
                price=None if tick is None else tick.price,
                age_s=None if tick is None else max(0.0, (now_us - tick.time_us) / 1e6),
                rate=(self._counts[symbol] - before[symbol]) / max(now - since, 1.0),
            )


def _state(engine: Engine) -> str:
    """Return the state of the engine's best connection."""
    states = {line.state for shard in engine.statistics().shards for line in shard.lines}
    return next((state for state in ("live", "open", "connecting", "waiting") if state in states), "ended")
