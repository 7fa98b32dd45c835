"""What commands print for people: aligned columns and plain quantities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trio_ticks.model import datetime_of


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in which every column is as wide as its widest text; the last one just ends."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def printable(text: str) -> str:
    """Return a text in which nothing moves a terminal's cursor or begins a line: what others sent may be in it."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def instant_text(time_us: int | None) -> str:
    """Return an instant in UTC to the microsecond; - where there is none."""
    if time_us is None:
        return "-"
    try:
        return datetime_of(time_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:  # beyond the year 9999
        return f"{time_us} us"


def size_text(size: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - the factor between the units
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def duration_text(seconds: float) -> str:
    """Return a stretch of time in the unit that suits it, to no more digits than anybody reads."""
    for unit, least in (("days", 172_800), ("h", 7_200), ("min", 120)):
        if seconds >= least:
            return f"{seconds / _SECONDS[unit]:,.1f} {unit}"
    return f"{seconds:,.1f} s" if seconds >= _LONG_S else f"{seconds:,.3f} s"


_LONG_S = 10
_SECONDS = {"days": 86_400, "h": 3_600, "min": 60}
