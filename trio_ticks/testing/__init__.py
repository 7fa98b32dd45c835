"""A kit for your own tests: generated streams of ticks, and the laws that what is delivered must keep.

* `trio_ticks.testing.strategies`: Hypothesis strategies. `ticks` makes single ticks, `streams` what a vendor
  publishes (shared stamps and equal twins included), `deliveries` how several connections would show it: with
  holes, repeats, interleaved and in chunks.
* `trio_ticks.testing.checkers`: functions that raise `AssertionError` with one clear line. `check_order`,
  `check_identity` and `check_ledger` need only what was delivered and counted; `check_never_twice`,
  `check_count` and `check_loss_bound` also what was shown.
* `trio_ticks.testing.venue`: a vendor in memory, whose faults read as sentences (``with venue.muting():``).
* `trio_ticks.testing.simulation`: runs production tasks under simulated time, the scheduler drawn from one seed.
* `trio_ticks.testing.world`: the whole engine with vendor, disk and database in one simulation, crashes included,
  judged by its laws: ``python -m trio_ticks.testing simulate --seeds 0:300``.

Needs the ``testing`` extra (Hypothesis). The rest of the package never imports this.

Example:
    A stream shown by two lines comes out without copies.

    >>> from hypothesis import given, strategies as st
    >>> from trio_ticks.core.sequencer import Sequencer
    >>> from trio_ticks.testing import check_count, deliveries, streams
    >>> @given(st.data(), streams())
    ... def copies_are_told_from_twins(data, source):
    ...     steps = data.draw(deliveries(source))
    ...     sequencer, delivered = Sequencer(), []
    ...     for session, shown in steps:
    ...         delivered += sequencer.push(shown, session=session, now_us=source[-1].time_us)
    ...     check_count(delivered, steps)
    >>> copies_are_told_from_twins()
"""

from trio_ticks.testing.checkers import (
    check_count,
    check_identity,
    check_ledger,
    check_loss_bound,
    check_never_twice,
    check_order,
)
from trio_ticks.testing.strategies import START_US, Step, deliveries, streams, ticks

__all__ = [
    "START_US",
    "Step",
    "check_count",
    "check_identity",
    "check_ledger",
    "check_loss_bound",
    "check_never_twice",
    "check_order",
    "deliveries",
    "streams",
    "ticks",
]
