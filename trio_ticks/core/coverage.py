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
from collections.abc import Hashable, Iterable

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
    """An open session: the symbols it covers, and its span so far."""

    symbols: tuple[str, ...]
    span: _Span


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
        """Note that a session covers these symbols from now on; return the gaps this ends."""
        self._sessions[session] = opened = _Session(tuple(symbols), _Span(at_us, at_us))
        gaps = [self._end_gap(symbol, at_us) for symbol in opened.symbols if self._is_lost(symbol)]
        for symbol in opened.symbols:
            self._pasts.setdefault(symbol, _Past(at_us)).sessions.add(session)
        return gaps

    def heard(self, session: Hashable, at_us: int) -> None:
        """Note that a session brought a tick."""
        found = self._sessions.get(session)
        if found is not None:
            found.span = _Span(found.span.start_us, at_us)

    def ended(self, session: Hashable, until_us: int, cause: str) -> list[Gap]:
        """Note that a session covered its symbols until then and is over; return the gaps this reveals."""
        found = self._sessions.pop(session, None)
        if found is None:
            return []
        gaps: list[Gap] = []
        for symbol in found.symbols:
            past = self._pasts[symbol]
            past.sessions.discard(session)
            past.unsettled.append(_Span(found.span.start_us, until_us, cause))
            gaps += self._settle(symbol, past)
        return gaps

    def finish(self, at_us: int) -> list[Gap]:
        """Return the gaps that are still open, ended at this instant."""
        gaps = [self._end_gap(symbol, at_us) for symbol in self.lost]
        for gap in gaps:
            del self._pasts[str(gap.symbol)]
        return gaps

    def _is_lost(self, symbol: str) -> bool:
        return symbol in self._pasts and not self._pasts[symbol].sessions

    def _end_gap(self, symbol: str, at_us: int) -> Gap:
        past = self._pasts[symbol]
        gap = self._gap(symbol, past, max(at_us, past.until_us))
        past.until_us = gap.end_us
        return gap

    def _settle(self, symbol: str, past: _Past) -> list[Gap]:
        """Move on to where the open sessions leave it uncertain whether anything was covered."""
        opened = [self._sessions[session].span for session in past.sessions]
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
