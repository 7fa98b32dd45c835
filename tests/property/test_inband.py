"""In-band time and its timers: the same whatever batches the records come in, live or read again."""

from __future__ import annotations

import functools
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
    """Return records, and repeating timers by instant and step, in the order in which a consumer meets them."""
    position = Position()
    story: list[object] = []

    def repeat(step: int) -> None:
        alarm = Alarm(
            due_from=lambda start: start + step, ring=lambda: story.append((alarm.due_us, step)), ask=lambda _: None
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
                assert len(story) < 1_000, "time stands still"
            story += position.stride() if strides else [position.step()]
            while not strides and position.at < position.fence:
                story.append(position.records[position.at])
                position.at += 1
            assert len(story) < 1_000, "no record is handed on"
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
            story.append((due, step))
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


def test_without_a_record_that_moves_it_time_has_not_begun() -> None:
    """It begins at 0."""
    assert [greatest_us(some) for some in ([], [Bar("X", 5, 6, 1, 1, 1, 1)], [Signal("buy", "X", 5)])] == [0, 0, 0]


# ---- a position by itself


def quiet(due_us: int) -> Alarm:
    """Return an alarm of one instant, for which nobody waits."""
    return Alarm(due_from=lambda _: due_us, ask=lambda _: None)


def standing(*times_us: int, taken: int = 1) -> Position:
    """Return a position with so many records handed on."""
    position = Position()
    position.put([Tick("X", time_us, 1.0) for time_us in times_us])
    for _ in range(taken):
        position.step()
    return position


def test_what_is_let_go_was_not_handed_on() -> None:
    """It is counted, moves no time, and what comes behind it is taken as ever."""
    position = standing(1, 9, 8)
    assert (position.drop(), position.has_next, list(position.rest)) == (2, False, [])
    assert (position.now_us, position.taken_ticks) == (1, 1)
    position.put([Tick("X", 5, 1.0)])
    assert position.step().time_us == position.now_us == 5
    assert (position.taken_ticks, position.drop()) == (2, 0)


def test_a_stride_hands_on_one_record_at_the_least() -> None:
    """Also where an alarm is due that nobody has rung: whoever reads comes forward."""
    position = standing(1, 9, 10, 11)
    position.set(quiet(5))
    assert [item.time_us for item in position.stride()] == [9]
    assert [item.time_us for item in position.stride()] == [10]
    assert position.is_overdue


def test_a_stride_goes_up_to_the_next_alarm() -> None:
    """Whatever lies behind one's back; and the fence stands where the stride would end."""
    position = standing(9, 2, 3, 5, 6, 7)
    position.set(quiet(5))
    assert [item.time_us for item in position.stride()] == [2, 3, 5]
    assert position.due() is not None
    assert [item.time_us for item in position.stride()] == [6, 7]
    position = standing(9, 2, 3, 5, 6, 7)
    position.set(quiet(5))
    position.step()
    assert (position.at, position.fence) == (2, 4)
    position.put([Tick("X", 8, 1.0)])
    assert (position.at, position.fence) == (0, 0), "an alarm may come before what was put"


def test_whoever_looks_closely_is_asked_about_each_record() -> None:
    """Without an alarm, too: the fence lets nothing pass."""
    position = Position(looks_closely=True)
    position.put([Tick("X", time_us, 1.0) for time_us in (1, 2, 3)])
    fences = []
    while position.has_next:
        position.step()
        fences.append(position.fence)
    assert fences == [0, 0, 0]


def test_time_begins_with_the_first_record_that_moves_it() -> None:
    """Until that is in hand alarms wait; then they count from it, and it is known that they do."""
    position, asked = Position(), list[int]()
    position.set(Alarm(due_from=lambda start_us: start_us + 5, ask=asked.append))
    position.put([Bar("X", 1, 2, 1, 1, 1, 1)])
    assert (position.begin(), position.next_due_us, asked) == (False, None, [])
    position.put([Tick("X", 40, 1.0)])
    assert (position.begin(), position.next_due_us, asked) == (True, 45, [45])
    assert (position.begin(), asked) == (True, [45])


def test_only_what_is_still_to_come_is_reached() -> None:
    """A record behind one's back, later than an instant as it may be, is not in hand."""
    position = standing(1, 9, 4, 5, taken=2)
    assert [position.reaches(due_us) for due_us in (3, 4, 5)] == [True, True, False]


def test_the_first_alarm_can_be_taken_before_its_time() -> None:
    """Time moves to it, and not back; without an alarm there is nothing to take."""
    position = standing(2)
    first, second = quiet(7), quiet(5)
    for alarm in (first, second):
        position.set(alarm)
    assert position.next_due_us == 5
    assert (position.pop(), position.now_us) == (second, 5)
    assert (position.pop(), position.now_us) == (first, 7)
    assert position.first is None
    assert not position.is_overdue


def test_an_alarm_is_overdue_when_time_has_passed_it() -> None:
    """At its instant it is not yet: what has that time comes before it."""
    position = standing(1, 5, 6)
    position.set(quiet(5))
    overdue = []
    while position.has_next:
        position.step()
        overdue.append(position.is_overdue)
    assert overdue == [False, True]


def test_at_the_end_all_go_on_in_the_order_of_their_instants() -> None:
    """Of one instant, whoever was first; those that were forgotten do not ring."""
    position, story = standing(1), list[int]()
    alarms = [quiet(due_us) for due_us in (8, 3, 9, 3, 5)]
    for place, alarm in enumerate(alarms):
        alarm.ring = functools.partial(story.append, place)
        position.set(alarm)
    position.unset(alarms[2])
    position.end()
    assert story == [1, 3, 4, 0]
    assert [alarm.state for alarm in alarms] == ["ended", "ended", "pending", "ended", "ended"]
    assert position.first is None
