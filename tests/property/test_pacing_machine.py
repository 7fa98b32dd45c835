"""A vendor that keeps a list of all it was ever sent, against connections that come, ask, beat and die."""

from __future__ import annotations

import itertools

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trio_ticks.core.pacing import Pacer

NAMES = st.sampled_from("ABC")


def eighths(least: int, most: int) -> st.SearchStrategy[float]:
    """Draw eighths of a second: sums and differences are exact, so the laws hold without a tolerance."""
    return st.integers(least, most).map(lambda count: count / 8)


@attrs.frozen
class Sent:
    """What goes out, or will: when, on which connection, and whether it is a heartbeat."""

    at: float
    connection: tuple[str, int]
    heartbeat: bool


class Manners(RuleBasedStateMachine):
    """Every line of a token in one; each name is taken again by the line's next connection."""

    @initialize(request_s=eighths(1, 12), across_s=eighths(0, 32), connect_s=eighths(0, 80))
    def open(self, request_s: float, across_s: float, connect_s: float) -> None:
        self.request_s, self.across_s, self.connect_s = request_s, across_s, connect_s
        self.pacer = Pacer(request_s=request_s, across_s=across_s, connect_s=connect_s)
        self.now = 0.0
        self.sent: list[Sent] = []
        self.connects: list[float] = []
        self.lives = dict.fromkeys("ABC", 0)

    @rule(later_s=eighths(0, 60))
    def wait(self, later_s: float) -> None:
        self.now += later_s

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        self.reserve(name, heartbeat=False)

    @rule(name=NAMES)
    def beat(self, name: str) -> None:
        self.reserve(name, heartbeat=True)

    @rule(name=NAMES)
    def lose(self, name: str) -> None:
        """What was sent stays sent; what was not, never will be."""
        self.pacer.forget(name, self.now)
        mine = (name, self.lives[name])
        self.sent = [item for item in self.sent if item.connection != mine or item.at <= self.now]
        self.lives[name] += 1

    @rule()
    def connect(self) -> None:
        at = self.pacer.connect_at(self.now)
        assert at >= self.now
        self.connects.append(at)

    def reserve(self, name: str, *, heartbeat: bool) -> None:
        take = self.pacer.heartbeat_at if heartbeat else self.pacer.request_at
        at = take(name, self.now)
        waiting = [item for item in self.sent if item.at > self.now - max(self.request_s, self.across_s)]
        longest_s = self.request_s if heartbeat else max(self.request_s, self.across_s)
        assert self.now <= at <= self.now + 2 * longest_s * len(waiting)
        self.sent.append(Sent(at, (name, self.lives[name]), heartbeat))

    @invariant()
    def no_rule_of_the_vendor_is_broken(self) -> None:
        """Over everything ever sent, by whichever connection, dead ones included."""
        if not hasattr(self, "sent"):
            return
        for number, one in enumerate(self.sent):
            for two in self.sent[:number]:
                apart_s = abs(one.at - two.at)
                if one.connection == two.connection:
                    assert apart_s >= self.request_s
                elif not (one.heartbeat or two.heartbeat):
                    assert apart_s >= self.across_s
        in_order = sorted(self.connects)
        assert in_order == self.connects
        assert all(after - before >= self.connect_s for before, after in itertools.pairwise(in_order))


TestManners = Manners.TestCase
