"""Pytest fixtures, for whoever asks for them: nothing is registered by installing the package.

In the ``conftest.py`` of your tests::

    pytest_plugins = ["trio_ticks.testing.fixtures"]

They are plain fixtures: they work in a plain ``def test_…``, and under pytest-trio in an ``async def`` one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trio_ticks.testing.memory_sink import MemorySink
from trio_ticks.testing.venue import Venue


@pytest.fixture
def venue() -> Venue:
    """A vendor in memory: ``async with venue.open_engine("X") as engine``."""
    return Venue()


@pytest.fixture
def memory_sink() -> MemorySink:
    """A sink that keeps what it takes: ``open_engine(sinks=[memory_sink])``."""
    return MemorySink()


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    """Where a journal may be written: ``open_engine(journal=journal_path)``."""
    return tmp_path / "ticks.journal"
