"""What all feeds share: texts and JSON values that become numbers, or one line of complaint."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from trio_ticks.feeds.wire import (
    PricePolicy,
    decimal_of,
    integer_of,
    line_of,
    price_of,
    text_of,
    tick_of,
    volume_of,
)


@pytest.mark.parametrize(
    "text",
    ["37.700000", "8.00", "0", "-37.63", "-0.0", "007", "1e-7", "1.5E+3", ".5", "5.", "9" * 64, "1e-400"],
)
def test_a_plain_decimal_means_the_same_as_float_and_as_decimal(text: str) -> None:
    """Whatever is accepted is the float that is nearest, and exact as a Decimal."""
    assert decimal_of(text, "price") == float(text) == float(Decimal(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "+1",
        "--1",
        "1.2.3",
        "1,5",
        " 1",
        "1 ",
        "1\n",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "0x10",
        "1_000",
        "1e",
        "1e1000",
        "1e400",
        "-1e400",
        "9" * 65,
        "1" * 100_000,
        "\u0661\u0662",
        "\uff11",
        "\ud800",
        "null",
        "one",
    ],
)
def test_what_float_would_let_through_is_refused_in_one_line(text: str) -> None:
    """No price is NaN, infinite, in another script or in a programmer's notation."""
    with pytest.raises(ValueError, match=r"^price .+$") as caught:
        decimal_of(text, "price")
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("policy", "good", "bad"),
    [
        ("positive", ["0.01"], ["0", "-0.01", "-0"]),
        ("nonzero", ["0.01", "-37.63"], ["0", "0.000", "-0"]),
        ("any", ["0.01", "-37.63", "0", "-0"], []),
    ],
)
def test_the_policy_decides_on_the_sign(policy: PricePolicy, good: list[str], bad: list[str]) -> None:
    """A price passes exactly if the feed's policy admits its sign."""
    assert [price_of(text, policy) for text in good] == [float(text) for text in good]
    for text in bad:
        with pytest.raises(ValueError, match=f"is not {policy}"):
            price_of(text, policy)


def test_a_size_may_be_missing_but_never_negative() -> None:
    """No size is 0.0; a negative one is refused."""
    assert [volume_of(text) for text in ("", "0", "300")] == [0.0, 0.0, 300.0]
    for text in ("-1", "nan", " "):
        with pytest.raises(ValueError, match="volume"):
            volume_of(text)


@pytest.mark.parametrize(
    ("json", "text"),
    [
        ('"4.50"', "4.50"),
        ("4.50", "4.50"),
        ("-37.630", "-37.630"),
        ("1E5", "1E5"),
        ("12345678901234567890123", "12345678901234567890123"),
        ('"\\u0034"', "4"),
        ("null", ""),
        ('""', ""),
        ("", ""),
    ],
)
def test_a_number_keeps_the_text_it_was_written_in(json: str, text: str) -> None:
    """A JSON number is its own text, a string its contents, null and absent are empty."""
    assert text_of(msgspec.Raw(json.encode())) == text


@pytest.mark.parametrize("json", [b"true", b"[1]", b'{"a":1}', b"[" * 9000, b'"\\ud800"', b'"\xff"', b'"\xff'])
def test_what_is_neither_text_nor_number_is_refused_in_one_line(json: bytes) -> None:
    """Objects, booleans and broken strings are no field of a trade."""
    with pytest.raises(ValueError, match="is neither text nor number") as caught:
        text_of(msgspec.Raw(json))
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (-1, None),
        (None, None),
        ("1836409", 1836409),
        ("0007", 7),
        ("", None),
        ("-1", None),
        ("1.0", None),
        ("1_0", None),
        ("\u0661", None),
        ("\u00b2", None),
        ("9" * 5000, None),
        (str(2**63), None),
    ],
)
def test_an_integer_fits_what_is_stored_or_is_none(value: int | str | None, expected: int | None) -> None:
    """Numbers and digits that databases keep as an integer pass; everything else is no number."""
    assert integer_of(value) == expected


def test_a_strangers_words_become_one_bounded_line() -> None:
    """Line breaks, escapes and floods of a vendor's message do not reach a log."""
    assert line_of("a\nb\x1b[31m\u2028c") == "a b [31m c"
    assert len(line_of("x" * 10_000)) == 200


def test_a_complaint_names_the_symbol_and_the_field() -> None:
    """What makes a trade unusable is said in one line."""
    with pytest.raises(ValueError, match=r"^'TSLA.US': price 'nan' is no plain decimal number$"):
        tick_of(feed="x", symbol="TSLA.US", time=1_700_000_000, price="nan", policy="any")
    with pytest.raises(ValueError, match=r"^'TSLA.US': time 5 is in no unit"):
        tick_of(feed="x", symbol="TSLA.US", time=5, price="1", policy="any")
    with pytest.raises(ValueError, match=r"^a trade without a symbol$"):
        tick_of(feed="x", symbol="", time=1_700_000_000, price="1", policy="any")
