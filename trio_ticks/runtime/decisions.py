"""What strategies leave in the journal: their signals, and where each of their runs began and ended.

It goes to the journal directly, not through the one order of records: no consumer sees it. A replay compares it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from trio_ticks.core.marks import SOURCE
from trio_ticks.model import Signal, Status
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.fanout import Consumer
from trio_ticks.runtime.journaling import JournalWriter
from trio_ticks.runtime.strategy import Strategy, StrategyState

_DIGEST = "sha256:"


class Decisions:
    """Hands to the journal what strategies decide. Without a journal signals are only counted.

    Args:
        writer: The journal's writer; None: there is no journal.
        now_us: The clock.

    Attributes:
        watchers: Consumers that see signals, too.
    """

    def __init__(self, writer: JournalWriter | None, now_us: NowUs) -> None:
        self.watchers: list[Consumer] = []
        self._writer = writer
        self._now_us = now_us

    def keep(self, signal: Signal, state: StrategyState | None = None) -> None:
        """Keep a signal, and count it for its strategy. Never waits."""
        if state is not None:
            state.signals += 1
        if self._writer is not None:
            self._writer.offer([signal])
        for watcher in self.watchers:
            watcher.offer([signal])

    def started(self, strategy: Strategy, since_us: int | None = None) -> None:
        """Note that a strategy begins here, with what, and from when on it is shown the past."""
        self._note("started", strategy, outline(strategy, since_us))

    def ended(self, strategy: Strategy, state: StrategyState) -> None:
        """Note that a strategy has ended, by itself or with its stream: behind its last signal."""
        failed = state.state == "failed"
        self._note("failed" if failed else "stopped", strategy, state.last_error if failed else "")

    def _note(self, status: str, strategy: Strategy, reason: str) -> None:
        if self._writer is not None:
            self._writer.offer([Status(status, self._now_us(), reason, source=SOURCE + strategy.title)])


def outline(strategy: Strategy, since_us: int | None = None) -> str:
    """Return a strategy's symbols and parameters as JSON, and from when on it is shown the past, if it is.

    A parameter that is a text may be a secret of the environment, and the journal goes to many places: of a text
    stands a digest there, by which two runs can be compared.
    """
    symbols = None if strategy.symbols is None else list(strategy.symbols)
    said = {"symbols": symbols, "params": shown(dict(strategy.params))}
    return json.dumps(said if since_us is None else {**said, "since_us": since_us}, sort_keys=True)


def shown(value: Any) -> Any:
    """Return a parameter as `outline` shows it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return f"{_DIGEST}{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()[:16]}"
    if isinstance(value, Mapping):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return f"{_DIGEST}{type(value).__name__}"


def is_whole(outlined: Any) -> bool:
    """Tell whether a parameter can be had back from what `outline` shows of it: it holds no text, and no object."""
    if isinstance(outlined, Mapping):
        return all(map(is_whole, outlined.values()))
    if isinstance(outlined, list):
        return all(map(is_whole, outlined))
    return not isinstance(outlined, str)
