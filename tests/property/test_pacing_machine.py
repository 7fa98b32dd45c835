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
class Turn:
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
        self.sent: list[Turn] = []
        self.waiting: list[Turn] = []
        self.connects: list[float] = []
        self.lives = dict.fromkeys("ABC", 0)

    @rule(later_s=eighths(0, 60))
    def wait(self, later_s: float) -> None:
        """Everybody sends in time."""
        end = self.now + later_s
        while self.waiting and (first := min(turn.at for turn in self.waiting)) <= end:
            self.now = max(self.now, first)
            self.take_turns()
        self.now = end

    @rule(later_s=eighths(0, 60))
    def stand_still(self, later_s: float) -> None:
        """Nobody does; then all who were due wake at once."""
        self.now += later_s
        self.take_turns()

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        self.reserve(name, heartbeat=False)

    @rule(name=NAMES)
    def beat(self, name: str) -> None:
        self.reserve(name, heartbeat=True)

    @rule(name=NAMES)
    def lose(self, name: str) -> None:
        """What was sent stays sent; what was not, never will be."""
        self.pacer.forget(name)
        mine = (name, self.lives[name])
        self.waiting = [turn for turn in self.waiting if turn.connection != mine]
        self.lives[name] += 1

    @rule(late_s=eighths(0, 80))
    def connect(self, late_s: float) -> None:
        """A line waits for its turn and comes late to it."""
        at = self.pacer.connect_at(self.now)
        assert at >= self.now
        now = at + late_s
        while (at := self.pacer.claim_connect(now)) > now:
            now = at
        self.connects.append(now)

    def reserve(self, name: str, *, heartbeat: bool) -> None:
        take = self.pacer.heartbeat_at if heartbeat else self.pacer.request_at
        at = take(name, self.now)
        recent = [turn for turn in self.sent if turn.at > self.now - max(self.request_s, self.across_s)]
        longest_s = self.request_s if heartbeat else max(self.request_s, self.across_s)
        latest = max([self.now, *(turn.at for turn in self.waiting)])
        assert self.now <= at <= latest + 2 * longest_s * (len(recent) + len(self.waiting))
        self.waiting.append(Turn(at, (name, self.lives[name]), heartbeat))

    def take_turns(self) -> None:
        """Let all who are due claim their turn, until each has sent or was told a later instant."""
        due = [turn for turn in self.waiting if turn.at <= self.now]
        for turn in due:
            self.waiting.remove(turn)
            at = self.pacer.claim(turn.connection[0], turn.at, self.now, heartbeat=turn.heartbeat)
            assert at >= self.now
            (self.sent if at == self.now else self.waiting).append(attrs.evolve(turn, at=at))

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
        assert all(after - before >= self.connect_s for before, after in itertools.pairwise(in_order))

    def teardown(self) -> None:
        """Whoever waits gets a turn, and soon."""
        if not hasattr(self, "sent"):
            return
        longest_s = max(self.request_s, self.across_s)
        latest = max([self.now, *(turn.at for turn in self.waiting)])
        self.wait(latest - self.now + 2 * longest_s * (len(self.waiting) + 1))
        assert not self.waiting


TestManners = Manners.TestCase
