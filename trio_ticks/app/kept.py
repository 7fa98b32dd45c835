"""Where commands read from: a path, or the bucket that the environment names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from trio_ticks.config import InfluxDB

DATABASE = "influxdb"
"""In place of a path."""

IN_DATABASE = f"{DATABASE}: what INFLUX_URL, INFLUX_ORG, INFLUX_BUCKET and INFLUX_TOKEN name"
"""For the help of commands."""

Written = TypeVar("Written", str, Path)


def kept_at(journal: Written) -> Written | InfluxDB:
    """Return what a command was told to read; a file of the database's name is a file.

    Raises:
        ConfigError: it is the database, and the environment does not say which.
    """
    return InfluxDB.from_env() if os.fspath(journal) == DATABASE and not Path(journal).exists() else journal
