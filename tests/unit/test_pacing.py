"""Pacing: worked examples with AllTick's documented distances. The laws are in the property tests."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from trio_ticks.core.pacing import Pacer


def alltick() -> Pacer:
    return Pacer(request_s=1.0, across_s=3.0, connect_s=3.0)


def test_requests_on_one_connection_are_a_second_apart() -> None:
    """A burst leaves one by one; a request after a pause leaves at once."""
    pacer = alltick()
    assert [pacer.request_at("A", 10.0) for _ in range(3)] == [10.0, 11.0, 12.0]
    assert pacer.request_at("A", 20.0) == 20.0


def test_requests_on_different_connections_are_three_seconds_apart() -> None:
    """Ten connections that subscribe at once take turns."""
    pacer = alltick()
    assert [pacer.request_at(name, 0.0) for name in "ABCD"] == [0.0, 3.0, 6.0, 9.0]


def test_heartbeats_of_different_connections_do_not_wait_for_each_other() -> None:
    """Were they to, ten connections could not keep the vendor's 30 s."""
    pacer = alltick()
    assert [pacer.heartbeat_at(number, 10.0) for number in range(10)] == [10.0] * 10


def test_a_heartbeat_finds_room_before_a_request_that_waits_its_turn() -> None:
    """A subscription far down the queue does not hold up the heartbeats that keep its connection open."""
    pacer = alltick()
    turns = [pacer.request_at(number, 0.0) for number in range(10)]
    assert turns[9] == 27.0
    assert [pacer.heartbeat_at(9, at) for at in (10.0, 20.0, 26.5)] == [10.0, 20.0, 28.0]


def test_connects_are_spaced_from_each_other_and_from_nothing_else() -> None:
    """Attempts to connect have their own distance."""
    pacer = alltick()
    pacer.request_at("A", 0.0)
    assert [pacer.connect_at(0.0) for _ in range(3)] == [0.0, 3.0, 6.0]
    assert pacer.connect_at(20.0) == 20.0


def test_a_connection_that_is_gone_gives_back_what_it_did_not_send() -> None:
    """The turn it waited for goes to whoever asks next."""
    pacer = alltick()
    assert [pacer.request_at(name, 0.0) for name in "AB"] == [0.0, 3.0]
    pacer.forget("B")
    assert pacer.request_at("C", 1.0) == 3.0


@pytest.mark.parametrize("successor", ["A", "B", None])
def test_what_a_connection_sent_outlives_it(successor: Hashable) -> None:
    """The vendor has seen it: a successor, of whatever name, is another connection, and keeps that distance."""
    pacer = alltick()
    pacer.claim("A", pacer.request_at("A", 0.0), 0.0)
    pacer.forget("A")
    assert pacer.request_at(successor, 0.5) == 3.0
    assert pacer.request_at(successor, 3.0) == 4.0


def test_after_a_standstill_the_turns_that_have_passed_are_no_volley() -> None:
    """Three connections were to ask at 0, 3 and 6; the host stood still until 10: they ask at 10, 13 and 16."""
    pacer = alltick()
    first, second, third = (pacer.request_at(name, 0.0) for name in "ABC")
    assert pacer.claim("A", first, 10.0) == 10.0
    assert pacer.claim("B", second, 10.0) == 13.0
    assert pacer.claim("C", third, 10.0) == 13.0
    assert pacer.claim("B", 13.0, 13.0) == 13.0
    assert pacer.claim("C", 13.0, 13.0) == 16.0


def test_a_request_that_leaves_late_moves_the_next_one() -> None:
    """What counts for the vendor is when it was sent, not when it was due."""
    pacer = alltick()
    first, second = pacer.request_at("A", 0.0), pacer.request_at("B", 0.0)
    assert pacer.claim("A", first, 0.25) == 0.25
    assert pacer.claim("B", second, 3.0) == 3.25
    assert pacer.claim("B", 3.25, 3.25) == 3.25


def test_connects_that_are_late_keep_their_distance() -> None:
    """After a standstill the lines do not all knock at once."""
    pacer = alltick()
    assert [pacer.connect_at(0.0) for _ in range(3)] == [0.0, 3.0, 6.0]
    assert [pacer.claim_connect(10.0) for _ in range(3)] == [10.0, 13.0, 13.0]
    assert [pacer.claim_connect(13.0), pacer.claim_connect(13.0)] == [13.0, 16.0]
    assert pacer.connect_at(13.0) == 16.0


def test_heartbeats_before_a_waiting_request_keep_their_distance_too() -> None:
    """The order in which turns were given does not matter to the distances."""
    pacer = alltick()
    assert [pacer.request_at(name, 0.0) for name in "ABC"] == [0.0, 3.0, 6.0]
    assert [pacer.heartbeat_at("C", 1.0) for _ in range(4)] == [1.0, 2.0, 3.0, 4.0]
    assert pacer.heartbeat_at("C", 1.0) == 5.0
    assert pacer.heartbeat_at("C", 1.0) == 7.0


def test_without_distances_everything_leaves_at_once() -> None:
    """A vendor without limits is not slowed down."""
    pacer = Pacer(request_s=0.0, across_s=0.0, connect_s=0.0)
    assert {pacer.request_at(name, 5.0) for name in "AABB"} == {5.0}
    assert {pacer.connect_at(5.0) for _ in range(3)} == {5.0}
