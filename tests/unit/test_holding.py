"""`Held` keeps errors back and lets cancellations through, alone or in a nursery's group."""

from __future__ import annotations

import pytest
import trio

from trio_ticks.runtime.holding import Held


async def _fail_when_cancelled() -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise ValueError("on the way out")


async def test_a_cancellation_in_a_group_reaches_its_scope() -> None:
    """A cancelled nursery inside the block is no error of the block."""
    held = Held()
    with trio.CancelScope() as scope, held:
        async with trio.open_nursery():
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    held.release()


async def test_what_came_with_a_cancellation_passes_with_it() -> None:
    """Whoever cancelled takes what is his, and the error beside it goes on: held back, it would be lost."""
    held = Held()
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError)), trio.CancelScope() as scope, held:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_fail_when_cancelled)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            await trio.sleep_forever()
    held.release()
