"""What the program says about itself: one line each on standard error, in UTC."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

import attrs

from trio_ticks.app.log_lines import formatter_of
from trio_ticks.app.repeats import Repeats, Window
from trio_ticks.config import LogConfig
from trio_ticks.model import Gap, Record, Status, datetime_of

log = logging.getLogger("trio_ticks.app")

# Below it the WebSocket library writes a line for every frame, and its own way to connect one with the address.
_NEVER_BELOW_WARNING = ("trio-websocket", "wsproto")

_OTHERS = {0: logging.WARNING, 1: logging.INFO}

# Their reasons are logged where they happen, or raised.
_TOLD_ELSEWHERE = {"disconnected", "silent", "mute", "failed"}
_TELLS_ITSELF = "journal"


class _Limited(logging.StreamHandler[TextIO]):
    """Writes records to standard error, and of those that are alike only some a minute."""

    def __init__(self, repeats: Repeats, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._repeats = repeats
        self._now_s = now_s

    def emit(self, record: logging.LogRecord) -> None:
        now_s = self._now_s()
        self._tell(self._repeats.over(now_s))
        if self._repeats.may_say(record.getMessage(), record.levelno, now_s):
            super().emit(record)

    def tell_over(self) -> None:
        """Say what was held back, where it is time."""
        self.acquire()
        try:
            self._tell(self._repeats.over(self._now_s()))
        finally:
            self.release()

    def close(self) -> None:
        self._tell(self._repeats.over(self._now_s(), all_of_them=True))
        super().close()

    def _tell(self, windows: Iterable[Window]) -> None:
        for window in windows:
            words = f"repeated {window.held:,} times: {window.words}"
            values = {"name": log.name, "levelno": window.level, "levelname": logging.getLevelName(window.level)}
            super().emit(logging.makeLogRecord({**values, "msg": "%s", "args": (words,)}))


def configure_logging(verbosity: int = 0, settings: LogConfig | None = None, *, secrets: Sequence[str] = ()) -> None:
    """Log to standard error: what trio_ticks does, and what others warn of; with each ``-v`` more.

    May be called again, when more is known: the settings then take the place of those before.

    Args:
        verbosity: How many ``-v`` there were.
        settings: ``[log]``. None: the defaults.
        secrets: What must not appear, whoever logs it.
    """
    settings = settings or LogConfig()
    handler = _Limited(Repeats(most=settings.repeats_per_min))
    handler.setFormatter(formatter_of(settings.format, secrets))
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    logging.basicConfig(handlers=[handler], level=_OTHERS.get(verbosity, logging.DEBUG), force=True)
    logging.getLogger("trio_ticks").setLevel(logging.DEBUG if verbosity else level)
    for name in _NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(logging.WARNING)


def tell_repeats() -> None:
    """Say how often words were held back whose minute is over. The next line does so as well, if one comes."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Limited):
            handler.tell_over()


def silence_logging() -> None:
    """Let nothing be logged: somebody else owns the screen."""
    logging.disable(logging.CRITICAL)


def tell(record: Record) -> None:
    """Log a status or a gap; other records, and what was logged where it happened, are passed over."""
    if isinstance(record, Gap):
        log.warning("%s", gap_line(record), extra={"fields": _fields(record)})
    elif isinstance(record, Status) and record.status not in _TOLD_ELSEWHERE and record.source != _TELLS_ITSELF:
        what = f"{record.status}: {record.reason}" if record.reason else record.status
        who = " ".join(word for word in (record.source or record.feed, record.symbol) if word)
        level = logging.WARNING if record.status == "rejected" else logging.INFO
        log.log(level, "%s: %s", who, what, extra={"fields": _fields(record)})


def _fields(record: Gap | Status) -> dict[str, Any]:
    """Return what a program wants to know of it, under the names that the record has."""
    return {"event": record.kind, **{name: value for name, value in attrs.asdict(record).items() if value}}


def gap_line(gap: Gap) -> str:
    """Return a gap as a line for people."""
    begin, end = (datetime_of(at_us).strftime("%H:%M:%S.%f")[:-3] for at_us in (gap.start_us, gap.end_us))
    missed = "" if gap.missed is None else f", {gap.missed:,} ticks"
    lasted_s = (gap.end_us - gap.start_us) / 1e6
    return f"gap: {gap.symbol or 'all symbols'} {begin} to {end} ({lasted_s:.2f} s{missed}): {gap.cause}"
