"""The ledger's four equations: which count is in which, and what is said where one does not hold."""

from __future__ import annotations

import attrs
import pytest

from trio_ticks.core.ledger import ConsumerLedger, Inbox, JournalLedger, Ledger, SinkLedger

CONSUMER = ConsumerLedger(offered=1_000, delivered=700, dropped=250, queued=50)
JOURNAL = JournalLedger(journaled=1_500, gapped=400, queued=100)
SINK = SinkLedger(appended=3_000, stored=2_000, dead_lettered=600, discarded=300, pending=100)
WHOLE = Ledger(
    received=4_000,
    accepted=2_000,
    duplicates=1_000,
    rejected=500,
    expired=250,
    late_dropped=150,
    held=70,
    inbox=30,
    consumers={"one": CONSUMER},
    journal=JOURNAL,
    sinks={"db": SINK},
)


def test_where_everything_is_somewhere_nothing_is_said() -> None:
    """With and without a journal, consumers and sinks."""
    assert WHOLE.imbalances() == []
    assert Ledger().imbalances() == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("received", ["received 4,001 but 4,000 are accounted for"]),
        (
            "accepted",
            ["received 4,000 but 4,001 are accounted for", "accepted 2,001 but the journal accounts for 2,000"],
        ),
        *[
            (field, ["received 4,000 but 4,001 are accounted for"])
            for field in ("duplicates", "rejected", "expired", "late_dropped", "held", "inbox")
        ],
    ],
)
def test_one_tick_too_many_is_told_with_the_figures(field: str, words: list[str]) -> None:
    """Each count is in each equation that it belongs to, and in no other."""
    assert attrs.evolve(WHOLE, **{field: getattr(WHOLE, field) + 1}).imbalances() == words


@pytest.mark.parametrize("field", ["offered", "delivered", "dropped", "queued"])
def test_one_too_many_at_a_consumer_is_told(field: str) -> None:
    """By its name; the others are not blamed."""
    odd = attrs.evolve(CONSUMER, **{field: getattr(CONSUMER, field) + 1})
    offered, known = (1_001, "1,000") if field == "offered" else (1_000, "1,001")
    words = f"two was offered {offered:,} but {known} are accounted for"
    assert attrs.evolve(WHOLE, consumers={"one": CONSUMER, "two": odd}).imbalances() == [words]


@pytest.mark.parametrize("field", ["journaled", "gapped", "queued"])
def test_one_too_many_in_the_journal_is_told(field: str) -> None:
    """Against what was accepted."""
    journal = attrs.evolve(JOURNAL, **{field: getattr(JOURNAL, field) + 1})
    words = "accepted 2,000 but the journal accounts for 2,001"
    assert attrs.evolve(WHOLE, journal=journal).imbalances() == [words]


@pytest.mark.parametrize("field", ["appended", "stored", "dead_lettered", "discarded", "pending"])
def test_one_too_many_at_a_sink_is_told(field: str) -> None:
    """By its name."""
    odd = attrs.evolve(SINK, **{field: getattr(SINK, field) + 1})
    appended, known = (3_001, "3,000") if field == "appended" else (3_000, "3,001")
    words = f"{appended:,} were appended for dc but {known} are accounted for"
    assert attrs.evolve(WHOLE, sinks={"db": SINK, "dc": odd}).imbalances() == [words]


def test_consumers_add_up_count_by_count() -> None:
    """A strategy that was restarted is one consumer."""
    other = ConsumerLedger(offered=1, delivered=20, dropped=300, queued=4_000)
    assert CONSUMER + other == ConsumerLedger(offered=1_001, delivered=720, dropped=550, queued=4_050)


def test_what_the_inbox_took_in_is_received_for_good_and_waits_until_it_is_taken() -> None:
    """What was received only grows; what waits is what was not taken."""
    inbox = Inbox()
    inbox.put(5)
    inbox.put(3)
    inbox.take(6)
    assert (inbox.received, inbox.waiting) == (8, 2)


def test_a_ledger_is_plain_values_for_json() -> None:
    """All the way down, by the names of the counts."""
    plain = WHOLE.as_dict()
    assert plain["received"] == 4_000
    assert plain["consumers"] == {"one": attrs.asdict(CONSUMER)}
    assert plain["journal"] == {"journaled": 1_500, "gapped": 400, "queued": 100}
    assert plain["sinks"]["db"]["dead_lettered"] == 600
