"""What a run logs of its records: each once, also where the last line says it."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest

from trio_ticks.app.telling import telling
from trio_ticks.errors import EngineError
from trio_ticks.model import Status


def refused(symbol: str) -> Status:
    return Status("rejected", 1, "code invalid", "alltick", symbol, "alltick 0A")


CONNECTED = Status("connected", 2, "", "alltick", None, "alltick 0A")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_refusals_that_the_last_line_names_are_not_told_before_it(caplog: pytest.LogCaptureFixture) -> None:
    """Others are, and the end of their connection does not bring them out."""
    last_words = "the vendor refuses every symbol: A, B: code invalid"
    with suppress(EngineError), telling() as tell:
        for symbol in "ABC":
            tell(refused(symbol))
        tell(Status("disconnected", 2, last_words, "alltick", None, "alltick 0A"))
        raise EngineError(last_words)
    assert said(caplog) == ["alltick 0A C: rejected: code invalid"]


def test_refusals_are_told_once_others_were_accepted_and_from_then_on_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Their line is a warning: somebody has to do something."""
    with telling() as tell:
        tell(refused("A"))
        assert said(caplog) == []
        tell(CONNECTED)
        assert said(caplog) == ["alltick 0A A: rejected: code invalid", "alltick 0A: connected"]
        tell(refused("B"))
        assert said(caplog)[2:] == ["alltick 0A B: rejected: code invalid"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]


def test_refusals_are_told_at_a_stop(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody waited for what becomes of the rest."""
    with telling() as tell:
        tell(refused("A"))
    assert said(caplog) == ["alltick 0A A: rejected: code invalid"]
