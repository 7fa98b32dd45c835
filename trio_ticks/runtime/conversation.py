"""What one session knows of itself: asked, answered, heard, and why it ended.

Decisions only; the line's two tasks ask and act. The order of a good session is: `expect` for every request of the
subscription, `asked`, `answered` until all are, `goes_live` once, and at the end `covered_until_us`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import unquote_plus

import trio

from trio_ticks.core.intake import Session
from trio_ticks.errors import (
    AuthenticationError,
    ConnectError,
    FeedError,
    MuteFeedError,
    RemoteProtocolError,
    SubscriptionError,
)
from trio_ticks.feeds.base import Reply, Request, Verdict

E = TypeVar("E", bound=Exception)

_ERRORS: dict[Verdict, type[FeedError]] = {
    Verdict.UNAUTHORISED: AuthenticationError,
    Verdict.BAD_SYMBOLS: SubscriptionError,
    Verdict.TOO_MANY: ConnectError,
    Verdict.TOO_FAST: ConnectError,
    Verdict.REFUSED: RemoteProtocolError,
}


class Conversation:
    """One session, from the open link to its end.

    Attributes:
        session: Its identity.
        opened, heard_at, ticked_at: On Trio's clock: link opened, last message and last tick handed on.
        heard_us, ticked_us: The same by the wall clock, for records; None before the first.
        live_since, live_us: When it began to cover its symbols, by either clock; None before.
        acknowledged: Set when every request of the subscription has been answered.
    """

    def __init__(self, *, session: Session, secret: str = "") -> None:
        self.session = session
        self.opened = self.heard_at = self.ticked_at = 0.0
        self.heard_us: int | None = None
        self.ticked_us: int | None = None
        self.live_since: float | None = None
        self.live_us: int | None = None
        self.acknowledged = trio.Event()
        self._unanswered: set[str] = set()
        self._asked = False
        self._heard_since = False
        self._secrets = _spellings(secret)

    def expect(self, request: Request) -> None:
        """Note a request of the subscription that is about to be sent."""
        if request.answer:
            self._unanswered.add(request.answer)

    def asked(self) -> None:
        """Note that the whole subscription has been sent."""
        self._asked = True
        self._acknowledge()

    def answered(self, replies: Iterable[Reply]) -> FeedError | None:
        """Take the vendor's answers; return the error they amount to, if any."""
        self._heard_since = self.acknowledged.is_set()
        for reply in replies:
            if reply.verdict is not Verdict.OK:
                return _ERRORS[reply.verdict](f"the vendor says: {reply.reason}")
            self._unanswered.discard(reply.answer)
        self._acknowledge()
        return None

    def goes_live(self, *, with_ticks: bool) -> bool:
        """Tell whether this wake-up makes the session live: a frame after the acknowledgement, or with it."""
        if self.live_since is not None or not self.acknowledged.is_set():
            return False
        return with_ticks or self._heard_since

    def covered_until_us(self, cause: str) -> int:
        """Return until when the session covered its symbols: to its last frame, or its last tick if mute.

        A session that was never live covered nothing, and its answer means nothing.
        """
        last_us = self.ticked_us if cause == MuteFeedError.cause else self.heard_us
        return max(self.live_us or 0, last_us or 0)

    def lived_s(self, now: float) -> float | None:
        """Return how long the session has been live, None if it never was."""
        return None if self.live_since is None else now - self.live_since

    def scrubbed(self, failure: E) -> E:
        """Return a failure that does not show the token, should the vendor have repeated it.

        Where it or its history does, the copy has no history: a traceback would print it.
        """
        history = "".join(traceback.format_exception(failure, limit=0))  # the words of all of them, no source
        if not any(secret in history for secret in self._secrets):
            return failure
        words = str(failure)
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return type(failure)(words)

    def _acknowledge(self) -> None:
        if self._asked and not self._unanswered:
            self.acknowledged.set()


def _spellings(secret_query: str) -> tuple[str, ...]:
    """Return the secret of ``token=…`` as it stands in a URL and as it was before quoting."""
    quoted = secret_query.partition("=")[2]
    return tuple({quoted, unquote_plus(quoted)} - {""})
