"""What one session knows of itself: asked, answered, heard, and what it amounts to.

Decisions only; the session's tasks ask and act. The talker calls `asking` and `expect` before it sends, the reader
`answered` and `goes_live` for each wake-up; the talker sleeps on `news` meanwhile.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import unquote_plus

import trio

from trio_ticks.core.intake import Session
from trio_ticks.core.suspects import Suspects
from trio_ticks.errors import (
    AuthenticationError,
    ConnectError,
    FeedError,
    MuteFeedError,
    RemoteProtocolError,
    SubscriptionError,
)
from trio_ticks.feeds.base import HEARTBEAT, SUBSCRIPTION, Reply, Request, Verdict

E = TypeVar("E", bound=Exception)

_ERRORS: dict[Verdict, type[FeedError]] = {
    Verdict.UNAUTHORISED: AuthenticationError,
    Verdict.BAD_SYMBOLS: SubscriptionError,
    Verdict.TOO_MANY: ConnectError,
    Verdict.TOO_FAST: ConnectError,
    Verdict.REFUSED: RemoteProtocolError,
}

_ABOUT_THE_LIST = {Verdict.BAD_SYMBOLS, Verdict.TOO_MANY}
"""What a shorter list can mend: codes that are unknown or not paid for, and more of them than the plan has."""


class Conversation:
    """One session, from the open link to its end.

    Attributes:
        session: Its identity.
        search: Which symbols the vendor takes.
        wanted: The symbols it is to carry, refused ones included.
        opened, heard_at: On Trio's clock: link opened, last message handed on.
        opened_us, heard_us, ticked_us: Opened, and receipt of the last message and tick, by the wall clock.
        live_since, live_us: When it began to cover its first symbols, by either clock; None before.
        is_handing_on: Whether the sequencer is holding the reader up at this moment.
        offenders: Symbols that the vendor refuses, with its reason.
        untold: Those of them that nobody was told of yet.
        news: Set when an answer came or something else is to be asked for.
    """

    def __init__(
        self, *, session: Session, symbols: Sequence[str], known_bad: Mapping[str, str], secret: str = ""
    ) -> None:
        self.session = session
        self.search = Suspects(symbol for symbol in symbols if symbol not in known_bad)
        self.offenders = dict(known_bad)
        self.wanted = frozenset(symbols)
        self.opened = self.heard_at = 0.0
        self.opened_us = 0
        self.heard_us: int | None = None
        self.ticked_us: int | None = None
        self.live_since: float | None = None
        self.live_us: int | None = None
        self.is_handing_on = False
        self.untold: dict[str, str] = {}
        self.news = trio.Event()
        self._unanswered: dict[str, str] = {}
        self._is_asking = False
        self._is_sending = False
        self._covered: set[str] = set()
        self._looked_at: tuple[str, ...] = ()
        self._good_before: tuple[str, ...] = ()
        self._secrets = _spellings(secret)

    @property
    def is_answered(self) -> bool:
        """Whether the last subscription was answered, or never asked for an answer."""
        return not self._is_asking

    def asking(self) -> tuple[str, ...]:
        """Return the list to subscribe to now."""
        self._is_asking = self._is_sending = True
        return self.search.ask()

    def asked(self) -> None:
        """Note that no further request of the subscription will be sent."""
        self._is_sending = False
        self._accept_if_complete()

    def expect(self, request: Request, kind: str) -> None:
        """Note a request that is about to be sent. Of heartbeats only the last is remembered."""
        if kind == HEARTBEAT:
            self._unanswered = {answer: kind for answer, kind in self._unanswered.items() if kind != HEARTBEAT}
        if request.answer:
            self._unanswered[request.answer] = kind

    def answered(self, replies: Iterable[Reply]) -> FeedError | None:
        """Take the vendor's answers; return the error they amount to, if any."""
        self._good_before = self.search.good
        for reply in replies:
            kind = self._match(reply)
            if reply.verdict is Verdict.OK:
                self._accept_if_complete()
            elif kind == SUBSCRIPTION and self._is_asking and reply.verdict in _ABOUT_THE_LIST:
                if self.search.is_repeating:
                    return RemoteProtocolError(f"the vendor refuses what it took before: {reply.reason}")
                self._refuse(reply.reason)
            elif reply.verdict is Verdict.BAD_SYMBOLS:
                # Of a list that was refused already, where each bad code gets an answer of its own, or of one that
                # was accepted before. Asking once more tells.
                self.search.repeat()
                self.wake()
            else:
                return _ERRORS[reply.verdict](f"the vendor says: {reply.reason}")
        return None

    def goes_live(self, *, with_ticks: bool) -> tuple[str, ...]:
        """Return the symbols that this wake-up makes live: a frame after their acknowledgement, or with it."""
        good = self.search.good if with_ticks else self._good_before
        if good is self._looked_at:  # as the last time: thousands of symbols are not looked at in each wake-up
            return ()
        self._looked_at = good
        fresh = tuple(symbol for symbol in good if symbol not in self._covered)
        self._covered.update(fresh)
        return fresh

    def add(self, symbols: Iterable[str]) -> None:
        """Subscribe to these, too."""
        fresh = frozenset(symbols)
        self.wanted |= fresh
        self.search.add(sorted(fresh))
        self.wake()

    def remove(self, symbols: Iterable[str]) -> None:
        """Subscribe to these no longer."""
        gone = frozenset(symbols)
        self.wanted -= gone
        self.search.remove(gone)
        for refused in (self.offenders, self.untold):
            for symbol in gone & refused.keys():
                del refused[symbol]
        self._covered -= gone
        self.wake()

    def wake(self) -> None:
        """Let the talker look again at what there is to do."""
        self.news.set()

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

    def _match(self, reply: Reply) -> str:
        """Return what kind of request was answered: by its token, by its kind, or for an error the oldest one.

        An answer about the list is one to a subscription, whatever else is on its way.
        """
        waiting = self._unanswered
        if reply.answer in waiting:
            return waiting.pop(reply.answer)
        sought = SUBSCRIPTION if reply.verdict in _ABOUT_THE_LIST else reply.kind  # no heartbeat has a list
        of_kind = next((answer for answer, kind in waiting.items() if kind == sought), None)
        if of_kind is None and reply.verdict is not Verdict.OK and not reply.kind:
            of_kind = next(iter(waiting), None)
        return "" if of_kind is None else waiting.pop(of_kind)

    def _accept_if_complete(self) -> None:
        """Take the list for accepted once it was sent as a whole and no answer to any part of it is awaited."""
        if self._is_sending or not self._is_asking or SUBSCRIPTION in self._unanswered.values():
            return
        self._is_asking = False
        self.search.accepted()
        self.wake()

    def _refuse(self, reason: str) -> None:
        self._is_asking = False
        self._unanswered = {answer: kind for answer, kind in self._unanswered.items() if kind != SUBSCRIPTION}
        found = dict.fromkeys(self.search.refused(), reason)
        self.untold |= found
        self.offenders |= found
        self.wake()


def _spellings(secret_query: str) -> tuple[str, ...]:
    """Return each secret of ``token=…&user=…`` as it stands in a URL and as it was before quoting."""
    quoted = {part.partition("=")[2] for part in secret_query.split("&")}
    return tuple({*quoted, *map(unquote_plus, quoted)} - {""})
