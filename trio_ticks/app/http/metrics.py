"""``/metrics``: the engine's statistics as Prometheus wants them.

Symbols are no labels: a thousand of them would be a thousand series of each kind. What matters of them is told by
feed: the age of the oldest price, and how many are stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter

from trio_ticks.app.http.exposition import Exposition, Kind
from trio_ticks.app.http.state import LIVE, Room, our_version
from trio_ticks.core.ages import AgeCounts
from trio_ticks.core.ledger import ConsumerLedger, Ledger
from trio_ticks.model import Tick
from trio_ticks.runtime.assembly import FORMER, SUBSCRIPTION
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.vitals import LineStatistics

SUBSCRIPTIONS = "subscriptions"
"""The label of all short-lived consumers together, those that are gone included: each by itself would leave a series
behind, and their sum could go back."""

_LOST = ("refused", "closed", "silent", "mute", "error")
_GAPS = (*_LOST, "stopped", "crashed", "full", "overflow", "journal")
"""Causes that are told before they occur: a counter that begins at 1 has no increase that an alert could see."""

_OF_CONSUMER: tuple[tuple[str, Kind, str, Callable[[ConsumerLedger], float]], ...] = (
    ("consumer_offered_ticks_total", "counter", "Ticks there were for a consumer.", attrgetter("offered")),
    ("consumer_delivered_ticks_total", "counter", "Ticks a consumer has taken.", attrgetter("delivered")),
    ("consumer_dropped_ticks_total", "counter", "Ticks a consumer was too slow for.", attrgetter("dropped")),
    ("consumer_queued_ticks", "gauge", "Ticks that wait for a consumer.", attrgetter("queued")),
)

_OF_SINK: tuple[tuple[str, Kind, str, Callable[[SinkStatistics], float]], ...] = (
    (
        "sink_appended_ticks_total",
        "counter",
        "Ticks the journal has taken for a sink, over the journal's life.",
        attrgetter("ledger.appended"),
    ),
    ("sink_stored_ticks_total", "counter", "Ticks a sink has taken.", attrgetter("ledger.stored")),
    (
        "sink_dead_lettered_ticks_total",
        "counter",
        "Ticks a sink has refused for good.",
        attrgetter("ledger.dead_lettered"),
    ),
    ("sink_discarded_ticks_total", "counter", "Ticks a sink does not want.", attrgetter("ledger.discarded")),
    ("sink_pending_ticks", "gauge", "Ticks that wait for a sink.", attrgetter("ledger.pending")),
    ("sink_lag_seconds", "gauge", "The age of the oldest tick that a sink has not.", attrgetter("lag_s")),
    ("sink_attempts_total", "counter", "Batches handed to a sink, again or at first.", attrgetter("attempts")),
    ("sink_failures_total", "counter", "How many of these came to nothing.", attrgetter("failures")),
    (
        "sink_up",
        "gauge",
        "1 while a sink takes ticks, as far as is known.",
        lambda sink: sink.state in {"draining", "waiting"},
    ),
)

_OF_LINE: tuple[tuple[str, Kind, str, Callable[[LineStatistics], float]], ...] = (
    ("line_connected", "gauge", "1 while a connection is open.", lambda line: line.state in LIVE),
    ("line_attempts_total", "counter", "Attempts to connect.", attrgetter("attempts")),
    ("line_messages_total", "counter", "Messages received.", attrgetter("messages")),
    ("line_unreadable_total", "counter", "Messages that nobody can read.", attrgetter("unreadable")),
    ("line_unknown_total", "counter", "Messages of an unknown kind.", attrgetter("unknown")),
    ("line_symbols", "gauge", "Symbols that a connection is to carry.", attrgetter("symbols")),
    ("line_refused_symbols", "gauge", "Of these, what the vendor refuses.", lambda line: len(line.refused)),
)


def metrics_of(
    statistics: EngineStatistics,
    *,
    prices: Mapping[str, Mapping[str, Tick]],
    stale: Mapping[str, int],
    loop_lag_s: float,
    room: Room,
) -> bytes:
    """Return the whole page.

    Args:
        statistics: The engine's.
        prices: The newest tick by feed and symbol.
        stale: How many symbols are stale, by feed.
        loop_lag_s: The longest that the event loop was held up lately.
        room: The journal's, on its disk.
    """
    page = Exposition()
    page.family("build_info", "gauge", "The program's version, as a label.", [({"version": our_version()}, 1)])
    page.family("start_time_seconds", "gauge", "When the engine was opened.", statistics.started_us / 1e6)
    page.family("loop_lag_seconds", "gauge", "The longest that the event loop was held up lately.", loop_lag_s)
    _ticks(page, statistics.ledger)
    _consumers(page, statistics)
    _journal(page, statistics, room)
    _sinks(page, statistics)
    _lines(page, statistics)
    _feeds(page, statistics, prices, stale)
    _strategies(page, statistics)
    return page.text()


def _ticks(page: Exposition, ledger: Ledger) -> None:
    page.family("received_ticks_total", "counter", "Ticks that connections have decoded.", ledger.received)
    outcomes = ("accepted", "duplicate", "rejected", "expired", "late_dropped")
    counts = (ledger.accepted, ledger.duplicates, ledger.rejected, ledger.expired, ledger.late_dropped)
    samples = [({"outcome": name}, count) for name, count in zip(outcomes, counts, strict=True)]
    page.family("ticks_total", "counter", "What the sequencer made of received ticks.", samples)
    page.family("held_ticks", "gauge", "Ticks held so that earlier ones can overtake them.", ledger.held)
    page.family("inbox_ticks", "gauge", "Ticks that wait for the sequencer.", ledger.inbox)


def _consumers(page: Exposition, statistics: EngineStatistics) -> None:
    ledgers = _by_label(statistics.ledger.consumers)
    for name, kind, words, figure in _OF_CONSUMER:
        page.family(name, kind, words, [({"consumer": label}, figure(ledger)) for label, ledger in ledgers.items()])
    ages = [
        ({"consumer": name}, ages)
        for name, ages in statistics.ages.consumers.items()
        if not _is_short_lived(name) and ages.count
    ]
    page.histogram("wire_to_strategy_seconds", "From the socket until a consumer has taken a tick.", ages)


def _by_label(consumers: Mapping[str, ConsumerLedger]) -> dict[str, ConsumerLedger]:
    ledgers: dict[str, ConsumerLedger] = {}
    for name, ledger in consumers.items():
        label = SUBSCRIPTIONS if _is_short_lived(name) else name
        ledgers[label] = ledgers.get(label, ConsumerLedger()) + ledger
    return ledgers


def _is_short_lived(name: str) -> bool:
    return name == FORMER or name.startswith(f"{SUBSCRIPTION} ")


def _journal(page: Exposition, statistics: EngineStatistics, room: Room) -> None:
    journal, ledger = statistics.journal, statistics.ledger.journal
    if journal is None or ledger is None:
        return
    page.family("journal_journaled_ticks_total", "counter", "Ticks committed to the journal.", ledger.journaled)
    page.family("journal_gapped_ticks_total", "counter", "Ticks left out of the journal.", ledger.gapped)
    page.family("journal_queued_ticks", "gauge", "Ticks that wait for the disk.", ledger.queued)
    page.family("journal_writing", "gauge", "1 while the journal takes ticks.", int(journal.state == "writing"))
    page.family("journal_position", "gauge", "The last batch in the journal.", journal.position)
    if room.size_bytes is not None and room.free_bytes is not None:
        page.family("journal_size_bytes", "gauge", "The journal's size on disk.", room.size_bytes)
        page.family("journal_free_bytes", "gauge", "What is free on the journal's disk.", room.free_bytes)
    ages = statistics.ages.journal or AgeCounts()
    page.histogram("wire_to_journal_seconds", "From the socket until a tick is committed.", [({}, ages)])


def _sinks(page: Exposition, statistics: EngineStatistics) -> None:
    sinks = [({"sink": sink.name}, sink) for sink in statistics.sinks]
    for name, kind, words, figure in _OF_SINK:
        page.family(name, kind, words, [(labels, figure(sink)) for labels, sink in sinks])
    ages = [({"sink": name}, counts) for name, counts in statistics.ages.sinks.items()]
    page.histogram("wire_to_stored_seconds", "From the socket until a sink has taken a tick.", ages)


def _lines(page: Exposition, statistics: EngineStatistics) -> None:
    lines = [
        ({"feed": shard.feed, "shard": shard.name, "line": line.name}, line)
        for shard in statistics.shards
        for line in shard.lines
    ]
    for name, kind, words, figure in _OF_LINE:
        page.family(name, kind, words, [(labels, figure(line)) for labels, line in lines])
    causes = [
        ({**labels, "cause": cause}, count)
        for labels, line in lines
        for cause, count in {**dict.fromkeys(_LOST, 0), **line.reconnects}.items()
    ]
    page.family("line_reconnects_total", "counter", "Lost connections, by cause.", causes)
    lags = [(labels, line.lag_us / 1e6) for labels, line in lines if line.lag_us is not None]
    page.family("line_lag_seconds", "gauge", "Receipt of the last tick less the time it bears.", lags)


def _feeds(
    page: Exposition,
    statistics: EngineStatistics,
    prices: Mapping[str, Mapping[str, Tick]],
    stale: Mapping[str, int],
) -> None:
    feeds = [*dict.fromkeys(shard.feed for shard in statistics.shards), *(each.name for each in statistics.relays)]
    connected = [({"feed": each.name}, int(each.state in LIVE)) for each in statistics.relays]
    page.family("relay_connected", "gauge", "1 while a feed from another engine is read.", connected)
    gaps = [({"cause": cause}, count) for cause, count in {**dict.fromkeys(_GAPS, 0), **statistics.gaps}.items()]
    page.family("gaps_total", "counter", "Stretches in which ticks may be missing, by cause.", gaps)
    uncovered = [({"feed": feed}, len(statistics.uncovered.get(feed, ()))) for feed in feeds]
    page.family("uncovered_symbols", "gauge", "Symbols without a connection at this moment.", uncovered)
    failed = [({"feed": feed}, int(feed in statistics.failed_feeds)) for feed in feeds]
    page.family("feed_failed", "gauge", "1 once a feed was given up.", failed)
    oldest = {feed: min(tick.received_us for tick in some.values()) for feed, some in prices.items() if some}
    samples = [({"feed": feed}, max(0, statistics.now_us - at_us) / 1e6) for feed, at_us in oldest.items()]
    page.family("oldest_price_seconds", "gauge", "The age of the price that came longest ago.", samples)
    newest = {feed: max(tick.received_us for tick in some.values()) for feed, some in prices.items() if some}
    samples = [({"feed": feed}, max(0, statistics.now_us - at_us) / 1e6) for feed, at_us in newest.items()]
    page.family("newest_price_seconds", "gauge", "The age of the price that came last.", samples)
    quiet = [({"feed": feed}, stale.get(feed, 0)) for feed in feeds]
    page.family("stale_symbols", "gauge", "Symbols that are quiet while others tick.", quiet)


def _strategies(page: Exposition, statistics: EngineStatistics) -> None:
    found = [({"strategy": each.name}, each) for each in statistics.strategies]
    running = [(labels, int(each.state == "running")) for labels, each in found]
    page.family("strategy_running", "gauge", "1 while a strategy runs.", running)
    failures = [(labels, each.failures) for labels, each in found]
    page.family("strategy_failures_total", "counter", "Errors that a strategy has raised.", failures)
    signals = [(labels, each.signals) for labels, each in found]
    page.family("strategy_signals_total", "counter", "Signals that a strategy has given.", signals)
