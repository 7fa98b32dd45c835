"""Reports: an engine's statistics as a JSON file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from trio_ticks.errors import ConfigError, TrioTicksError
from trio_ticks.runtime.statistics import EngineStatistics


def check_report(path: Path | None) -> None:
    """Refuse, before anything is started, a path where no report can be written at the end.

    Raises:
        ConfigError: the path cannot be written.
    """
    if path is None:
        return
    place = path if path.exists() else path.parent
    if path.is_dir() or not place.exists() or not os.access(place, os.W_OK):
        raise ConfigError(f"--report {path}: cannot be written; accepted is a file in a directory that exists")


def write_report(path: Path | None, statistics: EngineStatistics, **extra: Any) -> None:
    """Write the statistics, and whatever else there is, where a path is given.

    Raises:
        TrioTicksError: the file cannot be written.
    """
    if path is None:
        return
    text = msgspec.json.format(msgspec.json.encode({**statistics.as_dict(), **extra}), indent=2)
    try:
        path.write_bytes(text + b"\n")
    except OSError as error:
        raise TrioTicksError(f"--report {path}: cannot be written: {error.strerror}") from error
