"""The whole examination: every finding as soon as it is known, the cheap and the local ones first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import attrs
import trio

from trio_ticks.app.doctor import disk, machine
from trio_ticks.app.doctor.clock import check_clock
from trio_ticks.app.doctor.dashboard import check_port
from trio_ticks.app.doctor.finding import Finding, bad, good, unchecked
from trio_ticks.app.doctor.journal import JournalCheck, check_journal
from trio_ticks.app.doctor.stores import check_influxdb, check_redis
from trio_ticks.app.doctor.vendor import check_plan, hear, judge_connection, judge_symbols
from trio_ticks.app.running import journaled
from trio_ticks.config import EngineConfig, FeedConfig, InfluxDB, JournalConfig, Redis, RedisFeed, load_config
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.base import services_of
from trio_ticks.runtime.assembly import FeedPlan, assemble
from trio_ticks.runtime.clock import NowUs, utc_now_us

OFFLINE = "--offline"


@attrs.define(kw_only=True)
class Examination:
    """One configuration, looked at piece by piece.

    Args:
        tell: Is told each finding.
        is_offline: Whether nothing on a network is asked.
        url: Another server for the feeds; None: their own.
        seconds: How long each feed is listened to.
        now_us: This machine's clock.
    """

    tell: Callable[[Finding], None]
    is_offline: bool = False
    url: str | None = None
    seconds: float = 5.0
    now_us: NowUs = utc_now_us
    _ticks_per_s: float | None = attrs.field(default=None, init=False)

    async def run(self, path: Path) -> None:
        """Examine what a file configures; without a usable file, the machine alone."""
        self.tell(machine.check_python())
        try:
            config = self._redirected(journaled(load_config(path), journal=None, no_journal=False))
        except ConfigError as error:
            self.tell(bad("configuration", str(error)))
            await self._machine(JournalConfig(), JournalCheck(good("journal", "")), connections=0, sinks=0, symbols=0)
            return
        await self.examine(config, str(path))

    async def examine(self, config: EngineConfig, source: str) -> None:
        """Examine a configuration."""
        self.tell(machine.check_packages(machine.packages_of(config)))
        plans = self._pieces(config, source)
        kept = config.journal or JournalConfig()
        journal = await trio.to_thread.run_sync(check_journal, kept)
        connections = self._plans(plans)
        for plan in plans:
            await self.vendor(config, plan, journal.holder)
        await self.stores(config)
        self.tell(journal.finding)
        self.tell(await check_port(config.http, journal.holder))
        symbols = sum(len(plan.feed.symbols) for plan in plans)
        await self._machine(kept, journal, connections=connections, sinks=len(config.sinks), symbols=symbols)

    def _redirected(self, config: EngineConfig) -> EngineConfig:
        if self.url is None:
            return config
        feeds = {
            name: attrs.evolve(feed, url=self.url) if isinstance(feed, FeedConfig) else feed
            for name, feed in config.feeds.items()
        }
        return attrs.evolve(config, feeds=feeds)

    def _pieces(self, config: EngineConfig, source: str) -> list[FeedPlan]:
        """Say what cannot be put together, each by itself; return the vendors' feeds that can be."""
        plans: list[FeedPlan] = []
        mistakes: list[str] = []
        bare = attrs.evolve(config, strategies={}, sinks={}, archive=None)
        for name, feed in config.feeds.items():
            self._put_together(attrs.evolve(bare, feeds={name: feed}), plans, mistakes)
        for name, strategy in config.strategies.items():
            # Without its symbols, for these are the feeds' to carry; the whole is looked at last.
            alone = attrs.evolve(bare, strategies={name: attrs.evolve(strategy, symbols=None)})
            self._put_together(alone, [], mistakes)
        self._put_together(config, [], mistakes)
        told = list(dict.fromkeys(mistakes))
        for mistake in told:
            self.tell(bad("configuration", f"{source}: {mistake}"))
        if not told:
            self.tell(good("configuration", f"{source}: {_contents(config)}"))
        return plans

    def _put_together(self, config: EngineConfig, plans: list[FeedPlan], mistakes: list[str]) -> None:
        try:
            plans += assemble([config]).feeds
        except ConfigError as error:
            mistakes.append(str(error))

    def _plans(self, plans: list[FeedPlan]) -> int:
        """Say how each plan is used; return how many connections that takes."""
        total = 0
        for plan in plans:
            finding, used = check_plan(plan)
            self.tell(finding)
            total += used
        return total

    async def vendor(self, config: EngineConfig, plan: FeedPlan, holder: str | None = None) -> None:
        """Examine the way to a vendor, and what it says to the token and to each symbol.

        Args:
            config: All of it.
            plan: One of its feeds.
            holder: Who writes the journal now, and has the token's connections therefore; None: nobody.
        """
        names = [f"{part} {plan.name}" for part in ("clock", "tls", "connect", "symbols")]
        if self.is_offline:
            for name in names:
                self.tell(unchecked(name, OFFLINE))
            return
        url = services_of(plan.feed)[0].url
        found = await check_clock(plan.name, url, plan.road, self.now_us)
        self.tell(found.clock)
        self.tell(found.tls)
        if holder is not None:
            for name in names[2:]:
                self.tell(unchecked(name, f"{holder}, uses the token's connections"))
            return
        alone = attrs.evolve(
            config,
            feeds={plan.name: config.feeds[plan.name]},
            strategies={},
            sinks={},
            journal=None,
            archive=None,
        )
        heard = await hear(alone, seconds=self.seconds)
        self.tell(judge_connection(plan, heard))
        self.tell(judge_symbols(plan.name, plan.feed.symbols, heard))
        if heard.ticks_per_s is not None:
            self._ticks_per_s = (self._ticks_per_s or 0.0) + heard.ticks_per_s

    async def stores(self, config: EngineConfig) -> None:
        """Examine the databases."""
        for name, feed in config.feeds.items():
            if isinstance(feed, RedisFeed):
                await self._store(f"feed {name}", partial(check_redis, f"feed {name}", feed))
        for name, sink in config.sinks.items():
            if isinstance(sink, InfluxDB):
                await self._store(f"sink {name}", partial(check_influxdb, name, sink, self.now_us))
            elif isinstance(sink, Redis):
                await self._store(f"sink {name}", partial(check_redis, f"sink {name}", sink))

    async def _store(self, what: str, check: Callable[[], Awaitable[Finding]]) -> None:
        self.tell(unchecked(what, OFFLINE) if self.is_offline else await check())

    async def _machine(
        self, config: JournalConfig, journal: JournalCheck, *, connections: int, sinks: int, symbols: int
    ) -> None:
        growth = disk.growth_of(journal.info, seen_per_s=self._ticks_per_s, symbols=symbols)
        self.tell(disk.check_room(config, journal.info, growth))
        commits = partial(disk.check_commits, config, now_us=self.now_us())
        self.tell(await trio.to_thread.run_sync(commits))
        self.tell(machine.check_speed(machine.measured_ticks_per_s()))
        self.tell(machine.check_files(connections=connections, sinks=sinks))


def _contents(config: EngineConfig) -> str:
    parts = {"feeds": config.feeds, "strategies": config.strategies, "sinks": config.sinks}
    return "; ".join(f"{name}: {', '.join(part) or 'none'}" for name, part in parts.items())
