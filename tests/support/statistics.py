"""Statistics of engines that never ran, for what is decided by looking at them."""

from __future__ import annotations

from typing import Any

import attrs

from trio_ticks.core.ledger import Ledger, SinkLedger
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.journaling import JournalStatistics
from trio_ticks.runtime.redis_run import RelayStatistics
from trio_ticks.runtime.shard import ShardStatistics
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import StrategyState
from trio_ticks.runtime.vitals import LineStatistics


def _made(kind: Any, **values: Any) -> Any:
    """Return a record with these values; what is not said is as empty as its type allows."""
    empty = {"int": 0, "float": 0.0, "str": "", "int | None": None}
    for field in attrs.fields(kind):
        if field.name not in values and field.default is attrs.NOTHING:
            text = str(field.type)
            values[field.name] = empty.get(text, () if text.startswith("tuple") else {})
    return kind(**values)


def line(name: str = "alltick 0A", state: str = "live", **values: Any) -> LineStatistics:
    made: LineStatistics = _made(LineStatistics, name=name, state=state, **values)
    return made


def sink(name: str = "influxdb", state: str = "draining", dead: int = 0, **values: Any) -> SinkStatistics:
    made: SinkStatistics = _made(
        SinkStatistics, name=name, state=state, ledger=SinkLedger(dead_lettered=dead), **values
    )
    return made


def journal(state: str = "writing", last_error: str = "") -> JournalStatistics:
    made: JournalStatistics = _made(JournalStatistics, state=state, last_error=last_error)
    return made


def relay(name: str = "shared", state: str = "reading", **values: Any) -> RelayStatistics:
    made: RelayStatistics = _made(RelayStatistics, name=name, state=state, **values)
    return made


def strategy(state: str = "running", failures: int = 0, last_error: str = "") -> StrategyState:
    return StrategyState("mine", state, failures, last_error)


def engine(at_s: float, *lines: LineStatistics, **values: Any) -> EngineStatistics:
    """Return an engine at one instant, with its lines in one shard of a feed ``alltick``."""
    shard = ShardStatistics(feed="alltick", name="alltick 0", symbols=("A",), lines=lines)
    kept = {"state": "running", "ledger": Ledger(), "shards": (shard,) if lines else (), "journal": None} | values
    made: EngineStatistics = _made(EngineStatistics, now_us=round(at_s * 1e6), **kept)
    return made
