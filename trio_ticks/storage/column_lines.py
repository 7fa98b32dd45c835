r"""Line protocol straight from the journal's columns: no `Tick` is built, and no statement runs once for each tick.

A line is a row of pieces: what is the same in every line of the batch, such as ``i,received_us=1700000000123456i``,
and between these the values of the columns that change. One row is repeated for all lines, each column is put into
its place in all rows by one slice, and the whole is joined. The texts of prices are in the journal already; whole
numbers become text as one JSON array, which is split.

The lines are those of `trio_ticks.storage.tick_line`, to the byte. What has something uncommon in it, such as a text
that must be escaped or a number beyond 64 bits, is not written here at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from trio_ticks.storage import columns as ways
from trio_ticks.storage.columns import Column
from trio_ticks.storage.line_text import MAX_INTEGER, UnencodableError, field_text
from trio_ticks.storage.tick_line import LAST_NS, PER_MICROSECOND, number_text

Piece: TypeAlias = str | Iterable[str]
"""A part of every line: one text that all have, or one for each."""

PrefixOf: TypeAlias = Callable[[str, str], str]
"""Measurement and tags by feed and symbol; raises `UnencodableError`."""

# Any offset fits behind these.
_LAST_US = LAST_NS // PER_MICROSECOND - 1

# Fewer than the largest float has, so that no text of a finite length is an infinite number.
_MOST_DIGITS = 300

# Where a dot has no digit on one side, a minus sign stands alone or in the middle, or a line is empty.
_ODD = (b"\n.", b".\n", b"-.", b"-\n", b"\n\n", b".-")

_ORDINALS = [f"{number}" for number in range(PER_MICROSECOND)]
_OFFSETS = [f"{number:03}" for number in range(PER_MICROSECOND)]
_to_json = msgspec.json.Encoder().encode


class UncommonError(Exception):
    """Something in the batch has to be written tick by tick."""


def lines_of(
    columns: Sequence[Column], position: int, prefix_of: PrefixOf, *, by_trade_id: Collection[str]
) -> tuple[str, int]:
    """Return one line for each tick, in order, a newline between them; and how many they are.

    Args:
        columns: Of one batch, as `trio_ticks.storage.payload.columns_in` returns them.
        position: Of the batch in the journal.
        prefix_of: Measurement and tags.
        by_trade_id: The feeds of which the nanoseconds below the microsecond are the trade id's, not the ordinal.

    Raises:
        UncommonError: These have to be written one by one.
        JournalError, LookupError, TypeError, ValueError: these are no columns.
    """
    if len(columns) != len(ways.NAMES):
        raise UncommonError
    batch = dict(zip(ways.NAMES, columns, strict=True))
    count = ways.length(columns)
    try:
        pieces = _pieces(batch, count, position, prefix_of, by_trade_id)
    except UnencodableError:
        raise UncommonError from None
    return "".join(_laid(pieces, count))[:-1], count


def _pieces(
    batch: dict[str, Column], count: int, position: int, prefix_of: PrefixOf, by_trade_id: Collection[str]
) -> list[Piece]:
    if tuple(batch["conditions"]) != (ways.CONSTANT, None):
        raise UncommonError
    price_text, price = _number(batch, "price", count)
    volume_text, volume = _number(batch, "volume", count)
    # The nanoseconds are put behind the stamp's digits, which is wrong before 1970 and at its first instant.
    stamps = _texts(_within(ways.values_of(batch["time_us"], count), _LAST_US, least=1))
    ordinals = _within(ways.values_of(batch["ordinal"], count), PER_MICROSECOND - 1, least=0)
    offsets = _picked(_OFFSETS, ordinals)
    if by_trade_id and _only(batch["feed"]) in by_trade_id:
        offsets = [_OFFSETS[number % PER_MICROSECOND] for number in _identities(batch["trade_id"], count)]
    return [
        *(_prefixes(batch, count, prefix_of), " price=", price, ",volume=", volume),
        *(',price_text="', price_text, '",volume_text="', volume_text, '"'),
        *(_worded(batch["side"], count, _side_text), ",time_us=", stamps, "i"),
        *_optional("trade_id", batch["trade_id"], count),
        *_optional("sequence", batch["sequence"], count),
        *(",received_us=", _received(batch["received_us"], count), "i,late="),
        *(_worded(batch["late"], count, _late_text), "i,ordinal=", _picked(_ORDINALS, ordinals)),
        *(f"i,position={position}i ", stamps, offsets, "\n"),
    ]


def _laid(pieces: Sequence[Piece], count: int) -> list[str]:
    """Return the pieces of all lines in order; those that are the same in every line stand together as one."""
    row = [""]
    changing: list[tuple[int, Iterable[str]]] = []
    for piece in pieces:
        if isinstance(piece, str):
            row[-1] += piece
        else:
            changing.append((len(row), piece))
            row += ["", ""]
    laid = row * count
    for place, values in changing:
        laid[place :: len(row)] = values
    return laid


def _prefixes(batch: dict[str, Column], count: int, prefix_of: PrefixOf) -> Piece:
    feed, symbol = batch["feed"], batch["symbol"]
    if feed[0] == ways.CONSTANT:
        return _worded(symbol, count, lambda name: prefix_of(feed[1], name))
    return list(map(prefix_of, ways.values_of(feed, count), ways.values_of(symbol, count)))


def _worded(column: Column, count: int, text_of: Callable[[Any], str]) -> Piece:
    """Return a column of few different values as the texts that stand for them."""
    way, *rest = column
    if way == ways.CONSTANT:
        return text_of(rest[0])
    if way == ways.CODED:
        return map([text_of(value) for value in rest[0]].__getitem__, rest[1])
    return [text_of(value) for value in ways.values_of(column, count)]


def _side_text(side: str | None) -> str:
    return "" if side is None else f",side={field_text('side', side)}"


def _late_text(late: bool) -> str:  # noqa: FBT001 - a value of a column
    return f"{late:d}"


def _number(batch: dict[str, Column], name: str, count: int) -> tuple[Piece, Piece]:
    """Return the exact texts of numbers, and the texts of the numbers themselves."""
    numbers, texts = batch[name], batch[f"{name}_text"]
    if texts[0] != ways.LINES:
        raise UncommonError
    exact = texts[1].split("\n")
    if numbers[0] == ways.CONSTANT and exact.count(exact[0]) == count:
        return field_text(name, exact[0])[1:-1], number_text(name, numbers[1], exact[0])
    if not _are_plain(texts[1]) or max(map(len, exact)) > _MOST_DIGITS:
        raise UncommonError
    if numbers[0] == ways.PARSED:
        return exact, exact
    values = ways.values_of(numbers, count)
    return exact, [number_text(name, value, text) for value, text in zip(values, exact, strict=True)]


def _are_plain(texts: str) -> bool:
    """Tell whether lines are decimals as `trio_ticks.storage.tick_line.number_text` takes them.

    Two dots in one pass here; no float reads them, so the numbers beside them are not parsed from them.
    """
    lines = f"\n{texts}\n".encode()
    return not lines.translate(None, b"0123456789.-\n") and not any(odd in lines for odd in _ODD)


def _optional(name: str, column: Column, count: int) -> Sequence[Piece]:
    """Return a column of integers with what goes before and behind each; nothing where no tick has one."""
    if column[0] == ways.CONSTANT and column[1] is None:
        return ()
    return f",{name}=", _texts(_within(_identities(column, count), MAX_INTEGER)), "i"


def _identities(column: Column, count: int) -> Sequence[int]:
    if column[0] != ways.DELTAS:  # some ticks have one and some have none
        raise UncommonError
    return ways.values_of(column, count)


def _only(column: Column) -> Any:
    """Return the one value of a column."""
    if column[0] != ways.CONSTANT:
        raise UncommonError
    return column[1]


def _received(column: Column, count: int) -> Piece:
    if column[0] == ways.DELTAS and not any(column[2]):  # of one reading of the socket
        return str(*_within(column[1:2], MAX_INTEGER))
    return _texts(_within(ways.values_of(column, count), MAX_INTEGER))


def _within(values: Sequence[int], most: int, *, least: int | None = None) -> Sequence[int]:
    if min(values) < (-most if least is None else least) or max(values) > most:
        raise UncommonError
    return values


def _picked(texts: Sequence[str], numbers: Sequence[int]) -> Piece:
    return list(map(texts.__getitem__, numbers)) if any(numbers) else texts[0]


def _texts(numbers: Sequence[int]) -> Sequence[str]:
    # A third of the time of `map(str, …)`.
    return _to_json(numbers)[1:-1].decode().split(",")
