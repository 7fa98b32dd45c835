"""The public surface: what users import, and the map by which they find the rest."""

from __future__ import annotations

import pkgutil
import sys

import pytest

import trio_ticks
from trio_ticks import aio, sync
from trio_ticks.replay.replaying import replay

PUBLIC = [
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


def test_the_public_names_are_these() -> None:
    """A name comes or goes on purpose: users' imports depend on it."""
    assert sorted(trio_ticks.__all__) == PUBLIC


def test_every_public_name_can_be_imported() -> None:
    """No name is promised and missing."""
    assert [name for name in PUBLIC if not hasattr(trio_ticks, name)] == []


def test_the_facades_have_the_same_names() -> None:
    """All but `run`, which blocks, for asyncio; and nothing that trio_ticks has is missing."""
    assert sorted(aio.__all__) == [name for name in PUBLIC if name != "run"]
    assert sorted(sync.__all__) == PUBLIC
    assert [name for name in aio.__all__ if not hasattr(aio, name)] == []
    assert [name for name in PUBLIC if not hasattr(sync, name)] == []


def test_the_map_names_every_part_of_the_package() -> None:
    """Whoever opens the package finds each of its directories and modules explained."""
    parts = [part.name for part in pkgutil.iter_modules(trio_ticks.__path__) if not part.name.startswith("_")]
    described = trio_ticks.__doc__ or ""
    assert [name for name in parts if f"``{name}``" not in described] == []


def test_replay_is_the_function_and_its_package_can_still_be_imported_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of the package was imported last: an import of a module does not put the package in its place."""
    monkeypatch.delitem(sys.modules, "trio_ticks.replay.pace")
    from trio_ticks.replay.pace import Pace  # noqa: PLC0415 - now, after the name was taken

    assert Pace.__module__ == "trio_ticks.replay.pace"
    assert trio_ticks.replay is replay
