"""The comparison with other libraries: its bytes are AllTick's, and its check sees every kind of fault."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bench.clients import OURS
from bench.plan import Outcome, Phase, Run
from bench.runner import check, perform
from bench.server import due
from bench.wire import FRAME_BYTES, PAYLOAD_BYTES, Tape
from bench.work import Desk, Seen, handler, record_of
from trio_ticks import AllTick

BASE_MS = 1_782_180_168_224
SYMBOLS = 7


def messages(tape: Tape, first: int, count: int, seq: int = 1_000_000_000_042) -> list[bytes]:
    data = tape.render(first, count, seq)
    assert len(data) == count * FRAME_BYTES
    return [data[at + FRAME_BYTES - PAYLOAD_BYTES : at + FRAME_BYTES] for at in range(0, len(data), FRAME_BYTES)]


def outcome_of(tape: Tape, ticks: int) -> Outcome:
    counts, prices = tape.expected(ticks)
    return Outcome(marks=[], ages=[], counts=counts, prices=prices, written=ticks, peak_bytes=0, extra={})


def test_the_engine_and_the_peers_read_the_same_from_a_push() -> None:
    """AllTick's own decoding and the one of `bench.work` agree in every field, and no stamp repeats."""
    texts = messages(Tape(symbols=SYMBOLS, base_ms=BASE_MS), 0, 40)
    ours = AllTick("TSLA.US", token="t").decode(texts).ticks
    theirs = [record_of(text) for text in texts]
    fields = ["symbol", "time_us", "price", "volume", "price_text", "volume_text", "sequence"]
    assert [[getattr(one, name) for name in fields] for one in ours] == [
        [getattr(one, name) for name in fields] for one in theirs
    ]
    assert len({(tick.symbol, tick.time_us) for tick in ours}) == 40


@pytest.mark.parametrize("step", [1, 3, SYMBOLS, 20])
def test_a_tick_is_the_same_however_it_is_rendered(step: int) -> None:
    """One at a time, a round at a time, or across rounds."""
    tape = Tape(symbols=SYMBOLS, base_ms=BASE_MS)
    parts = [tape.render(first, min(step, 60 - first), 5) for first in range(0, 60, step)]
    assert b"".join(parts) == tape.render(0, 60, 5)


@pytest.mark.parametrize("ticks", [1, SYMBOLS - 1, SYMBOLS, 100])
def test_what_is_expected_is_what_was_sent(ticks: int) -> None:
    """Counts and last prices, for whole rounds and parts of one."""
    tape = Tape(symbols=SYMBOLS, base_ms=BASE_MS)
    sent = [record_of(text) for text in messages(tape, 0, ticks)]
    counts, prices = tape.expected(ticks)
    assert prices == {tick.symbol: tick.price for tick in sent if tick}
    assert sum(counts.values()) == ticks


def test_the_check_sees_what_is_missing_or_wrong() -> None:
    """A tick, a price, a line, the engine's own ledger; and nothing where all is right."""
    run = Run(OURS, (Phase("all", 100),), symbols=SYMBOLS, base_ms=BASE_MS)
    right = outcome_of(Tape(symbols=SYMBOLS, base_ms=BASE_MS), 100)
    faults: dict[str, dict[str, Any]] = {
        "99 of 100 ticks": {"counts": {**right.counts, "S000": right.counts["S000"] - 1}},
        "1 of 7 last prices are wrong": {"prices": {**right.prices, "S000": 1.0}},
        "98 of 100 lines": {"written": 98},
        "received 2 but 1": {"extra": {"imbalances": ["received 2 but 1"]}},
    }
    assert list(check(run, right)) == []
    for fault, change in faults.items():
        assert list(check(run, dataclasses.replace(right, **change))) == [fault]


def test_a_desk_counts_each_tick_once_and_ends_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repetition is not handed on; phases end where they should, and the last one ends the run."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(Desk, "report", lambda desk: told.append((desk._written, len(desk._marks))))
    run = Run("blog", (Phase("warm-up", 3), Phase("all", 37)), symbols=SYMBOLS, base_ms=BASE_MS)
    tape = Tape(symbols=SYMBOLS, base_ms=BASE_MS)
    handle = handler(Desk(run))
    for text in messages(tape, 0, 40):
        assert not told
        handle(text)
        handle(messages(tape, 0, 1)[0])
    assert told == [(40, 2)]


def test_dedup_remembers_the_last_generations() -> None:
    """What was just seen is never new, at the turn of a generation neither."""
    seen = Seen()
    assert all(seen.is_new(number) and not seen.is_new(number) for number in range(100_001))


def test_a_pace_is_kept_in_whole_bursts() -> None:
    """The first burst is due at once, the last tick no later than the pace says, and never more than there are."""
    phase = Phase("bursts", 1_000, rate=5_000, burst=500)
    assert [due(phase, elapsed_s) for elapsed_s in (0.0, 0.099, 0.1, 9.0)] == [500, 500, 1_000, 1_000]


def test_a_run_reaches_its_process_as_it_is() -> None:
    """Through JSON and back."""
    run = Run(OURS, (Phase("warm-up", 10), Phase("all", 10, rate=5.0, burst=2)), timed=True)
    assert Run.from_json(run.to_json()) == run


def test_the_engine_passes_the_check_in_a_run() -> None:
    """Two real processes and a real socket: every tick, every price, every age, every line."""
    phases = (Phase("warm-up", 50), Phase("paced", 100, rate=100_000.0), Phase("full speed", 1_000))
    result = perform(Run(OURS, phases, timed=True, symbols=50))
    assert result.faults == ()
    assert [phase.ticks for phase in result.phases] == [100, 1_000]
    assert [len(phase.ages_us) for phase in result.phases] == [100, 1_000]
