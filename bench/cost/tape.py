"""The bytes: AllTick's trade pushes, one per WebSocket frame, a round of all symbols of a connection at a time.

All ticks of a round carry the same stamp, and the next round's comes when as many ticks as there are symbols have
passed at `MARKET_RATE`. Codes and prices are equally long for any number of symbols, so every push has the same size.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from bench.cost.job import MARKET_RATE

TURNS = 8
"""Prices that a symbol takes one after the other: whoever misses its last tick shows a wrong price."""

_STAMP = b"1111111111111"


class Tape:
    """The endless sequence of rounds.

    Args:
        codes: Those of one connection.
        symbols: How many there are on all connections.
        base_us: The stamp of the first round.
    """

    def __init__(self, codes: Sequence[str], *, symbols: int, base_us: int) -> None:
        self._symbols = symbols
        self._base_us = base_us
        self._rounds = [b"".join(_frame(code, turn) for code in codes) for turn in range(TURNS)]

    def render(self, number: int) -> bytes:
        """Return the frames of one round."""
        stamp = b"%013d" % (stamp_us(number, symbols=self._symbols, base_us=self._base_us) // 1000)
        return self._rounds[number % TURNS].replace(_STAMP, stamp)


def stamp_us(number: int, *, symbols: int, base_us: int) -> int:
    """Return the event time of a round."""
    return base_us + number * symbols * 1_000_000 // MARKET_RATE


def codes(symbols: int) -> list[str]:
    """Return all codes, in order."""
    return [f"C{number:05}" for number in range(symbols)]


def last_prices(symbols: int, rounds: int) -> dict[str, float]:
    """Return each symbol's last price after so many rounds."""
    return {code: float(_price(code, (rounds - 1) % TURNS)) for code in codes(symbols)}


def _price(code: str, turn: int) -> str:
    return f"{100 + int(code[1:]) % 900}.{turn * 11:02}"


def _frame(code: str, turn: int) -> bytes:
    price = _price(code, turn).encode()
    text = (
        b'{"cmd_id":22998,"data":{"code":"%b","seq":"1","tick_time":"%b","price":"%b","volume":"1",'
        b'"turnover":"%b","trade_direction":1}}' % (code.encode(), _STAMP, price, price)
    )
    return struct.pack("!BBH", 0x81, 126, len(text)) + text  # final text, unmasked, a length of two bytes
