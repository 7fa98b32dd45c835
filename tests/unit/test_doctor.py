"""What the doctor makes of what is measured: each judgement is a function of figures, and its table is its test."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path

import attrs
import pytest

from trio_ticks.app.doctor import clock, dashboard, disk, journal, machine, stores, vendor
from trio_ticks.app.doctor.command import examine, summary, wrapped
from trio_ticks.app.doctor.finding import PLAIN_SIGNS, Finding, Mark, bad, doubtful, good, unchecked
from trio_ticks.config import InfluxDB, JournalConfig, parse_config
from trio_ticks.storage.influx_probe import InfluxProbe
from trio_ticks.storage.journal import Damage, JournalInfo
from trio_ticks.storage.outcomes import Outcome, Verdict
from trio_ticks.storage.redis import RedisMemory

GIB, DAY_S = 1024**3, 86_400.0
INFO = JournalInfo(
    path="ticks.journal",
    format_version=1,
    created_us=0,
    created_by="",
    size_bytes=GIB,
    free_bytes=0,
    first_position=1,
    last_position=9,
    ticks=1_234,
    total_ticks=1_234,
    first_us=0,
    last_us=round(DAY_S * 1e6),
    marked_position=None,
    cursors=(),
)


def check(finding: Finding, mark: Mark, *words: str) -> None:
    """Check how a finding stands, that it is one line, and that one that asks for something says what to do."""
    assert finding.mark is mark, finding
    line = finding.line()
    assert "\n" not in line
    assert (finding.mark in {Mark.GOOD, Mark.UNCHECKED}) == (finding.cure == "") or finding.mark is Mark.BAD
    for word in words:
        assert word in line


def test_a_finding_is_one_line_whatever_a_server_said() -> None:
    """Its sign, its name, what was found and the cure; also where a terminal has no such signs."""
    assert bad("sink x", "two\nlines", "mend it").line() == "✗ sink x           two lines; mend it"
    assert good("sink x", "fine").line(PLAIN_SIGNS).isascii()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_its_lines_broken_at_words(width: int) -> None:
    """None is lost or cut, none reaches over the edge, and what follows is set off from the next finding."""
    line = bad("symbols alltick", "some words " * 12, "mend it with this " * 3).line()
    first, *rest = wrapped(line, width).splitlines()
    assert " ".join([first, *rest]).split() == line.split()
    assert max(map(len, [first, *rest])) <= width
    assert first.startswith("✗ symbols alltick  some words")
    assert all(more.startswith("  ") for more in rest)
    assert bool(rest) == (len(line) > width)


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([good("a", "b")], "nothing to mend"),
        ([bad("a", "b"), doubtful("a", "b", "c"), unchecked("a", "b")], "1 to mend, 1 to look at, 1 not checked"),
    ],
)
def test_the_last_line_says_how_many_things_are_to_be_done(findings: list[Finding], words: str) -> None:
    """Whoever reads one line only reads this one."""
    assert summary(findings) == words


@pytest.mark.parametrize(
    ("ahead_s", "mark", "words"),
    [
        (0.0, Mark.GOOD, "the same as"),
        (-2.0, Mark.GOOD, "the same as"),
        (2.1, Mark.DOUBTFUL, "2.1 s ahead of h"),
        (-60.0, Mark.DOUBTFUL, "60.0 s behind h"),
        (3_600.0, Mark.BAD, "fresh prices look old"),
        (-3_600.0, Mark.BAD, "refused as lying ahead"),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off(ahead_s: float, mark: Mark, words: str) -> None:
    """Either way; to the two seconds that a header and a road take."""
    check(clock.judge_clock("clock", ahead_s, "h"), mark, words)


@pytest.mark.parametrize(
    ("date", "ahead_s"),
    [("Thu, 01 Jan 1970 00:01:00 GMT", 39.5), ("", None), ("yesterday", None), ("\xff", None)],
)
def test_a_date_header_is_read_or_is_none(date: str, ahead_s: float | None) -> None:
    """Half a second is added for what its whole seconds cut off."""
    assert clock.ahead_of(date, 100.0) == ahead_s


CONFIG = JournalConfig(max_size=10 * GIB, min_free=GIB)
SLOW, FAST = disk.Growth(1.0, "x"), disk.Growth(GIB, "x")


@pytest.mark.parametrize(
    ("free", "held", "growth", "mark", "words"),
    [
        (100 * GIB, 0, SLOW, Mark.GOOD, "max_size lasts"),
        (5 * GIB, 0, SLOW, Mark.GOOD, "the disk lasts"),
        (GIB, 0, SLOW, Mark.BAD, "are to stay free"),
        (100 * GIB, 0, FAST, Mark.DOUBTFUL, "raise max_size"),
        (100 * GIB, 20 * GIB, SLOW, Mark.DOUBTFUL, "raise max_size"),
        (5 * GIB, 0, FAST, Mark.DOUBTFUL, "make room"),
    ],
)
def test_room_is_judged_by_how_long_it_lasts(
    free: int, held: int, growth: disk.Growth, mark: Mark, words: str
) -> None:
    """By the disk or by the quota, whichever ends first; less than a day is too little, and none is none."""
    check(disk.judge_room(CONFIG, free=free, held=held, growth=growth), mark, words)


@pytest.mark.parametrize(
    ("info", "seen", "expected"),
    [
        (INFO, 10.0, disk.Growth(GIB / DAY_S, "the rate so far")),
        (attrs.evolve(INFO, last_us=1), 10.0, disk.Growth(1_800.0, "10.0 ticks/s as just seen")),
        (None, 10.0, disk.Growth(1_800.0, "10.0 ticks/s as just seen")),
        (None, 0.0, disk.Growth(2_700.0, "15 ticks/s, assumed")),
        (None, None, disk.Growth(2_700.0, "15 ticks/s, assumed")),
    ],
)
def test_growth_is_measured_where_it_can_be(info: JournalInfo | None, seen: float | None, expected: object) -> None:
    """By a journal that has lived for an hour, else by the ticks that came, else assumed."""
    assert disk.growth_of(info, seen_per_s=seen, symbols=3) == expected


@pytest.mark.parametrize(
    ("commits_per_s", "fsync", "mark", "words"),
    [
        (2_000.0, "commit", Mark.GOOD, "2,000 commits/s"),
        (5.0, "commit", Mark.DOUBTFUL, "'checkpoint'"),
        (5.0, "checkpoint", Mark.DOUBTFUL, "a faster disk"),
    ],
)
def test_a_disk_is_judged_by_its_commits(commits_per_s: float, fsync: str, mark: Mark, words: str) -> None:
    """A slow one loses nothing, but makes everything late."""
    check(disk.judge_commits(commits_per_s, fsync), mark, words)


@pytest.mark.parametrize(
    ("ticks_per_s", "mark"), [(400_000.0, Mark.GOOD), (20_000.0, Mark.DOUBTFUL), (5_000.0, Mark.BAD)]
)
def test_speed_is_judged_by_a_busy_market(ticks_per_s: float, mark: Mark) -> None:
    """With room for the strategy and the system."""
    check(machine.check_speed(ticks_per_s), mark, f"{ticks_per_s:,.0f}", "busy" if mark is Mark.GOOD else "bench")


def test_the_calibration_decodes_and_orders_every_tick() -> None:
    """A clock that shows a second for each round makes the rate the number of ticks."""
    seconds = iter(range(100))
    assert machine.measured_ticks_per_s(lambda: float(next(seconds))) == machine.TICKS


@pytest.mark.parametrize(
    ("needed", "limit", "hard", "mark", "words"),
    [
        (100, 1_024, 4_096, Mark.GOOD, "1,024 allowed, about 100 needed"),
        (100, sys.maxsize, -1, Mark.GOOD, "any number"),
        (2_000, 1_024, 4_096, Mark.BAD, "ulimit -n 2000"),
        (2_000, 1_024, -1, Mark.BAD, "ulimit -n 2000"),
        (8_000, 1_024, 4_096, Mark.BAD, "LimitNOFILE"),
    ],
)
def test_open_files_are_judged_by_the_need(needed: int, limit: int, hard: int, mark: Mark, words: str) -> None:
    """The cure is one that the user may do, where the hard limit lets him."""
    check(machine.judge_files(needed, limit=limit, hard=hard), mark, words)


def test_what_a_configuration_needs_is_named_with_its_extra() -> None:
    """A package for each database and for the archive; none for what is not configured."""
    text = '[feeds.coinbase]\nsymbols = ["BTC-USD"]\n'
    sinks = (
        '[sinks.influxdb]\nurl = "http://h"\norg = "o"\nbucket = "b"\n[sinks.redis]\nurl = "redis://h"\n[archive]\n'
    )
    relay = '[feeds.redis]\nurl = "redis://h"\n'
    assert machine.packages_of(parse_config(text, source="x")) == {}
    assert machine.packages_of(parse_config(relay, source="x")) == {"coredis": "redis"}
    needed = machine.packages_of(parse_config(text + sinks, source="x"))
    assert needed == {"influxdb_client": "influxdb", "coredis": "redis", "pyarrow": "arrow"}


def test_a_missing_package_is_told_with_what_installs_it() -> None:
    """All that are missing, in one command."""
    needed = {"trio": "none", "no_such_a": "a", "no_such_b": "b"}
    check(machine.check_packages(needed), Mark.BAD, "no_such_a, no_such_b", "pip install 'trio-ticks[a,b]'")
    check(machine.check_packages({}), Mark.GOOD, "trio 0.")


@pytest.mark.parametrize(
    ("damage", "holder", "mark", "words"),
    [
        ([], None, Mark.GOOD, "1,234 ticks up to 1970-01-02"),
        ([], "process 7", Mark.GOOD, "written by process 7"),
        ([Damage(8, 9, "missing")], None, Mark.DOUBTFUL, "batches 8 to 9: missing"),
    ],
)
def test_a_journal_is_judged_by_its_end(damage: list[Damage], holder: str | None, mark: Mark, words: str) -> None:
    """One that is being written is as it should be; one that is damaged can be written on, and is told of."""
    check(journal.judge_journal(INFO, damage, holder), mark, words)


INFLUX = InfluxDB(url="http://h:1", org="o", bucket="b", token="top-secret")
STORED = Outcome(Verdict.STORED)


@pytest.mark.parametrize(
    ("probe", "mark", "words"),
    [
        (InfluxProbe(STORED), Mark.GOOD, "written and read back"),
        (InfluxProbe(STORED, is_left=True), Mark.GOOD, "the point stays, as measurement trio_ticks_doctor"),
        (InfluxProbe(STORED, "403"), Mark.DOUBTFUL, "not read back: 403"),
        (InfluxProbe(Outcome(Verdict.RETRY, "refused")), Mark.BAD, "start it, or correct its url"),
        (InfluxProbe(Outcome(Verdict.HOLD, "404; create the bucket")), Mark.BAD, "create the bucket"),
        (InfluxProbe(Outcome(Verdict.REFUSED, "400")), Mark.BAD, "400"),
    ],
)
def test_an_influxdb_is_judged_by_the_point(probe: InfluxProbe, mark: Mark, words: str) -> None:
    """A bucket that takes points is enough to run; one that gives them back is enough to replay."""
    finding = stores.judge_influxdb("influxdb", INFLUX, probe)
    check(finding, mark, words, "http://h:1", "'b'")
    assert "top-secret" not in finding.line()


@pytest.mark.parametrize(
    ("memory", "mark", "words"),
    [
        (RedisMemory(1, 0, "noeviction"), Mark.GOOD, "no limit, noeviction"),
        (RedisMemory(95, 100, "noeviction"), Mark.DOUBTFUL, "raise maxmemory"),
        (RedisMemory(1, 100, "volatile-lru"), Mark.DOUBTFUL, "volatile-lru"),
        (RedisMemory(1, 100, "allkeys-lru"), Mark.BAD, "may delete the stream"),
    ],
)
def test_a_redis_is_judged_by_what_it_does_when_it_is_full(memory: RedisMemory, mark: Mark, words: str) -> None:
    """One that evicts any key can take the whole stream."""
    check(stores.judge_redis("sink redis", "redis://h", memory), mark, words)


HEARD = vendor.Heard(is_answered=True, listened_s=2.0, ticks=Counter(A=3))


@pytest.mark.parametrize(
    ("heard", "mark", "words"),
    [
        (HEARD, Mark.GOOD, "2 accepted, 3 ticks in 2.0 s; none yet of B"),
        (attrs.evolve(HEARD, ticks=Counter(A=3, B=1)), Mark.GOOD, "4 ticks"),
        (attrs.evolve(HEARD, ticks=Counter()), Mark.DOUBTFUL, "is the market open?"),
        (attrs.evolve(HEARD, refused={"B": "ret 600"}), Mark.BAD, "1 of 2 refused: B: ret 600"),
        (vendor.Heard(), Mark.UNCHECKED, "has not answered"),
    ],
)
def test_symbols_are_judged_by_what_the_vendor_says_of_each(heard: vendor.Heard, mark: Mark, words: str) -> None:
    """Silence is no fault of a symbol; a refusal is."""
    check(vendor.judge_symbols("alltick", ["A", "B"], heard), mark, words)


def test_many_refused_symbols_are_counted_and_some_named() -> None:
    """A line stays readable."""
    refused = {f"S{number}": "no" for number in range(100)}
    line = vendor.judge_symbols("x", list(refused), vendor.Heard(refused=refused)).line()
    assert "100 of 100 refused" in line
    assert "and 95 more" in line
    assert line.count("S") == vendor.SHOWN


def test_a_rate_is_one_only_of_what_was_listened_to() -> None:
    """Nobody listened: no rate, and no division by nothing."""
    assert vendor.Heard().ticks_per_s is None
    assert math.isclose(HEARD.ticks_per_s or 0.0, 1.5)


def test_programs_get_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every finding with its four fields, and whether all is well; the exit code says the same."""
    path = tmp_path / "ticks.toml"
    path.write_text(f'[feeds.coinbase]\nsymbols = ["BTC-USD"]\n[journal]\npath = "{tmp_path / "a.journal"}"\n')
    for text, ok in ((path.read_text(), True), ("nonsense", False)):
        path.write_text(text)
        assert examine(path, is_offline=True, url=None, seconds=0.0, as_json=True) == (0 if ok else 1)
        told = json.loads(capsys.readouterr().out)
        assert told["ok"] is ok
        assert all(set(finding) == {"what", "mark", "found", "cure"} for finding in told["findings"])
        assert ("bad" in {finding["mark"] for finding in told["findings"]}) is not ok


@pytest.mark.parametrize(
    ("is_wished", "holder", "mark", "words"),
    [
        (True, None, Mark.BAD, "port 1 is taken"),
        (False, None, Mark.DOUBTFUL, "the engine runs without it"),
        (False, "process 7 on here", Mark.UNCHECKED, "process 7 on here, serves its dashboard"),
    ],
)
def test_a_port_that_is_taken_is_judged_by_what_run_would_do(
    is_wished: bool, holder: str | None, mark: Mark, words: str
) -> None:
    """It does not start without what it was told to serve, and does without what nobody asked for."""
    refused = dashboard.judge_refusal("port 1 is taken", is_wished=is_wished, holder=holder)
    check(refused, mark, words)
