"""The fast path of the feeds: values so plain that no rule would refuse or change them.

A feed declares its commonest message with these types, and msgspec checks at C speed what Python would check
field by field. Whatever does not fit raises ValueError (RecursionError where it is nested too deep), and the
feed reads the message again, from the start, by the rules of `wire` and `timestamps`. They alone decide what
is forgiven, what is refused, and in which words.

So a type here is narrower than its rule, and what fits it is what the rule would return. And no number is
remembered from one message to the next: a tick costs the same with ten symbols or ten thousand, and there is
no cache of prices that a stranger could fill.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from trio_ticks.core.timestamps import END_MS, FIRST_MS
from trio_ticks.feeds.wire import MAX_CHARS, MAX_INTEGER

Symbol: TypeAlias = Annotated[str, Meta(min_length=1)]
"""`tick_of` refuses only the empty one."""

Milliseconds: TypeAlias = Annotated[int, Meta(ge=FIRST_MS, lt=END_MS)]
"""`to_us` takes these numbers for milliseconds, and multiplies them by a thousand."""

Number: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]
"""`integer_of` returns these as they are. Not 0: JSON also writes it ``-0``, which is not a row of digits."""

DecimalText: TypeAlias = Annotated[str, Meta(max_length=MAX_CHARS)]
"""Short enough for `price_of` and `volume_of`; what it says is read by the two below."""

# Called as ``-minus_price(f"-{text}e0")``. msgspec reads a JSON number, rounds it correctly, and is six times
# as fast as `float`. JSON has no NaN, no infinity, no underscore and no digits but ASCII's; the minus and the
# e0 leave the text no room for a blank, a sign or an exponent of its own. What is left is a plain decimal, and
# 64 digits without an exponent are finite. A positive price pleases every policy.
minus_price: Final = msgspec.json.Decoder(Annotated[float, Meta(lt=0)]).decode
minus_volume: Final = msgspec.json.Decoder(Annotated[float, Meta(le=0)]).decode
