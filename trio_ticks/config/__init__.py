"""The engine's configuration: frozen records, their defaults and rules, and how a TOML file becomes them.

``records`` holds what can be set and why each default is what it is, ``rules`` what a value may be,
``secret`` the text that is printed nowhere, ``load`` the way from a file. Nothing else in trio_ticks reads
the environment.
"""

from trio_ticks.config.load import load_config, parse_config
from trio_ticks.config.records import (
    ConnectionConfig,
    EngineConfig,
    FeedConfig,
    IdentityChoice,
    Late,
    OnError,
    Overflow,
    PacingConfig,
    SequencerConfig,
    StopConfig,
    StrategyConfig,
    Transport,
)
from trio_ticks.config.secret import Secret, secret_from_env

__all__ = [
    "ConnectionConfig",
    "EngineConfig",
    "FeedConfig",
    "IdentityChoice",
    "Late",
    "OnError",
    "Overflow",
    "PacingConfig",
    "Secret",
    "SequencerConfig",
    "StopConfig",
    "StrategyConfig",
    "Transport",
    "load_config",
    "parse_config",
    "secret_from_env",
]
