"""Live market ticks on Trio: reconnected, deduplicated, ordered, and accounted for.

The package from top to bottom; imports point downwards only:

==============  ====================================================================================
``aio``         the same names for asyncio
``sync``        the same names for plain code: threads, scripts, notebooks
``hosting``     an engine in a thread of its own, and batches on their way out of it: what those two share
``app``         the command line, the demo, and the blocking `run`
``replay``      the same strategies on what was recorded
``sim``         a faithful AllTick server on a real socket, with faults
``runtime``     RUNS: Trio tasks, channels and scopes, from the socket to the strategies
``storage``     KEEPS: the journal, and how records are written down for databases
``feeds``       SPEAKS: one vendor's wire text to records and back, pure
``core``        DECIDES: sequencer, coverage, ledger, pacing, backoff, sharding; pure
``config``      settings, their defaults and their reasons
``model``       the records: `Tick`, `Gap`, `Status` …
``errors``      the whole error tree
==============  ====================================================================================

``testing`` stands beside them: the kit for users' own property tests, imported by nothing here.

The shortest way in::

    async with trio_ticks.open_ticks(Coinbase("BTC-USD")) as ticks:
        async for tick in ticks:
            print(tick.time, tick.symbol, tick.price)
"""

from trio_ticks.app.blocking import run
from trio_ticks.config import (
    ConnectionConfig,
    EngineConfig,
    InfluxDB,
    JournalConfig,
    PacingConfig,
    Secret,
    SequencerConfig,
    load_config,
)
from trio_ticks.core.ledger import ConsumerLedger, Ledger
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.core.timestamps import to_us
from trio_ticks.errors import (
    AuthenticationError,
    CertificateError,
    ConfigError,
    ConnectError,
    EngineError,
    FeedError,
    JournalError,
    MuteFeedError,
    RemoteProtocolError,
    SilentFeedError,
    SinkError,
    SinkRejectedError,
    SinkUnavailableError,
    StrategyError,
    SubscriptionError,
    TrioTicksError,
)
from trio_ticks.feeds.alltick import AllTick
from trio_ticks.feeds.alltick_simple import AllTickSimple
from trio_ticks.feeds.base import Askable, Decoded, Feed, Limits, Question, Reply, Request, Service, Verdict
from trio_ticks.feeds.coinbase import Coinbase
from trio_ticks.model import Bar, Batch, Book, Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.replay.backtest import backtest
from trio_ticks.replay.backtest_result import Backtest
from trio_ticks.replay.replaying import Replayed, replay
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.opening import open_engine, open_ticks
from trio_ticks.runtime.sinks import Sink, SinkBatch
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.storage.reading import Reading, read

__all__ = [
    "AllTick",
    "AllTickSimple",
    "Askable",
    "AuthenticationError",
    "Backtest",
    "Bar",
    "Batch",
    "Book",
    "CertificateError",
    "Clock",
    "Coinbase",
    "ConfigError",
    "ConnectError",
    "ConnectionConfig",
    "ConsumerLedger",
    "Decoded",
    "Engine",
    "EngineConfig",
    "EngineError",
    "EngineStatistics",
    "Feed",
    "FeedError",
    "Gap",
    "InfluxDB",
    "JournalConfig",
    "JournalError",
    "Ledger",
    "Limits",
    "MuteFeedError",
    "PacingConfig",
    "Question",
    "Reading",
    "Record",
    "RemoteProtocolError",
    "Replayed",
    "Reply",
    "Request",
    "Secret",
    "Sequencer",
    "SequencerConfig",
    "Service",
    "Signal",
    "SilentFeedError",
    "Sink",
    "SinkBatch",
    "SinkError",
    "SinkRejectedError",
    "SinkUnavailableError",
    "Status",
    "Strategy",
    "StrategyError",
    "SubscriptionError",
    "Tick",
    "Ticks",
    "TrioTicksError",
    "Verdict",
    "backtest",
    "load_config",
    "open_engine",
    "open_ticks",
    "read",
    "replay",
    "run",
    "to_us",
]
