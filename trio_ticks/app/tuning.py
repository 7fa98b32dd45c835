"""Settings of the interpreter that suit a process of ours, and that a library must leave to its user."""

from __future__ import annotations

import gc
import sys

YOUNG = 50_000
"""Objects that are made before the collector looks at the young ones. Ticks are freed without it: by default it looks
after 700, at thousands of them a second, and every look at all objects is a pause of 20 ms and more in which nothing
is received. Far more would let garbage with cycles, which exceptions leave, lie for long."""

SWITCH_S = 0.0005
"""How long a thread may keep the others from running Python, such as one that encodes for the journal. The default of
5 ms is what a tick would then be late; much shorter costs switches that nobody needs."""


def tune() -> None:
    """Set up the interpreter; what is alive now is left out of all later garbage collections."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
    sys.setswitchinterval(SWITCH_S)
