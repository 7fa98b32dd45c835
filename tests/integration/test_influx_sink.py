"""The whole engine into a real InfluxDB: recorded trades, and settings that have to be mended first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.support.influx_proxy import Proxy
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.journal import recorded_trades
from tests.support.storing import kept, kept_ticks
from trio_ticks import Gap, Record, Signal, Status, Strategy, Ticks, read
from trio_ticks.config import InfluxDB, Secret
from trio_ticks.model import Tick
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.tick_line import point_time, tick_of_row
from trio_ticks.testing.venue import Venue

GUARD_S = 180.0
TOKEN = f"{ADMIN}:{PASSWORD}"
FILES = {"BTCUSDT": "btcusdt-2021-01-08.csv", "XBTUSDT": "xbtusdt-2025-11-10.csv"}


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    server.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
    yield server
    server.stop()


@pytest.fixture
def settings(influxd: Influxd, request: pytest.FixtureRequest) -> Iterator[InfluxDB]:
    """A bucket of the test's own, which is not there yet."""
    name = "".join(char if char.isalnum() else "_" for char in request.node.name)
    with Proxy(influxd.port) as proxy:
        yield InfluxDB(url=proxy.url, org="trading", bucket=name, token=Secret(TOKEN))


async def sink_is(engine: Engine, is_so: Callable[[SinkStatistics], bool]) -> None:
    """Wait until something is so of the sink."""
    with trio.fail_after(GUARD_S):
        while not is_so(engine.statistics().sinks[0]):  # noqa: ASYNC110 - statistics are looked at
            await trio.sleep(0.02)


def points(settings: InfluxDB) -> list[tuple[Tick, int]]:
    """Return what is in the bucket."""
    with InfluxWriter(attrs.evolve(settings, token=Secret(TOKEN))) as writer:
        return [(tick_of_row(row), row["time"]) for row in writer.query("SELECT * FROM tick ORDER BY time")]


async def test_every_recorded_trade_is_one_point_through_the_whole_engine(
    tmp_path: Path, influxd: Influxd, settings: InfluxDB
) -> None:
    """2,001 and 1,000 trades are as many points, also after all were sent again, and read back they are the ticks."""
    influxd.command(f'CREATE DATABASE "{settings.bucket}"')
    path, venue = tmp_path / "ticks.journal", Venue()
    trades = [trade for symbol, file in FILES.items() for trade in recorded_trades(file, symbol=symbol)]
    async with venue.open_engine(*FILES, journal=path, sinks=[settings], now_us=utc_now_us) as engine:
        await venue.wait_subscribed()
        for at in range(0, len(trades), 100):
            await venue.send(*trades[at : at + 100])
        await sink_is(engine, lambda sink: sink.ledger.stored == len(trades))
    kept = [(tick, point_time(tick)[0]) for tick in kept_ticks(path)]
    assert len(kept) == len(trades) == 3_001
    assert sorted(points(settings), key=repr) == sorted(kept, key=repr)
    # Under another name it is another sink, which gets everything.
    async with Venue().open_engine(
        *FILES, journal=path, sinks=[InfluxSink(name="again", settings=settings)]
    ) as engine:
        await sink_is(engine, lambda sink: sink.ledger.stored == len(trades))
    assert sorted(points(settings), key=repr) == sorted(kept, key=repr)


async def eager(ticks: Ticks) -> None:
    """Decide twice at each tick, at one instant of its time."""
    async for tick in ticks:
        for _ in range(2):
            await ticks.signal("buy", tick.symbol, price=tick.price)


def stored(ticks: int) -> Callable[[SinkStatistics], bool]:
    return lambda sink: sink.ledger.stored == ticks


def by_text(records: list[Record]) -> list[str]:
    return sorted(map(repr, records))


async def test_the_database_has_every_event_of_the_journal_once(
    tmp_path: Path, influxd: Influxd, settings: InfluxDB
) -> None:
    """Lost connections, their gaps and statuses, twin decisions and marks of strategies, also after a resend."""
    influxd.command(f'CREATE DATABASE "{settings.bucket}"')
    path, venue = tmp_path / "ticks.journal", Venue()
    patient: dict[str, Any] = {"journal": path, "now_us": utc_now_us, "grace_s": GUARD_S}
    async with venue.open_engine("X", "Y", sinks=[settings], strategies=[Strategy(eager)], **patient) as engine:
        for number in range(3):
            with trio.fail_after(GUARD_S):
                await venue.wait_subscribed()
            await venue.send(*(Tick(symbol, utc_now_us(), float(number)) for symbol in "XY"))
            await sink_is(engine, stored(2 * number + 2))
            venue.drop()
    # Under another name it is another sink, which gets everything, and what this life adds.
    async with Venue().open_engine("X", sinks=[InfluxSink(name="again", settings=settings)], **patient) as engine:
        await sink_is(engine, stored(6))
    wanted: list[Record] = [item for item in kept(path) if isinstance(item, (Tick, Gap, Status, Signal))]
    assert {type(item) for item in wanted} == {Tick, Gap, Status, Signal}
    assert sum(isinstance(item, Signal) for item in wanted) == 2 * sum(isinstance(item, Tick) for item in wanted)
    assert {item.status for item in wanted if isinstance(item, Status)} >= {"started", "stopped", "disconnected"}
    found = list(read(settings, kind="all"))
    assert by_text(found) == by_text(wanted)
    assert [item.time_us for item in found] == sorted(item.time_us for item in found)


async def test_a_bucket_of_ticks_alone_gets_ticks_alone(tmp_path: Path, influxd: Influxd, settings: InfluxDB) -> None:
    """With ``events = false`` no other measurement is touched, and the account is the same."""
    influxd.command(f'CREATE DATABASE "{settings.bucket}"')
    settings = attrs.evolve(settings, events=False)
    venue = Venue()
    async with venue.open_engine("X", journal=tmp_path / "ticks.journal", sinks=[settings]) as engine:
        await venue.wait_subscribed()
        await venue.send(Tick("X", venue.now_us(), 1.0))
        await sink_is(engine, lambda sink: sink.ledger.stored == 1)
    assert [type(item) for item in read(settings, kind="all")] == [Tick]


@pytest.mark.parametrize("wrong", ["token", "bucket"])
async def test_a_wrong_setting_holds_the_ticks_until_it_is_mended(
    tmp_path: Path, influxd: Influxd, settings: InfluxDB, wrong: str
) -> None:
    """It says what is wrong, without the token; the journal goes on, and mending drains everything."""
    mend = f'CREATE DATABASE "{settings.bucket}"'
    if wrong == "token":
        influxd.command(mend)
        mend = "CREATE USER late WITH PASSWORD 'not-yet-known' WITH ALL PRIVILEGES"
        settings = attrs.evolve(settings, token=Secret("late:not-yet-known"))
    path, venue = tmp_path / "ticks.journal", Venue()
    async with venue.open_engine("X", journal=path, sinks=[settings]) as engine:
        await venue.wait_subscribed()
        sent = [Tick("X", venue.now_us() + number, float(number)) for number in range(100)]
        await venue.send(*sent[:50])
        await sink_is(engine, lambda sink: sink.state == "holding")
        reason = engine.statistics().sinks[0].last_error
        assert ("40" in reason, "not-yet-known" in reason) == (True, False)
        await venue.send(*sent[50:])
        await sink_is(engine, lambda sink: sink.ledger.pending == len(sent))
        influxd.command(mend)
        await sink_is(engine, lambda sink: sink.ledger.stored == len(sent))
    assert [tick.price for tick, _ in points(settings)] == [tick.price for tick in sent]
