"""A session's own knowledge: what it lets out of a failure."""

from __future__ import annotations

import traceback

import pytest

from trio_ticks.core.intake import Session
from trio_ticks.errors import AuthenticationError, FeedError
from trio_ticks.feeds.base import HEARTBEAT, SUBSCRIPTION, Reply, Request, Verdict
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


def test_each_part_of_a_secret_query_is_hidden() -> None:
    """A vendor may want a user beside the token, and repeat either of them alone."""
    talk = Conversation(session=Session("a", "a 0A", 1), symbols=(), known_bad={}, secret="user=me42&token=s3cret")
    assert str(talk.scrubbed(FeedError("no s3cret for me42"))) == "no *** for ***"


def talking(*symbols: str) -> Conversation:
    """Return a session that is about to ask for these symbols."""
    return Conversation(session=Session("a", "a 0A", 1), symbols=symbols, known_bad={})


def refusal(answer: str = "", kind: str = "") -> Reply:
    return Reply(answer, Verdict.BAD_SYMBOLS, "code invalid", kind)


def ask(talk: Conversation, answer: str) -> tuple[str, ...]:
    """Send the next subscription as one request."""
    asked = talk.asking()
    talk.expect(Request("subscribe", answer=answer), SUBSCRIPTION)
    talk.asked()
    return asked


@pytest.mark.parametrize("kind", ["", SUBSCRIPTION])
def test_a_list_that_is_refused_twice_is_no_reason_to_give_the_feed_up(kind: str) -> None:
    """A vendor may answer each bad code of one list: all but the first answer say nothing new."""
    talk = talking("A", "B", "C", "D")
    ask(talk, "1")
    assert talk.answered([refusal("1", kind), refusal("", kind)]) is None
    assert ask(talk, "2") == ("A", "B")
    assert talk.offenders == {}


def test_a_refusal_without_a_token_is_of_the_subscription_and_not_of_an_older_heartbeat() -> None:
    """Only a subscription has codes that can be invalid."""
    talk = talking("A")
    talk.expect(Request("beat", answer="beat"), HEARTBEAT)
    ask(talk, "1")
    assert talk.answered([refusal()]) is None
    assert talk.offenders == {"A": "code invalid"}


def test_symbols_that_were_taken_and_are_refused_later_are_looked_for_on_a_new_connection() -> None:
    """Without an end the same list would be asked for and refused for ever."""
    talk = talking("A", "B")
    ask(talk, "1")
    assert talk.answered([Reply("1")]) is None
    assert talk.answered([refusal()]) is None  # unasked: the vendor has changed its mind
    assert not talk.search.is_settled
    assert ask(talk, "2") == ("A", "B")
    failure = talk.answered([refusal("2")])
    assert isinstance(failure, FeedError)
    assert not failure.fatal


def test_a_subscription_of_several_requests_is_accepted_when_all_are_sent_and_answered() -> None:
    """Before that, coverage would be claimed for symbols that were not asked for yet."""
    talk = talking("A", "B")
    talk.asking()
    talk.expect(Request("subscribe A", answer="1"), SUBSCRIPTION)
    talk.answered([Reply("1")])
    assert (talk.is_answered, talk.search.good) == (False, ())
    talk.expect(Request("subscribe B", answer="2"), SUBSCRIPTION)
    talk.asked()
    assert not talk.is_answered
    talk.answered([Reply("2")])
    assert (talk.is_answered, talk.search.good) == (True, ("A", "B"))


def test_a_subscription_that_is_refused_while_it_is_sent_is_not_accepted_at_its_end() -> None:
    """The end of sending is no answer."""
    talk = talking("A", "B")
    talk.asking()
    talk.expect(Request("subscribe A", answer="1"), SUBSCRIPTION)
    talk.answered([refusal("1")])
    talk.asked()
    assert talk.is_answered
    assert talk.search.good == ()
    assert not talk.search.is_settled
