"""An engine as a notebook shows it: one line of its ledger."""

from __future__ import annotations

from html import escape

from trio_ticks.runtime.statistics import EngineStatistics


def ledger_line(statistics: EngineStatistics) -> str:
    """Return the state and the sums in one line: ``running: 1,204 ticks received, 1,200 delivered, …``."""
    ledger = statistics.ledger
    consumers = ledger.consumers.values()
    parts = [
        f"{statistics.state}: {ledger.received:,} ticks received",
        f"{sum(consumer.delivered for consumer in consumers):,} delivered",
    ]
    dropped = sum(consumer.dropped for consumer in consumers)
    queued = sum(consumer.queued for consumer in consumers)
    parts += [f"{number:,} {word}" for number, word in ((dropped, "dropped"), (queued, "queued")) if number]
    parts.append("no journal" if ledger.journal is None else f"{ledger.journal.journaled:,} journaled")
    parts += [f"feed {name} was given up ({reason})" for name, reason in statistics.failed_feeds.items()]
    return ", ".join(parts)


def ledger_html(statistics: EngineStatistics) -> str:
    """Return the same for a notebook."""
    return f"<b>trio_ticks</b> {escape(ledger_line(statistics))}"
