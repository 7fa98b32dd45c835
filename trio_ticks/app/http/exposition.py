"""Prometheus' text format: families of samples, each with a type and a help text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from trio_ticks.core.ages import BOUNDS_US, AgeCounts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PREFIX = "trio_ticks_"

Labels: TypeAlias = Mapping[str, str]
Kind: TypeAlias = Literal["counter", "gauge"]
Sample: TypeAlias = tuple[Labels, float]

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_BOUNDS = [f"{bound / 1e6:.6f}".rstrip("0").rstrip(".") for bound in BOUNDS_US]


class Exposition:
    """A page of metrics under construction; a family without a sample is left out."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(self, name: str, kind: Kind, words: str, samples: Iterable[Sample] | float) -> None:
        """Add a family: one sample without labels, or some with."""
        some = [({}, samples)] if isinstance(samples, int | float) else list(samples)
        if some:
            self._head(name, kind, words)
        for labels, value in some:
            self._lines.append(f"{PREFIX}{name}{_written(labels)} {_number(value)}")

    def histogram(self, name: str, words: str, samples: Iterable[tuple[Labels, AgeCounts]]) -> None:
        """Add a family of histograms."""
        some = list(samples)
        if some:
            self._head(name, "histogram", words)
        for labels, ages in some:
            below = 0
            for bound, ticks in zip((*_BOUNDS, "+Inf"), ages.counts, strict=True):
                below += ticks
                self._lines.append(f"{PREFIX}{name}_bucket{_written({**labels, 'le': bound})} {below}")
            self._lines.append(f"{PREFIX}{name}_sum{_written(labels)} {ages.sum_us / 1e6!r}")
            self._lines.append(f"{PREFIX}{name}_count{_written(labels)} {below}")

    def text(self) -> bytes:
        """Return the page."""
        return ("\n".join(self._lines) + "\n").encode()

    def _head(self, name: str, kind: str, words: str) -> None:
        self._lines += [f"# HELP {PREFIX}{name} {words}", f"# TYPE {PREFIX}{name} {kind}"]


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)


def _written(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
