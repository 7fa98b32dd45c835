"""Every query of the dashboard against a real InfluxDB 1.6.7 that our own sink has filled, and what it answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.influx_proxy import Proxy
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.journal import recorded_trades
from trio_ticks import Gap, InfluxDB, Record, Signal, SinkBatch, Status, Tick
from trio_ticks.core.bars import BarMaker
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.storage import payload
from trio_ticks.storage.influxdb import InfluxWriter

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "trio_ticks.json"
BOARD = json.loads(DASHBOARD.read_text())
QUERIES: list[tuple[str, str, str]] = [
    (panel["title"], target["refId"], target["query"]) for panel in BOARD["panels"] for target in panel["targets"]
]
QUERIES += [(f"{item['name']} on the graphs", "", item["target"]["query"]) for item in BOARD["annotations"]["list"]]
QUERIES += [(item["name"], "", item["query"]) for item in BOARD["templating"]["list"] if item["type"] == "query"]

RECORDINGS = {"BTCUSDT": "btcusdt-2021-01-08.csv", "700.HK": "700hk-2022-01-07.csv"}


def delivered() -> dict[str, list[Tick]]:
    """Return recorded trades as the engine numbers them."""
    sequencer = Sequencer()
    found = {}
    for symbol, file in RECORDINGS.items():
        trades = recorded_trades(file, symbol=symbol)
        found[symbol] = [
            tick for trade in trades for tick in sequencer.push([trade], session=symbol, now_us=trade.received_us)
        ]
    return found


TICKS = delivered()


def happened(symbol: str) -> list[Record]:
    """Return what the engine would have noted in the middle of a recording: a lost connection, and a decision."""
    before, after = TICKS[symbol][400], TICKS[symbol][401]
    return [
        Status("disconnected", before.time_us, "the connection was cut", "recorded", source="recorded/x 0A"),
        Gap(before.time_us, after.time_us, "closed", feed="recorded"),
        Gap(before.time_us, after.time_us, "full", missed=7),
        Signal("buy", symbol, after.time_us, {"price": after.price}, "momentum"),
        Signal("sell", symbol, after.time_us, {"price": after.price}, "momentum"),
    ]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    try:
        server.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
        server.command('CREATE DATABASE "ticks"')
        with Proxy(server.port) as proxy:
            yield InfluxDB(url=proxy.url, org="any", bucket="ticks", token=f"{ADMIN}:{PASSWORD}")
    finally:
        server.stop()


@pytest.fixture(scope="module")
def is_filled() -> list[bool]:
    """Empty until the ticks are in the database."""
    return []


@pytest.fixture
async def database(settings: InfluxDB, is_filled: list[bool]) -> InfluxDB:
    """The database with the ticks and the events that the sink wrote there."""
    if not is_filled:
        sink = InfluxSink(name="influxdb", settings=settings)
        async with sink.open() as delivery:
            for position, (symbol, ticks) in enumerate(TICKS.items()):
                records = [*ticks, *happened(symbol)]
                batch = SinkBatch(id=position, parts=[(position, payload.encode(records))], kinds=sink.kinds)
                assert await delivery.deliver(batch) == []
        is_filled.append(True)
    return settings


def ask(database: InfluxDB, query: str, symbol: str = "BTCUSDT") -> list[dict[str, Any]]:
    """Return what a query of the dashboard finds, over the whole of one recording."""
    first, last = TICKS[symbol][0], TICKS[symbol][-1]
    in_range = f"time >= {first.time_us}000 AND time <= {last.time_us}999"
    for name, value in {"$timeFilter": in_range, "$__interval": "10s", "$bar": "10s", "$symbol": symbol}.items():
        query = query.replace(name, value)
    assert "$" not in query
    with InfluxWriter(database) as writer:
        return list(writer.query(query))


def query_of(title: str) -> str:
    """Return the query of the panel that begins so."""
    (found,) = [query for panel, ref, query in QUERIES if panel.startswith(title) and ref in {"A", ""}]
    return found


@pytest.mark.parametrize(
    ("panel", "ref", "query"), QUERIES, ids=[f"{row[0][:24]} {row[1]}".strip() for row in QUERIES]
)
async def test_every_query_is_understood_and_finds_something(
    database: InfluxDB, panel: str, ref: str, query: str
) -> None:
    """No panel is empty where there are ticks."""
    rows = ask(database, query)
    assert rows, (panel, ref)
    assert any(value is not None for row in rows for name, value in row.items() if name != "time")


async def test_candles_are_our_bars(database: InfluxDB) -> None:
    """The database's first, highest, lowest and last price of an interval are `BarMaker`'s; so is the volume."""
    maker = BarMaker("10s")
    bars = [*maker.push_many(TICKS["BTCUSDT"]), *maker.finish()]
    candles = ask(database, query_of("Candles"))
    assert [(row["time"] // 1000, row["open"], row["high"], row["low"], row["close"]) for row in candles] == [
        (bar.time_us, bar.open, bar.high, bar.low, bar.close) for bar in bars
    ]
    assert [row["volume"] for row in candles] == pytest.approx([bar.volume for bar in bars])


async def test_counts_are_those_of_what_was_written(database: InfluxDB) -> None:
    """No tick is lost among equal stamps, and none is counted twice."""
    ticks = TICKS["BTCUSDT"]
    assert sum(row["count"] for row in ask(database, query_of("Is it flowing"))) == len(ticks)
    assert ask(database, query_of("Ticks in this range"))[0]["count"] == len(ticks)
    assert ask(database, query_of("of which came late"))[0]["sum"] == sum(tick.late for tick in ticks)
    shared = ask(database, query_of("of which share"))[0]["count"]
    assert shared == sum(tick.ordinal > 0 for tick in ticks) == 630


async def test_ages_are_from_the_trade_to_its_receipt(database: InfluxDB) -> None:
    """In milliseconds; the recording was received 35 ms after each trade."""
    rows = ask(database, query_of("How old were prices"))
    assert {value for row in rows for name, value in row.items() if name != "time"} == {35}


async def test_the_longest_pause_is_that_of_the_recording(database: InfluxDB) -> None:
    """To the millisecond."""
    times = [tick.time_us for tick in TICKS["700.HK"]]
    longest_ms = max(later - earlier for earlier, later in itertools.pairwise(times)) // 1000
    rows = ask(database, query_of("What is missing"), symbol="700.HK")
    assert max(row["max"] for row in rows) == longest_ms


async def test_gaps_are_shown_with_their_causes(database: InfluxDB) -> None:
    """In the table and on the graphs: how long each was, why, and of which feed; what nobody knows is empty."""
    rows = ask(database, query_of("Why is it missing"))
    _, first, second, *_ = happened("BTCUSDT")
    assert isinstance(first, Gap)
    seconds = (first.end_us - first.start_us) / 1e6
    shown = {row["cause"]: (row["seconds"], row["missed"], row["feed"], row["symbol"]) for row in rows}
    assert shown == {
        "closed": (pytest.approx(seconds), None, "recorded", None),
        "full": (pytest.approx(seconds), 7, None, None),
    }
    assert len(rows) == 2
    noted = {(row["time"] // 1000, row["cause"]) for row in ask(database, query_of("Gaps on the graphs"))}
    assert noted == {(first.end_us, "closed"), (second.time_us, "full")}


async def test_decisions_are_on_the_graphs_of_their_symbol(database: InfluxDB) -> None:
    """Two of one microsecond are two, and those of other symbols are not shown."""
    rows = ask(database, query_of("Signals on the graphs"))
    assert [(row["name"], row["strategy"]) for row in rows] == [("buy", "momentum"), ("sell", "momentum")]
    price = TICKS["BTCUSDT"][401].price
    assert [json.loads(row["fields"]) for row in rows] == [{"price": price}] * 2


@pytest.mark.parametrize("note", BOARD["annotations"]["list"], ids=lambda note: note["name"])
async def test_what_a_note_shows_is_in_its_query(database: InfluxDB, note: dict[str, Any]) -> None:
    """Text, title and tags are columns that come back; Grafana shows nothing for one that does not."""
    target = note["target"]
    named = {target["textColumn"], target["titleColumn"], *target["tagsColumn"].split(",")}
    assert all(named <= set(row) for row in ask(database, target["query"]))
