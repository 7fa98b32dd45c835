"""``watch``: ticks of one feed, a line each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import trio

from trio_ticks.app.formats import Format, header_of, writer_of
from trio_ticks.app.output import Output, open_output
from trio_ticks.app.supervising import open_supervised
from trio_ticks.app.telling import telling
from trio_ticks.config import Secret
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.base import Feed
from trio_ticks.feeds.registry import make_feed
from trio_ticks.model import Record
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.stream import Ticks

LAST_WORDS_S = 2.0
"""For printing what is queued when a stop is asked for. A pipe that nobody reads would hold us up for ever."""


@attrs.frozen(kw_only=True)
class Watching:
    """What to print, how much of it, and how."""

    form: Format = Format.TEXT
    output: str = "-"
    seconds: float | None = None
    count: int | None = None


def watch(feed: Feed, options: Watching) -> None:
    """Print a feed's ticks until it is enough, or a signal comes, or nobody reads them any more.

    Raises:
        ConfigError: the output cannot be opened.
        EngineError: the feed failed, or its first connect did.
    """
    with open_output(options.output) as output:
        try:
            trio.run(_watch, feed, options, output)
        except BrokenPipeError:
            return


def feed_of(kind: str, symbols: list[str], *, plan: str | None, url: str | None, token_file: Path | None) -> Feed:
    """Return the feed that the options describe.

    Raises:
        ConfigError: they do not describe one.
    """
    token = None if token_file is None else _token_in(token_file)
    return make_feed(kind, symbols, plan=plan, url=url, token=token)


def _token_in(path: Path) -> Secret:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise ConfigError(f"--token-file {path}: cannot be read: {reason}") from None
    if not text:
        raise ConfigError(f"--token-file {path}: is empty; accepted is a file that holds the token and nothing else")
    return Secret(text)


async def _watch(feed: Feed, options: Watching, output: Output) -> None:
    printing = trio.CancelScope()

    def stop(engine: Engine) -> None:
        engine.stop()
        printing.deadline = trio.current_time() + LAST_WORDS_S

    with telling() as tell:
        async with (
            open_supervised(feed, seconds=options.seconds, stop=stop, retry_first=False) as engine,
            engine.subscribe() as ticks,
        ):
            with printing:
                await _print(ticks, options, output, tell)


async def _print(ticks: Ticks, options: Watching, output: Output, tell: Callable[[Record], None]) -> None:
    write = writer_of(options.form)
    left = options.count
    if output.is_empty and (header := header_of(options.form)):
        await output.write(header)
    async for batch in ticks.batches():
        for record in batch.records:
            tell(record)
        if lines := write(batch.ticks[:left]):
            await output.write(lines)
        if left is not None:
            left -= len(batch.ticks)
            if left <= 0:
                return
