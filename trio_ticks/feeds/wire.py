"""What all feeds share: JSON values of a stranger, made numbers that can be trusted.

`float` accepts more than a price may be: ``nan``, ``inf``, ``1_000``, blanks and any script's digits. And
JSON numbers lose their text when they are decoded. So a field whose type a vendor may change is kept as
`msgspec.Raw`, turned into text by `text_of`, and a text becomes a number only if it is a plain decimal.

Everything here raises ValueError in one line for what it refuses; `tick_of` names the symbol in it.
"""

from __future__ import annotations

import math
import re
from typing import Final, Literal, TypeAlias

import msgspec

from trio_ticks.core.timestamps import to_us
from trio_ticks.model import Side, Tick

PricePolicy: TypeAlias = Literal["positive", "nonzero", "any"]
"""Which finite prices can be real: shares never cost nothing, but oil has traded below zero. ``nonzero`` is
for vendors that write 0 where they mean "none"."""

NO_FIELD: Final = msgspec.Raw()
"""The default of a field that a message may lack."""

# Sixty-four digits hold any price or size there is; without a bound, work grows with what a stranger sends.
MAX_CHARS: Final = 64

# How much of what cannot be used an error shows, and how much of a vendor's own words.
_SHOWN_CHARS: Final = 40
_LINE_CHARS: Final = 200

_DECIMAL: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NUMBER_STARTS: Final = frozenset(b"-0123456789")
_TEXT: Final = msgspec.json.Decoder(str)

# What SQLite and InfluxDB keep as an integer.
MAX_INTEGER: Final = 2**63 - 1


def shown(text: str) -> str:
    """Return a stranger's text as one short printable line."""
    return repr(text) if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]!r}…"


def line_of(text: str) -> str:
    """Return a stranger's words as one line of a bounded length, as they are otherwise."""
    return "".join(mark if mark.isprintable() else " " for mark in text[:_LINE_CHARS])


def text_of(raw: msgspec.Raw) -> str:
    """Return a JSON string's text, or a JSON number exactly as it is written; "" where it is null or absent.

    Raises:
        ValueError: It is a boolean, an object, an array, or a string that is not Unicode.
    """
    data = bytes(raw)
    if data in {b"", b"null"}:
        return ""
    if data[0] in _NUMBER_STARTS:
        return data.decode("ascii")
    try:
        return _TEXT.decode(data)
    except ValueError:
        what = shown(data[: _SHOWN_CHARS + 1].decode(errors="replace"))
        raise ValueError(f"{what} is neither text nor number") from None


def lenient_text_of(raw: msgspec.Raw) -> str:
    """Return what `text_of` returns, or "" where that would raise."""
    try:
        return text_of(raw)
    except ValueError:
        return ""


def decimal_of(text: str, field: str) -> float:
    """Return the float nearest to a plain decimal text, which `decimal.Decimal` then accepts as well.

    Args:
        text: Such as ``37.700000``, ``-37.63`` or ``1e-7``; 64 characters at most.
        field: What it is, for the error.

    Raises:
        ValueError: It is no plain decimal, or too large for a float.
    """
    if len(text) > MAX_CHARS or not _DECIMAL.fullmatch(text):
        raise ValueError(f"{field} {shown(text)} is no plain decimal number")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{field} {shown(text)} is too large")
    return number


def integer_of(value: int | str | None) -> int | None:
    """Return a vendor's number, sent as an integer or as digits; None unless it is in 0 … 2⁶³ - 1."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= MAX_CHARS):
            return None
        value = int(value)
    return value if value is not None and 0 <= value <= MAX_INTEGER else None


def price_of(text: str, policy: PricePolicy) -> float:
    """Return a price that the policy admits.

    Raises:
        ValueError: As `decimal_of`, or the policy refuses its sign.
    """
    price = decimal_of(text, "price")
    if price > 0 or policy == "any" or (price < 0 and policy == "nonzero"):
        return price
    raise ValueError(f"price {shown(text)} is not {policy}")


def volume_of(text: str) -> float:
    """Return a size; 0.0 where the vendor sent none.

    Raises:
        ValueError: As `decimal_of`, or it is negative.
    """
    if not text:
        return 0.0
    volume = decimal_of(text, "volume")
    if volume < 0:
        raise ValueError(f"volume {shown(text)} is negative")
    return volume


def tick_of(
    *,
    feed: str,
    symbol: str,
    time: object,
    price: str,
    policy: PricePolicy,
    volume: str = "",
    side: Side | None = None,
    trade_id: int | None = None,
    sequence: int | None = None,
) -> Tick:
    """Return a tick made of what a vendor sent; ``received_us`` and ``ordinal`` are left to the runtime.

    Raises:
        ValueError: It cannot be used; one line with the symbol, the field and why.
    """
    if not symbol:
        raise ValueError("a trade without a symbol")
    try:
        return Tick(
            symbol=symbol,
            time_us=to_us(time),
            price=price_of(price, policy),
            volume=volume_of(volume),
            price_text=price,
            volume_text=volume,
            side=side,
            trade_id=trade_id,
            sequence=sequence,
            feed=feed,
        )
    except ValueError as error:
        raise ValueError(f"{shown(symbol)}: {error}") from None
