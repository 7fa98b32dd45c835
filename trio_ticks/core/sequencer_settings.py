"""What a sequencer can be told, and what it tells of itself."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict

import attrs

from trio_ticks.config import Late
from trio_ticks.core.identity import IDENTITIES, Identity, IdentityRule

if TYPE_CHECKING:
    from collections.abc import Mapping


class SequencerSettings(TypedDict, total=False):
    """The keywords of `trio_ticks.core.sequencer.Sequencer`, which a restart must repeat."""

    identity: Identity
    lateness_s: float
    late: Late
    ahead_s: float
    window_s: float
    window_ticks: int
    stamp_ticks: int


@attrs.frozen
class SequencerLimits:
    """The settings checked, in the units that the rule is worked in.

    Attributes:
        rule: How ticks are told apart.
        lateness_us: How long a tick waits; 0: not at all.
        drops_late: Whether late ticks are dropped.
        ahead_us: How far past its receipt a stamp may lie.
        window_us: Event time remembered.
        window_ticks: Entries remembered for a symbol.
        stamp_ticks: Entries taken at one stamp.
    """

    rule: IdentityRule
    lateness_us: int
    drops_late: bool
    ahead_us: int
    window_us: int
    window_ticks: int
    stamp_ticks: int

    @classmethod
    def of(
        cls,
        *,
        identity: Identity,
        lateness_s: float,
        late: Late,
        ahead_s: float,
        window_s: float,
        window_ticks: int,
        stamp_ticks: int,
    ) -> SequencerLimits:
        """Check the settings.

        Raises:
            ValueError: A setting is none of the accepted values.
        """
        _check_choice("identity", identity, tuple(IDENTITIES))
        _check_choice("late", late, ("flag", "drop"))
        return cls(
            rule=IDENTITIES[identity],
            lateness_us=_microseconds("lateness_s", lateness_s),
            drops_late=late == "drop",
            ahead_us=_microseconds("ahead_s", ahead_s),
            window_us=_microseconds("window_s", window_s),
            window_ticks=_positive("window_ticks", window_ticks),
            stamp_ticks=_positive("stamp_ticks", stamp_ticks),
        )


@attrs.frozen
class SequencerCounts:
    """What became of every tick pushed; the sum of all but ``rejected_by`` is their number.

    Attributes:
        accepted: Delivered.
        duplicates: Copies of what another session had shown.
        expired: At or below the floor: too old to say whether they are copies.
        late_dropped: Accepted, but late under ``late="drop"``.
        held: Waiting now.
        rejected: Unusable.
        rejected_by: The same by reason.
    """

    accepted: int = 0
    duplicates: int = 0
    expired: int = 0
    late_dropped: int = 0
    held: int = 0
    rejected: int = 0
    rejected_by: Mapping[str, int] = attrs.field(factory=lambda: MappingProxyType({}))


def _check_choice(name: str, value: object, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise ValueError(f"{name} is {value!r}, accepted are {', '.join(accepted)}")


def _microseconds(name: str, value_s: object) -> int:
    if not (isinstance(value_s, int | float) and math.isfinite(value_s) and value_s >= 0):
        raise ValueError(f"{name} is {value_s!r}, accepted are finite seconds from 0 up")
    return round(value_s * 1_000_000)


def _positive(name: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} is {value!r}, accepted are whole numbers from 1 up")
    return value
