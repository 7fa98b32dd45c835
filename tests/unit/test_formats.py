"""Ticks as text: the same fields in the same order, and the vendor's own digits."""

from __future__ import annotations

import csv
import io
import json

import pytest

from trio_ticks.app.formats import FIELDS, Format, header_of, writer_of
from trio_ticks.model import Tick

TICK = Tick(
    symbol="BTC-USD",
    time_us=1_618_617_600_123_456,
    price=0.1,
    volume=3.0,
    price_text="0.1000",
    volume_text="3.00",
    side="sell",
    trade_id=7,
    feed="coinbase",
    received_us=1_618_617_600_200_000,
    ordinal=2,
    late=True,
)


def written(form: Format, *ticks: Tick) -> str:
    return (header_of(form) + writer_of(form)(ticks)).decode()


def test_json_has_the_documented_fields_in_order() -> None:
    """Price and volume as their exact text, what the feed does not know as null."""
    fields = json.loads(written(Format.JSONL, TICK))
    assert tuple(fields) == FIELDS
    assert list(fields.values()) == [
        "BTC-USD", 1_618_617_600_123_456, 2, "0.1000", "3.00", "sell", 7, None, "coinbase",
        1_618_617_600_200_000, True, None,
    ]  # fmt: skip


def test_csv_has_the_same_fields_and_spellings() -> None:
    """A column reads as the JSON field does; null is empty."""
    (row,) = csv.DictReader(io.StringIO(written(Format.CSV, TICK)))
    fields = json.loads(written(Format.JSONL, TICK))
    assert tuple(row) == FIELDS
    expected = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    assert row == {**expected, "sequence": "", "conditions": ""}


def test_text_is_one_line_with_time_symbol_price_volume_and_side() -> None:
    """In UTC, to the microsecond; what came late says so."""
    assert written(Format.TEXT, TICK).split() == [
        "2021-04-17T00:00:00.123456Z", "BTC-USD", "0.1000", "3.00", "sell", "late",
    ]  # fmt: skip


@pytest.mark.parametrize("form", Format)
def test_a_feed_without_texts_prints_the_shortest_exact_number(form: Format) -> None:
    """And no volume where there is none."""
    text = written(form, Tick("A", 10**12, 0.1 + 0.2))
    assert "0.30000000000000004" in text
    assert text.count("0.") == 1 if form is not Format.TEXT else "  0.0" not in text


@pytest.mark.parametrize("form", Format)
def test_each_tick_is_one_line(form: Format) -> None:
    """So that tools that read lines can read it."""
    assert written(form, TICK, TICK).count("\n") == 2 + bool(header_of(form))
