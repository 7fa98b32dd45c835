"""What a database's answer to a write means, as data: the table, and the record a drainer acts on.

====================================  =========  ===================================================================
answer                                means      the drainer
====================================  =========  ===================================================================
204                                   STORED     advances its cursor
other 2xx, 3xx                        HOLD       this is no receipt: says so, keeps the batch, tries again
400, 422                              REFUSED    some of the lines, or all: finds which (`trio_ticks.storage.sifting`)
401, 403, 404                         HOLD       someone has to mend the token or create the bucket; nothing is lost
413                                   SPLIT      sends half as much at once
429, 503                              RETRY      waits as long as the server asks
any other, timeout, reset, refusal    RETRY      sends the identical bytes again, for ever
====================================  =========  ===================================================================

Only a 204 is a receipt. A 200 may come from a proxy's page; a timeout says nothing about whether the batch was
stored, and need not, because a resend falls on the same points.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from http import HTTPStatus

import attrs

from trio_ticks.errors import one_line

# Server messages quote whole lines; the beginning tells what is wrong, and a status stays readable.
_LONGEST_REASON = 300

# A server that asks for more is asked again sooner, so that a wrong clock somewhere cannot silence the sink for days.
_LONGEST_WAIT_S = 300.0

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


class Verdict(enum.Enum):
    """What became of a write, or has to become of it."""

    STORED = "stored"
    HOLD = "hold"
    RETRY = "retry"
    SPLIT = "split"
    REFUSED = "refused"


@attrs.frozen
class Outcome:
    """The result of one write.

    Attributes:
        verdict: What to do next.
        reason: One plain line for people; "" where it is stored. Never holds a token.
        after_s: How long the server asks to be left alone; None: it does not say.
        cure: What mends it; "" where that is not known.
    """

    verdict: Verdict
    reason: str = ""
    after_s: float | None = None
    cure: str = ""

    @property
    def words(self) -> str:
        """The reason, and what mends it."""
        return f"{self.reason}; {self.cure}" if self.cure else self.reason


_VERDICTS: dict[int, Verdict] = {
    204: Verdict.STORED,
    400: Verdict.REFUSED,
    422: Verdict.REFUSED,
    401: Verdict.HOLD,
    403: Verdict.HOLD,
    404: Verdict.HOLD,
    413: Verdict.SPLIT,
}

_NO_RECEIPT = range(200, 400)

_CURES = {
    401: "give the sink a token that is valid",
    403: "give the sink a token that may write to its bucket",
    404: "create the bucket, or name one that exists, with its org",
}


def outcome_of_answer(status: int, *, headers: Mapping[str, str], body: str) -> Outcome:
    """Return what an HTTP answer to a write means.

    Args:
        status: The HTTP status.
        headers: With lower-case names, or a mapping that does not mind.
        body: What came with it, of which the error's own words are kept.
    """
    verdict = _VERDICTS.get(status)
    if verdict is Verdict.STORED:
        return Outcome(Verdict.STORED)
    reason = f"{status} {_phrase(status)}"
    if verdict is None and status in _NO_RECEIPT:
        return Outcome(Verdict.HOLD, f"{reason} is no receipt, only 204 is; is this InfluxDB?")
    message = message_of(body)
    reason = f"{reason}: {message}" if message else reason
    if verdict is None:
        return Outcome(Verdict.RETRY, reason, _wait_s(headers.get("retry-after")))
    return Outcome(verdict, reason, cure=_CURES.get(status, ""))


def message_of(body: str) -> str:
    """Return an error's own words on one line: 2.x and 3.x say ``message``, 1.x and 3.x ``error``."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    words = (answer.get("message") or answer.get("error")) if isinstance(answer, dict) else None
    return in_short(words if isinstance(words, str) else body)


def in_short(text: str) -> str:
    """Return a foreign text on one line of printable characters, cut where it is long."""
    line = one_line(text)
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _wait_s(retry_after: str | None) -> float | None:
    """Return the seconds a server asks for; None where it names a date or nothing: the drainer has a pace."""
    if retry_after is None or not _SECONDS.fullmatch(retry_after.strip()):
        return None
    return min(float(retry_after), _LONGEST_WAIT_S)
