"""One webhook: what is told there, in which words, and how a dead one costs nothing.

Messages wait in a bounded queue. The first is sent at once; what comes within the pause after it goes out together,
in one request. A webhook that does not answer is tried again ever less often, and meanwhile the oldest messages give
way to the newest, and are counted.
"""

from __future__ import annotations

import logging
import platform
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
import msgspec
import trio

from trio_ticks.app.alarms import News
from trio_ticks.app.tables import printable
from trio_ticks.config import NotifyConfig
from trio_ticks.core.backoff import Backoff
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import datetime_of
from trio_ticks.runtime.asking import post

log = logging.getLogger("trio_ticks.notify")

WAITING = 50
"""Messages at most. A person reads no more; what is older than these is in the log and the journal."""

LONGEST = 1_900
"""Characters of a text: Discord refuses more than 2,000."""

MOST_S = 900.0
"""Between attempts at a webhook that does not take them, at most. Longer would tell of a night's outage at noon."""

FAREWELL_S = 5.0
"""For the last words of a process that ends. systemd kills a service 90 s after it asked it to stop, Docker after 10;
and nobody waits longer at a terminal for a server that does not answer."""


class Webhook:
    """Where news goes to. `run` is its task; `tell` never waits.

    Args:
        settings: ``[notify]``. May be replaced while it runs; None: nobody wants to know.
        chance: Returns a number in [0, 1) to spread retries with.
        send: Sends one request; it returns the status of the answer, or raises as `trio_ticks.runtime.asking.post`.
    """

    def __init__(
        self,
        settings: NotifyConfig | None,
        *,
        chance: Callable[[], float] = random.random,
        send: Callable[..., Awaitable[int]] = post,
    ) -> None:
        self.settings = settings
        self._chance = chance
        self._post_once = send
        self._waiting: deque[News] = deque()
        self._lost = 0
        self._something = trio.Event()
        self._is_failing = False

    def tell(self, news: Sequence[News]) -> None:
        """Queue what is wanted of these."""
        wanted = () if self.settings is None else self.settings.events
        self._waiting += [item for item in news if item.event in wanted]
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self._lost += 1
        if self._waiting:
            self._something.set()

    async def run(self) -> None:
        """Send, until cancelled.

        Cancellation:
            At any await; what was being sent may or may not have arrived.
        """
        backoff = Backoff(first_s=1.0, max_s=MOST_S, healthy_s=0.0)
        while True:
            await self._something.wait()
            if await self._send():
                backoff.after(0.0, 0.0)
                await trio.sleep(0.0 if self.settings is None else self.settings.pause_s)
            else:
                await trio.sleep(backoff.after(None, self._chance()))

    async def farewell(self) -> None:
        """Send what waits, in one attempt; none where the last one failed. The caller bounds it by `FAREWELL_S`.

        Cancellation:
            At any await; what was being sent may or may not have arrived.
        """
        if self._waiting and not self._is_failing:
            await self._send()

    async def _send(self) -> bool:
        """Send all that waits in one request; return whether it was taken, or nobody wants it any more."""
        settings, sent, lost = self.settings, tuple(self._waiting), self._lost
        self._something = trio.Event()
        if settings is not None and sent and not await self._post(settings, sent, lost):
            self._something.set()
            return False
        for item in sent:  # the oldest may have given way meanwhile
            if self._waiting and self._waiting[0] is item:
                self._waiting.popleft()
        self._lost -= lost
        if self._waiting:
            self._something.set()
        return True

    async def _post(self, settings: NotifyConfig, news: Sequence[News], lost: int) -> bool:
        body = msgspec.json.encode(body_of(settings.format, news, lost))
        try:
            status = await self._post_once(
                settings.url, body=body, media_type="application/json", timeout_s=settings.timeout_s
            )
            refusal = None if 200 <= status < 300 else f"HTTP {status}"  # noqa: PLR2004 - RFC 9110 15.3: successful
        except TrioTicksError as error:
            refusal = str(error)
        if refusal is not None and not self._is_failing:
            log.warning("the webhook of [notify] does not take messages: %s", refusal)
        elif refusal is None and self._is_failing:
            log.info("the webhook of [notify] takes messages again")
        self._is_failing = refusal is not None
        return refusal is None


def body_of(form: str, news: Sequence[News], lost: int, *, host: str = "") -> dict[str, Any]:
    """Return what is sent.

    Args:
        form: ``json``, ``slack`` or ``discord``.
        news: In order.
        lost: How many before them are lost.
        host: Where the engine runs. "": this machine.
    """
    host = host or platform.node()
    text = _text(news, lost, host)
    if form == "slack":
        # Its own escapes: an error may hold what would else notify a whole channel.
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    if form == "discord":
        return {"content": text, "allowed_mentions": {"parse": []}}
    return {
        "from": "trio-ticks",
        "host": host,
        "text": text,
        "lost": lost,
        "news": [attrs.asdict(item) for item in news],
    }


def _text(news: Sequence[News], lost: int, host: str) -> str:
    """Return all of them for a person, the newest last, and where that is too long the newest."""
    lines = [
        f"{datetime_of(item.time_us):%H:%M:%SZ} {'✓' if item.is_over else '•'} {printable(item.text)}"
        for item in news
    ]
    head, room = f"trio-ticks on {host}", LONGEST - 100
    while len(lines) > 1 and sum(map(len, lines)) + len(lines) > room:
        lines.pop(0)
        lost += 1
    if lost:
        head += f" ({lost:,} earlier messages are left out)"
    return "\n".join([head, *lines])[:LONGEST]
