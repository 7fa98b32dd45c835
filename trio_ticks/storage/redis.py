"""The only module that knows coredis: one stream of one server, and what its troubles are called.

Everything here raises `SinkUnavailableError` for whatever a server or a network does, with a reason in plain words;
nothing is retried here, and a connection that failed is not used again. A command that got no answer may have been
carried out, so each of them does no harm when it is given again.
"""

from __future__ import annotations

import importlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import attrs
import trio

from trio_ticks.config.redis import RedisServer
from trio_ticks.errors import ConfigError, SinkUnavailableError
from trio_ticks.storage.redis_entry import Entry, id_of

T = TypeVar("T")

_PORT = 6379

# Appends where the newest entry is the one that is expected, and ours. A reply that is no None is the id of another.
_APPEND = """
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local id = top and top[1] or '0-0'
if id ~= ARGV[1] or (top and top[2][4] ~= ARGV[6]) then return id end
redis.call('XADD', KEYS[1], unpack(ARGV, 2))
return false
"""

# By each reader its position. Entries that were given out through a group and not acknowledged are no business of
# ours; they count as not read, and so does everything behind them.
_READERS = """
local readers = {}
if redis.call('EXISTS', KEYS[1]) == 0 then return readers end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  readers[#readers + 1] = about['name']
  readers[#readers + 1] = about['pending'] == 0 and about['last-delivered-id'] or '0-0'
end
return readers
"""

# Trims, unless a reader that does not have all of it came meanwhile.
_TRIM = """
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  local position = tonumber(string.match(about['last-delivered-id'], '^%d+'))
  if about['pending'] > 0 or position + 1 < tonumber(ARGV[1]) then return 0 end
end
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1])
"""

# Moves a reader, unless it does not stand where it was put last: then somebody else reads under its name.
_MOVE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 'nowhere' end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  if about['name'] == ARGV[1] then
    if about['last-delivered-id'] ~= ARGV[2] then return about['last-delivered-id'] end
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3])
    return false
  end
end
return 'nowhere'
"""

NOWHERE = "nowhere"
"""What a reader stands at that the stream does not know, or not any more."""


@attrs.frozen
class RedisMemory:
    """A server's memory.

    Attributes:
        used_bytes: At present.
        limit_bytes: ``maxmemory``; 0: the machine's.
        policy: ``maxmemory-policy``: what it does at the limit.
    """

    used_bytes: int
    limit_bytes: int
    policy: str


@attrs.define(eq=False)
class RedisStream:
    """An open way to one stream. Commands may run side by side."""

    settings: RedisServer
    _client: Any
    _foreign: Mapping[str, type[Exception]]

    async def newest(self) -> tuple[str, Entry | None] | None:
        """Return the id of the newest entry, and the entry where it is one of ours; None: there is none."""
        found = await self._ask(lambda: self._client.xrevrange(self.settings.stream, count=1))
        return _read(found[0]) if found else None

    async def append(self, entry: Entry, *, behind: str) -> str | None:
        """Append an entry right behind another one of the same writer, the newest; `NOTHING`: to an empty stream.

        Returns:
            None, or the id of the newest entry where it is another one; then nothing was done.
        """
        return await self._script(_APPEND, behind, entry.id, *entry.fields)

    async def read(self, *, after: str, count: int, wait_s: float) -> list[tuple[str, Entry | None]]:
        """Return the next entries behind an id, None for those of another program; wait for one for a while."""
        stream = self.settings.stream
        found = await self._ask(
            lambda: self._client.xread({stream: after}, count=count, block=round(wait_s * 1000)), wait_s=wait_s
        )
        return [_read(item) for items in (found or {}).values() for item in items]

    async def readers(self) -> dict[str, int]:
        """Return the position of each reader."""
        flat = await self._ask(lambda: self._client.eval(_READERS, keys=[self.settings.stream], args=[]))
        names, ids = flat[::2], flat[1::2]
        return {name.decode(): int(at.partition(b"-")[0]) for name, at in zip(names, ids, strict=True)}

    async def trim(self, below: int) -> None:
        """Let go of what is below a position, if every reader has it."""
        await self._script(_TRIM, str(below))

    async def register(self, reader: str, position: int) -> None:
        """Put a reader at a position, whether it is known or not. The stream is made where there is none."""
        stream, at = self.settings.stream, id_of(position)
        if reader in await self.readers():
            await self._ask(lambda: self._client.xgroup_setid(stream, reader, at))
        else:
            await self._ask(lambda: self._client.xgroup_create(stream, reader, at, mkstream=True))

    async def move(self, reader: str, *, expected: int, position: int) -> str | None:
        """Move a reader forward; return where it stands where that is not where it was put last, or `NOWHERE`."""
        return await self._script(_MOVE, reader, id_of(expected), id_of(position))

    async def memory(self) -> RedisMemory:
        """Return how the server stands with its memory."""
        found = await self._ask(lambda: self._client.info("memory"))
        return RedisMemory(
            used_bytes=int(found["used_memory"]),
            limit_bytes=int(found["maxmemory"]),
            policy=str(found["maxmemory_policy"]),
        )

    async def remove(self) -> None:
        """Delete the stream."""
        await self._ask(lambda: self._client.delete([self.settings.stream]))

    async def _script(self, script: str, *arguments: str | bytes) -> str | None:
        answer = await self._ask(lambda: self._client.eval(script, keys=[self.settings.stream], args=list(arguments)))
        return answer.decode() if isinstance(answer, bytes) else None

    async def _ask(self, command: Callable[[], Awaitable[T]], *, wait_s: float = 0.0) -> T:
        """Give a command and return its answer.

        Raises:
            SinkUnavailableError: there is none, or it says no.
        """
        patience_s = self.settings.connect_s + self.settings.answer_s + wait_s
        with trio.move_on_after(patience_s):
            try:
                return await command()
            except tuple(self._foreign.values()) as error:
                raise SinkUnavailableError(_words(error, self._foreign, self.settings)) from None
        raise SinkUnavailableError(f"no answer from {self.settings.url} within {patience_s:g} s")


@asynccontextmanager
async def open_stream(settings: RedisServer) -> AsyncIterator[RedisStream]:
    """Open a way to a stream. What fails in the block comes out bare, not in a group.

    Raises:
        ConfigError: coredis is not installed.
        SinkUnavailableError: in the block, and for a Cluster at once: the server does not answer.

    Cancellation:
        At any await; the connections are closed.
    """
    client, foreign = _client(settings), _foreign_errors()
    failures: list[Exception] = []
    try:
        async with client:
            try:
                yield RedisStream(settings, client, foreign)
            except Exception as error:  # noqa: BLE001 - raised below: the client's task group would wrap it
                failures.append(error)
    except Exception as error:
        # Its own tasks have failed, or a Cluster's first node.
        known = _leaf(error)
        if not isinstance(known, tuple(foreign.values())):
            raise
        failures.append(SinkUnavailableError(_words(known, foreign, settings)))
    if failures:
        raise failures[0]


def _client(settings: RedisServer) -> Any:
    coredis = _module()
    options: dict[str, Any] = {
        "connect_timeout": settings.connect_s,
        "retry_policy": importlib.import_module("coredis.retry").NoRetryPolicy(),
        "username": settings.username or None,
        "password": settings.password.reveal() if settings.password is not None else None,
    }
    where = urlsplit(settings.url)
    if where.scheme == "rediss":
        # Its own context verifies no host name.
        options |= {"ssl": True, "ssl_context": ssl.create_default_context(cafile=settings.ca_file)}
    if settings.cluster:
        return coredis.RedisCluster(where.hostname, where.port or _PORT, **options)
    return coredis.Redis(where.hostname, where.port or _PORT, db=int(where.path.strip("/") or 0), **options)


def _module() -> ModuleType:
    try:
        module = importlib.import_module("coredis")
    except ModuleNotFoundError as error:
        raise ConfigError(f"Redis needs the package {error.name}: pip install 'trio-ticks[redis]'") from None
    log = logging.getLogger("coredis")
    if not log.level:
        # It logs a traceback for every connection that fails, which whoever asked for it is told in words.
        log.setLevel(logging.CRITICAL)
    return module


def check_installed() -> None:
    """Raise `ConfigError` where coredis is not installed: that is to be known before anything runs."""
    _module()


def _foreign_errors() -> dict[str, type[Exception]]:
    """Return what the client raises for whatever a server or a network does, the more special ones first."""
    errors = importlib.import_module("coredis.exceptions")
    return {
        "loading": errors.BusyLoadingError,
        "replica": errors.ReadOnlyError,
        "password": errors.AuthenticationError,
        "permission": errors.AuthorizationError,
        "connection": errors.ConnectionError,
        "redis": errors.RedisError,
        "system": OSError,
        # Of the client's own tasks, which have ended under a command.
        "closed": importlib.import_module("anyio").ClosedResourceError,
        "broken": importlib.import_module("anyio").BrokenResourceError,
    }


_MEANINGS = {
    "loading": "Redis is loading its data",
    "replica": "this Redis is a replica now and takes no writes",
    "password": "Redis refuses the user or the password",
    "permission": "the user may not do this",
    "connection": "no connection",
    "closed": "the connection was closed",
    "broken": "the connection broke",
}


def _words(error: Exception, foreign: Mapping[str, type[Exception]], settings: RedisServer) -> str:
    name = next((name for name, kind in foreign.items() if isinstance(error, kind)), "")
    if str(error).startswith("OOM"):
        meaning = "Redis is out of memory (maxmemory)"
    else:
        meaning = _MEANINGS.get(name, "Redis refuses")
    told = f"{meaning}: {str(error) or type(error).__name__}"
    if settings.password is not None:
        told = told.replace(settings.password.reveal(), "***")
    return told


def _leaf(error: Exception) -> Exception:
    """Return an error that is alone, or the first of a group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _read(item: Any) -> tuple[str, Entry | None]:
    return item.identifier.decode(), Entry.of(item.identifier, item.field_values)
