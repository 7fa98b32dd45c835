"""The engine's configuration: frozen records, their defaults and rules, and how a TOML file becomes them.

``records`` holds what can be set and why each default is what it is, ``sinks`` and ``redis`` the same for
databases, ``rules`` what a value may be, ``secret`` the text that is printed nowhere, ``load`` the way from a file.
Nothing else in trio_ticks reads the environment.
"""

from trio_ticks.config.archive import ArchiveConfig
from trio_ticks.config.http import HttpConfig
from trio_ticks.config.load import load_config, parse_config
from trio_ticks.config.records import (
    ConnectionConfig,
    EngineConfig,
    FeedConfig,
    Fsync,
    IdentityChoice,
    JournalConfig,
    Late,
    OnError,
    Overflow,
    PacingConfig,
    SequencerConfig,
    StopConfig,
    StrategyConfig,
    Transport,
    WhenFull,
)
from trio_ticks.config.redis import Redis, RedisFeed, RedisServer
from trio_ticks.config.secret import Secret, secret_from_env
from trio_ticks.config.sinks import FunctionSink, InfluxDB, SinkConfig

__all__ = [
    "ArchiveConfig",
    "ConnectionConfig",
    "EngineConfig",
    "FeedConfig",
    "Fsync",
    "FunctionSink",
    "HttpConfig",
    "IdentityChoice",
    "InfluxDB",
    "JournalConfig",
    "Late",
    "OnError",
    "Overflow",
    "PacingConfig",
    "Redis",
    "RedisFeed",
    "RedisServer",
    "Secret",
    "SequencerConfig",
    "SinkConfig",
    "StopConfig",
    "StrategyConfig",
    "Transport",
    "WhenFull",
    "load_config",
    "parse_config",
    "secret_from_env",
]
