"""The simulator's conversations, as values: what AllTick's documentation fixes, and that nothing raises."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.model import Side, Tick
from trio_ticks.sim.alltick import AllTickSession, Terms
from trio_ticks.sim.catalogue import Catalogue
from trio_ticks.sim.handshake import Query, Response, Route, find_route
from trio_ticks.sim.rules import PLANS, service_of
from trio_ticks.sim.simple import SimpleSession
from trio_ticks.sim.switches import Switches
from trio_ticks.sim.writing import Writer

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# Requests that are right in some of their parts, so that the deeper parts are reached.
requests = st.fixed_dictionaries(
    {
        "cmd_id": st.sampled_from([22000, 22002, 22004, 22006, 22998]) | anything,
        "seq_id": st.integers(0, 9) | anything,
        "trace": st.text(max_size=70) | anything,
        "data": st.fixed_dictionaries(
            {},
            optional={
                "symbol_list": st.lists(st.fixed_dictionaries({"code": st.just("A") | anything})) | anything,
                "cancel_type": st.integers(-1, 4) | anything,
            },
        )
        | anything,
    }
)


def session(**settings: Any) -> AllTickSession:
    switches = Switches(**settings)
    catalogue = Catalogue(known={"A", "B", "C", "A.US"}, entitled=None, switches=switches)
    terms = Terms(plan=PLANS["basic"], catalogue=catalogue, writer=Writer(switches))
    return AllTickSession(service="other", terms=terms, opened_s=0.0)


def encode_tick(tick: Tick, seq: int, **settings: Any) -> bytes:
    return Writer(Switches(**settings)).trade(tick, seq)


def request(cmd_id: int, data: object, *, seq_id: int = 7, trace: str = "t") -> bytes:
    return json.dumps({"cmd_id": cmd_id, "seq_id": seq_id, "trace": trace, "data": data}).encode()


def subscribe(*codes: str, cmd_id: int = 22004) -> bytes:
    return request(cmd_id, {"symbol_list": [{"code": code} for code in codes]})


def told(texts: tuple[bytes, ...]) -> list[tuple[int, int, int, str]]:
    replies = [json.loads(text) for text in texts]
    assert all(reply["data"] == {} for reply in replies)
    return [(reply["ret"], reply["cmd_id"], reply["seq_id"], reply["trace"]) for reply in replies]


@given(message=st.binary(max_size=100) | requests.map(lambda asked: json.dumps(asked).encode()))
def test_no_message_raises_and_each_is_answered_once(message: bytes) -> None:
    answer = session().receive(message, 1.0)
    assert len(told(answer.texts)) == 1
    SimpleSession().receive(message, 1.0)


def test_deeply_nested_json_is_unreadable_and_no_more() -> None:
    answer = session().receive(b'{"data":' + b"[" * 100_000, 1.0)
    assert (told(answer.texts), answer.violation) == ([(400, 0, 0, "")], "unreadable")


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (request(22000, {}), (200, 22001, 7, "t")),
        (subscribe("A"), (200, 22005, 7, "t")),
        (subscribe("A", cmd_id=22002), (200, 22003, 7, "t")),
        (request(22006, {"cancel_type": 0}), (200, 22007, 7, "t")),
        (request(22006, {"cancel_type": 9}), (400, 22007, 7, "t")),
        (request(22004, {"symbol_list": []}), (400, 22005, 7, "t")),
        (request(22004, {"symbol_list": ["A"]}), (400, 22005, 7, "t")),
        (request(22008, {}), (400, 22009, 7, "t")),
        (subscribe("A", "Z"), (600, 22005, 7, "t")),
        (subscribe("A.US"), (600, 22005, 7, "t")),
        (request(22000, {}, trace="x" * 65), (400, 0, 0, "")),
        (request(22000, {}, seq_id=2**32), (400, 0, 0, "")),
        (request(22000, []), (400, 0, 0, "")),
    ],
)
def test_each_request_gets_its_documented_answer(message: bytes, reply: tuple[int, int, int, str]) -> None:
    answer = session().receive(message, 1.0)
    assert told(answer.texts) == [reply]
    assert (answer.violation == "") == (reply[0] in (200, 600))
    assert not answer.close


def test_each_kind_of_subscription_replaces_only_its_own() -> None:
    ours = session(too_fast="serve")
    ours.receive(subscribe("A", "B"), 1)
    ours.receive(subscribe("C", cmd_id=22002), 2)
    assert ours.symbols == {"A", "B"}
    assert ours.receive(subscribe("B", "C"), 3).added == ("C",)
    ours.receive(request(22006, {"cancel_type": 1}), 4)
    assert ours.symbols == {"B", "C"}
    ours.receive(request(22006, {"cancel_type": 2}), 5)
    assert ours.symbols == set()


def test_an_order_book_subscription_brings_no_trades() -> None:
    assert session().receive(subscribe("A", cmd_id=22002), 1).added == ()


def test_only_heartbeats_move_the_deadline_and_they_are_not_paced() -> None:
    ours = session()
    ours.receive(subscribe("A"), 5.0)
    assert ours.deadline_s == 30.0
    for now_s in (5.1, 5.2):
        assert not ours.receive(request(22000, {}), now_s).close
    assert ours.deadline_s == 35.2


def test_turnover_is_the_exact_product_or_empty() -> None:
    def turnover(price: str, volume: str) -> str:
        data = json.loads(encode_tick(Tick("A", 0, 1.0, price_text=price, volume_text=volume), 1))["data"]
        assert (data["price"], data["volume"]) == (price, volume)
        return str(data["turnover"])

    assert Decimal(turnover("4101.91", "8.00")) == Decimal("32815.28")
    assert "E" not in turnover("100000", "0.00000001")
    assert [turnover("1", ""), turnover("x", "1"), turnover("sNaN", "1")] == ["", "", ""]


@pytest.mark.parametrize(("side", "direction"), [("buy", 1), ("sell", 2), (None, 0)])
def test_the_side_is_a_number(side: Side | None, direction: int) -> None:
    assert json.loads(encode_tick(Tick("AUSDT", 0, 1.0, side=side), 1))["data"]["trade_direction"] == direction


def test_a_tick_without_texts_is_written_from_its_numbers() -> None:
    data = json.loads(encode_tick(Tick("A", 0, 1.25), 1))["data"]
    assert (data["price"], data["volume"], data["turnover"]) == ("1.25", "", "")


@pytest.mark.parametrize(
    ("code", "service"),
    [("700.HK", "stock"), (".DJI.US", "stock"), ("000001.SZ", "stock"), ("BTCUSDT", "other"), ("USOIL", "other")],
)
def test_the_suffix_says_the_service(code: str, service: str) -> None:
    assert service_of(code) == service


@given(target=st.text(max_size=80))
def test_any_target_leads_somewhere(target: str) -> None:
    for upgrade in (False, True):
        found = find_route("GET", target, token="demo", upgrade=upgrade, admit_bad_token=False)
        assert isinstance(found, Route | Query | Response)


def test_a_bad_token_is_routed_as_unauthorised_where_it_is_let_in() -> None:
    assert find_route("GET", "/quote-b-ws-api?token=x", token="demo", upgrade=True, admit_bad_token=True) == Route(
        "other", "token"
    )
