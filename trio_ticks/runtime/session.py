"""One session on one open link: four small tasks, of which the first to fail ends them all.

* the *reader* turns what comes into events for the sequencer (`trio_ticks.runtime.reader`);
* the *talker* keeps subscribed what is wanted and possible (`trio_ticks.runtime.talker`);
* the *heart* beats from the moment of opening, whatever the talker waits for;
* the *watch* asks whether a quiet market is quiet (`trio_ticks.runtime.watch`).

What was received is handed on: sends to the sequencer are shielded from cancellation. They end all the same, because
the sequencer reads until every line is gone, and at a hard stop closes the channel under them.
"""

from __future__ import annotations

from typing import NoReturn

import trio

from trio_ticks.core.freshness import Freshness
from trio_ticks.core.intake import Event
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.reader import Reader
from trio_ticks.runtime.talker import Talker
from trio_ticks.runtime.transport import Link
from trio_ticks.runtime.vitals import Vitals
from trio_ticks.runtime.watch import Watch
from trio_ticks.runtime.wiring import LineSetup


async def hold_session(
    setup: LineSetup,
    link: Link,
    talk: Conversation,
    *,
    vitals: Vitals,
    freshness: Freshness,
    events: trio.MemorySendChannel[Event],
) -> NoReturn:
    """Hold a session until it fails.

    Raises:
        FeedError, LinkClosed: why it ended, inside an exception group.

    Cancellation:
        At any await; what was received is handed on.

    Backpressure:
        While the sequencer's channel is full nothing is read from the socket; that is not silence.
    """
    talk.opened, talk.opened_us = trio.current_time(), setup.wiring.now_us()
    reader = Reader(setup, link, talk, vitals, freshness, events)
    talker = Talker(setup, link, talk, events)
    watch = Watch(setup, talk, vitals, freshness)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talker.run, name=f"{setup.name} talker")
        nursery.start_soon(talker.beat, name=f"{setup.name} heart")
        nursery.start_soon(watch.run, name=f"{setup.name} watch")
        await reader.run()
