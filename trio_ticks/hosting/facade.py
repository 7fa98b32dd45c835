"""What an engine can be asked without waiting: the same for both facades."""

from __future__ import annotations

from collections.abc import Mapping

from trio_ticks.errors import EngineError
from trio_ticks.hosting.host import Host
from trio_ticks.hosting.showing import ledger_html, ledger_line
from trio_ticks.model import Tick
from trio_ticks.runtime.statistics import EngineStatistics


class EngineFacade:
    """A running engine in a thread of its own. Each call here waits for no more than the engine's current step."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def is_stopping(self) -> bool:
        """Whether the engine has been told to stop, or has stopped."""
        return self._host.engine.is_stopping

    @property
    def symbols(self) -> Mapping[str, tuple[str, ...]]:
        """The symbols that this engine carries, by feed."""
        return self._host.call(lambda: self._host.engine.symbols)

    def latest(self, symbol: str, feed: str | None = None) -> Tick | None:
        """Return the newest tick of a symbol, None before the first.

        Raises:
            ConfigError: the engine does not carry the symbol or the feed.
        """
        return self._host.call(self._host.engine.latest, symbol, feed)

    def statistics(self) -> EngineStatistics:
        """Return an immutable snapshot of all counts, exact while no other thread is reading a stream."""
        return self._host.call(self._host.engine.statistics)

    def failure(self) -> EngineError | None:
        """Return what the engine failed of, None while it has not."""
        return self._host.call(self._host.engine.failure)

    def stop(self) -> None:
        """Stop softly: close the connections, hand on what was received, and end within ``grace_s``."""
        self._host.soon(self._host.engine.stop)

    def abort(self) -> None:
        """Stop at once. What was still queued or held is counted as such, and not delivered."""
        self._host.soon(self._host.engine.abort)

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__}: {ledger_line(self.statistics())}>"

    def _repr_html_(self) -> str:
        """Show the ledger in a notebook."""
        return ledger_html(self.statistics())
