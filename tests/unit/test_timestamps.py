"""`to_us`: what each form means, and what is refused."""

from __future__ import annotations

import enum

import pytest

from trio_ticks.core.timestamps import to_us

INSTANT_US = 1_618_677_810_244_075
FIRST_S = 631_152_000  # 1990-01-01
END_S = 7_258_118_400  # 2200-01-01


class Moment(enum.IntEnum):
    NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_605_509_068, 1_605_509_068_000_000),
        (1_782_180_164_000, 1_782_180_164_000_000),
        (INSTANT_US, INSTANT_US),
        (1_618_677_810_244_075_999, INSTANT_US),
        ("1605509068", 1_605_509_068_000_000),
        ("1720162800891", 1_720_162_800_891_000),
        ("1618677810.244075", INSTANT_US),
        ("1618677810.2440759999999", INSTANT_US),
        ("1618677810244.075", INSTANT_US),
        ("1618677810244.07", INSTANT_US - 5),
        ("1618677810244075.9", INSTANT_US),
        ("00001605509068", 1_605_509_068_000_000),
        (1618677810.244075, INSTANT_US),
        (1618677810244.075, INSTANT_US),
        (1.6186778102e18, 1_618_677_810_200_000),
        ("2021-04-17T16:43:30.244075Z", INSTANT_US),
        ("2021-04-17t16:43:30,244075z", INSTANT_US),
        ("2021-04-17 16:43:30.244075", INSTANT_US),
        ("2021-04-17T18:13:30.244075+01:30", INSTANT_US),
        ("2021-04-17T18:13:30.244075+0130", INSTANT_US),
        ("2021-04-17T14:43:30.244075-02", INSTANT_US),
        ("2021-04-17T16:43:30.244075999999999Z", INSTANT_US),
        ("2021-04-17T16:43:30.2Z", 1_618_677_810_200_000),
        ("2021-04-17T16:43:30Z", 1_618_677_810_000_000),
        ("2021-04-17T16:43Z", 1_618_677_780_000_000),
        ("2021-04-17", 1_618_617_600_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        (Moment.NOW, 1_700_000_000_000_000),
        ("1989-12-31T23:59:59-00:01", (FIRST_S + 59) * 1_000_000),
        (FIRST_S, FIRST_S * 1_000_000),
        (END_S - 1, (END_S - 1) * 1_000_000),
        (FIRST_S * 10**9, FIRST_S * 1_000_000),
        (END_S * 10**9 - 1, END_S * 1_000_000 - 1),
    ],
)
def test_each_form_means_one_instant(value: object, expected: int) -> None:
    """Every accepted form names the same instant, to the microsecond, cut off below it."""
    assert to_us(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        None,
        b"1605509068",
        [1_605_509_068],
        {},
        1j,
        float("nan"),
        float("inf"),
        float("-inf"),
        -1.0,
        0,
        -1_605_509_068,
        FIRST_S - 1,
        END_S,
        END_S * 1000,
        END_S * 10**9,
        FIRST_S * 10**9 - 1,
        10**30,
        pytest.param(10**5000, id="huge"),
        pytest.param(-(10**5000), id="hugely negative"),
        "",
        " ",
        "now",
        "nan",
        "inf",
        "0x5f5e100",
        "1_605_509_068",
        " 1605509068",
        "1605509068\n",
        "+1605509068",
        "-1605509068",
        "1605509068.",
        ".1605509068",
        "1.605509068e9",
        "".join(chr(0x660 + int(digit)) for digit in "1605509068"),
        "".join(chr(0xFF10 + int(digit)) for digit in "1605509068"),
        "\u00b2" * 10,
        "9" * 63,
        "9" * 10_000,
        "0" * 65,
        "2021-04-17T",
        "2021-04-17Z",
        "2021-04-17T16",
        "2021-4-17T16:43:30Z",
        "2021-04-17T16:43:30.Z",
        "2021-04-17T16:43:30.244075+",
        "2021-04-17T16:43:30.\u0661Z",
        "2021-04-17T16:43:30.\u00b2Z",
        "2021-04-17T16:43:30x244075Z",
        "2021-04-17T16:43:30 Z",
        "2021-04-17T16:43:30Z\n",
        "2021-04-17T16:43:30+1",
        "2021-04-17T16:43:30+24:00",
        "2021-04-17T16:43:30+01:60",
        "2021-02-29T00:00:00Z",
        "2021-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2021-04-17T24:00:00Z",
        "2016-12-31T23:59:60Z",
        "1989-12-31T23:59:59Z",
        "1990-01-01T00:00:00+00:01",
        "2200-01-01T00:00:00Z",
        "2199-12-31T23:59:59-00:01",
        "\uff12021-04-17T16:43:30Z",
        "\ud800",
    ],
)
def test_what_is_no_time_of_a_trade_is_refused_in_one_line(value: object) -> None:
    """Anything else raises ValueError with one short line, however large the value is."""
    with pytest.raises(ValueError, match=r"^time .+$") as caught:
        to_us(value)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 120


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "time 5 is in no unit between 1990 and 2200"),
        ("5", "time '5' is in no unit between 1990 and 2200"),
        (5.5, "time 5.5 is in no unit between 1990 and 2200"),
        ("5.5", "time '5.5' is in no unit between 1990 and 2200"),
        (1 << 128, "time of 129 bits is in no unit between 1990 and 2200"),
        ((1 << 128) - 1, f"time {(1 << 128) - 1} is in no unit between 1990 and 2200"),
        ("x" * 40, f"time '{'x' * 40}' is neither a number nor ISO 8601"),
        ("x" * 41, f"time '{'x' * 40}'… is neither a number nor ISO 8601"),
        ("x" * 64, f"time '{'x' * 40}'… is neither a number nor ISO 8601"),
        ("x" * 65, f"time '{'x' * 40}'… is longer than 64 characters"),
        ("2021-02-29", "time '2021-02-29' is not on the calendar or the clock"),
        ("2200-01-01", "time '2200-01-01' is not between 1990 and 2200"),
        ("2021-01-01T00:00+24:00", "time '2021-01-01T00:00+24:00' has an offset that no clock has"),
        ("2021-01-01T00:00+00:60", "time '2021-01-01T00:00+00:60' has an offset that no clock has"),
        (1e10, "time 10000000000.0 is in no unit between 1990 and 2200"),
        (1e10 + 0.5, "time 10000000000.5 is in no unit between 1990 and 2200"),
        ([], "time of type list is neither a number nor a text"),
    ],
)
def test_a_refusal_names_the_value_and_what_is_wrong_with_it(value: object, words: str) -> None:
    """As much of it as fits into a line; this is what an operator finds in the log."""
    with pytest.raises(ValueError, match=r"^time") as caught:
        to_us(value)
    assert str(caught.value) == words
