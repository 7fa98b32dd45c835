"""One line for each log record: for people, or as JSON for programs. No secret of the configuration is in either."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from trio_ticks.app.tables import printable
from trio_ticks.config import LogFormat
from trio_ticks.config.secret import HIDDEN


class LogForm(StrEnum):
    """The same as `LogFormat`, for the command line."""

    console = "console"
    json = "json"


_SHORTEST_SECRET = 4
"""Shorter ones are found in many words, which would be hidden with them; no vendor has a token as short."""


def formatter_of(form: LogFormat, secrets: Sequence[str] = ()) -> logging.Formatter:
    """Return what makes a line of a record.

    Args:
        form: ``console`` or ``json``.
        secrets: What is replaced by ``***`` wherever it would appear: our own messages hold none of it, and what
            other libraries write is not ours to promise.
    """
    hidden = tuple(text for text in secrets if len(text) >= _SHORTEST_SECRET)
    return _JsonLines(hidden) if form == "json" else _ConsoleLines(hidden)


class _ConsoleLines(logging.Formatter):
    def __init__(self, hidden: Sequence[str]) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._hidden = hidden

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging calls it so
        record.message = printable(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return _concealed(super().format(record), self._hidden)


class _JsonLines(logging.Formatter):
    """An object: ``time``, ``level``, ``logger``, ``message``, the fields that the message names, and ``error``."""

    def __init__(self, hidden: Sequence[str]) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._hidden = hidden

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, Any] = {
            "time": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            values["error"] = self.formatException(record.exc_info)
        # Hidden in the values: in the line a secret with quotes would be spelled otherwise.
        return msgspec.json.encode({key: self._shown(value) for key, value in values.items()}, enc_hook=repr).decode()

    def _shown(self, value: Any) -> Any:
        return _concealed(value, self._hidden) if isinstance(value, str) else value


def _concealed(text: str, hidden: Sequence[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, HIDDEN)
    return text
