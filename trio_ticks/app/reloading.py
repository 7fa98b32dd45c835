"""Reading the configuration again: what of it a running engine takes on, and what needs a new start.

Symbols of a feed come and go, and the log and the webhook change, without a connection being lost. Everything else is
named as needing a new start, and goes on as it was. A file that cannot be run as it stands changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import trio

from trio_ticks.config import EngineConfig, FeedConfig
from trio_ticks.errors import ConfigError
from trio_ticks.runtime.assembly import assemble
from trio_ticks.runtime.engine import Engine

_APPLIED = ("log", "notify")


@attrs.frozen
class SymbolChange:
    """The symbols that one feed is to carry from now on, and no longer."""

    feed: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@attrs.frozen
class Changes:
    """How two configurations differ.

    Attributes:
        symbols: What comes and goes, by feed.
        applied: Names of other tables that take effect at once.
        restart: Keys that need a new start, as the file spells them.
    """

    symbols: tuple[SymbolChange, ...]
    applied: tuple[str, ...]
    restart: tuple[str, ...]


@attrs.frozen
class Reloaded:
    """What came of reading it again.

    Attributes:
        ok: The file was accepted.
        words: One line.
    """

    ok: bool
    words: str


def changes_between(old: EngineConfig, new: EngineConfig) -> Changes:
    """Return how two configurations differ, in the order of their tables."""
    keys = list(_differing(old, new, ""))
    symbols = []
    for name, feed in new.feeds.items():
        before = old.feeds.get(name)
        if isinstance(feed, FeedConfig) and isinstance(before, FeedConfig) and f"feeds.{name}.symbols" in keys:
            added = tuple(symbol for symbol in feed.symbols if symbol not in before.symbols)
            removed = tuple(symbol for symbol in before.symbols if symbol not in feed.symbols)
            if added or removed:  # otherwise they are in another order, which means nothing
                symbols.append(SymbolChange(name, added, removed))
            keys.remove(f"feeds.{name}.symbols")
    applied = tuple(table for table in _APPLIED if any(key.split(".")[0] == table for key in keys))
    return Changes(tuple(symbols), applied, tuple(key for key in keys if key.split(".")[0] not in applied))


def _differing(old: Any, new: Any, key: str) -> Iterator[str]:
    """Yield the path of every key in which two values differ; a whole table where only one of them has it."""
    if attrs.has(type(new)) and type(old) is type(new):
        for field in attrs.fields(type(new)):
            yield from _differing(getattr(old, field.name), getattr(new, field.name), _below(key, field.name))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*old, *new)):
            yield from _differing(old.get(name), new.get(name), _below(key, str(name)))
    elif old != new:
        yield key


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


class Reloader:
    """Knows what the engine runs on, and reads it anew.

    Args:
        engine: Running.
        config: What it was started with.
        read: Returns the configuration as it stands now; called in a thread.
        apply: Takes on what is not the engine's: the log and the webhook.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        config: EngineConfig,
        read: Callable[[], EngineConfig],
        apply: Callable[[EngineConfig], None],
    ) -> None:
        self._engine = engine
        self._config = config
        self._read = read
        self._apply = apply

    async def reload(self) -> Reloaded:
        """Read it and take on what can be; return what came of it.

        Cancellation:
            At any await; symbols of some feeds may have changed, and those of others not.
        """
        try:
            new = await trio.to_thread.run_sync(self._checked, abandon_on_cancel=True)
        except ConfigError as error:
            return Reloaded(ok=False, words=f"nothing is changed: {error}")
        changes = changes_between(self._config, new)
        done, failed = await self._change_symbols(changes)
        self._apply(new)
        done += [f"[{table}]" for table in changes.applied]
        self._config = attrs.evolve(self._config, feeds=self._feeds_now(new), log=new.log, notify=new.notify)
        parts = [
            f"changed: {', '.join(done)}" if done else "",
            f"needs a new start: {', '.join(changes.restart)}" if changes.restart else "",
            f"not possible: {'; '.join(failed)}" if failed else "",
        ]
        return Reloaded(ok=not failed, words="; ".join(filter(None, parts)) or "nothing differs from what runs")

    def _checked(self) -> EngineConfig:
        """Return the configuration as it stands now, where an engine could be started with it."""
        new = self._read()
        assemble([new])
        return new

    async def _change_symbols(self, changes: Changes) -> tuple[list[str], list[str]]:
        done: list[str] = []
        failed: list[str] = []
        for change in changes.symbols:
            try:
                await self._change(change)
            except ConfigError as error:
                failed.append(f"feeds.{change.feed}.symbols: {error}")
            else:
                signed = [*(f"+{symbol}" for symbol in change.added), *(f"-{symbol}" for symbol in change.removed)]
                done.append(f"{change.feed} {' '.join(signed)}")
        return done, failed

    async def _change(self, change: SymbolChange) -> None:
        carried = set(self._engine.symbols[change.feed])
        if carried - set(change.removed):  # first, since it makes room
            await self._remove(change)
            await self._add(change)
        else:  # a feed always carries something
            await self._add(change)
            await self._remove(change)

    async def _add(self, change: SymbolChange) -> None:
        if change.added:
            await self._engine.add_symbols(*change.added, feed=change.feed)

    async def _remove(self, change: SymbolChange) -> None:
        if change.removed:
            await self._engine.remove_symbols(*change.removed, feed=change.feed)

    def _feeds_now(self, new: EngineConfig) -> Mapping[str, Any]:
        """Return the feeds as they were started, with the symbols that they carry by now."""
        carried = self._engine.symbols
        return {
            name: attrs.evolve(feed, symbols=carried[name])
            if isinstance(feed, FeedConfig) and name in new.feeds
            else feed
            for name, feed in self._config.feeds.items()
        }
