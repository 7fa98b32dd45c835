"""What each answer of a database means."""

from __future__ import annotations

import pytest

from trio_ticks.storage.outcomes import Outcome, Verdict, outcome_of_answer

TABLE = {
    **dict.fromkeys([204], Verdict.STORED),
    **dict.fromkeys([200, 201, 202, 206, 301, 302, 304, 308, 401, 403, 404], Verdict.HOLD),
    **dict.fromkeys([400, 422], Verdict.REFUSED),
    413: Verdict.SPLIT,
    **dict.fromkeys([408, 409, 418, 429, 500, 502, 503, 504, 599, 999], Verdict.RETRY),
}


@pytest.mark.parametrize(("status", "verdict"), TABLE.items())
def test_only_204_is_a_receipt(status: int, verdict: Verdict) -> None:
    """Whatever else comes, the ticks are kept, and whoever reads the reason sees the status."""
    outcome = outcome_of_answer(status, headers={}, body="")
    assert outcome.verdict is verdict
    assert outcome.reason.startswith("" if verdict is Verdict.STORED else str(status))


@pytest.mark.parametrize(
    ("header", "after_s"),
    [("7", 7.0), (" 0.5 ", 0.5), ("86400", 300.0), ("-1", None), ("nan", None), ("1e9", None), ("Wed, 21 Oct", None)],
)
def test_a_server_is_given_the_time_it_asks_for_within_reason(header: str, after_s: float | None) -> None:
    """A date, junk or a day leave the pace to us."""
    assert outcome_of_answer(503, headers={"retry-after": header}, body="").after_s == after_s


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"code":"invalid","message":"unable to parse"}', "unable to parse"),
        ('{"error":"partial write: field type conflict"}', "partial write: field type conflict"),
        ("<html>\n<b>no\x00</b>", "<html> <b>no </b>"),
        ("[1]", "[1]"),
        ('{"message":{"a":1}}', '{"message":{"a":1}}'),
    ],
)
def test_a_reason_is_the_servers_own_words_on_one_line(body: str, words: str) -> None:
    """Whichever version it is, and where a page comes instead."""
    assert outcome_of_answer(400, headers={}, body=body) == Outcome(Verdict.REFUSED, f"400 Bad Request: {words}")


def test_a_long_reason_is_cut() -> None:
    """A status stays readable."""
    assert len(outcome_of_answer(500, headers={}, body="x" * 10_000).reason) < 400
