"""What the program says about itself: one line each on standard error, in UTC."""

from __future__ import annotations

import logging
import time

from trio_ticks.model import Gap, Record, Status, datetime_of

log = logging.getLogger("trio_ticks.app")

# Below it the WebSocket library writes a line for every frame, and its own way to connect one with the address.
_NEVER_BELOW_WARNING = ("trio-websocket", "wsproto")

_OTHERS = {0: logging.WARNING, 1: logging.INFO}

# Their reasons are logged where they happen, or raised.
_TOLD_ELSEWHERE = {"disconnected", "silent", "mute", "failed"}
_TELLS_ITSELF = "journal"


def configure_logging(verbosity: int = 0) -> None:
    """Log to standard error: what trio_ticks does, and what others warn of; with each ``-v`` more."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=_OTHERS.get(verbosity, logging.DEBUG))
    logging.getLogger("trio_ticks").setLevel(logging.DEBUG if verbosity else logging.INFO)
    for name in _NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(logging.WARNING)


def silence_logging() -> None:
    """Let nothing be logged: somebody else owns the screen."""
    logging.disable(logging.CRITICAL)


def tell(record: Record) -> None:
    """Log a status or a gap; other records, and what was logged where it happened, are passed over."""
    if isinstance(record, Gap):
        log.warning("%s", gap_line(record))
    elif isinstance(record, Status) and record.status not in _TOLD_ELSEWHERE and record.source != _TELLS_ITSELF:
        what = f"{record.status}: {record.reason}" if record.reason else record.status
        log.info("%s: %s", " ".join(word for word in (record.source or record.feed, record.symbol) if word), what)


def gap_line(gap: Gap) -> str:
    """Return a gap as a line for people."""
    begin, end = (datetime_of(at_us).strftime("%H:%M:%S.%f")[:-3] for at_us in (gap.start_us, gap.end_us))
    missed = "" if gap.missed is None else f", {gap.missed:,} ticks"
    lasted_s = (gap.end_us - gap.start_us) / 1e6
    return f"gap: {gap.symbol or 'all symbols'} {begin} to {end} ({lasted_s:.2f} s{missed}): {gap.cause}"
