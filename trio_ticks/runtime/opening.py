"""The short way in: one stream, with an engine of its own behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trio_ticks.config import Overflow
from trio_ticks.runtime.engine import Source, open_engine
from trio_ticks.runtime.stream import Ticks


@asynccontextmanager
async def open_ticks(
    *sources: Source,
    overflow: Overflow = "drop_oldest",
    capacity: int = 10_000,
    max_age_s: float | None = None,
    **options: Any,
) -> AsyncIterator[Ticks]:
    """Open one stream of everything these feeds bring, with an engine of its own behind it.

    Args:
        sources: As for `open_engine`.
        overflow: As for `Engine.subscribe`.
        capacity: As for `Engine.subscribe`.
        max_age_s: As for `Engine.subscribe`.
        **options: All others that `open_engine` takes.
    """
    async with (
        open_engine(*sources, **options) as engine,
        engine.subscribe(overflow=overflow, capacity=capacity, max_age_s=max_age_s) as ticks,
    ):
        yield ticks
