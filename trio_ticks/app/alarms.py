"""What a person should know of a running engine, found by comparing its statistics with those of a moment before.

Two shapes of trouble. Some *stand* for a while (a connection is down, a database takes nothing): they are told once
they have stood long enough, and again when they are over. Others *happen* (a connection was silent, a strategy
raised): they are told when they do, at most once an hour for each, because a closed market is mute all night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from trio_ticks.app.tables import duration_text
from trio_ticks.config import NotifyEvent
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.vitals import LineStatistics

AGAIN_S = 3_600.0
"""Between two messages of the same that happens again and again. Oftener is noise that hides the rest."""


@attrs.frozen
class News:
    """One sentence for a person.

    Attributes:
        event: What it is of, as ``[notify] events`` names it.
        text: The sentence.
        time_us: When it was found.
        is_over: It is right again.
    """

    event: NotifyEvent
    text: str
    time_us: int
    is_over: bool = False


@attrs.frozen
class Standing:
    """Something that is wrong at this moment: its words, those for when it is over, and how long it may last."""

    event: NotifyEvent
    text: str
    over: str
    after_s: float = 0.0


@attrs.define
class _Watched:
    standing: Standing
    since_us: int
    is_told: bool = False


class Alarms:
    """Remembers what stands and what was told."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._told_us: dict[str, int] = {}
        self._before: EngineStatistics | None = None

    def look(self, now: EngineStatistics, *, down_s: float) -> list[News]:
        """Return what there is to tell, the oldest trouble first.

        Args:
            now: The engine, of which the previous call has seen the moment before.
            down_s: How long a connection or a database may be gone before it is told.
        """
        before, self._before = self._before, now
        news = list(self._stood(now, {**dict(_feeds(now, down_s)), **dict(_others(now, down_s))}))
        if before is not None:
            news += [item for key, item in _happened(before, now) if self._is_news(key, now.now_us)]
        return news

    def _stood(self, now: EngineStatistics, standing: Mapping[str, Standing]) -> Iterator[News]:
        for key in [key for key in self._watched if key not in standing]:
            watched = self._watched.pop(key)
            if watched.is_told and watched.standing.over:
                lasted = duration_text((now.now_us - watched.since_us) / 1e6)
                yield News(
                    watched.standing.event, f"{watched.standing.over} after {lasted}", now.now_us, is_over=True
                )
        for key, trouble in standing.items():
            watched = self._watched.setdefault(key, _Watched(trouble, now.now_us))
            if not watched.is_told and now.now_us - watched.since_us >= trouble.after_s * 1e6:
                watched.is_told = True
                yield News(trouble.event, trouble.text, now.now_us)

    def _is_news(self, key: str, now_us: int) -> bool:
        told_us = self._told_us.get(key)
        if told_us is not None and 0 <= now_us - told_us < AGAIN_S * 1e6:
            return False
        self._told_us[key] = now_us
        return True


def _feeds(now: EngineStatistics, down_s: float) -> Iterator[tuple[str, Standing]]:
    given_up = now.failed_feeds.keys()
    for feed, reason in now.failed_feeds.items():
        yield f"feed {feed}", Standing("feed", f"feed {feed} is given up: {reason}", "")
    for line in _lines(now, without=given_up):
        if line.state != "live":
            why = f": {line.last_error}" if line.last_error else ""
            text = f"{line.name} has brought no prices for {duration_text(down_s)}{why}"
            yield f"line {line.name}", Standing("disconnected", text, f"{line.name} is connected again", down_s)
    for relay in now.relays:
        if relay.state != "reading" and relay.name not in given_up:
            text = f"feed {relay.name} cannot be read for {duration_text(down_s)}: {relay.last_error}"
            yield f"relay {relay.name}", Standing("disconnected", text, f"feed {relay.name} is read again", down_s)


def _others(now: EngineStatistics, down_s: float) -> Iterator[tuple[str, Standing]]:
    for sink in now.sinks:
        if sink.state == "holding":
            text = f"sink {sink.name} takes nothing for {duration_text(down_s)}, its ticks wait: {sink.last_error}"
            yield f"sink {sink.name}", Standing("database", text, f"sink {sink.name} takes ticks again", down_s)
    if now.journal is not None and now.journal.state in {"holding", "lossy"}:
        what = "leaves ticks out" if now.journal.state == "lossy" else "takes nothing"
        text = f"the journal {what}: {now.journal.last_error or 'it does not keep up'}"
        yield f"journal {now.journal.state}", Standing("journal", text, "the journal takes everything again")
    for strategy in now.strategies:
        if strategy.state == "failed":
            text = f"strategy {strategy.name} failed and is not started again: {strategy.last_error}"
            yield f"strategy {strategy.name}", Standing("strategy", text, "")


def _happened(before: EngineStatistics, now: EngineStatistics) -> Iterator[tuple[str, News]]:
    reconnects = {line.name: line.reconnects for line in _lines(before)}
    for line in _lines(now):
        for cause in ("silent", "mute"):
            if line.reconnects.get(cause, 0) > reconnects.get(line.name, {}).get(cause, 0):
                text = f"{line.name} was {cause} and is connected anew: {line.last_error}"
                yield f"{cause} {line.name}", News("silent", text, now.now_us)
    failures = {strategy.name: strategy.failures for strategy in before.strategies}
    for strategy in now.strategies:
        if strategy.failures > failures.get(strategy.name, 0) and strategy.state != "failed":
            text = f"strategy {strategy.name} failed and is restarted: {strategy.last_error}"
            yield f"strategy {strategy.name}", News("strategy", text, now.now_us)
    refused = {sink.name: sink.ledger.dead_lettered for sink in before.sinks}
    for sink in now.sinks:
        if (count := sink.ledger.dead_lettered - refused.get(sink.name, 0)) > 0:
            text = f"sink {sink.name} refuses {count:,} ticks for good; see trio-ticks journal dead-letters"
            yield f"refused {sink.name}", News("refused", text, now.now_us)


def _lines(statistics: EngineStatistics, without: Iterable[str] = ()) -> Iterator[LineStatistics]:
    for shard in statistics.shards:
        if shard.feed not in without:
            yield from shard.lines
