"""What measurements share: the machine they were made on, percentiles, and numbers for people."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

_S_US = 1_000_000
_MS_US = 1_000


@attrs.frozen
class Machine:
    """Where it was measured.

    Attributes:
        cpu: The model.
        cores: How many this process may use.
        system: Operating system and its version.
        python: Implementation and version.
    """

    cpu: str
    cores: int
    system: str
    python: str

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.cpu}, {cores}, {self.system}, {self.python}"


def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        cpu=_cpu_model(),
        cores=cores,
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of all values do not exceed.

    Args:
        values: In any order; at least one.
        share: In 0 … 1; 0.5 is the median, the lower one of two.
    """
    ranked = sorted(values)
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]


def duration_text(us: float) -> str:
    """Return a duration with two or three digits and the unit that fits."""
    if us < _MS_US:
        return f"{us:.0f} µs"
    if us < 10 * _MS_US:
        return f"{us / _MS_US:.1f} ms"
    if us < _S_US:
        return f"{us / _MS_US:.0f} ms"
    return f"{us / _S_US:.1f} s"


def _cpu_model() -> str:
    """Return what the processor calls itself; Python does not know it on Linux."""
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
