"""What lies in a stream, and what may be taken out of it."""

from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.support.redis_stage import batch_of
from trio_ticks.core.marks import brought_by, is_of_journal
from trio_ticks.core.relaying import Place, Relayed
from trio_ticks.model import Gap, Record, Signal, Status, Tick
from trio_ticks.runtime.consumer import StreamConsumer
from trio_ticks.runtime.fanout import Fanout
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.runtime.stream import Ticks
from trio_ticks.storage import payload
from trio_ticks.storage.redis_entry import Entry, order_of, trim_below

POSITIONS = st.integers(0, 30)


@given(st.lists(POSITIONS, max_size=4), st.integers(1, 30))
def test_nothing_is_trimmed_that_a_reader_lacks(acknowledged: list[int], newest: int) -> None:
    """What goes is exactly what every reader has, except the newest entry; without a reader it is nothing."""
    entries = range(1, newest + 1)
    everybody_has = [n for n in entries if acknowledged and all(n <= reader for reader in acknowledged)]
    gone = [n for n in entries if n < trim_below(acknowledged, newest)]
    assert gone == [n for n in everybody_has if n != newest]


@given(
    st.lists(
        st.one_of(
            st.just(("write", 0)),
            st.tuples(st.just("trim"), st.just(0)),
            st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 5)),
        ),
        max_size=40,
    )
)
def test_every_reader_meets_every_entry(script: list[tuple[str, int]]) -> None:
    """However writing, reading and trimming take turns, whoever has registered finds each entry once, in order."""
    stream: list[int] = []
    readers: dict[str, int] = {}
    newest = 0
    for who, count in script:
        if who == "write":
            newest += 1
            stream.append(newest)
        elif who == "trim" and newest:
            stream = [n for n in stream if n >= trim_below(readers.values(), newest)]
        elif who not in {"write", "trim"}:
            at = readers.setdefault(who, stream[0] - 1 if stream else newest)
            found = [n for n in stream if n > at][:count]
            assert found == list(range(at + 1, at + 1 + len(found)))
            readers[who] = found[-1] if found else at
    for at in readers.values():
        assert [n for n in stream if n > at] == list(range(at + 1, newest + 1))


@given(st.integers(1, 2**53), st.text("0123456789abcdef-", max_size=20), st.integers(0, 40))
def test_an_entry_is_read_as_it_was_written(position: int, writer: str, ticks: int) -> None:
    """Position, writer and every field of every record."""
    records = batch_of(7, ticks=ticks)
    entry = Entry(position, writer, payload.encode(records))
    fields = entry.fields
    read = Entry.of(entry.id.encode(), dict(zip(fields[::2], fields[1::2], strict=True)))
    assert read == entry
    assert read.records() == records
    assert fields[3] == writer.encode(), "where the script that appends looks for it"


@given(
    st.from_regex(rb"[0-9]{1,15}-[0-9]{1,5}", fullmatch=True),
    st.dictionaries(st.sampled_from([b"trio_ticks", b"writer", b"payload", b"x"]), st.binary(max_size=20)),
)
def test_anything_at_all_is_an_entry_or_a_strangers(identifier: bytes, fields: dict[bytes, bytes]) -> None:
    """What has our mark and an id of ours is an entry, however little can be made of it; nothing raises."""
    entry = Entry.of(identifier, fields)
    assert (entry is not None) == (b"trio_ticks" in fields and identifier.endswith(b"-0"))


@given(st.lists(st.tuples(st.integers(0, 2**60), st.integers(0, 2**60)), min_size=2, max_size=2))
def test_ids_are_ordered_as_numbers(pair: list[tuple[int, int]]) -> None:
    """Not as texts: 9-0 comes before 10-0."""
    first, second = (order_of(f"{time}-{number}") for time, number in pair)
    assert (first < second) == (pair[0] < pair[1])


@given(st.integers(0, 2**60), st.text("abc 123-", max_size=10), st.integers(0, 2**60))
def test_a_place_is_restored_as_it_was(position: int, writer: str, last_us: int) -> None:
    """Whatever the writer is called."""
    place = Place(position, writer, last_us)
    assert Place.load(place.save()) == place


@given(st.integers(0, 5), st.integers(1, 9))
def test_batches_that_are_gone_are_a_gap(at: int, position: int) -> None:
    """One gap in front, for all symbols, from the last tick before to the first behind; none where none is missing,
    and none before the first batch of all."""
    records = [brought_by("redis", item) for item in batch_of(position)]
    before = Place(at, "w", 17 if at else 0)
    batch = Relayed.following(before, feed="redis", position=position, writer="w", records=batch_of(position))
    is_gone = at > 0 and position > at + 1
    first, *others = batch.records
    assert ([first, *others] if not is_gone else others) == records
    if is_gone:
        assert isinstance(first, Gap)
        assert isinstance(records[0], Tick)
        assert (first.start_us, first.end_us, first.symbol, first.cause) == (17, records[0].received_us, None, "lost")
    assert batch.place.position == position
    assert batch.ticks == 10


RECEIVED = st.lists(st.integers(1, 9), max_size=3).map(sorted)


@given(st.integers(0, 9), RECEIVED, st.integers(3, 9))
def test_the_place_and_the_gap_are_told_by_receipts(last_us: int, received: list[int], status_us: int) -> None:
    """The gap reaches from the last tick before to the first behind; where a batch has none, to its first record,
    and the place still tells of the tick before."""
    ticks: list[Record] = [Tick("X", 100, 1.0, received_us=at_us) for at_us in received]
    records = [Status("resumed", status_us), *ticks, Status("resumed", 10)]
    batch = Relayed.following(
        Place(3, "v", last_us), feed="redis", position=5, writer="w", records=records, symbols={"X"}
    )
    end_us = received[0] if received else status_us
    gap = Gap(min(last_us or end_us, end_us), end_us, "lost", feed="redis")
    place = Place(5, "w", received[-1] if received else last_us)
    assert batch == Relayed("redis", [gap, *records], place, len(ticks))


def test_only_the_symbols_that_are_wanted_come() -> None:
    """And what concerns no single one; the place moves all the same."""
    batch = Relayed.following(
        Place(), feed="redis", position=4, writer="w", records=batch_of(4), symbols=frozenset({"S2"})
    )
    assert {item.symbol for item in batch.records} == {"S2"}
    assert (batch.ticks, batch.place.position) == (3, 4)


def test_what_another_engines_strategies_left_bears_the_feed_in_its_name() -> None:
    """So a strategy of the same name here is another one, however many engines stand in a row."""
    left: list[Record] = [
        Status("started", 1, "{}", source="strategy momentum"),
        Status("connected", 2, source="alltick/stock 0A"),
        Signal("buy", "X", 3, {"size": 1}, strategy="momentum"),
    ]
    once = Relayed.following(Place(), feed="redis", position=1, writer="w", records=left).records
    twice = Relayed.following(Place(), feed="far", position=1, writer="v", records=once).records
    assert once == [
        Status("started", 1, "{}", source="strategy redis/momentum"),
        left[1],
        Signal("buy", "X", 3, {"size": 1}, strategy="redis/momentum"),
    ]
    assert [item.strategy for item in twice if type(item) is Signal] == ["far/redis/momentum"]
    assert list(map(is_of_journal, twice)) == [True, False, True]


def test_no_consumer_sees_what_only_a_journal_has() -> None:
    """It is another strategy's, as those of one engine do not see each other's; and a replay shows none of it."""
    fanout, box = Fanout(), Mailbox(name="s", wanted=Wanted(), room=Room())
    fanout.add(StreamConsumer(box, Ticks(source=box, now_us=lambda: 0)))
    left: list[Record] = [Status("started", 1, source="strategy redis/momentum"), Signal("buy", "X", 3)]
    shown: list[Record] = [Tick("X", 2, 1.0), Status("connected", 2, source="alltick/stock 0A")]
    fanout.publish([left[0], *shown, left[1]])
    fanout.publish(left)
    box.end()
    assert trio.run(box.take) == shown
    assert trio.run(box.take) == []
