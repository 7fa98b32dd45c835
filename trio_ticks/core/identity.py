"""When two ticks are the same tick: a key, and whether repeats of the key count.

=============  ==================================  ========================================================
identity       key                                 a repeat of the key
=============  ==================================  ========================================================
``content``    stamp, price, volume, side          within one session a second trade; the k-th showing in one
                                                   session is the k-th in every other
``trade_id``   the id                              the same tick, whatever else it says
``sequence``   stamp, sequence, price, volume,     the same tick
               side
``time``       stamp                               the same tick: the classic (symbol, timestamp) rule
=============  ==================================  ========================================================

``time`` loses real trades: of recorded ones, 31 % (BTCUSDT, stamped in ms) and 43 % (XBTUSDT, in µs) share
their stamp with an earlier one. Prices and volumes are compared as numbers, because vendors vary the decimals.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_ticks.model import Tick

Identity: TypeAlias = Literal["content", "trade_id", "sequence", "time"]
Fields: TypeAlias = list[Any]
"""What decides on a tick: its stamp, and then what else tells it apart (int, float, str or None)."""

Key: TypeAlias = int | tuple[int | float | str | None, ...]


@attrs.frozen
class IdentityRule:
    """How one identity tells ticks apart.

    Attributes:
        fields_of: What decides on a tick; None where it cannot be told apart. Called for every tick, so it is
            quick, and it makes no key: hashing a tuple twice costs as much as the whole fast path.
        key_of: The key of these fields, unique among all stamps of a symbol.
        width: How many fields there are.
        counted: Whether a repeat of the key within one session is one more tick.
        by_id: Whether the key is an id that outlives its stamp.
        keyless: Why a tick without a key is rejected.
    """

    fields_of: Callable[[Tick], Fields | None]
    key_of: Callable[[Sequence[Any]], Key]
    width: int
    counted: bool = False
    by_id: bool = False
    keyless: str = ""

    def key(self, tick: Tick) -> Key | None:
        """Return a tick's key; None where it has none."""
        fields = self.fields_of(tick)
        return None if fields is None else self.key_of(fields)


def _content(tick: Tick) -> Fields | None:
    price, volume = tick.price, tick.volume
    # NaN equals nothing, itself included: two lines would show "different" ticks for ever.
    if price != price or volume != volume:  # noqa: PLR0124 - half the time of two calls of isnan
        return None
    return [tick.time_us, price, volume, tick.side]


def _trade_id(tick: Tick) -> Fields | None:
    trade_id = tick.trade_id
    return None if trade_id is None else [tick.time_us, trade_id]


def _sequence(tick: Tick) -> Fields | None:
    price, volume = tick.price, tick.volume
    if price != price or volume != volume:  # noqa: PLR0124 - as above
        return None
    return [tick.time_us, tick.sequence, price, volume, tick.side]


def _time(tick: Tick) -> Fields | None:
    return [tick.time_us]


_NOT_A_NUMBER = "price or volume is not a number"
_FIRST, _SECOND = itemgetter(0), itemgetter(1)

IDENTITIES: dict[Identity, IdentityRule] = {
    "content": IdentityRule(_content, tuple, 4, counted=True, keyless=_NOT_A_NUMBER),
    "trade_id": IdentityRule(_trade_id, _SECOND, 2, by_id=True, keyless="no trade id, and the identity is trade_id"),
    "sequence": IdentityRule(_sequence, tuple, 5, keyless=_NOT_A_NUMBER),
    "time": IdentityRule(_time, _FIRST, 1),
}
