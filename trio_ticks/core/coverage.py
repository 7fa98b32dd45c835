"""When a symbol was covered, and why it was not.

A symbol is covered while at least one session is live for it: from the first frame after the vendor acknowledged
the subscription to the last frame that session received. What lies between is a `Gap`, recorded even when nothing
was missed for certain, because nobody can prove that nothing was.

One session takes over from another without a gap only if both were live together for a while. What is on its way when
a session ends is lost with it, and the new one shows only what is made since it is live: that they overlap by receipt
does not prove that they do by what they showed. An overlap of less than ``handover_us`` is a gap.

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
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from trio_ticks.model import Gap, Tick

HANDOVER_US = 2_000_000
"""What one connection shows of an instant may come so much later than what another does: far more than two ways
through a network differ by, and short beside the time for which redundant lines usually stand."""

ASK_US = 1_000_000
"""While it is open whether one session has taken over from another, ticks are asked so often whether it is clear now.
"""


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
    """One symbol.

    Attributes:
        until_us: So far it is settled.
        cause: Why coverage ended there; "" while it did not.
        unsettled: What ended behind that.
        sessions: Those that are open.
    """

    until_us: int
    cause: str = ""
    unsettled: list[_Span] = attrs.field(factory=list)
    sessions: set[Hashable] = attrs.field(factory=set)

    def certain(self, until_us: int | None) -> _Past:
        """Return it with nothing covered after an instant; None: as it is."""
        if until_us is None:
            return self
        spans = [_Span(min(one.start_us, until_us), min(one.end_us, until_us), one.cause) for one in self.unsettled]
        return _Past(min(self.until_us, until_us), self.cause, spans)


def _heard(tail: Iterable[Tick], lateness_us: int) -> dict[str, int]:
    """Return until when each symbol was heard and nothing is lost.

    What was held at the end is: a tick shows only that everything received so much earlier was delivered.
    """
    heard: dict[str, int] = {}
    for tick in tail:
        heard_us = tick.received_us - lateness_us
        heard[tick.symbol] = max(heard_us, heard.get(tick.symbol, heard_us))
    return heard


def _later(heard: Mapping[str, int], ends: Mapping[str, int], lateness_us: int) -> dict[str, int]:
    """Return those whose tick was received when every session that had ended before the state was saved was over.

    What came before may have come by one of them, and have been held since.
    """
    return {name: at_us for name, at_us in heard.items() if name in ends and at_us + lateness_us > ends[name]}


def _proven(heard: Mapping[str, int], sessions: Sequence[_Session]) -> Iterator[tuple[str, int, int]]:
    """Yield the symbol and the bounds of each stretch that was covered for certain, going by who was heard.

    A tick came by one of the sessions of its symbol, nobody knows by which. So it speaks for the symbols that all of
    them have, from when the last of them was live.
    """
    for symbol, heard_us in heard.items():
        having = [opened.since_us for opened in sessions if symbol in opened.since_us]
        for other in set.intersection(*map(set, having)) if having else ():
            since_us = max(since_us[other] for since_us in having)
            if since_us < heard_us:
                yield other, since_us, heard_us


class Coverage:
    """The coverage of one feed's symbols.

    Args:
        feed: Its name.
        handover_us: For so long two sessions have to be live together for one to take over from the other.
    """

    def __init__(self, *, feed: str, handover_us: int = HANDOVER_US) -> None:
        self._feed = feed
        self._handover_us = handover_us
        self._sessions: dict[Hashable, _Session] = {}
        self._pasts: dict[str, _Past] = {}
        self._unsure: set[str] = set()
        self._asked_us = 0

    @property
    def lost(self) -> tuple[str, ...]:
        """The symbols that were covered once and are not now."""
        return tuple(symbol for symbol, past in self._pasts.items() if not past.sessions)

    def live(self, session: Hashable, symbols: Iterable[str], at_us: int) -> list[Gap]:
        """Note that a session covers these symbols, too, from now on; return the gaps this ends."""
        opened = self._sessions.setdefault(session, _Session({}, at_us))
        fresh = [symbol for symbol in symbols if symbol not in opened.since_us]
        gaps = [gap for symbol in fresh if self._is_lost(symbol) for gap in self._end_loss(symbol, at_us)]
        for symbol in fresh:
            opened.since_us[symbol] = at_us
            self._pasts.setdefault(symbol, _Past(at_us)).sessions.add(session)
        return gaps

    def dropped(self, symbols: Iterable[str]) -> None:
        """Note that nobody wants these any longer: what is not covered of them is no gap."""
        for symbol in symbols:
            past = self._pasts.pop(symbol, None)
            self._unsure.discard(symbol)
            for session in past.sessions if past is not None else ():
                del self._sessions[session].since_us[symbol]

    def heard(self, session: Hashable, at_us: int) -> list[Gap]:
        """Note that a session brought a tick; return the gaps this reveals. Cheap while nothing is open."""
        found = self._sessions.get(session)
        if found is None:
            return []
        found.heard_us = at_us
        if not self._unsure or abs(at_us - self._asked_us) < ASK_US:
            return []
        self._asked_us = at_us
        asked = sorted(found.since_us.keys() & self._unsure)
        return [gap for symbol in asked for gap in self._settle(symbol, self._pasts[symbol])]

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
        """Return the gaps that are still open, ended at this instant, and those that were not certain."""
        gaps = [gap for symbol in sorted(self._unsure) for gap in self._settle(symbol, self._pasts[symbol])]
        return gaps + [gap for symbol in self.lost for gap in self._end_loss(symbol, at_us)]

    def save(self) -> dict[str, Any]:
        """Return what `resume` needs after a restart, as plain builtins."""
        return {
            "symbols": {
                symbol: [
                    past.until_us,
                    past.cause,
                    [[span.start_us, span.end_us, span.cause] for span in past.unsettled],
                ]
                for symbol, past in self._pasts.items()
            },
            "sessions": [[opened.heard_us, dict(opened.since_us)] for opened in self._sessions.values()],
        }

    def resume(
        self, saved: Mapping[str, Any] | None, tail: Iterable[Tick], *, cause: str, symbols: Collection[str]
    ) -> None:
        """Go on after a restart: no session is left, and what was covered once is lost until it is covered again.

        The gaps that this reveals are returned when the symbols are live again, or at the end.

        Args:
            saved: What `save` returned, some time before the end, with ``held_since_us`` and ``lateness_us`` of the
                sequencer at that moment; None where nothing was saved.
            tail: Ticks that were delivered after that.
            cause: Why what was covered then is not any more.
            symbols: Those that are still wanted.
        """
        if saved is None:
            return
        pasts = {
            symbol: _Past(until_us, why, [_Span(*span) for span in spans])
            for symbol, (until_us, why, spans) in saved["symbols"].items()
        }
        sessions = [_Session(since_us, heard_us) for heard_us, since_us in saved["sessions"]]
        heard = _heard(tail, saved["lateness_us"])
        held_us = saved["held_since_us"]
        certain_us = None if held_us is None else max([held_us, *heard.values()])
        for opened in sessions:
            for symbol in opened.since_us:
                pasts[symbol].unsettled.append(attrs.evolve(opened.span(symbol), cause=cause))
        ends = {name: max([past.until_us, *(span.end_us for span in past.unsettled)]) for name, past in pasts.items()}
        for symbol, since_us, until_us in _proven(_later(heard, ends, saved["lateness_us"]), sessions):
            pasts[symbol].unsettled.append(_Span(since_us, until_us, cause))
        for past in pasts.values():
            if not past.unsettled:  # its last gap ended with the run, since when nobody was there to cover it
                past.cause = past.cause or cause
        wanted = set(symbols)
        self._pasts = {symbol: past.certain(certain_us) for symbol, past in pasts.items() if symbol in wanted}

    def _is_lost(self, symbol: str) -> bool:
        return symbol in self._pasts and not self._pasts[symbol].sessions

    def _end_loss(self, symbol: str, at_us: int) -> list[Gap]:
        """Return the gaps of a symbol that nobody covers. After a restart there may be several."""
        past = self._pasts[symbol]
        gaps = self._settle(symbol, past)
        last = self._gap(symbol, past, max(at_us, past.until_us))
        past.until_us, past.cause = last.end_us, ""
        return [*gaps, last]

    def _settle(self, symbol: str, past: _Past) -> list[Gap]:
        """Move on to where the open sessions leave it uncertain whether anything was covered."""
        opened = [self._sessions[session].span(symbol) for session in past.sessions]
        known_us = min((span.end_us for span in opened), default=math.inf)
        spans, past.unsettled = sorted([*past.unsettled, *opened]), []
        gaps: list[Gap] = []
        for span in spans:
            taken_over_us = past.until_us - (self._handover_us if past.cause else 0)
            if span.start_us > taken_over_us and span.end_us > past.until_us:
                if max(span.start_us, past.until_us) > known_us:
                    past.unsettled += [span] if span.cause else []
                    continue
                gaps.append(self._gap(symbol, past, span.start_us))
            # An open one that was not heard of since has outlived nobody.
            if span.end_us >= past.until_us + (not span.cause):
                past.until_us, past.cause = span.end_us, span.cause
        self._note_whether_settled(symbol, past)
        return gaps

    def _note_whether_settled(self, symbol: str, past: _Past) -> None:
        """Remember whether it is to be seen yet that those who are open have outlived those who are not."""
        if past.sessions and (past.cause or past.unsettled):
            self._unsure.add(symbol)
        else:
            self._unsure.discard(symbol)

    def _gap(self, symbol: str, past: _Past, again_us: int) -> Gap:
        start_us, end_us = sorted((past.until_us, again_us))
        return Gap(start_us=start_us, end_us=end_us, cause=past.cause, symbol=symbol, feed=self._feed)
