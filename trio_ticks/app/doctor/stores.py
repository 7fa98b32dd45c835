"""The databases: a point written to InfluxDB and read back; Redis asked for all that the engine asks it for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good
from trio_ticks.app.tables import size_text
from trio_ticks.config import InfluxDB, Redis, RedisFeed
from trio_ticks.errors import ConfigError, SinkError
from trio_ticks.storage.influx_probe import MEASUREMENT, InfluxProbe, probe_influxdb
from trio_ticks.storage.outcomes import Verdict
from trio_ticks.storage.redis import RedisMemory
from trio_ticks.storage.redis_probe import SUFFIX, ask_memory, probe_reading, probe_writing

PATIENCE = 3
"""So many times what connecting and reading may take: an answer that drips keeps to both and never ends."""

NEVER_EVICTS = "noeviction"

_ALLOW = "let the ACL's user run @stream, @scripting and EXISTS"

FULL = 0.9
"""Of ``maxmemory``: beyond it the next burst, or a reader that is away, holds the sink up."""


async def check_influxdb(name: str, settings: InfluxDB, now_us: Callable[[], int]) -> Finding:
    """Write a point to a bucket, read it back, and delete it."""
    patience_s = PATIENCE * (settings.connect_s + settings.read_s)
    try:
        with trio.move_on_after(patience_s):
            probe = await trio.to_thread.run_sync(
                partial(probe_influxdb, settings, now_us=now_us()), abandon_on_cancel=True
            )
            return judge_influxdb(name, settings, probe)
    except ConfigError as error:
        return bad(f"sink {name}", str(error))
    return bad(f"sink {name}", f"{settings.url}: no answer within {patience_s:g} s", "is it overloaded?")


def judge_influxdb(name: str, settings: InfluxDB, probe: InfluxProbe) -> Finding:
    """Judge what became of the point."""
    what, where = f"sink {name}", f"{settings.url}, bucket {settings.bucket!r}"
    if probe.written.verdict is not Verdict.STORED:
        unreachable = probe.written.verdict is Verdict.RETRY
        return bad(what, f"{where}: {probe.written.words}", "start it, or correct its url" if unreachable else "")
    left = f"; the point stays, as measurement {MEASUREMENT}" if probe.is_left else ""
    if probe.unread:
        cure = "let the token read, and on 2.x map the bucket to a database; only replays from it need that"
        return doubtful(what, f"{where}: a point was written, but not read back: {probe.unread}{left}", cure)
    return good(what, f"{where}: a point was written and read back{left}")


async def check_redis(what: str, settings: Redis | RedisFeed) -> Finding:
    """Ask a Redis for all that a sink, or a feed, asks it for."""
    where = f"{settings.url}, stream {settings.stream!r}"
    try:
        await (probe_writing(settings) if isinstance(settings, Redis) else probe_reading(settings))
    except ConfigError as error:
        return bad(what, str(error))
    except SinkError as error:
        return judge_refusal(what, f"{where}: {error}")
    try:
        memory = await ask_memory(settings)
    except SinkError as error:
        return doubtful(what, f"{where}: works, but its memory is not known: {error}", "let the user run INFO")
    return judge_redis(what, where, memory)


_CURES = (
    ("'del' command", f"only the check needs it: delete the stream with {SUFFIX!r} behind its name yourself"),
    (
        " key",
        f"the check used a stream with {SUFFIX!r} behind its name: allow it, or know that the real one is allowed",
    ),
    ("the user may not", _ALLOW),
    ("can't run this command", _ALLOW),
    ("out of memory", "raise maxmemory, or let the readers catch up"),
    ("the user or the password", "correct username and password"),
    ("replica", "give the address of the primary"),
    ("no connection", "start it, or correct its url"),
    ("no answer", "start it, or correct its url"),
)
"""What to do about the words of a refusal: the first that occur in them."""

_OF_THE_CHECK_ALONE = 2
"""So many of them are no trouble for an engine."""


def judge_refusal(what: str, words: str) -> Finding:
    """Judge that a Redis did not answer, or did not let us."""
    for number, (phrase, cure) in enumerate(_CURES):
        if phrase in words:
            judged = doubtful if number < _OF_THE_CHECK_ALONE else bad
            return judged(what, words, cure)
    return bad(what, words)


def judge_redis(what: str, where: str, memory: RedisMemory) -> Finding:
    """Judge what a Redis does when its memory is full."""
    limit = size_text(memory.limit_bytes) if memory.limit_bytes else "no limit"
    found = f"{where}: answers, and lets us; {size_text(memory.used_bytes)} used of {limit}, {memory.policy}"
    if memory.policy.startswith("allkeys"):
        return bad(what, f"{found}: it may delete the stream", "CONFIG SET maxmemory-policy noeviction")
    if memory.limit_bytes and memory.used_bytes > FULL * memory.limit_bytes:
        return doubtful(what, found, "raise maxmemory, or let the readers catch up")
    if memory.policy != NEVER_EVICTS:
        return doubtful(what, found, f"nothing of ours expires; {NEVER_EVICTS} says so: CONFIG SET maxmemory-policy")
    return good(what, found)
