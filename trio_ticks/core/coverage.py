"""When a symbol was covered, and why it was not.

A symbol is covered while at least one session is live for it: from the first frame after the vendor acknowledged
the subscription to the last frame that session received. What lies between is a `Gap`, recorded even when nothing
was missed for certain, because nobody can prove that nothing was.

That a session is over is known late: a link that died without a word is found out by its silence, and another may
have come and gone meanwhile. So what can be said of the past is limited by the sessions that are still open, each
of which covers for certain only what it was heard of. Everything before the least of these instants is settled;
of what lies behind it, the ended sessions are remembered. They are few: a line that brings no tick for long is
ended as mute.

The driver calls `live`, `heard` and `ended` as sessions come and go, and `finish` once at the end; what they return
are the gaps that are now known from end to end.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any

import attrs

from trio_ticks.model import Gap


@attrs.frozen(order=True)
class _Span:
    """A stretch of certain coverage, and the cause of its end; "" while its session is open."""

    start_us: int
    end_us: int
    cause: str = ""


@attrs.define
class _Session:
    """An open session: since when it covers each of its symbols, and until when it was heard of."""

    since_us: dict[str, int]
    heard_us: int

    def span(self, symbol: str) -> _Span:
        """Return what it covers of a symbol for certain."""
        since_us = self.since_us[symbol]
        return _Span(since_us, max(since_us, self.heard_us))


@attrs.define
class _Past:
    """One symbol: settled up to ``until_us``, where coverage ended for that cause; what is not; who is open."""

    until_us: int
    cause: str = ""
    unsettled: list[_Span] = attrs.field(factory=list)
    sessions: set[Hashable] = attrs.field(factory=set)


class Coverage:
    """The coverage of one feed's symbols."""

    def __init__(self, *, feed: str) -> None:
        self._feed = feed
        self._sessions: dict[Hashable, _Session] = {}
        self._pasts: dict[str, _Past] = {}

    @property
    def lost(self) -> tuple[str, ...]:
        """The symbols that were covered once and are not now."""
        return tuple(symbol for symbol, past in self._pasts.items() if not past.sessions)

    def live(self, session: Hashable, symbols: Iterable[str], at_us: int) -> list[Gap]:
        """Note that a session covers these symbols, too, from now on; return the gaps this ends."""
        opened = self._sessions.setdefault(session, _Session({}, at_us))
        fresh = [symbol for symbol in symbols if symbol not in opened.since_us]
        gaps = [self._end_gap(symbol, at_us) for symbol in fresh if self._is_lost(symbol)]
        for symbol in fresh:
            opened.since_us[symbol] = at_us
            self._pasts.setdefault(symbol, _Past(at_us)).sessions.add(session)
        return gaps

    def dropped(self, symbols: Iterable[str]) -> None:
        """Note that nobody wants these any longer: what is not covered of them is no gap."""
        for symbol in symbols:
            past = self._pasts.pop(symbol, None)
            for session in past.sessions if past is not None else ():
                del self._sessions[session].since_us[symbol]

    def heard(self, session: Hashable, at_us: int) -> None:
        """Note that a session brought a tick."""
        found = self._sessions.get(session)
        if found is not None:
            found.heard_us = at_us

    def ended(self, session: Hashable, until_us: int, cause: str) -> list[Gap]:
        """Note that a session covered its symbols until then and is over; return the gaps this reveals."""
        found = self._sessions.pop(session, None)
        if found is None:
            return []
        gaps: list[Gap] = []
        for symbol, since_us in found.since_us.items():
            past = self._pasts[symbol]
            past.sessions.discard(session)
            past.unsettled.append(_Span(since_us, max(since_us, until_us), cause))
            gaps += self._settle(symbol, past)
        return gaps

    def finish(self, at_us: int) -> list[Gap]:
        """Return the gaps that are still open, ended at this instant."""
        return [self._end_gap(symbol, at_us) for symbol in self.lost]

    def save(self) -> dict[str, Any]:
        """Return what `resume` needs after a restart, as plain builtins."""
        return {
            "lost": {
                symbol: [past.until_us, past.cause] for symbol, past in self._pasts.items() if not past.sessions
            },
            "sessions": [[opened.heard_us, list(opened.since_us)] for opened in self._sessions.values()],
        }

    def resume(
        self, saved: Mapping[str, Any], *, heard: Mapping[str, int], cause: str, symbols: Collection[str]
    ) -> None:
        """Go on after a restart: what was covered once is lost until it is covered again.

        Args:
            saved: What `save` returned, some time before the end.
            heard: The receipt of the last tick after that, for symbols that had any. One of a session shows that all
                of it were covered till then.
            cause: Why what was covered then is not any more.
            symbols: Those that are still wanted.
        """
        until = {symbol: (until_us, why) for symbol, (until_us, why) in saved["lost"].items()}
        for heard_us, covered in saved["sessions"]:
            last_us = max([heard_us, *(heard[symbol] for symbol in covered if symbol in heard)])
            for symbol in covered:
                until[symbol] = max(until.get(symbol, (last_us, cause)), (last_us, cause))
        for symbol, last_us in heard.items():  # live only after the last save
            until.setdefault(symbol, (last_us, cause))
        for symbol in until.keys() & set(symbols):
            self._pasts[symbol] = _Past(*until[symbol])

    def _is_lost(self, symbol: str) -> bool:
        return symbol in self._pasts and not self._pasts[symbol].sessions

    def _end_gap(self, symbol: str, at_us: int) -> Gap:
        past = self._pasts[symbol]
        gap = self._gap(symbol, past, max(at_us, past.until_us))
        past.until_us = gap.end_us
        return gap

    def _settle(self, symbol: str, past: _Past) -> list[Gap]:
        """Move on to where the open sessions leave it uncertain whether anything was covered."""
        opened = [self._sessions[session].span(symbol) for session in past.sessions]
        known_us = min((span.end_us for span in opened), default=math.inf)
        spans, past.unsettled = sorted([*past.unsettled, *opened]), []
        gaps: list[Gap] = []
        for span in spans:
            if span.start_us > max(past.until_us, known_us):
                past.unsettled += [span] if span.cause else []
                continue
            if span.start_us > past.until_us:
                gaps.append(self._gap(symbol, past, span.start_us))
            if span.end_us >= past.until_us:
                past.until_us, past.cause = span.end_us, span.cause
        return gaps

    def _gap(self, symbol: str, past: _Past, end_us: int) -> Gap:
        return Gap(start_us=past.until_us, end_us=end_us, cause=past.cause, symbol=symbol, feed=self._feed)
