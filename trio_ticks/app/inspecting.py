"""``gaps`` and ``journal info | verify | dead-letters | forget``: what a journal says of itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec

from trio_ticks.app.formats import fields_of
from trio_ticks.app.progress import progress
from trio_ticks.app.tables import aligned, duration_text, instant_text, size_text
from trio_ticks.errors import ConfigError, JournalError, one_line
from trio_ticks.model import Tick
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.storage.journal import Cursors, CursorState, DeadLetter, Journal, JournalInfo, JournalReader
from trio_ticks.storage.payload import decode
from trio_ticks.storage.reading import Reading

_IN_PAGE = 1_000


def show_gaps(reading: Reading, *, as_json: bool) -> None:
    """Print the stretches that may lack ticks, in the journal's order.

    Raises:
        JournalError: the journal cannot be read.
    """
    gaps = list(reading)
    if as_json:
        _print_json([fields_of(gap) for gap in gaps])
        return
    if not gaps:
        print("no gaps")
        return
    rows = [
        (
            instant_text(gap.start_us),
            instant_text(gap.end_us),
            duration_text((gap.end_us - gap.start_us) / 1e6),
            gap.symbol or "all",
            gap.feed or "-",
            gap.cause,
            "?" if gap.missed is None else f"{gap.missed:,}",
        )
        for gap in gaps
    ]
    print(aligned(("from", "to", "for", "symbol", "feed", "cause", "missed"), rows))


def show_info(path: Path, *, max_size: int | None, as_json: bool) -> None:
    """Print what a journal holds, where its sinks stand, and how long the room will last.

    Args:
        path: The journal's file.
        max_size: Its quota, in bytes. None: the disk.
        as_json: For programs.

    Raises:
        JournalError: the journal cannot be read.
    """
    now_us = utc_now_us()
    with JournalReader(path) as reader:
        info = reader.info()
    room = _room(info, path, max_size)
    if as_json:
        lags = {state.name: _lag_s(state, now_us) for state in info.cursors}
        cursors = [{**attrs.asdict(state), "lag_s": lags[state.name]} for state in info.cursors]
        _print_json({**attrs.asdict(info), **room, "cursors": cursors})
        return
    print(aligned(("journal", info.path), _facts(info, room)))
    if info.cursors:
        print()
        print(_sinks(info.cursors, now_us))


def _facts(info: JournalInfo, room: dict[str, Any]) -> list[tuple[str, str]]:
    lasts = "-" if room["lasts_s"] is None else f"about {duration_text(room['lasts_s'])} at the rate so far"
    held = info.last_position - info.first_position + 1 if info.last_position else 0
    return [
        ("made", f"{instant_text(info.created_us)} by {info.created_by}"),
        ("batches", f"{held:,}, positions {info.first_position:,} to {info.last_position:,}"),
        ("ticks", f"{info.ticks:,} held, {info.total_ticks:,} taken in its life"),
        ("from", instant_text(info.first_us)),
        ("to", instant_text(info.last_us)),
        ("size", f"{size_text(info.size_bytes)}, of which {size_text(info.free_bytes)} can be used again"),
        ("room", f"{size_text(room['room_bytes'])}, lasts {lasts}"),
    ]


def _room(info: JournalInfo, path: Path, max_size: int | None) -> dict[str, Any]:
    """Return how much the journal may still take, and how long that is at the rate at which it grew so far."""
    room = shutil.disk_usage(path.absolute().parent).free
    if max_size is not None:
        room = min(room, max(0, max_size - info.size_bytes))
    room += info.free_bytes
    used = info.size_bytes - info.free_bytes
    lived_us = (info.last_us or 0) - (info.first_us or 0)
    return {"room_bytes": room, "lasts_s": room * lived_us / used / 1e6 if lived_us > 0 and used > 0 else None}


def _sinks(cursors: Sequence[CursorState], now_us: int) -> str:
    rows = []
    for state in cursors:
        lag_s = _lag_s(state, now_us)
        counts = (state.position, state.stored, state.pending, state.dead_lettered, state.discarded)
        rows.append((state.name, *(f"{count:,}" for count in counts), "-" if lag_s is None else duration_text(lag_s)))
    return aligned(("sink", "position", "stored", "pending", "dead letters", "discarded", "behind"), rows)


def _lag_s(state: CursorState, now_us: int) -> float | None:
    oldest_us = state.oldest_pending_us
    return None if oldest_us is None else max(0.0, (now_us - oldest_us) / 1e6)


def verify_journal(path: Path, *, as_json: bool = False) -> bool:
    """Read everything, print what is not what was written, and return whether all of it is sound.

    Raises:
        JournalError: not even its first page can be read.
    """
    with JournalReader(path) as reader, progress("verifying") as tell:
        found = reader.verify(on_progress=tell)
    if as_json:
        _print_json({"journal": str(path), "sound": not found.damage, **attrs.asdict(found)})
        return not found.damage
    for damage in found.damage:
        where = f"batches {damage.first_position:,} to {damage.last_position:,}: " if damage.last_position else ""
        print(f"{where}{damage.reason}")
    sound = "sound" if not found.damage else f"damaged in {len(found.damage):,} places; the rest can be read"
    print(f"{path}: {sound}: {found.batches:,} batches, {found.ticks:,} ticks")
    return not found.damage


def show_dead_letters(path: Path, *, sink: str | None, as_json: bool) -> None:
    """Print what sinks refused, and why.

    Raises:
        ConfigError: the journal knows no such sink.
        JournalError: the journal cannot be read.
    """
    with Cursors(path) as cursors:
        letters = [(name, letter) for name in _names(cursors, sink) for letter in _letters(cursors, name)]
    if as_json:
        _print_json([_as_fields(name, letter) for name, letter in letters])
    elif not letters:
        print("no dead letters")
    else:
        print(aligned(("sink", "id", "position", "died", "what", "why"), [_row(*pair) for pair in letters]))


def settle_dead_letters(path: Path, *, sink: str | None, how: Callable[[Cursors, str], int], done: str) -> None:
    """Do something with all dead letters, and print with how many.

    Raises:
        ConfigError: the journal knows no such sink.
        JournalError: the journal cannot be written.
    """
    with Cursors(path) as cursors:
        for name in _names(cursors, sink):
            print(f"{name}: {how(cursors, name):,} {done}")


def forget_sink(path: Path, sink: str) -> None:
    """Remove a sink that is no more, so that what it has not is not kept for it.

    Raises:
        ConfigError: the journal knows no such sink.
        JournalError: an engine writes the journal, which would miss its sink, or it cannot be written.
    """
    with Journal.open(path, now_us=utc_now_us()) as journal, journal.open_cursors() as cursors:
        _names(cursors, sink)
        cursors.forget(sink)
    print(f"{sink}: forgotten; a sink of that name begins anew")


def _names(cursors: Cursors, sink: str | None) -> list[str]:
    names = [state.name for state in cursors.states()]
    if sink is None:
        return names
    if sink not in names:
        raise ConfigError(f"sink {sink}: the journal knows {', '.join(names) or 'no sink'}")
    return [sink]


def _letters(cursors: Cursors, name: str) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    while page := cursors.dead_letters(name, after_id=letters[-1].id if letters else 0, limit=_IN_PAGE):
        letters += page
    return letters


def _row(name: str, letter: DeadLetter) -> tuple[str, ...]:
    return (
        name,
        str(letter.id),
        f"{letter.position}.{letter.place}",
        instant_text(letter.died_us),
        _what(letter),
        one_line(letter.reason),
    )


def _what(letter: DeadLetter) -> str:
    """Return one letter's record in a few words."""
    try:
        record = decode(letter.payload)[0]
    except (JournalError, IndexError):
        return "unreadable"
    if type(record) is not Tick:
        return record.kind
    return f"{record.symbol} {instant_text(record.time_us)} {record.price_text or record.price!r}"


def _as_fields(name: str, letter: DeadLetter) -> dict[str, Any]:
    try:
        records = [{"kind": record.kind, **fields_of(record)} for record in decode(letter.payload)]
    except JournalError:
        records = []
    fields = attrs.asdict(letter, filter=lambda field, _: field.name not in {"payload", "retrying"})
    return {"sink": name, **fields, "records": records}


def _print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
