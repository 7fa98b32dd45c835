"""What came of a backtest."""

from __future__ import annotations

import html
import reprlib
from collections.abc import Sequence
from typing import Any

import attrs

from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.model import Gap, Signal
from trio_ticks.storage.reading.sightings import spelled


@attrs.frozen(kw_only=True, repr=False)
class Backtest:
    """What came of a backtest.

    Attributes:
        value: What the strategy returned; None where it was still waiting at the end.
        signals: Its decisions, in order.
        gaps: In what was played: ticks may be missing there.
        ledger: What became of the ticks that were read from the recording; ``queued`` are those that were not taken.
        strategy: Its name.
        has_returned: The strategy came to its own end. False: it was still waiting at the end and was cancelled.
        start_us: Market time at the start, UTC microseconds.
        end_us: Market time when it was over.
    """

    value: Any
    signals: Sequence[Signal]
    gaps: Sequence[Gap]
    ledger: ConsumerLedger
    strategy: str
    has_returned: bool
    start_us: int
    end_us: int

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        return "returned" if self.has_returned else "was still waiting at the end, and cancelled there"

    def __repr__(self) -> str:
        return f"<Backtest {'; '.join(f'{name}: {text}' for name, text in self.lines())}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.lines()
        )
        return f"<table>{rows}</table>"

    def lines(self) -> list[tuple[str, str]]:
        """Return what there is to say for people: a name and a text each."""
        return [
            ("strategy", f"{self.strategy} {self.ending}"),
            ("value", reprlib.repr(self.value)),
            ("market time", f"{spelled(self.start_us)} to {spelled(self.end_us)}"),
            ("ticks", f"{self.ledger.delivered:,} delivered, {self.ledger.queued:,} not taken"),
            ("signals", f"{len(self.signals):,}"),
            ("gaps", f"{len(self.gaps):,}"),
        ]
