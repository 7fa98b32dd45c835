"""A session's own knowledge: what it lets out of a failure."""

from __future__ import annotations

import traceback

import pytest

from trio_ticks.core.intake import Session
from trio_ticks.errors import AuthenticationError, FeedError
from trio_ticks.runtime.conversation import Conversation


def raised(words: str, cause: str) -> FeedError:
    """Return an error with a history that a traceback shows."""
    error = AuthenticationError(words)
    error.__cause__ = OSError(cause)
    return error


@pytest.mark.parametrize("spelling", ["s3cret/token", "s3cret%2Ftoken"])
@pytest.mark.parametrize("where", ["words", "cause"])
def test_a_scrubbed_failure_has_no_history_that_shows_the_token(spelling: str, where: str) -> None:
    """A traceback prints the causes as well; a failure that does not show the token is passed on as it is."""
    talk = Conversation(session=Session("a", "a 0A", 1), symbols=(), known_bad={}, secret="token=s3cret%2Ftoken")
    failure = raised(f"no such token: {spelling}" if where == "words" else "refused", f"GET /?token={spelling}")
    shown = "".join(traceback.format_exception(talk.scrubbed(failure)))
    assert "s3cret" not in shown
    assert type(talk.scrubbed(failure)) is AuthenticationError
    harmless = raised("refused", "reset by peer")
    assert talk.scrubbed(harmless) is harmless
