"""What came of one way to learn a price, over all symbols and instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import attrs

from bench.polling.measure import Learnt, Summary, Trade, happened, missed, samples
from bench.polling.venue import CODES, RECORDINGS


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of one way to learn a price, over all symbols and instants.

    Attributes:
        name: ``venue`` (who trades there and sees all), ``streamed`` or ``polled``.
        plan: The plan of the token, or "".
        cycle_s: Between two queries for the same symbol, as the plan allows it; 0.0 where there are none.
        queries: How many were answered.
        behind_s: For how long the price held has not been the last any more.
        since_event_s: How long ago the trade held happened.
        error_bp: Its price against the true one.
        current: Share of instants at which it was the last price.
        behind_by_recording_s: Mean of ``behind_s`` for the symbols of each recording.
        happened: Trades in the measured span.
        missed: Those the client never learnt of.
        violations: The rules of the vendor's that the client broke.
    """

    name: str
    plan: str = ""
    cycle_s: float = 0.0
    queries: int = 0
    behind_s: Summary
    since_event_s: Summary
    error_bp: Summary
    current: float
    behind_by_recording_s: Mapping[str, float]
    happened: int
    missed: int
    violations: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Span:
    """The measured span.

    Attributes:
        trades: What happened, by symbol.
        start_us: When it begins.
        end_us: When it ends.
        grid_us: Between two instants at which the clients are looked at.
    """

    trades: Mapping[str, Sequence[Trade]]
    start_us: int
    end_us: int
    grid_us: int

    def outcome(self, name: str, learnt: Mapping[str, Sequence[Learnt]]) -> Outcome:
        """Return what came of having learnt this, by symbol."""
        instants = range(self.start_us, self.end_us, self.grid_us)
        held = {code: list(samples(self.trades[code], learnt[code], instants)) for code in CODES}
        span = {code: happened(self.trades[code], self.start_us, self.end_us) for code in CODES}
        every = [sample for each in held.values() for sample in each]
        return Outcome(
            name=name,
            behind_s=Summary.of([sample.behind_us / 1e6 for sample in every]),
            since_event_s=Summary.of([sample.since_event_us / 1e6 for sample in every]),
            error_bp=Summary.of([sample.error_bp for sample in every]),
            current=sum(not sample.behind_us for sample in every) / len(every),
            behind_by_recording_s={
                name: fmean(sample.behind_us / 1e6 for code in codes for sample in held[code])
                for name, codes in RECORDINGS.items()
            },
            happened=sum(map(len, span.values())),
            missed=sum(missed(span[code], learnt[code]) for code in CODES),
        )
