"""The client under test: the batched transport, and an echo on top of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from trio_ticks.config import Secret
from trio_ticks.config.proxies import Proxies
from trio_ticks.errors import ConnectError, RemoteProtocolError
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport import LinkClosed, open_batched

AGENT = "trio_ticks"

LARGEST_BYTES = 32 << 20
"""The suite sends messages of 16 MiB and wants them back; the limit of 1 MiB that is shipped is for tickers."""

CASE_S = 300.0
"""The slowest cases echo a thousand messages of 128 KiB."""

START_S = 30.0

dial = partial(
    open_batched,
    timeout_s=30.0,
    road=Road(proxies=Proxies(configured=Secret(""))),
    now_us=utc_now_us,
    max_message_bytes=LARGEST_BYTES,
)


async def run_cases(url: str, *, told: Callable[[int, int], None]) -> None:
    """Go through every case that the suite at this URL has, then have it write its reports.

    Args:
        url: Of the suite.
        told: Called with the number of each case, and how many there are.

    Raises:
        ConnectError: The suite does not answer.
        trio.TooSlowError: One case did not end.
    """
    count = await _count(url)
    for number in range(1, count + 1):
        told(number, count)
        with trio.fail_after(CASE_S):
            await _echo(f"{url}/runCase?case={number}&agent={AGENT}")
    await _echo(f"{url}/updateReports?agent={AGENT}")


async def _count(url: str) -> int:
    """Ask how many cases there are, as soon as somebody answers."""
    with trio.fail_after(START_S):
        while True:
            try:
                async with dial(f"{url}/getCaseCount") as link:
                    return int((await link.receive()).messages[0])
            except* ConnectError:
                await trio.sleep(0.1)


async def _echo(url: str) -> None:
    """Send back what comes, text as text and bytes as bytes, until the end, whatever end that is."""
    try:
        async with dial(url) as link:
            while True:
                for message in (await link.receive()).messages:
                    await link.send(message)
    except* (LinkClosed, RemoteProtocolError):
        pass
