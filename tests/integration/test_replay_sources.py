"""Recorded trades out of every place that keeps them are the same ticks in the same order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.influx_proxy import Proxy
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.journal import recorded_trades
from tests.support.log_setup import logging_of_its_own
from tests.support.reading import write_journal
from tests.support.replaying import chunks, keep_all
from trio_ticks import (
    ConfigError,
    Gap,
    InfluxDB,
    JournalError,
    Record,
    Signal,
    SinkError,
    Status,
    Tick,
    read,
    replay,
)
from trio_ticks.app import cli
from trio_ticks.app.exporting import Export, export
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.journal import Journal, JournalReader
from trio_ticks.storage.line_protocol import LineEncoder
from trio_ticks.storage.outcomes import Verdict
from trio_ticks.storage.reading import Kind
from trio_ticks.storage.reading.influxdb import InfluxSource
from trio_ticks.storage.reading.query import Query

FILES = {"BTCUSDT": "btcusdt-2021-01-08.csv", "XBTUSDT": "xbtusdt-2025-11-10.csv"}


def numbered(trades: list[Tick]) -> list[Tick]:
    """Number the trades of one stamp, as the engine would have."""
    ordinals: dict[int, int] = {}
    ticks = []
    for trade in trades:
        ordinals[trade.time_us] = ordinals.get(trade.time_us, -1) + 1
        ticks.append(attrs.evolve(trade, ordinal=ordinals[trade.time_us]))
    return ticks


TRADES = [tick for symbol, file in FILES.items() for tick in numbered(recorded_trades(file, symbol=symbol))]


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    server.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
    yield server
    server.stop()


@pytest.fixture
def bucket(influxd: Influxd, request: pytest.FixtureRequest) -> Iterator[InfluxDB]:
    """A bucket of the test's own."""
    name = "".join(char if char.isalnum() else "_" for char in request.node.name)
    influxd.command(f'CREATE DATABASE "{name}"')
    with Proxy(influxd.port) as proxy:
        yield InfluxDB(url=proxy.url, org="trading", bucket=name, token=f"{ADMIN}:{PASSWORD}")


def store(bucket: InfluxDB, ticks: list[Tick]) -> None:
    with InfluxWriter(bucket) as writer:
        for some in chunks(ticks, 5_000):
            batch = LineEncoder().encode(some, range(len(some)))
            assert writer.write(batch.body).verdict is Verdict.STORED


HOUR_US = 3_600_000_000


def eventful(ticks: list[Tick]) -> list[Record]:
    """Return ticks with what happens to them: in each hundred a gap, short or long, a status and twin decisions."""
    records: list[Record] = []
    for count, tick in enumerate(ticks):
        records.append(tick)
        if count % 100 == 50 and tick.time_us < ticks[count + 1].time_us:
            symbol, at_us = (tick.symbol if count % 200 == 50 else None), tick.time_us
            back_us = HOUR_US if count % 300 == 50 else 1
            records += [Gap(at_us - back_us, at_us + 1, "closed", symbol, tick.feed, count)]
            records += [Status("connected", at_us + 1, 'it\'s "back"', tick.feed, source="csv/x 0A")]
            records += [Signal("buy", tick.symbol, at_us + 1, {"x": 1.0}, "eager")] * 2
    return records


def drain(bucket: InfluxDB, journal: Path) -> None:
    """Write what a journal holds as its sink does."""
    with InfluxWriter(bucket) as writer, JournalReader(journal) as reader:
        stored = [(batch.position, batch.payload) for batch in reader.batches(limit=1_000)]
        encoded = LineEncoder().encode_stored(stored)
        assert encoded.refused == ()
        assert writer.write(encoded.body).verdict is Verdict.STORED


def test_what_happened_is_read_from_influxdb_as_from_the_journal(bucket: InfluxDB, tmp_path: Path) -> None:
    """Each kind, whole and by symbol and time, where a gap belongs to every stretch that it overlaps."""
    records = eventful(TRADES[1_401:2_601])
    journal = write_journal(tmp_path / "ticks.journal", chunks(records, 70))
    drain(bucket, journal)
    middle_us = TRADES[1_700].time_us
    stretches: list[tuple[int | None, int | None]] = [(None, None), (middle_us, None), (None, middle_us)]
    stretches.append((middle_us - HOUR_US // 2, middle_us))
    kinds: tuple[Kind, ...] = ("gaps", "statuses", "signals", "all")
    for kind in kinds:
        for symbols in ((), ("BTCUSDT",)):
            for start, end in stretches:
                kept = list(read(journal, *symbols, kind=kind, start=start, end=end))
                found = list(read(bucket, *symbols, kind=kind, start=start, end=end))
                assert sorted(found, key=repr) == sorted(kept, key=repr), (kind, symbols, start, end)
                times = [item.time_us for item in found]
                assert times == sorted(times)
    assert list(read(bucket, kind="all")) == records


def test_tables_counts_and_bars_come_from_influxdb(bucket: InfluxDB, tmp_path: Path) -> None:
    """And are those of the journal: the gaps tell which bars are not complete."""
    journal = write_journal(tmp_path / "ticks.journal", chunks(eventful(TRADES[:500]), 70))
    drain(bucket, journal)
    kinds: tuple[Kind, ...] = ("ticks", "gaps", "signals")
    for kind in kinds:
        kept, found = (read(place, kind=kind) for place in (journal, bucket))
        assert found.to_rows() == kept.to_rows()
        assert found.to_pandas().equals(kept.to_pandas())
        assert found.count() == kept.count() > 0
    kept_bars, found_bars = (list(read(place, kind="bars", interval="1s")) for place in (journal, bucket))
    assert found_bars == kept_bars
    assert {bar.complete for bar in found_bars} == {True, False}


def test_the_commands_read_influxdb_where_the_environment_says(
    bucket: InfluxDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gaps` and `export` print the same as of the journal; without the environment they say what it lacks."""
    journal = write_journal(tmp_path / "ticks.journal", chunks(eventful(TRADES[:500]), 70))
    drain(bucket, journal)
    monkeypatch.chdir(tmp_path)
    token = bucket.token.reveal() if bucket.token else ""
    said = {"URL": bucket.url, "ORG": bucket.org, "BUCKET": bucket.bucket, "TOKEN": token}
    for name, value in said.items():
        monkeypatch.setenv(f"INFLUX_{name}", value)
    for command in (["gaps", "--json"], ["export", "--kind", "signals"], ["export", "BTCUSDT"]):
        printed = []
        for place in (journal, "influxdb"):
            monkeypatch.setattr("sys.argv", ["trio-ticks", command[0], str(place), *command[1:]])
            with logging_of_its_own():
                assert cli._run() == 0
            printed.append(capsys.readouterr())
        assert printed[0] == printed[1]
        assert printed[0].out.count("\n") > 1
    monkeypatch.delenv("INFLUX_URL")
    monkeypatch.setattr("sys.argv", ["trio-ticks", "gaps", "influxdb"])
    with logging_of_its_own():
        assert cli._run() == 2
    assert "INFLUX_URL" in capsys.readouterr().err


def test_what_influxdb_has_not_is_refused_at_once(bucket: InfluxDB) -> None:
    """Before the server is asked, naming what it has."""
    with pytest.raises(ConfigError, match="'clocks': InfluxDB has gaps, statuses, ticks, signals, or all"):
        read(bucket, kind="clocks")


async def test_gaps_and_statuses_are_replayed_from_influxdb(bucket: InfluxDB, tmp_path: Path) -> None:
    """A strategy is handed the same as from the journal, and told of the same gaps."""
    journal = write_journal(tmp_path / "ticks.journal", chunks(eventful(TRADES[:500]), 70))
    drain(bucket, journal)
    kept, found = [await replay(keep_all, place) for place in (journal, bucket)]
    assert found.value == kept.value
    assert found.gaps == kept.gaps != ()
    again = await replay(keep_all, read(bucket, kind="all"))
    assert again.value == kept.value


@pytest.mark.parametrize("form", ["journal", "csv", "jsonl", "parquet"])
async def test_what_was_exported_is_replayed_as_the_journal(form: str, tmp_path: Path) -> None:
    """2,001 and 1,000 recorded trades, every field of them, whole and by symbol and time."""
    journal = write_journal(tmp_path / "ticks.journal", chunks(TRADES, 300))
    path = journal.with_suffix(f".{form}")
    if form != "journal":
        export(Export(reading=read(journal), output=str(path)))
    assert (await replay(keep_all, path)).value == TRADES
    start, end = TRADES[100].time_us, TRADES[200].time_us
    some = await replay(keep_all, path, symbols=["BTCUSDT"], start=start, end=end)
    assert some.value == [tick for tick in TRADES if start <= tick.time_us < end]
    assert some.ticks > 0


async def test_influxdb_is_replayed_as_the_journal(bucket: InfluxDB) -> None:
    """The same trades by event time over both series, in pages smaller than they are; by symbol and time as well."""
    store(bucket, TRADES)
    assert (await replay(keep_all, bucket)).value == TRADES
    start, end = TRADES[100].time_us, TRADES[200].time_us
    some = await replay(keep_all, bucket, symbols=["BTCUSDT"], start=start, end=end)
    assert some.value == [tick for tick in TRADES if start <= tick.time_us < end]
    with pytest.raises(
        ConfigError, match=r"no tick of ETHUSDT; it begins at 2021-01-08T00:00:00\.278000Z with BTCUSDT"
    ):
        await replay(keep_all, bucket, symbols=["ETHUSDT"])


def test_pages_end_between_milliseconds(bucket: InfluxDB) -> None:
    """Whatever a page holds: ticks of one stamp in two series, and more in a millisecond than a page has room for."""
    busy = 1_700_000_000_000_000
    ticks = [Tick(symbol, busy, 1.0, ordinal=n) for n in range(1_500) for symbol in ("A", "B")]
    ticks += [Tick("A", busy + n * 333, 2.0) for n in range(1, 40)]
    ticks += [Tick("B", busy + n * 1_000, 3.0) for n in range(1, 40)]
    store(bucket, ticks)
    expected = sorted(ticks, key=lambda tick: (tick.time_us, tick.symbol, tick.ordinal))
    for page_points in (7, 100, 10_000):
        batches = InfluxSource(settings=bucket, page_points=page_points).batches(Query())
        found = [record for batch in batches for record in batch]
        assert sorted(found, key=repr) == sorted(expected, key=repr)
        times = [record.time_us for record in found]
        assert times == sorted(times)


async def test_a_symbol_may_be_spelled_with_anything(bucket: InfluxDB) -> None:
    """Quotes and backslashes are part of the name, not of the query."""
    names = ["it's", 'a "b"', "back\\slash", "A B,C=D"]
    ticks = [Tick(name, 1_700_000_000_000_000 + at, 1.0) for at, name in enumerate(names)]
    store(bucket, ticks)
    for tick in ticks:
        assert (await replay(keep_all, bucket, symbols=[tick.symbol])).value == [tick]


async def test_a_database_that_fails_is_told_behind_what_it_gave(bucket: InfluxDB, influxd: Influxd) -> None:
    """A wrong word for the server is one line, without the token."""
    wrong = attrs.evolve(bucket, token="admin:not-the-word")
    with pytest.raises(SinkError) as caught:
        await replay(keep_all, wrong)
    assert "not-the-word" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_journal_that_is_being_written_is_replayed_up_to_its_end(tmp_path: Path) -> None:
    """Neither waits for the other; what is committed later belongs to a later replay."""
    path = tmp_path / "ticks.journal"
    with Journal.open(path, now_us=1) as journal:
        journal.commit(chunks(TRADES[:500], 100), now_us=1)

        async def writing(ticks: object) -> list[object]:
            seen: list[object] = []
            async for tick in ticks:  # type: ignore[attr-defined]  # a Ticks
                if not seen:
                    journal.commit([TRADES[500:600]], now_us=1)
                seen.append(tick)
            return seen

        assert (await replay(writing, path)).value == TRADES[:500]
        assert (await replay(keep_all, path)).value == TRADES[:600]


BAD = {
    "unordered": ("symbol,time_us,price\nA,5,1\nA,6,1\nB,1,1\nA,4,1\n", "csv", "record 4: .*goes back in time", 3),
    "unordered, with ordinals": (
        "symbol,time_us,price,ordinal\nA,5,1,0\nA,4,1,0\n", "csv", "record 2: A goes back in time.*late = true", 1,
    ),
    "truncated": ("symbol,time_us,price\nA,5,1\nA,6\n", "csv", "record 2: has more or fewer fields", 1),
    "a truncated line": ('{"symbol":"A","time_us":5,"price":"1"}\n{"symbol":"A","ti', "jsonl",
        "record 2: is no JSON: it ends in the middle of a line", 1,
    ),
    "no number": ("symbol,time_us,price\nA,5,one\n", "csv", "record 1: price 'one' is no number", 0),
    "no JSON": ("not a record\n", "jsonl", "record 1: is no JSON: 'not a record'", 0),
    "other columns": ("a,b\n1,2\n", "csv", "has the fields 'a', 'b'; accepted are .* time_us and price", 0),
}  # fmt: skip


@pytest.mark.parametrize(("text", "suffix", "words", "before"), BAD.values(), ids=BAD)
async def test_a_bad_file_is_told_behind_what_was_good(
    text: str, suffix: str, words: str, before: int, tmp_path: Path
) -> None:
    """The record is named in one line, and all before it were handed out."""
    path = tmp_path / f"bad.{suffix}"
    path.write_text(text)
    seen = []

    async def collect(ticks: object) -> None:
        async for tick in ticks:  # type: ignore[attr-defined]  # a Ticks
            seen.append(tick)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(ConfigError, match=words) as caught:
        await replay(collect, path)
    assert (len(seen), "\n" in str(caught.value)) == (before, False)


async def test_a_late_tick_that_says_so_is_in_order(tmp_path: Path) -> None:
    """The journal's order holds late ticks, and so does its export."""
    ticks = [Tick("A", 10, 1.0, price_text="1.0"), Tick("A", 5, 2.0, price_text="2.0", late=True)]
    journal = write_journal(tmp_path / "ticks.journal", [ticks], now_us=20)
    export(Export(reading=read(journal), output=str(tmp_path / "ticks.csv")))
    assert (await replay(keep_all, tmp_path / "ticks.csv")).value == ticks


async def test_a_cut_off_parquet_file_or_journal_is_one_line(tmp_path: Path) -> None:
    """Half a file is none, and says so; what is no journal, too."""
    journal = write_journal(tmp_path / "ticks.journal", chunks(TRADES, 300))
    whole = tmp_path / "ticks.parquet"
    export(Export(reading=read(journal), output=str(whole)))
    (tmp_path / "half.parquet").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(ConfigError, match=r"half\.parquet") as caught:
        await replay(keep_all, tmp_path / "half.parquet")
    assert "\n" not in str(caught.value)
    for name in ("none.journal", "none.csv"):
        with pytest.raises((JournalError, ConfigError), match=name):
            await replay(keep_all, tmp_path / name)


async def test_pages_are_read_in_a_thread_and_one_ahead(bucket: InfluxDB) -> None:
    """A slow server does not hold up the other tasks."""
    store(bucket, TRADES[:10])
    threads = set()

    def note(_done: int, _total: int) -> None:
        threads.add(threading.get_ident())

    done = await replay(keep_all, bucket, on_progress=note)
    assert done.ticks == 10
    assert threading.get_ident() not in threads
    with trio.move_on_after(0) as scope:
        await replay(keep_all, bucket)
    assert scope.cancelled_caught
