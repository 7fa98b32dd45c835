"""In-band time and its timers: the same whatever batches the records come in, live or read again."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.inband import Alarm, Position, first_beyond, greatest_us
from trio_ticks.model import Bar, Clock, Gap, Record, Signal, Tick

TIMES = st.integers(1, 40)
RECORDS = st.lists(
    st.one_of(
        TIMES.map(lambda at: Tick("X", at, 1.0)),
        TIMES.map(lambda at: Gap(max(at - 3, 0), at, "closed")),
        TIMES.map(Clock),
        TIMES.map(lambda at: Bar("X", at, at + 1, 1, 1, 1, 1)),
        TIMES.map(lambda at: Signal("buy", "X", at)),
    ),
    max_size=30,
)
STEPS = st.lists(st.integers(1, 9), max_size=4)


def is_moving(item: Record) -> bool:
    return not isinstance(item, Bar | Signal)


def told(batches: Sequence[Sequence[Record]], steps: Sequence[int], *, strides: bool) -> list[object]:
    """Return records and the instants of repeating timers in the order in which a consumer meets them."""
    position = Position()
    story: list[object] = []

    def repeat(step: int) -> None:
        alarm = Alarm(
            due_from=lambda start: start + step, ring=lambda: story.append(alarm.due_us), ask=lambda _: None
        )
        steps_of[alarm] = step
        position.set(alarm)

    steps_of: dict[Alarm, int] = {}
    for step in steps:
        repeat(step)
    for batch in batches:
        position.put(batch)
        while position.has_next:
            while (alarm := position.due()) is not None:
                alarm.finish("rung")
                repeat(steps_of[alarm])
            story += position.stride() if strides else [position.step()]
            while not strides and position.at < position.fence:
                story.append(position.records[position.at])
                position.at += 1
    return [*story, position.now_us]


def model(records: Sequence[Record], steps: Sequence[int]) -> list[object]:
    """Do the same by the rule alone: one record after the other, and no hand."""
    now = 0
    story: list[object] = []
    dues = [(0, number, step) for number, step in enumerate(steps)]
    number = len(dues)
    for item in records:
        moves = is_moving(item)
        if not now and moves:
            dues = [(item.time_us + step, n, step) for _, n, step in dues]
        while moves and dues and min(dues)[0] < item.time_us:
            due, _, step = min(dues)
            dues.remove(min(dues))
            now = max(now, due)
            story.append(due)
            dues.append((now + step, number, step))
            number += 1
        story.append(item)
        now = max(now, item.time_us) if moves else now
    return [*story, now]


def cut(records: Sequence[Record], sizes: Sequence[int]) -> list[Sequence[Record]]:
    batches: list[Sequence[Record]] = []
    rest, turn = list(records), 0
    while rest:
        size = sizes[turn % len(sizes)]
        batches.append(rest[:size])
        rest, turn = rest[size:], turn + 1
    return batches


@given(RECORDS, STEPS, st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_timers_fall_where_the_rule_says_in_any_batches(
    records: list[Record], steps: list[int], sizes: list[int]
) -> None:
    """One by one or in whole batches, however they were cut: the order is that of the records alone."""
    expected = model(records, steps)
    assert told(cut(records, sizes), steps, strides=False) == expected
    assert told(cut(records, sizes), steps, strides=True) == expected


@given(RECORDS, TIMES)
def test_what_is_beyond_is_what_moves_time_beyond(records: list[Record], due_us: int) -> None:
    """The place of the first record that moves time past an instant, or the end."""
    place = first_beyond(records, due_us)
    assert greatest_us(records[:place]) <= due_us
    assert place == len(records) or greatest_us(records[: place + 1]) > due_us
