"""The sequencer task: the one place where the order of everything is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from trio_ticks.core.intake import Arrival, Event, Intake
from trio_ticks.core.relaying import Relayed
from trio_ticks.model import Record
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.fanout import Fanout
from trio_ticks.runtime.journaling import Recording

TICKS_AT_ONCE = 512
"""A step goes on with what waits until it has taken so many ticks. A consumer is up to two steps behind before it had
its turn to read, so more would overflow its queue; fewer would cost a scheduler pass for every small batch."""


async def run_sequencer(
    *,
    intake: Intake,
    events: trio.MemoryReceiveChannel[Event],
    fanout: Fanout,
    now_us: NowUs,
    settle: Callable[[Mapping[str, bytes]], None],
    recording: Recording | None = None,
) -> None:
    """Turn the lines' events into records for the consumers, until the last line is gone.

    Args:
        intake: The pure half.
        events: From the lines.
        fanout: The consumers.
        now_us: The clock.
        settle: Is told of places that are reached, where no journal keeps them.
        recording: The journal's end.

    Cancellation:
        At the wait for the next event, where nothing is in hand. The channel is closed, which frees any line that
        waits to send; what lay in it stays counted in the inbox.

    Backpressure:
        Consumers never push back, nor does the journal unless it may leave nothing out; the channel's capacity pushes
        back on the lines.
    """
    with events:
        while True:
            try:
                if recording is not None:
                    await recording.wait_room()
                event = await _next_event(events, intake.next_release_us, now_us)
            except trio.EndOfChannel:
                break
            # From here to the next wait there is no await: a cancel finds the step done, or not begun.
            records = intake.advance(now_us()) if event is None else _handle(event, intake, events, now_us)
            fanout.publish(records)
            places = intake.new_places()
            if recording is not None:
                recording.record(records, now_us(), coverage_changed=intake.has_new_coverage(), places=places)
            elif places:
                settle(places)
        last = intake.finish(now_us())
        fanout.publish(last)
        if recording is not None:
            recording.finish(last)


async def _next_event(events: trio.MemoryReceiveChannel[Event], due_us: int | None, now_us: NowUs) -> Event | None:
    """Return the next event, or None once it is time to release what is held."""
    if due_us is None:  # the usual case; a cancel scope costs as much as several ticks
        return await events.receive()
    with trio.move_on_after(max(0.0, (due_us - now_us()) / 1e6)):
        return await events.receive()
    return None


def _handle(event: Event, intake: Intake, events: trio.MemoryReceiveChannel[Event], now_us: NowUs) -> list[Record]:
    """Handle an event and, in the same step, those that wait behind it."""
    records = intake.handle(event, now_us())
    taken = _work(event)
    while taken < TICKS_AT_ONCE:
        try:
            event = events.receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            break
        records += intake.handle(event, now_us())
        taken += _work(event)
    return records


def _work(event: Event) -> int:
    if isinstance(event, Arrival):
        return event.size
    return len(event.records) if isinstance(event, Relayed) else 1
