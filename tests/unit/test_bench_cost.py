"""What a tick costs as things grow: the bytes are AllTick's, the check sees every kind of fault, pages are filled."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from bench import page, stages
from bench.cost.__main__ import MEMORY
from bench.cost.dimensions import DIMENSIONS, FULL, MINUTE, QUICK, growth_job, memory_job
from bench.cost.job import MARKET_RATE, Job, Mark, Outcome, Setting
from bench.cost.report import Memory, Runs, as_dict, growth_table, memory_table
from bench.cost.running import Result, check, perform
from bench.cost.tape import Tape, codes, last_prices, stamp_us
from trio_ticks import AllTick

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
BASE_US = 1_800_000_000_000_000
SMALL = Job(Setting(symbols=10, connections=2, strategies=2, sessions=2), ticks=1_000, marks_at=(500, 1_000))


def result_of(
    setting: Setting, cpu_us: int, held: tuple[int, ...] = (50, 50), faults: tuple[str, ...] = ()
) -> Result:
    """A run that took so much CPU per tick, and held so many bytes at its marks, a second apart."""
    marks = [
        Mark(1_000 * n, 1_000 * n * setting.sessions, 10**9 * n, 10**6 * n * cpu_us, held_bytes)
        for n, held_bytes in enumerate(held, 1)
    ]
    return Result(Job(setting, ticks=3 * MINUTE, marks_at=(MINUTE, 3 * MINUTE)), marks, faults)


def outcome_of(job: Job) -> Outcome:
    """What a run tells in which all went well."""
    received, ticks = job.ticks * job.setting.sessions, job.ticks
    ledger = {"received": received, "accepted": ticks, "duplicates": received - ticks - 3, "expired": 3}
    prices = last_prices(job.setting.symbols, job.rounds)
    taken = [ticks] * job.setting.strategies
    return Outcome((), taken, [prices] * job.setting.strategies, ledger, imbalances=[], gaps={})


def test_the_engine_reads_from_the_tape_what_is_expected_of_it() -> None:
    """Every frame is a trade of as many bytes; stamps go on at the market's rate; last prices are the last ones."""
    tape = Tape(codes(20), symbols=20, base_us=BASE_US)
    rounds = [tape.render(number) for number in range(11)]
    assert len({len(data) for data in rounds}) == 1
    size = len(rounds[0]) // 20
    texts = [data[at + 4 : at + size] for data in rounds for at in range(0, len(data), size)]
    ticks = AllTick("TSLA.US", token="t").decode(texts).ticks
    assert [tick.symbol for tick in ticks] == codes(20) * 11
    assert [tick.time_us for tick in ticks[::20]] == [stamp_us(n, symbols=20, base_us=BASE_US) for n in range(11)]
    assert ticks[-1].time_us - ticks[0].time_us == 10 * 20 * 1_000_000 // MARKET_RATE
    assert {tick.symbol: tick.price for tick in ticks} == last_prices(20, 11)


def test_the_check_sees_what_is_missing_or_wrong() -> None:
    """A tick, a price, a copy, the ledger, a gap; and nothing where all is right."""
    right = outcome_of(SMALL)
    faults: dict[str, dict[str, Any]] = {
        "strategy 1 saw 999 of 1,000 ticks": {"taken": [1_000, 999]},
        "strategy 0 has wrong last prices": {"prices": [{**right.prices[0], "C00000": 1.0}, right.prices[1]]},
        "received 1,999 instead of 2,000": {"ledger": {**right.ledger, "received": 1_999}},
        "accepted 999 instead of 1,000": {"ledger": {**right.ledger, "accepted": 999}},
        "999 copies": {"ledger": {**right.ledger, "expired": 2}},
        "received 2 but 1": {"imbalances": ["received 2 but 1"]},
        "gaps: {'closed': 1}": {"gaps": {"closed": 1}},
    }
    assert list(check(SMALL, right)) == []
    for fault, change in faults.items():
        assert list(check(SMALL, dataclasses.replace(right, **change))) == [fault]


def test_a_job_and_its_outcome_reach_the_other_process_as_they_are() -> None:
    """Through JSON and back."""
    outcome = dataclasses.replace(outcome_of(SMALL), marks=(Mark(1, 2, 3, 4, 5),))
    assert Job.from_json(SMALL.to_json()) == SMALL
    assert Outcome.from_json(outcome.to_json()) == outcome


@pytest.mark.parametrize("effort", [QUICK, FULL])
def test_every_job_is_whole_rounds_and_fills_its_window_first(effort: Any) -> None:
    """Otherwise ticks would be missing at the end, or the window not yet at work."""
    jobs = [growth_job(row, effort) for each in DIMENSIONS for row in each.rows.values()]
    for job in [*jobs, memory_job(1, effort), memory_job(2, effort)]:
        assert job.ticks % job.setting.symbols == 0
        assert job.setting.window_s * MARKET_RATE < job.marks_at[0] < job.marks_at[-1] <= job.ticks


def test_a_table_compares_medians_with_its_first_row() -> None:
    """The middle run counts, and a run that failed its check does not."""
    sessions = next(each for each in DIMENSIONS if each.name == "sessions")
    runs = {setting: Runs() for setting in sessions.rows.values()}
    one, two = runs
    for cpu_us in (2, 3, 9):
        runs[one].add(result_of(one, cpu_us))
    runs[two].add(result_of(two, 6))
    runs[two].add(result_of(two, 99, faults=("lost",)))
    rows = as_dict(sessions, runs)["rows"]
    assert [(row["cost"]["cpu_us"], row["times"], row["faults"]) for row in rows.values()] == [
        (3.0, 1.0, []),
        (6.0, 2.0, ["lost"]),
    ]
    assert [list(column.cells) for column in growth_table(sessions, runs).columns][3] == ["1.00x", "2.00x"]


def test_memory_is_as_far_from_its_beginning_as_it_ever_was() -> None:
    """Not only at the end: what was given back counts as well."""
    result = result_of(Setting(), 4, held=(100, 90, 104, 100))
    memory = Memory.of(result)
    assert (memory.drift, memory.least_bytes, memory.most_bytes) == (0.1, 90, 104)
    assert (memory.first_us, memory.last_us) == (4.0, 4.0)
    assert memory_table([result]).row_count == 1


def test_the_engine_passes_the_check_in_a_run() -> None:
    """Two real processes and four real sockets: every tick twice, and both strategies see it once."""
    result = perform(SMALL)
    assert result.faults == ()
    assert [mark.taken >= at for mark, at in zip(result.marks, SMALL.marks_at, strict=True)] == [True, True]
    assert result.held_bytes > 0


@pytest.mark.parametrize("size", [1, 7, 600])
async def test_every_tick_comes_through_all_stages(size: int) -> None:
    """Batches shorter and longer than a read; the timing itself asserts that all ticks came out."""
    found = await stages.time_stages(size, stages.Effort(rounds=2, ticks=1_300, warm=1_100))
    assert list(found) == list(stages.STAGES)
    assert all(cost >= 0 for cost in found.values())
    assert stages.table({size: found}).row_count == len(stages.STAGES) + 1


def test_a_section_is_filled_and_the_prose_stays(tmp_path: Path) -> None:
    """Again and again, whatever the text; a section that is missing, or there twice, is refused."""
    file = tmp_path / "page.md"
    before = "# P\n<!-- begin a-b: x -->\nkept\n<!-- end a-b -->\nprose\n<!-- begin a -->\nold\n<!-- end a -->\n"
    file.write_text(before)
    for text in ("new", r"\1 and |pipes|"):
        page.fill(file, "a", text)
        assert file.read_text() == before.replace("old", text)
    with pytest.raises(page.PageError, match="0 sections"):
        page.fill(file, "b", "new")
    file.write_text(before + before)
    with pytest.raises(page.PageError, match="2 sections"):
        page.fill(file, "a", "new")


def test_a_table_becomes_one_of_a_page() -> None:
    """With its title, its alignment, and nothing that would break a row."""
    table = Table(title="T")
    table.add_column("a")
    table.add_column("b", justify="right")
    table.add_row("x|y", "1")
    assert page.markdown([table], "note").startswith("**T**\n\n| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n\n*note; 2")


def test_the_page_has_a_section_for_all_that_is_measured(tmp_path: Path) -> None:
    """Each command finds its place on the page, and what it writes is all that changes."""
    text = PERFORMANCE.read_text()
    sections = [
        "stages",
        "peers",
        "sustained",
        "storage",
        "outage",
        "replay",
        *(f"cost-{name}" for name in (*(d.name for d in DIMENSIONS), MEMORY)),
    ]
    assert {*re.findall(r"<!-- begin ([\w-]+)", text)} == {*sections, "targets"}
    copy = tmp_path / "page.md"
    copy.write_text(text)
    for section in sections:
        page.fill(copy, section, "measured")
    prose = re.compile(r"(<!-- begin [^>]*-->).*?(<!-- end)", re.DOTALL)
    assert prose.sub(r"\1\2", copy.read_text()) == prose.sub(r"\1\2", text)
