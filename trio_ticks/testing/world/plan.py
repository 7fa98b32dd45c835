"""What a seed decides before anything runs: the market, the settings, and the story of each life of the engine."""

from __future__ import annotations

import math
import random
from typing import Literal, TypeAlias

import attrs

End: TypeAlias = Literal["stop", "crash", "crash while stopping", "abort", "cancel"]
Action: TypeAlias = tuple[str, float]
"""What happens, and for how many seconds, or how many of it."""

SYMBOLS = ("700.HK", "AAPL.US", "BTCUSDT")
"""Of both services of the vendor."""

STEPS = 3_000
"""Of the scheduler, at most, between the moment that a crash is made up and the crash. A life of some minutes takes
about so many, so crashes fall everywhere in it; most are drawn much closer, where a commit is on its way."""

_ACTIONS: dict[str, tuple[float, float, float]] = {
    # name: (weight, least, most). Weights make a fault about as frequent as a quiet stretch.
    "wait": (10, 0.0, 20.0),
    "burst": (6, 1, 40),
    "night": (0.6, 600.0, 3_000.0),
    "drop": (3, 0.0, 1.0),
    "drop one": (3, 0.0, 1.0),
    "half open": (2, 0.0, 20.0),
    "mute": (2, 1.0, 120.0),
    "refuse": (2, 1.0, 40.0),
    "ignore": (1, 1.0, 20.0),
    "hang up": (1.5, 1.0, 20.0),
    "too fast": (1.5, 1.0, 15.0),
    "junk": (1, 1, 5),
    "clock": (1, -30.0, 30.0),
    "disk full": (2, 0.5, 30.0),
    "disk fails": (1, 0.5, 10.0),
    "disk slow": (1, 1.0, 20.0),
    "database": (4, 1.0, 120.0),
    "store": (1.5, 1.0, 60.0),
    "busy": (1, 0.1, 3.0),
}


@attrs.frozen
class Life:
    """One life of the engine: what happens in it, and how it ends.

    Attributes:
        actions: In order.
        end: How it ends.
        crash_at: Before which action the crash is made up; -1: before the engine is opened.
        crash_steps: So many steps of the scheduler later it happens.
        away_s: How long nobody starts it again.
    """

    actions: tuple[Action, ...]
    end: End
    crash_at: int
    crash_steps: int
    away_s: float


@attrs.frozen
class Plan:
    """All that a seed decides beforehand. What is decided on the way is drawn from the same seed by `dice`.

    Attributes:
        seed: Of everything.
        lives: Of the engine; the last one ends after all faults have.
        lines: 1, or 2 for every symbol twice.
        identity: Of ticks.
        lateness_s: How long ticks wait for earlier ones.
        late: What becomes of late ones.
        window_ticks: How many ticks the sequencer remembers for a symbol.
        stamp_ms: What the vendor's stamps are multiples of.
        pace_s: Between two trades, on average.
        lag_s: The longest way from the vendor to us.
        holes: The part of trades that a link does not show, where there are two lines.
        greeting: How many of the last trades of a symbol a new subscription is shown first.
        when_full: What the journal does when it is full.
        queue_ticks: What may wait for it.
        linger_s, checkpoint_s, grace_s: As in the configuration.
        batch_points: Of the database's batches.
        poison: Every so many trades the database will never take one; 0: it takes all.
    """

    seed: int
    lives: tuple[Life, ...]
    lines: int
    identity: Literal["content", "sequence"]
    lateness_s: float
    late: Literal["flag", "drop"]
    window_ticks: int
    stamp_ms: int
    pace_s: float
    lag_s: float
    holes: float
    greeting: int
    when_full: Literal["gap", "block"]
    queue_ticks: int
    linger_s: float
    checkpoint_s: float
    grace_s: float
    batch_points: int
    poison: int

    def dice(self, purpose: str) -> random.Random:
        """Return a source of chance that nothing else draws from."""
        return random.Random(f"{self.seed}/{purpose}")  # noqa: S311 - a simulation, not a secret


def plan_of(seed: int) -> Plan:
    """Return what a seed decides."""
    dice = random.Random(f"{seed}/plan")  # noqa: S311 - a simulation, not a secret
    lines = dice.choice([1, 2])
    count = dice.choice([1, 2, 2, 3, 4])
    return Plan(
        seed=seed,
        lives=tuple(_life(dice, is_last=number == count - 1) for number in range(count)),
        lines=lines,
        identity=dice.choice(["content", "content", "sequence"]),
        lateness_s=dice.choice([0.0, 0.0, 0.7, 3.0]),
        late=dice.choice(["flag", "flag", "drop"]),
        window_ticks=dice.choice([4_096, 4_096, 24]),
        stamp_ms=dice.choice([1, 1_000, 1_000]),
        pace_s=dice.choice([0.3, 1.0, 3.0]),
        lag_s=dice.choice([0.0, 0.2, 2.0]),
        holes=dice.choice([0.0, 0.1]) if lines == 2 else 0.0,  # noqa: PLR2004 - one line would just lack them
        greeting=dice.choice([0, 1, 5]),
        when_full=dice.choice(["gap", "gap", "gap", "block"]),
        queue_ticks=dice.choice([16, 200, 100_000]),
        linger_s=dice.choice([0.0, 0.01, 0.5]),
        checkpoint_s=dice.choice([1.0, 10.0, 60.0]),
        grace_s=dice.choice([0.0, 2.0, 30.0, 30.0]),
        batch_points=dice.choice([1, 7, 5_000]),
        poison=dice.choice([0, 0, 13]),
    )


def _life(dice: random.Random, *, is_last: bool) -> Life:
    actions = tuple(_action(dice) for _ in range(dice.randint(2, 10)))
    ends: list[End] = ["stop", "crash", "crash", "crash", "crash while stopping", "abort", "cancel"]
    return Life(
        actions=actions,
        end="stop" if is_last else dice.choice(ends),
        crash_at=dice.randint(-1, len(actions)),
        crash_steps=int(math.exp(dice.uniform(0.0, math.log(STEPS)))),
        away_s=dice.choice([0.0, 1.0, 100.0]),
    )


def _action(dice: random.Random) -> Action:
    (name,) = dice.choices(list(_ACTIONS), weights=[weight for weight, _, _ in _ACTIONS.values()])
    _, least, most = _ACTIONS[name]
    return name, round(dice.uniform(least, most), 3)
