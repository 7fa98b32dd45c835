"""The wire of a venue in memory, as a feed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from trio_ticks.core.identity import Identity
from trio_ticks.feeds.base import Decoded, Limits, Message, Question, Reply, Request, Verdict
from trio_ticks.model import Tick


class VenueFeed:
    """The venue's wire: JSON arrays for prices, an echo with a verdict for an answer."""

    def __init__(self, symbols: Sequence[str], name: str, identity: Identity, limits: Limits) -> None:
        self.symbols = tuple(symbols)
        self.name = name
        self.url = f"ws://{name}.invalid/"
        self.identity = identity
        self.limits = limits
        self._beats = 0

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request]:
        """Ask for the symbols; the answer is an echo."""
        text = " ".join(["subscribe", *symbols])
        return [Request(text, answer=text)]

    def heartbeat(self) -> Request | None:
        """Return the next keep-alive, where the venue wants one."""
        if self.limits.heartbeat_s is None:
            return None
        self._beats += 1
        return Request(f"beat {self._beats}", answer=f"beat {self._beats}")

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Read the venue's messages; what is neither price nor answer is unreadable."""
        decoded = Decoded()
        for message in messages:
            try:
                content = json.loads(message)
                if isinstance(content, list):
                    decoded.ticks.append(Tick(*content))
                else:
                    decoded.replies.append(Reply(content["answer"], Verdict(content["verdict"]), content["reason"]))
            except (ValueError, KeyError, TypeError):
                decoded.unreadable += 1
        return decoded


class AskableVenueFeed(VenueFeed):
    """The venue's wire, and its other interface: the last trade of a symbol."""

    def question(self, symbols: Sequence[str]) -> Question:
        """Ask for the last trades of some symbols."""
        return Question("http://venue.invalid/", secret_query=",".join(symbols))

    def last_trades(self, status: int, body: bytes) -> dict[str, int]:
        """Read the answer."""
        trades: dict[str, int] = json.loads(body) if status == 200 else {}  # noqa: PLR2004 - HTTP's "OK"
        return trades


def encode(tick: Tick) -> str:
    """Return a tick as the venue sends it."""
    fields = (tick.symbol, tick.time_us, tick.price, tick.volume, tick.price_text, tick.volume_text, tick.side)
    return json.dumps([*fields, tick.trade_id, tick.sequence])
