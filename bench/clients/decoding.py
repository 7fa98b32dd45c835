"""The engine's way of decoding, for whoever is to be compared without the difference that json makes."""

from __future__ import annotations

import math

import msgspec

from bench.work import TRADE, Record


class _Trade(msgspec.Struct):
    code: str
    tick_time: int | str
    price: str
    volume: str = ""
    seq: int | str | None = None
    trade_direction: int | str | None = None


class _Push(msgspec.Struct):
    cmd_id: int
    data: _Trade
    ret: int = 200


_decode = msgspec.json.Decoder(_Push).decode


def typed_record(message: bytes | memoryview) -> Record | None:
    """Return the trade in a message, None where it is something else; as `bench.work.record_of`, but typed."""
    try:
        push = _decode(message)
    except msgspec.ValidationError:
        return None
    if push.cmd_id != TRADE:
        return None
    data = push.data
    price, volume = float(data.price), float(data.volume)
    if not (math.isfinite(price) and math.isfinite(volume)):
        return None
    sequence = int(data.seq or 0)
    return Record(data.code, int(data.tick_time) * 1000, price, volume, data.price, data.volume, sequence)
