"""The fast path of a feed differs from its rules in nothing but time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_ticks.core.timestamps import END_MS, FIRST_MS, to_us
from trio_ticks.feeds import AllTick, Coinbase
from trio_ticks.feeds.base import Decoded, Message
from trio_ticks.feeds.plain import DecimalText, Milliseconds, Number, minus_price, minus_volume
from trio_ticks.feeds.wire import integer_of, price_of, volume_of

Fast: TypeAlias = AllTick | Coinbase

RECORDING: Final = Path(__file__).parents[1] / "data" / "coinbase-2021-04-17.jsonl"
RECORDED: Final[list[str]] = [json.loads(line)["text"] for line in RECORDING.read_text().splitlines()]
MATCHES: Final = [text for text in RECORDED if json.loads(text)["type"] in {"match", "last_match"}]

PUSH: Final = (
    '{"cmd_id":22998,"data":{"code":"1288.HK","seq":1782180168224,"tick_time":1782180164000,'
    '"price":"651.12","volume":"300","turnover":"12345.6","trade_direction":1}}'
)
PUSHES: Final = [
    PUSH,
    PUSH.replace("1782180168224", '"1836409"').replace("1782180164000", '"1782180164000"'),
    PUSH.replace('"trade_direction":1', '"trade_direction":"2"'),
    PUSH.replace("1288.HK", "USOIL").replace("651.12", "37.700000"),
]
FEEDS: Final[list[tuple[Fast, list[str]]]] = [
    (AllTick("TSLA.US", token="t0ken"), PUSHES),
    (Coinbase("BTC-USD"), MATCHES[:40]),
]
IDS: Final = [feed.name for feed, _ in FEEDS]

# What may stand for a number and what float() or JSON might take for one; then instants, sides and symbols.
ODD_TEXTS: Final = [
    *("", " ", "0", "-0", "0.0", "-0.0", "00", "007", "1", "1.", ".5", ".", "-", "-1", "-37.63", "+1", "--1"),
    *(" 1", "1 ", "\t1", "1\n", "1\r", "1\x00", "1\xa0", "1\u2028", "1 2", "1,5", "1.2.3", "1_000", "0x10"),
    *("1e5", "1E+3", "1e-7", "1e0", "5e0,-6", "1e0001", "1e-0001", "1e", "1e400", "1e-400", "1e1000", "e5"),
    *("nan", "NaN", "-nan", "inf", "-inf", "Infinity", "null", "true", "\u0661", "\uff11", "\u00b2", "\ud800"),
    *("9" * 64, "9" * 65, "0." + "0" * 61 + "1", "0." + "0" * 62 + "1", "1" * 63 + ".", "4.35", "0.1"),
    *("2021-04-17T16:43:37.089723Z", "2021-04-17T16:43:37Z", "2021-04-17T16:43:37.0897231Z", "1782180164000"),
    *("2021-04-17T16:43:37.089723z", "2021-04-17T16:43:60.089723Z", "2021-13-17T16:43:37.089723Z", "1605509068"),
    *("2021-04-17T16:43:37.\u0660\u0661Z", "1970-01-01T00:00:00.000000Z", "2200-01-01T00:00:00.000000Z"),
    *("buy", "sell", "Buy", "2", "01", "3", "TSLA.US", "USOIL", "match", "last_match", "ticker", "22998", "200"),
]
ODD_TOKENS: Final = [
    *("true", "false", "null", "[]", "{}", "[1]", '{"a":1}', '"\\u0031"', '"\\ud800"', '" \\t1"', "NaN", ""),
    *("0", "-0", "1", "2", "3", "-1", "1.0", "1e0", "0.5", "651.1200", "1e400", "200", "22998", "401"),
    *map(str, (FIRST_MS - 1, FIRST_MS, END_MS - 1, END_MS, 1605509068, 2**63 - 1, 2**63, 2**64, 10**30)),
]
values = st.one_of(
    st.sampled_from(ODD_TEXTS).map(json.dumps),
    st.sampled_from(ODD_TOKENS),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f'"{number:f}"'),
    st.text("0123456789.-+eE_ \n", max_size=70).map(json.dumps),
    st.integers().map(str),
)


@st.composite
def respelt(draw: st.DrawFn, text: str) -> str:
    """A message with up to three fields that say something else, are missing, or come twice or elsewhere."""
    fields = {key: json.dumps(value) for key, value in json.loads(text).items()}
    if "data" in fields and draw(st.integers(0, 9)):
        fields["data"] = draw(respelt(fields["data"]))
    pairs = list(fields.items())
    for key in draw(st.lists(st.sampled_from([*fields, "ret"]), max_size=3)):
        if draw(st.integers(0, 3)):
            pairs = [pair for pair in pairs if pair[0] != key]
        if draw(st.integers(0, 3)):
            pairs.insert(draw(st.integers(0, len(pairs))), (key, draw(values)))
    comma = draw(st.sampled_from([",", ", ", ",\n "]))
    return "{" + comma.join(f'"{key}":{value}' for key, value in pairs) + "}"


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """A message in which some bytes were cut, replaced or repeated."""
    data = text.encode(errors="surrogatepass")
    start = draw(st.integers(0, len(data)))
    return data[:start] + draw(st.binary(max_size=4)) + data[start + draw(st.integers(0, 4)) :]


def any_messages(samples: list[str]) -> st.SearchStrategy[list[Message]]:
    """Batches of valid messages, of near misses, of ruins and of noise."""
    near = st.sampled_from(samples).flatmap(respelt)
    noise = st.one_of(st.text(), st.binary(), st.sampled_from(['{"data":' * 9_000, "[" * 90_000, *RECORDED[:9]]))
    one = st.one_of(st.sampled_from(samples), near, near, near, near.flatmap(damaged), noise)
    return st.lists(one, min_size=1, max_size=5)


def by_the_rules(feed: Fast, messages: list[Message]) -> Decoded:
    """Return what the messages mean without the fast path."""
    decoded = Decoded()
    for message in messages:
        feed._read(message, decoded)
    return decoded


@pytest.mark.parametrize(("feed", "samples"), FEEDS, ids=IDS)
@given(data=st.data())
def test_the_fast_path_says_what_the_rules_say(feed: Fast, samples: list[str], data: st.DataObject) -> None:
    """Ticks, replies, reasons and counts are the same, to the sign of a zero, whatever is sent."""
    messages = data.draw(any_messages(samples))
    assert repr(feed.decode(messages)) == repr(by_the_rules(feed, messages))


@pytest.mark.parametrize(("feed", "samples"), FEEDS, ids=IDS)
@pytest.mark.parametrize("value", [None, *map(json.dumps, ODD_TEXTS), *ODD_TOKENS])
def test_no_field_tells_the_two_apart(feed: Fast, samples: list[str], value: str | None) -> None:
    """Each odd value in each field, one at a time, and each field that is missing, means what the rules say."""
    whole: dict[str, Any] = json.loads(samples[0])
    for part in (whole, whole.get("data", {})):
        for key in [*part, "ret"]:
            kept = dict(part)
            part[key] = "<here>"
            if value is None:
                del part[key]
            message = json.dumps(whole).replace('"<here>"', value or "")
            part.clear()
            part.update(kept)
            assert repr(feed.decode([message])) == repr(by_the_rules(feed, [message]))


@pytest.mark.parametrize("samples", [pytest.param(FEEDS[0], id="alltick"), pytest.param(FEEDS[1], id="coinbase")])
def test_the_common_messages_take_the_fast_path(
    samples: tuple[Fast, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No documented form of a push and no recorded match is read by the rules."""
    feed, texts = samples
    monkeypatch.setattr(type(feed), "_read", lambda *_: pytest.fail("read by the rules"))
    assert len(feed.decode(texts).ticks) == len(texts)
    assert len(feed.decode([text.encode() for text in texts]).ticks) == len(texts)


decimals = st.one_of(
    st.sampled_from(ODD_TEXTS),
    st.text("0123456789.", max_size=66),
    st.text("0123456789.-+eE_ \n\tnaif", max_size=20),
    st.floats(min_value=0, allow_infinity=False).map(repr),
    st.decimals(0, 10**12, places=8).map(str),
    st.text(max_size=5),
)


@given(text=decimals)
@example("9007199254740993")
@example("0.500000000000000166533453693773481063544750213623046875")
def test_what_is_plainly_a_number_is_what_the_rules_make_of_it(text: str) -> None:
    """A price or size that the fast path accepts is accepted by its rule, bit for bit; the rest is left to it."""
    for fast, rule in ((minus_price, lambda text: price_of(text, "positive")), (minus_volume, volume_of)):
        try:
            msgspec.convert(text, DecimalText)
            number = -fast(f"-{text}e0")
        except ValueError:
            continue
        assert repr(number) == repr(rule(text))


@given(number=st.one_of(st.integers(), st.integers(FIRST_MS, END_MS - 1), st.integers(2**63 - 2, 2**63 + 2)))
@example(FIRST_MS - 1)
@example(FIRST_MS)
@example(END_MS - 1)
@example(END_MS)
def test_a_plain_integer_is_what_the_rules_make_of_it(number: int) -> None:
    """A plain number is itself, and plain milliseconds are a thousand microseconds each; to the very ends."""
    if 0 < number < 2**63:
        assert msgspec.convert(number, Number) == integer_of(number)
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(number, Number)
    if FIRST_MS <= number < END_MS:
        assert msgspec.convert(number, Milliseconds) * 1000 == to_us(number)
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(number, Milliseconds)
