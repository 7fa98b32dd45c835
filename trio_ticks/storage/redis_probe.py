"""Whether a Redis lets an engine do what it has to: each command once, on a stream of the probe's own.

The stream is called like the configured one with `SUFFIX` behind, and is deleted afterwards.
"""

from __future__ import annotations

import attrs

from trio_ticks.config.redis import RedisServer
from trio_ticks.errors import SinkUnavailableError
from trio_ticks.storage.redis import RedisMemory, RedisStream, open_stream
from trio_ticks.storage.redis_entry import NOTHING, Entry

SUFFIX = ":doctor"

_LONGEST = 128 - len(SUFFIX)
_READER = "doctor"


async def ask_memory(settings: RedisServer) -> RedisMemory:
    """Return how the server stands with its memory, which an engine itself never asks.

    Raises:
        ConfigError: coredis is not installed.
        SinkUnavailableError: the server does not answer, or does not let us.
    """
    async with open_stream(settings) as stream:
        return await stream.memory()


async def probe_reading(settings: RedisServer) -> None:
    """Look at the stream as a reader does, and change nothing.

    Raises:
        ConfigError: coredis is not installed.
        SinkUnavailableError: the server does not answer, or does not let us.
    """
    async with open_stream(settings) as stream:
        await stream.newest()
        await stream.readers()


async def probe_writing(settings: RedisServer) -> None:
    """Append, register, move, trim and read, as a writer and its readers do, and take it all away again.

    Raises:
        ConfigError: coredis is not installed.
        SinkUnavailableError: the server does not answer, or does not let us.
    """
    async with open_stream(attrs.evolve(settings, stream=settings.stream[:_LONGEST] + SUFFIX)) as stream:
        failure: SinkUnavailableError | None = None
        try:
            await _write(stream)
        except SinkUnavailableError as error:
            failure = error
        try:
            await stream.remove()
        except SinkUnavailableError as error:
            failure = failure or error  # what went wrong first says more
        if failure is not None:
            raise failure


async def _write(stream: RedisStream) -> None:
    await stream.append(Entry(1, _READER, b""), behind=NOTHING)
    await stream.register(_READER, 0)
    await stream.move(_READER, expected=0, position=1)
    await stream.trim(1)
    await stream.newest()
