"""The laws of pacing against a naive model: every reservation ever made, and a search over all instants."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from trio_ticks.core.pacing import Pacer


# Eighths of a second: sums and differences are exact, so the laws hold without a tolerance.
def eighths(most: int) -> st.SearchStrategy[float]:
    return st.integers(0, most).map(lambda count: count / 8)


CALLS = st.lists(
    st.tuples(st.sampled_from(["request", "heartbeat", "connect", "forget"]), st.sampled_from("ABC"), eighths(6)),
    min_size=3,
    max_size=40,
)
GAPS = st.tuples(eighths(12), eighths(40), eighths(40))


class Sent(NamedTuple):
    at: float
    connection: str
    heartbeat: bool
    is_out: bool = False


class Naive:
    """Remembers everything, and tries every instant at which a distance could end."""

    def __init__(self, request_s: float, across_s: float) -> None:
        self.request_s, self.across_s = request_s, across_s
        self.sent: list[Sent] = []
        self.gone = 0

    def reserve(self, connection: str, now: float, *, heartbeat: bool) -> float:
        ends = {item.at + gap for item in self.sent for gap in (self.request_s, self.across_s)}
        candidates = sorted({now, *(end for end in ends if end >= now)})
        at = next(at for at in candidates if self.fits(Sent(at, connection, heartbeat)))
        self.sent.append(Sent(at, connection, heartbeat))
        return at

    def fits(self, new: Sent) -> bool:
        return all(abs(new.at - item.at) >= self.distance(new, item) for item in self.sent)

    def distance(self, one: Sent, two: Sent) -> float:
        if one.connection == two.connection:
            return self.request_s
        return 0.0 if one.heartbeat or two.heartbeat else self.across_s

    def forget(self, connection: str, now: float) -> None:
        mine = [item for item in self.sent if item.connection == connection]
        self.sent = [item for item in self.sent if item.connection != connection]
        self.gone += 1
        self.sent += [
            item._replace(connection=f"gone {self.gone}") for item in mine if item.at <= now and not item.heartbeat
        ]

    def wait(self, until: float, pacer: Pacer) -> None:
        """Let everybody send in time: the instant that was reserved is the one that is granted."""
        for number, item in sorted(enumerate(self.sent), key=lambda pair: pair[1].at):
            if item.at <= until and not item.is_out:
                assert pacer.claim(item.connection, item.at, item.at, heartbeat=item.heartbeat) == item.at
                self.sent[number] = item._replace(is_out=True)


@given(CALLS, GAPS)
def test_each_answer_is_the_earliest_that_keeps_every_distance(
    calls: list[tuple[str, str, float]], gaps: tuple[float, float, float]
) -> None:
    """For any history the pacer answers as the model that forgets nothing, and connects keep theirs."""
    request_s, across_s, connect_s = gaps
    pacer = Pacer(request_s=request_s, across_s=across_s, connect_s=connect_s)
    naive = Naive(request_s, across_s)
    now, connects = 0.0, [float("-inf")]
    for what, connection, later in calls:
        now += later
        naive.wait(now, pacer)
        if what == "request":
            assert pacer.request_at(connection, now) == naive.reserve(connection, now, heartbeat=False)
        elif what == "heartbeat":
            assert pacer.heartbeat_at(connection, now) == naive.reserve(connection, now, heartbeat=True)
        elif what == "connect":
            connects.append(pacer.connect_at(now))
            assert connects[-1] == max(now, connects[-2] + connect_s)
        else:
            pacer.forget(connection)
            naive.forget(connection, now)


@given(st.floats(0.1, 5), st.floats(0.1, 5), st.integers(1, 6))
@example(0.1, 1.0, 1)
def test_memory_holds_the_recent_past_only(request_s: float, across_s: float, connections: int) -> None:
    """However long connections send, no more is remembered than can still keep another request back."""
    pacer = Pacer(request_s=request_s, across_s=across_s, connect_s=1.0)
    now, horizon_s = 0.0, max(request_s, across_s)
    for turn in range(200):
        now = pacer.request_at(turn % connections, now)
        assert pacer.claim(turn % connections, now, now) == now
        # One at either end of the horizon, and one because instants add up in floats: ten times 0.1 is less than 1.
        most = Fraction(horizon_s) / Fraction(min(request_s, across_s)) + 3
        assert len(pacer._reserved) <= most
