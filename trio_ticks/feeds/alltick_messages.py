"""AllTick's frames: what they are called, how they are told apart and what an answer means.

Hardly a frame is anything but a trade, and hardly a trade has anything unusual. `plain_push` takes those, and
its types leave nothing to be checked. `common_trade` takes trades of the usual types, whatever they say. All
else is read field by field, by `frame_of` and `loose_trade`, and these forgive all that AllTick's
documentation contradicts itself about: numbers as texts and texts as numbers, empty and missing fields, errors
without a ``cmd_id``, a ``trace`` or ``data``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trio_ticks.feeds.arguments import hidden
from trio_ticks.feeds.base import HEARTBEAT as HEARTBEAT_KIND
from trio_ticks.feeds.base import SUBSCRIPTION as SUBSCRIPTION_KIND
from trio_ticks.feeds.base import Message, Reply, Verdict
from trio_ticks.feeds.plain import DecimalText, Milliseconds, Number, Symbol
from trio_ticks.feeds.wire import NO_FIELD, integer_of, lenient_text_of, line_of, text_of

if TYPE_CHECKING:
    from trio_ticks.config import Secret

HEARTBEAT: Final = 22000
SUBSCRIBE: Final = 22004
TRADE: Final = 22998

# To a heartbeat, to a subscription to books or trades, and to a cancellation.
_ANSWERS: Final = {"22001": HEARTBEAT_KIND, "22003": "", "22005": SUBSCRIPTION_KIND, "22007": ""}
_SUCCESS: Final = "200"

# AllTick's own pages give one error different numbers (an invalid parameter is 400, 201 or 202; 601 is an
# empty body or a missing permission), so the words decide, and the number only where they say nothing known.
# The first phrase that occurs counts.
_BY_WORDS: Final = (
    ("token level not enough", Verdict.TOO_MANY),
    ("token invalid", Verdict.UNAUTHORISED),
    ("token is required", Verdict.UNAUTHORISED),
    ("code invalid", Verdict.BAD_SYMBOLS),
    ("code unauthorized", Verdict.BAD_SYMBOLS),
    ("no permission", Verdict.BAD_SYMBOLS),
    ("too many requests", Verdict.TOO_FAST),
    ("rate limit", Verdict.TOO_FAST),
    ("param invalid", Verdict.REFUSED),
    ("query invalid", Verdict.REFUSED),
    ("body empty", Verdict.REFUSED),
)
_BY_RET: Final = {
    "": Verdict.OK,  # an answer that does not say how it went
    "401": Verdict.UNAUTHORISED,
    "403": Verdict.UNAUTHORISED,
    "429": Verdict.TOO_FAST,
    "600": Verdict.BAD_SYMBOLS,
    "603": Verdict.TOO_MANY,
    "604": Verdict.BAD_SYMBOLS,
    "605": Verdict.TOO_FAST,
    "606": Verdict.TOO_FAST,
}


class _PlainTrade(msgspec.Struct, gc=False):
    code: Symbol
    tick_time: Milliseconds | str
    price: DecimalText
    volume: DecimalText
    seq: Number | str | None = None
    trade_direction: Literal[0, 1, 2, "0", "1", "2"] = 0


class _PlainPush(msgspec.Struct, gc=False):
    cmd_id: Literal[22998]
    data: _PlainTrade
    ret: Literal[200] = 200


class Trade(msgspec.Struct):
    """The data of a trade push, as far as a tick needs it."""

    code: str
    tick_time: int | str
    price: str
    volume: str = ""
    seq: int | str | None = None
    trade_direction: int | str | None = None


class _Push(msgspec.Struct):
    cmd_id: int
    data: Trade
    ret: int = 200


class Frame(msgspec.Struct):
    """Any frame, each field still as it was written."""

    cmd_id: msgspec.Raw = NO_FIELD
    seq_id: msgspec.Raw = NO_FIELD
    trace: msgspec.Raw = NO_FIELD
    ret: msgspec.Raw = NO_FIELD
    msg: msgspec.Raw = NO_FIELD
    data: msgspec.Raw = NO_FIELD

    @property
    def is_trade(self) -> bool:
        """Whether it pushes a trade."""
        return lenient_text_of(self.cmd_id) == str(TRADE)


class _LooseTrade(msgspec.Struct):
    code: msgspec.Raw = NO_FIELD
    tick_time: msgspec.Raw = NO_FIELD
    price: msgspec.Raw = NO_FIELD
    volume: msgspec.Raw = NO_FIELD
    seq: msgspec.Raw = NO_FIELD
    trade_direction: msgspec.Raw = NO_FIELD


plain_push: Final = msgspec.json.Decoder(_PlainPush).decode
_PUSH: Final = msgspec.json.Decoder(_Push)
_FRAME: Final = msgspec.json.Decoder(Frame)
_LOOSE: Final = msgspec.json.Decoder(_LooseTrade)


def common_trade(message: Message) -> Trade | None:
    """Return the trade that a message pushes in the usual form, else None."""
    try:
        push = _PUSH.decode(message)
    except (ValueError, RecursionError):
        return None
    return push.data if push.cmd_id == TRADE and push.ret == int(_SUCCESS) else None


def frame_of(message: Message) -> Frame | None:
    """Return a message as a frame, or None where it is no JSON object."""
    try:
        return _FRAME.decode(message)
    except (ValueError, RecursionError):
        return None


def loose_trade(data: msgspec.Raw) -> Trade:
    """Return the trade in a push whose types are not the usual ones.

    Raises:
        ValueError: A field that a tick needs is neither text nor number. One line.
    """
    try:
        loose = _LOOSE.decode(data)
    except (ValueError, RecursionError):
        raise ValueError("a trade without data") from None
    return Trade(
        code=text_of(loose.code),
        tick_time=text_of(loose.tick_time),
        price=text_of(loose.price),
        volume=text_of(loose.volume),
        seq=lenient_text_of(loose.seq),
        trade_direction=lenient_text_of(loose.trade_direction),
    )


def trace_of(seq: int) -> str:
    """Return the trace that goes with a ``seq_id``; far below the 64 characters they take."""
    return f"trio-ticks-{seq}"


def reply_of(frame: Frame, token: Secret) -> Reply | None:
    """Return what a frame answers, or None where it is no answer.

    Whatever fails is an answer, on any frame. ``answer`` is the trace, found again from the ``seq_id`` where
    AllTick repeats only that, and "" where it repeats neither. The reason does not show the token.
    """
    ret, words = lenient_text_of(frame.ret), lenient_text_of(frame.msg)
    if ret in {"", _SUCCESS} and lenient_text_of(frame.cmd_id) not in _ANSWERS:
        return None
    verdict = verdict_of(ret, words)
    reason = "" if verdict is Verdict.OK else line_of(hidden(f"ret {ret or 'missing'}: {words}", token))
    seq = integer_of(lenient_text_of(frame.seq_id))
    answer = lenient_text_of(frame.trace) or (trace_of(seq) if seq else "")
    return Reply(answer=answer, verdict=verdict, reason=reason, kind=_ANSWERS.get(lenient_text_of(frame.cmd_id), ""))


def verdict_of(ret: str, words: str) -> Verdict:
    """Return what ``ret`` and ``msg`` of an answer mean together."""
    if ret == _SUCCESS:
        return Verdict.OK
    said = words.lower()
    for phrase, verdict in _BY_WORDS:
        if phrase in said:
            return verdict
    return _BY_RET.get(ret, Verdict.REFUSED)
