"""Against a real InfluxDB 1.6.7 behind a proxy that speaks ``/api/v2``: what is stored, what is told."""

from __future__ import annotations

import csv
import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.support.influx_proxy import (
    APPLY_THEN_503,
    APPLY_THEN_DROP,
    HANG,
    HTML_200,
    LATIN_200,
    RESET,
    Fault,
    Proxy,
    answering,
)
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from trio_ticks.config.sinks import InfluxDB
from trio_ticks.errors import SinkError
from trio_ticks.model import Tick
from trio_ticks.sim import Tape
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.line_protocol import LineEncoder
from trio_ticks.storage.outcomes import Outcome, Verdict
from trio_ticks.storage.sifting import BadLine, sift
from trio_ticks.storage.tick_line import point_time, tick_of_row

DATA = Path(__file__).parents[1] / "data"
RECORDINGS = [("BTCUSDT", "btcusdt-2021-01-08.csv", 2_001), ("XBTUSDT", "xbtusdt-2025-11-10.csv", 1_000)]

TOKEN = f"{ADMIN}:{PASSWORD}"
EVERYTHING = "SELECT * FROM tick ORDER BY time"


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    server.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
    yield server
    server.stop()


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[Proxy]:
    with Proxy(influxd.port) as proxy:
        yield proxy


@pytest.fixture
def settings(proxy: Proxy, influxd: Influxd, request: pytest.FixtureRequest) -> InfluxDB:
    """A bucket of the test's own."""
    name = "".join(char if char.isalnum() else "_" for char in request.node.name)
    influxd.command(f'CREATE DATABASE "{name}"')
    return InfluxDB(url=proxy.url, org="trading", bucket=name, token=TOKEN)


@pytest.fixture
def writer(settings: InfluxDB) -> Iterator[InfluxWriter]:
    with InfluxWriter(settings) as writer:
        yield writer


def recorded(symbol: str, file: str) -> list[Tick]:
    """Return recorded trades as the engine would have numbered them."""
    with (DATA / file).open(newline="") as rows:
        ids = [int(row["trade_id"]) for row in csv.DictReader(rows)]
    seen = Counter[int]()
    ticks: list[Tick] = []
    for tick, trade_id in zip(Tape.from_csv(DATA / file, symbol).trades, ids, strict=True):
        ticks.append(
            attrs.evolve(
                tick,
                feed="tape",
                trade_id=trade_id,
                sequence=len(ticks),
                received_us=tick.time_us + 700,
                ordinal=seen[tick.time_us],
            )
        )
        seen[tick.time_us] += 1
    return ticks


TICKS = [Tick("X", 1_700_000_000_000_000 + n, 9.5, 1.0, "9.5", "1", received_us=5, feed="f") for n in range(20)]
BODY = LineEncoder().encode(TICKS, range(len(TICKS))).body


@pytest.mark.parametrize("by_trade_id", [False, True], ids=["by ordinal", "by trade id"])
@pytest.mark.parametrize(("symbol", "file", "count"), RECORDINGS, ids=[row[0] for row in RECORDINGS])
def test_every_recorded_trade_is_one_point_also_when_sent_again(
    writer: InfluxWriter, symbol: str, file: str, count: int, *, by_trade_id: bool
) -> None:
    """As many points as trades, after any number of resends, and read back they are the trades, by the nanosecond."""
    ticks = recorded(symbol, file)
    assert len(ticks) == count
    batch = LineEncoder(by_trade_id=["tape"] if by_trade_id else []).encode(ticks, range(count))
    assert batch.refused == ()
    for _ in range(2):
        assert writer.write(batch.body) == Outcome(Verdict.STORED)
    rows = list(writer.query(EVERYTHING))
    assert len(rows) == count
    read = {row["position"]: (tick_of_row(row), row["time"]) for row in rows}
    assert read == {at: (tick, point_time(tick, by_trade_id=by_trade_id)[0]) for at, tick in enumerate(ticks)}


def test_a_thousand_and_one_trades_of_one_millisecond_are_as_many_points(writer: InfluxWriter) -> None:
    """Carried points stand in order of time, and beside ticks that really are of the next microsecond."""
    stamp = 1_700_000_000_000_000
    ticks = [Tick("X", stamp, float(n), ordinal=n) for n in range(1_005)]
    ticks += [Tick("X", stamp + 1, -1.0 - n, ordinal=n) for n in range(10)]
    batch = LineEncoder().encode(ticks, range(len(ticks)))
    assert writer.write(batch.body).verdict is Verdict.STORED
    rows = list(writer.query(EVERYTHING))
    assert sorted(map(tick_of_row, rows), key=lambda tick: (tick.time_us, tick.ordinal)) == ticks
    assert [row["price"] for row in rows if row["price"] >= 0] == [float(n) for n in range(1_005)]


HARD = [
    Tick(
        "a b,c=d\\e", 1, 1e22, 5e-324, 'q"u\\o\\', "é🙂", "buy", -(2**63) + 1, 2**63 - 1, "f g,h=i", 7, 3, late=True
    ),
    Tick("#🙂\"'", -1, -0.5, 1.7976931348623157e308, "", "", None, None, None, "", 0, 0),
    Tick("{x:y~z}", 2, 1e16, 0.1 + 0.2, "1,2", "a=b c", "sell", conditions=("@", 'I"\\', "é"), feed="}~'"),
    Tick("x", 3, 9_007_199_254_740_993.0, 1e-7, " 1 ", "\\", conditions=()),
]


def test_whatever_can_be_written_is_read_back_as_it_was(writer: InfluxWriter) -> None:
    """Special characters, extreme numbers and missing values survive the real server."""
    batch = LineEncoder(writer="w, =x").encode(HARD, range(4))
    assert batch.refused == ()
    assert writer.write(batch.body) == Outcome(Verdict.STORED)
    rows = sorted(writer.query(EVERYTHING), key=lambda row: int(row["position"]))
    assert [tick_of_row(row) for row in rows] == HARD
    assert {row["writer"] for row in rows} == {"w, =x"}


def test_a_compressed_batch_is_stored(settings: InfluxDB, proxy: Proxy) -> None:
    """What arrives is what was sent."""
    with InfluxWriter(attrs.evolve(settings, gzip=True)) as writer:
        assert writer.write(BODY) == Outcome(Verdict.STORED)
    assert proxy.bodies == [BODY]


FAULTS = {
    "429": (answering(429, b'{"code":"too many requests","message":"slow down"}', Retry_After="7"), Verdict.RETRY),
    "503": (answering(503, b"", Retry_After="3"), Verdict.RETRY),
    "500": (answering(500, b'{"message":"engine: cache maximum memory size exceeded"}'), Verdict.RETRY),
    "stored, then 503": (APPLY_THEN_503, Verdict.RETRY),
    "reset": (RESET, Verdict.RETRY),
    "stored, then cut": (APPLY_THEN_DROP, Verdict.RETRY),
    "a page": (HTML_200, Verdict.HOLD),
    "a page in Latin-1": (LATIN_200, Verdict.HOLD),
    "redirect": (answering(302, Location="/elsewhere"), Verdict.HOLD),
    "401": (answering(401, b'{"message":"unauthorized access"}'), Verdict.HOLD),
    "403": (answering(403), Verdict.HOLD),
    "413": (answering(413), Verdict.SPLIT),
    "422": (answering(422, b'{"message":"field type conflict"}'), Verdict.REFUSED),
    "an empty 200": (answering(200), Verdict.HOLD),
}


@pytest.mark.parametrize(("fault", "verdict"), FAULTS.values(), ids=FAULTS)
def test_whatever_is_answered_the_same_bytes_later_are_stored_once(
    writer: InfluxWriter, proxy: Proxy, fault: Fault, verdict: Verdict
) -> None:
    """Only 204 is a receipt; anything else says what to do, and a resend makes every tick exactly one point."""
    proxy.faults.append(fault)
    outcome = writer.write(BODY)
    assert outcome.verdict is verdict
    assert outcome.reason
    assert writer.write(BODY) == Outcome(Verdict.STORED)
    assert proxy.bodies[0] == proxy.bodies[-1] == BODY
    assert [tick_of_row(row) for row in writer.query(EVERYTHING)] == TICKS


def test_a_server_is_given_the_time_it_asks_for(writer: InfluxWriter, proxy: Proxy) -> None:
    """Retry-After comes back in seconds, with the server's own words."""
    proxy.faults.append(answering(429, b'{"message":"slow down"}', Retry_After="7"))
    assert writer.write(BODY) == Outcome(Verdict.RETRY, "429 Too Many Requests: slow down", 7.0)


def test_a_server_that_hangs_is_left(settings: InfluxDB, proxy: Proxy) -> None:
    """A timeout says nothing about what was stored, so the same is sent again."""
    proxy.faults.append(HANG)
    with InfluxWriter(attrs.evolve(settings, read_s=0.05)) as impatient:
        assert impatient.write(BODY) == Outcome(Verdict.RETRY, "no answer within read_s")


def test_a_server_that_is_not_there_is_tried_again(settings: InfluxDB) -> None:
    """A refused connection is an outage."""
    with socket.socket() as deaf:  # bound, so that nobody else takes the port, and not listening
        deaf.bind(("127.0.0.1", 0))
        with InfluxWriter(attrs.evolve(settings, url=f"http://127.0.0.1:{deaf.getsockname()[1]}")) as writer:
            outcome = writer.write(BODY)
    assert outcome.verdict is Verdict.RETRY
    assert outcome.reason == "no connection: Connection refused"


def test_a_wrong_token_holds_and_is_not_told(settings: InfluxDB, proxy: Proxy) -> None:
    """Nobody finds the token in a message, not even where the server echoes it."""
    token = f"{ADMIN}:not-{PASSWORD}"
    with InfluxWriter(attrs.evolve(settings, token=token)) as writer:
        outcomes = [writer.write(BODY)]
        proxy.faults.append(answering(403, json.dumps({"message": f"{token} may not"}).encode()))
        outcomes.append(writer.write(BODY))
        with pytest.raises(SinkError) as caught:
            list(writer.query(EVERYTHING))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.HOLD, Verdict.HOLD]
    assert outcomes[1].reason == "403 Forbidden: *** may not"
    assert token not in f"{outcomes}{caught.value!r}{caught.getrepr()}"


def test_a_missing_bucket_holds_until_it_is_there(settings: InfluxDB, influxd: Influxd) -> None:
    """The server says which; creating it is enough."""
    with InfluxWriter(attrs.evolve(settings, bucket="later")) as writer:
        outcome = writer.write(BODY)
        assert outcome.verdict is Verdict.HOLD
        assert "later" in outcome.reason
        influxd.command("CREATE DATABASE later")
        assert writer.write(BODY).verdict is Verdict.STORED


def test_a_retention_policy_is_named_behind_a_slash(settings: InfluxDB, influxd: Influxd) -> None:
    """1.8's buckets are ``database/policy``; points of one policy are not in another."""
    influxd.command(f'CREATE RETENTION POLICY long ON "{settings.bucket}" DURATION INF REPLICATION 1')
    with InfluxWriter(attrs.evolve(settings, bucket=f"{settings.bucket}/long")) as writer:
        assert writer.write(BODY).verdict is Verdict.STORED
        assert len(list(writer.query(EVERYTHING))) == len(TICKS)
    with InfluxWriter(settings) as other:
        assert list(other.query(EVERYTHING)) == []


def sifted(writer: InfluxWriter, lines: list[bytes], reason: str) -> list[BadLine]:
    """Write a refused batch in parts until the bad lines are known."""
    search = sift(len(lines), reason)
    told: str | None = None
    try:
        part = next(search)
        while True:
            outcome = writer.write(b"\n".join(lines[index] for index in part))
            assert outcome.verdict in {Verdict.STORED, Verdict.REFUSED}
            told = None if outcome.verdict is Verdict.STORED else outcome.reason
            part = search.send(told)
    except StopIteration as end:
        found: list[BadLine] = end.value
        return found


@pytest.mark.parametrize(
    "spoil",
    [lambda line: line.replace(b"price=9.5", b"price=95i"), lambda line: line.replace(b" price=", b" price=x")],
    ids=["another type", "unreadable"],
)
def test_bad_lines_are_found_and_all_others_stored(writer: InfluxWriter, spoil: Callable[[bytes], bytes]) -> None:
    """Whether the server stores part of a refused batch or none of it."""
    assert (
        writer.write(LineEncoder().encode([attrs.evolve(TICKS[0], time_us=1)], [99]).body).verdict is Verdict.STORED
    )
    lines = BODY.split(b"\n")
    bad = [3, 4, 19]
    for index in bad:
        lines[index] = spoil(lines[index])
    outcome = writer.write(b"\n".join(lines))
    assert outcome.verdict is Verdict.REFUSED
    found = sifted(writer, lines, outcome.reason)
    assert [item.index for item in found] == bad
    assert all(item.reason.startswith(("400", "422")) for item in found)
    stored = {tick_of_row(row) for row in writer.query("SELECT * FROM tick WHERE position < 99")}
    assert stored == {tick for index, tick in enumerate(TICKS) if index not in bad}


def test_a_query_that_is_wrong_is_an_error(writer: InfluxWriter) -> None:
    """In the server's own words, on one line."""
    with pytest.raises(SinkError, match="error parsing query"):
        list(writer.query("SELEKT"))
