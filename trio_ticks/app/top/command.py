"""``top``: asks a running engine for its status, again and again, and draws it."""

from __future__ import annotations

import base64
from pathlib import Path

import attrs
import trio
from rich.console import Console
from rich.live import Live

from trio_ticks.app.top.keys import single_keys, wait_key
from trio_ticks.app.top.screen import Screen
from trio_ticks.app.top.status import EngineStatus, decode_status
from trio_ticks.config import Secret
from trio_ticks.errors import ConfigError, ConnectError, TrioTicksError
from trio_ticks.runtime.asking import fetch

TIMEOUT_S = 10.0
"""For an answer. An engine that needs longer has something else to do than to be watched."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of a status: some hundred bytes for each symbol, so a hundred thousand of them fit."""


@attrs.frozen(kw_only=True)
class Top:
    """What is watched, and how it is shown."""

    url: str
    once: bool = False
    as_json: bool = False
    every_s: float = 1.0
    password_file: Path | None = None


def top(options: Top) -> None:
    """Show a running engine until q is typed; once where nobody could watch it change.

    Raises:
        ConfigError: the address, or the password's file, cannot be used.
        TrioTicksError: nothing answers there, or something else does. Once it has answered, it is waited for.
    """
    console = Console()
    is_live = console.is_terminal and not console.is_dumb_terminal
    asker = _Asker(options.url.rstrip("/") + "/status", _authorization(options.password_file))
    if options.as_json:
        trio.run(_print_json, asker, options)
    elif options.once or not is_live:
        console.print(Screen(trio.run(asker.status)))
    else:
        trio.run(_watch, asker, options, console)


@attrs.frozen
class _Asker:
    url: str
    authorization: Secret | None

    async def body(self) -> bytes:
        """Return the status as it comes."""
        try:
            code, body = await fetch(
                self.url, timeout_s=TIMEOUT_S, max_bytes=MAX_BODY_BYTES, authorization=self.authorization
            )
        except ConnectError as error:
            hint = "is trio-ticks run there, with [http]?" if "refused" in str(error) else ""
            raise TrioTicksError(f"{error}; {hint}" if hint else str(error)) from error
        if code == 401:  # noqa: PLR2004 - RFC 9110: it wants to know who asks
            raise TrioTicksError(f"{self.url}: it has a password; give --password-file FILE")
        if code != 200:  # noqa: PLR2004 - RFC 9110: that is the status
            raise TrioTicksError(f"{self.url}: HTTP {code}: no engine of trio-ticks tells its status there")
        return body

    async def status(self) -> EngineStatus:
        """Return the status."""
        return decode_status(await self.body(), self.url)


def _authorization(path: Path | None) -> Secret | None:
    if path is None:
        return None
    try:
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise ConfigError(f"--password-file {path}: cannot be read: {reason}") from None
    return Secret("Basic " + base64.b64encode(f"trio-ticks:{password}".encode()).decode())


async def _print_json(asker: _Asker, options: Top) -> None:
    while True:
        body = await asker.body()
        decode_status(body, asker.url)
        print(body.decode().strip(), flush=True)
        if options.once:
            return
        await trio.sleep(options.every_s)


async def _watch(asker: _Asker, options: Top, console: Console) -> None:
    status = await asker.status()
    with single_keys() as keyboard, Live(console=console, auto_refresh=False, screen=True) as live:
        async with trio.open_nursery() as nursery:
            if keyboard is not None:
                nursery.start_soon(_end_at_q, keyboard, nursery.cancel_scope)
            trouble = ""
            while True:
                live.update(Screen(status, trouble, is_live=True), refresh=True)
                await trio.sleep(options.every_s)
                try:
                    status, trouble = await asker.status(), ""
                except TrioTicksError as error:
                    trouble = f"no answer, what is shown is old: {error}"


async def _end_at_q(keyboard: int, scope: trio.CancelScope) -> None:
    await wait_key(keyboard, "q")
    scope.cancel("q was typed")
