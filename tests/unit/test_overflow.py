"""The buffer of a live consumer: worked examples of each policy. The laws are in the property tests."""

from __future__ import annotations

import pytest

from trio_ticks.core.overflow import Buffer
from trio_ticks.model import Bar, Gap, Record, Status, Tick


def tick(time_us: int, symbol: str = "A") -> Tick:
    return Tick(symbol=symbol, time_us=time_us, price=1.0)


def ticks(*times_us: int) -> list[Record]:
    return [tick(time_us) for time_us in times_us]


def overflow(start_us: int, end_us: int, missed: int) -> Gap:
    return Gap(start_us=start_us, end_us=end_us, cause="overflow", missed=missed)


def drained(buffer: Buffer) -> list[list[Record]]:
    """Take all there is, batch by batch."""
    batches = []
    while buffer:
        batches.append(buffer.take())
    return batches


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "fail"])
def test_what_was_put_together_comes_out_together(policy: str) -> None:
    """While there is room a batch is handed on as it came, as a list of the consumer's own."""
    buffer = Buffer(capacity=4, overflow=policy)  # type: ignore[arg-type] # the names are checked elsewhere
    first = ticks(1, 2)
    buffer.put(first)
    buffer.put(())
    buffer.put(tuple(ticks(3, 4)))
    batches = drained(buffer)
    assert batches == [ticks(1, 2), ticks(3, 4)]
    assert batches[0] is not first
    assert buffer.take() == []
    assert not buffer.failed


def test_drop_oldest_cuts_at_the_old_end() -> None:
    """The newest stay; the gap stands before them and covers what was cut."""
    buffer = Buffer(capacity=3, overflow="drop_oldest")
    buffer.put(ticks(1, 2))
    buffer.put(ticks(3, 4, 5))
    buffer.put(ticks(6))
    assert (buffer.offered, buffer.dropped, buffer.queued) == (6, 3, 3)
    assert drained(buffer) == [[overflow(1, 3, 3), *ticks(4, 5)], ticks(6)]
    assert (buffer.offered, buffer.dropped, buffer.queued) == (6, 3, 0)


def test_drop_newest_shows_the_gap_where_it_was() -> None:
    """The gap comes behind what was kept, and before what found room later."""
    buffer = Buffer(capacity=4, overflow="drop_newest")
    buffer.put(ticks(1, 2))
    buffer.put(ticks(3, 4, 5))
    buffer.put(ticks(6))
    assert buffer.take() == ticks(1, 2)
    buffer.put(ticks(7, 8))  # room for one: the gap takes the place of the other
    assert drained(buffer) == [[*ticks(3, 4), overflow(5, 6, 2)], [*ticks(7), overflow(8, 8, 1)]]
    assert (buffer.offered, buffer.dropped, buffer.queued) == (8, 3, 0)


def test_conflate_keeps_the_latest_of_each_symbol_and_feed() -> None:
    """A symbol stands where its first tick since the last take stood, with its latest."""
    buffer = Buffer(capacity=9, overflow="conflate")
    other = Tick(symbol="A", time_us=2, price=1.0, feed="other")
    status = Status(status="connected", time_us=3)
    buffer.put([tick(1), other, tick(2, "B"), status])
    buffer.put([tick(4, "B"), tick(5), tick(6)])
    assert (buffer.offered, buffer.dropped, buffer.queued) == (6, 3, 3)
    assert buffer.take() == [overflow(1, 5, 3), tick(6), other, tick(4, "B"), status]
    buffer.put([tick(7, "B"), tick(8)])
    assert drained(buffer) == [[tick(7, "B"), tick(8)]]


def test_only_ticks_are_conflated() -> None:
    """What a line or a gap tells is told, however often it happens."""
    buffer = Buffer(capacity=9, overflow="conflate")
    records: list[Record] = [
        Status("silent", 1, feed="x"),
        Status("resumed", 2, feed="x"),
        Gap(1, 2, "silent", "A"),
        Gap(3, 4, "mute", "A"),
    ]
    buffer.put(records)
    assert buffer.take() == records


def test_conflate_stays_within_its_capacity() -> None:
    """With more symbols than room the oldest gives way, as do records that are no ticks."""
    buffer = Buffer(capacity=2, overflow="conflate")
    buffer.put([Status(status="connected", time_us=1), tick(2, "B"), tick(3, "C"), tick(4, "D")])
    assert buffer.take() == [overflow(1, 2, 1), tick(3, "C"), tick(4, "D")]


def test_fail_tells_and_still_hands_out_what_is_queued() -> None:
    """What does not fit is counted, and the failure stays even when all was taken."""
    buffer = Buffer(capacity=2, overflow="fail")
    buffer.put(ticks(1, 2))
    assert (buffer.dropped, buffer.failed) == (0, False)
    buffer.put(ticks(3))
    assert (buffer.dropped, buffer.failed) == (1, True)
    assert drained(buffer) == [[*ticks(1, 2), overflow(3, 3, 1)]]
    assert (buffer.dropped, buffer.failed) == (1, True)


def test_records_that_are_no_ticks_leave_a_gap_too() -> None:
    """A lost gap stays visible within the overflow's interval, though no tick is missing here."""
    buffer = Buffer(capacity=1, overflow="fail")
    buffer.put(ticks(50))
    buffer.put([Gap(start_us=10, end_us=90, cause="closed"), Bar("A", 20, 95, 1.0, 1.0, 1.0, 1.0)])
    assert (buffer.offered, buffer.dropped, buffer.failed) == (1, 0, True)
    assert drained(buffer) == [[*ticks(50), overflow(10, 95, 0)]]


@pytest.mark.parametrize(
    ("policy", "batch"),
    [
        ("drop_oldest", [overflow(0, 998, 999), tick(999)]),
        ("drop_newest", [tick(0), overflow(1, 999, 999)]),
        ("fail", [tick(0), overflow(1, 999, 999)]),
        ("conflate", [overflow(0, 998, 999), tick(999)]),
    ],
)
def test_one_put_larger_than_the_buffer(policy: str, batch: list[Record]) -> None:
    """A single put cannot break the bound, and leaves one gap."""
    buffer = Buffer(capacity=1, overflow=policy)  # type: ignore[arg-type] # the names are checked elsewhere
    buffer.put(ticks(*range(1_000)))
    assert drained(buffer) == [batch]


def test_a_buffer_has_room() -> None:
    """A capacity of zero would drop everything."""
    with pytest.raises(ValueError, match="at least 1"):
        Buffer(capacity=0, overflow="fail")
