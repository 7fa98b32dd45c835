"""The watch of a session: asks whether a quiet market is quiet, and acts where the line is mute.

What it does when is decided by `trio_ticks.core.freshness`.
"""

from __future__ import annotations

from typing import NoReturn

import attrs
import trio

from trio_ticks.core.freshness import Freshness, Step
from trio_ticks.errors import MuteFeedError
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.reader import STALLED_S
from trio_ticks.runtime.vitals import Vitals
from trio_ticks.runtime.wiring import LineSetup

COURTESY_S = 0.01
"""A tick that comes in the very moment in which the patience ends still counts."""


@attrs.frozen
class Watch:
    """Watches over one session; `run` is its task."""

    setup: LineSetup
    talk: Conversation
    vitals: Vitals
    freshness: Freshness

    async def run(self) -> NoReturn:
        """Find out whether a line that is quiet is mute."""
        self.freshness.began(trio.current_time())
        while True:
            # Ticks move the instant, mostly away: looking now and then costs less than being told of each.
            now = trio.current_time()
            look_at = min(max(self.freshness.due + COURTESY_S, now), now + self.freshness.bound_s)
            await trio.sleep_until(look_at)
            stood_still = trio.current_time() > look_at + STALLED_S
            if stood_still or self.talk.is_handing_on or not self.talk.search.good:
                # Nobody listened, or nothing is subscribed yet: what does not come then is no silence.
                self.freshness.began(trio.current_time())
            elif trio.current_time() >= self.freshness.due + COURTESY_S:
                await self._act()

    async def _act(self) -> None:
        freshness, step = self.freshness, self.freshness.step
        freshness.taken()
        if step is Step.RECONNECT:
            quiet_s = freshness.quiet_s(trio.current_time())
            raise MuteFeedError(f"open and answering, but no tick for {quiet_s:.1f} s")
        assert self.setup.inquiry is not None, "only a line that can ask is told to"
        self.vitals.questions += 1
        newer = await self.setup.inquiry.knows_newer(self.vitals.busiest(self.talk.search.good), self.talk.opened_us)
        freshness.answered(trio.current_time(), newer=newer)
