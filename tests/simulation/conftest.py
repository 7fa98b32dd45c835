"""What every simulated test starts with; beside it each takes `autojump_clock`, so that pytest-trio jumps in time."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest
import trio

from trio_ticks.testing.venue import Venue


@pytest.fixture
def venue() -> Venue:
    """A vendor in memory."""
    return Venue()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Fail a test that a stray cancellation ends: pytest-trio forgives it, and the rest would go untested."""
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        item.obj = _to_its_end(item.obj)


def _to_its_end(test: Any) -> Any:
    @functools.wraps(test)
    async def run(**fixtures: Any) -> None:
        with _no_stray_cancellation():
            await test(**fixtures)

    return run


class _no_stray_cancellation:  # noqa: N801 - reads as a sentence in its `with`
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        group = BaseExceptionGroup("", [error]) if error is not None else None
        if group is not None and group.subgroup(trio.Cancelled) is not None:
            raise AssertionError("a cancellation left the scope that asked for it")
