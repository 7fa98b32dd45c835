"""Ticks as the engine would deliver them: exact texts, ordinals, and the flag of those that come late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

import attrs

from trio_ticks.model import Record, Side, Tick

Number: TypeAlias = float | str | Decimal
"""A price or a size. Its text is kept, so that ``"100.10"`` keeps its last digit."""


def trade(symbol: str, time_us: int, price: Number, volume: Number | None, side: Side | None, *, feed: str) -> Tick:
    """Return a tick that is received the moment it happens.

    Raises:
        ValueError: the price or the size is no finite number.
    """
    number, size = float(price), float(volume or 0.0)
    if not (isfinite(number) and isfinite(size)):
        raise ValueError(f"price {price!r}, volume {volume!r}: accepted are finite numbers")
    texts = str(price), "" if volume is None else str(volume)
    return Tick(symbol, time_us, number, size, *texts, side, feed=feed, received_us=time_us)


def one_each(name: str, values: Sequence[Any] | Any, prices: Sequence[Number]) -> list[Any]:
    """Return one value for each price: those given, or the one that was given.

    Raises:
        ValueError: several are given, but not as many as there are prices.
    """
    if values is None or isinstance(values, (str, float, int, Decimal)):
        return [values] * len(prices)
    if len(values) != len(prices):
        raise ValueError(f"{len(values)} {name} for {len(prices)} prices: accepted is one for each, or one for all")
    return list(values)


def numbered(before: Sequence[Tick], records: Sequence[Record]) -> Iterator[Record]:
    """Yield records, their ticks with the ordinal and the flag that the engine would give them behind ``before``."""
    size: dict[tuple[str, str, int], int] = {}
    high: dict[tuple[str, str], int] = {}
    for index, record in enumerate((*before, *records)):
        if type(record) is not Tick:
            yield record
            continue
        place = record.feed, record.symbol
        newest_us = high.get(place, record.time_us)
        ordinal = size.get((*place, record.time_us), 0)
        size[*place, record.time_us], high[place] = ordinal + 1, max(newest_us, record.time_us)
        if index >= len(before):
            yield attrs.evolve(record, ordinal=ordinal, late=record.time_us < newest_us)


def arrived_us(record: Record) -> int:
    """Return when a record is seen. A late tick's own time lies before that."""
    return record.received_us if type(record) is Tick else record.time_us
