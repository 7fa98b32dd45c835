"""The bytes: AllTick's trade pushes of 159 bytes each, one per WebSocket frame, and what they add up to.

The symbols take turns. A symbol's stamps are a millisecond apart, so that every rule of dedup keeps every tick; its
prices go round. Numbers are written as AllTick's documentation has had them since June 2026: prices and sizes as
texts, ``seq`` and ``tick_time`` as integers. ``seq`` is when the tick was sent, in µs since the run's epoch: no
contestant reads anything into it, and all hand it to their strategy, which can tell the tick's age by it.
"""

from __future__ import annotations

import struct

TURNS = 8
"""Prices that a symbol takes one after the other: whoever misses its last tick shows a wrong price."""

PAYLOAD_BYTES = 159
FRAME_BYTES = 4 + PAYLOAD_BYTES

_HEADER = struct.pack("!BBH", 0x81, 126, PAYLOAD_BYTES)  # final text, unmasked, a length of two bytes
_STAMPS = b'1000000000000,"tick_time":1111111111111'
"""Stands where ``seq`` and the stamp go: all of a round are dated by one replacement."""


class Tape:
    """The endless sequence of ticks; tick ``n`` is always the same but for its ``seq``.

    Args:
        symbols: How many take turns.
        base_ms: The stamp of the first round.
    """

    def __init__(self, *, symbols: int, base_ms: int) -> None:
        self.codes = codes(symbols)
        self._base_ms = base_ms
        self._turns = [
            [_frame(code, _price(number, turn)) for number, code in enumerate(self.codes)] for turn in range(TURNS)
        ]
        self._rounds = [b"".join(frames) for frames in self._turns]

    def render(self, first: int, count: int, seq: int) -> bytes:
        """Return ``count`` frames, beginning with tick ``first``."""
        parts = []
        while count:
            number, place = divmod(first, len(self.codes))
            here = min(count, len(self.codes) - place)
            whole = here == len(self.codes)
            template = (
                self._rounds[number % TURNS] if whole else b"".join(self._turns[number % TURNS][place : place + here])
            )
            parts.append(template.replace(_STAMPS, b'%d,"tick_time":%d' % (seq, self._base_ms + number)))
            first, count = first + here, count - here
        return b"".join(parts)

    def expected(self, ticks: int) -> tuple[dict[str, int], dict[str, float]]:
        """Return how many ticks of each symbol there are among the first so many, and its last price."""
        full, rest = divmod(ticks, len(self.codes))
        counts = {code: full + (number < rest) for number, code in enumerate(self.codes)}
        prices = {
            code: float(_price(number, (counts[code] - 1) % TURNS))
            for number, code in enumerate(self.codes)
            if counts[code]
        }
        return {code: count for code, count in counts.items() if count}, prices


def codes(symbols: int) -> list[str]:
    """Return the codes, in the order of their turns."""
    return [f"S{number:03}" for number in range(symbols)]


def _price(number: int, turn: int) -> str:
    return f"{100 + number % 900}.{turn * 11:02}"


def _frame(code: str, price: str) -> bytes:
    text = (
        b'{"cmd_id":22998,"data":{"code":"%b","seq":%b,"price":"%b","volume":"10000","turnover":"%b","trade_direction":1}}'
        % (code.encode(), _STAMPS, price.encode(), price.encode())
    )
    assert len(text) == PAYLOAD_BYTES, len(text)
    return _HEADER + text
