"""The sequencer's rule at its edges, and on recorded trades."""

from __future__ import annotations

import csv
import doctest
import gc
import importlib
import math
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import pytest

from trio_ticks.config import SequencerConfig
from trio_ticks.core.front import SLACK
from trio_ticks.core.sequencer import _AHEAD, Sequencer
from trio_ticks.core.sequencer_settings import SequencerLimits
from trio_ticks.model import Side, Tick
from trio_ticks.testing import check_identity, check_ledger, check_order

if TYPE_CHECKING:
    from trio_ticks.core.identity import Identity

ROOT = Path(__file__).parents[2]
S = 1_000_000
SIDES: dict[str, Side | None] = {"buy": "buy", "sell": "sell", "": None}


def at(time_us: int, price: float = 9.0, **fields: Any) -> Tick:
    return Tick("X", time_us, price, **fields)


def push(sequencer: Sequencer, *ticks: Tick, session: str = "A", now_us: int = 0) -> list[tuple[int, int, bool]]:
    """Push, and return what came out as (time, ordinal, late)."""
    out = sequencer.push(ticks, session=session, now_us=now_us or max(tick.time_us for tick in ticks))
    return [(tick.time_us, tick.ordinal, tick.late) for tick in out]


def recorded(name: str) -> list[Tick]:
    with (ROOT / "tests" / "data" / f"{name}.csv").open() as rows:
        return [
            Tick(
                name,
                int(row["time_us"]),
                float(row["price"]),
                float(row["volume"]),
                side=SIDES[row["side"]],
                trade_id=int(row["trade_id"]),
            )
            for row in csv.DictReader(rows)
        ]


def replayed(source: list[Tick], identity: Identity) -> tuple[Sequencer, list[Tick]]:
    """Show a recording through one session, in messages of up to seven ticks."""
    sequencer, out = Sequencer(identity=identity), []
    for start in range(0, len(source), 7):
        shown = source[start : start + 7]
        out += sequencer.push(shown, session="A", now_us=shown[-1].time_us)
    check_ledger(sequencer.counts, len(source))
    check_identity(out)
    check_order(out)
    return sequencer, out


@pytest.mark.parametrize("identity", ["content", "trade_id"])
@pytest.mark.parametrize(
    ("name", "size"),
    [("btcusdt-2021-01-08", 2_001), ("xbtusdt-2025-11-10", 1_000), ("700hk-2022-01-07", 1_972)],
)
def test_recorded_trades_are_all_kept_in_order(name: str, size: int, identity: Identity) -> None:
    """No real trade is taken for a copy, though hundreds share their stamp."""
    source = recorded(name)
    _, out = replayed(source, identity)
    assert [tick.trade_id for tick in out] == [tick.trade_id for tick in source]
    assert len(out) == size


@pytest.mark.parametrize(("name", "lost"), [("btcusdt-2021-01-08", 630), ("xbtusdt-2025-11-10", 429)])
def test_dedup_by_symbol_and_timestamp_loses_real_trades(name: str, lost: int) -> None:
    """The classic rule is there to be had, at its documented cost."""
    sequencer, _ = replayed(recorded(name), "time")
    assert sequencer.counts.duplicates == lost


def test_a_second_line_and_a_reconnect_add_nothing() -> None:
    """Two lines over recorded trades, one of them restarted half-way with overlap: every trade comes once."""
    source = recorded("btcusdt-2021-01-08")
    sequencer = Sequencer()
    out: list[Tick] = []
    for index, tick in enumerate(source):
        out += sequencer.push([tick], session="A", now_us=tick.time_us)
        if index == 1_000:
            sequencer.end_session("B1")
            sequencer.push(source[980:1_000], session="B2", now_us=tick.time_us)
        out += sequencer.push([tick], session="B1" if index < 1_000 else "B2", now_us=tick.time_us)
    assert [tick.trade_id for tick in out] == [tick.trade_id for tick in source]


def test_a_tick_that_already_says_so_is_handed_on_itself() -> None:
    """A new tick is made only where an ordinal or a flag has to change."""
    first, twin = at(1), at(1)
    out = Sequencer().push([first, twin], session="A", now_us=1)
    assert out[0] is first
    assert out[1] is not twin
    assert out[1] == attrs.evolve(twin, ordinal=1)
    assert twin.ordinal == 0


def test_every_field_survives_numbering() -> None:
    """Only ordinal and late differ from what was handed in."""
    full = Tick("X", 5, 9.5, 2.0, "9.50", "2.0", "buy", 7, 8, "test", 6, 0, late=False, conditions=("odd lot",))
    sequencer = Sequencer()
    push(sequencer, at(9, feed="test"), at(5, feed="test"), now_us=9)
    (out,) = sequencer.push([full], session="A", now_us=9)
    assert out == attrs.evolve(full, ordinal=1, late=True)


@pytest.mark.parametrize("other", [at(2), at(1, 8.0), at(1, volume=2.0), at(1, side="buy")])
def test_other_content_is_another_trade(other: Tick) -> None:
    """Stamp, price, volume and side each tell two trades apart."""
    sequencer = Sequencer()
    push(sequencer, at(1))
    assert len(push(sequencer, other, session="B")) == 1


def test_numbers_are_compared_as_numbers() -> None:
    """Vendors vary the decimals: 9.50 and 9.5 are the same price."""
    sequencer = Sequencer()
    push(sequencer, at(1, 9.5, price_text="9.50"))
    assert push(sequencer, at(1, 9.5, price_text="9.5"), session="B") == []


@pytest.mark.parametrize(
    ("identity", "tick", "reason"),
    [
        ("content", at(60 * S + 1), _AHEAD),
        ("content", at(0, math.nan), "price or volume is not a number"),
        ("sequence", at(0, volume=math.nan), "price or volume is not a number"),
        ("trade_id", at(0), "no trade id, and the identity is trade_id"),
    ],
)
def test_what_cannot_be_used_is_rejected_with_its_reason(identity: Identity, tick: Tick, reason: str) -> None:
    """Nothing is dropped without saying why."""
    sequencer = Sequencer(identity=identity)
    assert sequencer.push([tick], session="A", now_us=0) == []
    assert dict(sequencer.counts.rejected_by) == {reason: 1}
    assert sequencer.counts.rejected == 1


def test_a_stamp_exactly_ahead_s_ahead_is_taken() -> None:
    """The limit itself is allowed."""
    assert Sequencer().push([at(60 * S)], session="A", now_us=0)


def test_a_full_stamp_rejects_new_ticks_and_still_knows_copies() -> None:
    """Beyond ``stamp_ticks`` a tick is rejected; a copy of one accepted stays a duplicate."""
    sequencer = Sequencer(stamp_ticks=2)
    assert len(push(sequencer, at(1), at(1), at(1))) == 2
    push(sequencer, at(1), at(1), session="B")
    assert dict(sequencer.counts.rejected_by) == {"its stamp is full": 1}
    assert sequencer.counts.duplicates == 2


def test_a_stamp_may_hold_a_single_tick() -> None:
    """The least limit there is lets one in, late or not."""
    sequencer = Sequencer(stamp_ticks=1)
    assert push(sequencer, at(2), at(2, 8.0), at(1), at(1, 8.0)) == [(2, 0, False), (1, 0, True)]
    assert dict(sequencer.counts.rejected_by) == {"its stamp is full": 2}


def test_window_ends_behind_the_newest_receipt_where_a_stamp_is_ahead() -> None:
    """One tick stamped 50 s ahead does not push out the present."""
    sequencer = Sequencer(window_s=10)
    push(sequencer, at(100 * S), at(150 * S), now_us=100 * S)
    assert push(sequencer, at(100 * S), session="B", now_us=100 * S) == []
    assert sequencer.counts.duplicates == 1
    assert push(sequencer, at(101 * S), session="B", now_us=101 * S) == [(101 * S, 0, True)]


def test_the_floor_moves_to_what_was_forgotten_and_nothing_further() -> None:
    """A stamp in a quiet stretch that was never seen is still taken."""
    sequencer = Sequencer(window_s=10)
    push(sequencer, at(0), at(60 * S), now_us=60 * S)
    assert push(sequencer, at(0), now_us=60 * S) == []
    assert push(sequencer, at(30 * S), now_us=60 * S) == [(30 * S, 0, True)]
    assert sequencer.counts.expired == 1


def test_exactly_window_s_is_inside() -> None:
    """A stamp is forgotten when it is older than the window, not when it is as old."""
    sequencer = Sequencer(window_s=10)
    push(sequencer, at(1), at(10 * S + 1))
    push(sequencer, at(1), session="B", now_us=10 * S + 1)
    assert (sequencer.counts.duplicates, sequencer.counts.expired) == (1, 0)
    push(sequencer, at(10 * S + 2))
    push(sequencer, at(1), session="C", now_us=10 * S + 2)
    assert (sequencer.counts.duplicates, sequencer.counts.expired) == (1, 1)


def test_the_newest_stamp_is_never_forgotten() -> None:
    """A last trade that a reconnect shows again after hours is still known, as are its ordinals."""
    sequencer = Sequencer(window_ticks=1)
    push(sequencer, at(1), at(1), at(1))
    sequencer.end_session("A")
    assert push(sequencer, at(1), session="B", now_us=3_600 * S) == []
    assert push(sequencer, at(1, 8.0), session="B", now_us=3_600 * S) == [(1, 3, False)]


def test_after_its_end_a_session_counts_anew() -> None:
    """What a session shows again within its life is a second trade; after a reconnect it is a copy."""
    sequencer = Sequencer()
    assert push(sequencer, at(1), at(1)) == [(1, 0, False), (1, 1, False)]
    sequencer.end_session("A")
    assert push(sequencer, at(1), at(1)) == []
    assert push(sequencer, at(1)) == [(1, 2, False)]


def test_ids_are_known_across_stamps_and_below_the_highest_forgotten() -> None:
    """Under trade_id the same id with another stamp is a copy, and an id once passed never comes back."""
    sequencer = Sequencer(identity="trade_id", window_ticks=2)
    push(sequencer, at(1, trade_id=5), at(2, trade_id=6))
    assert push(sequencer, at(2, trade_id=5)) == []
    assert sequencer.counts.duplicates == 1
    push(sequencer, at(3, trade_id=7))
    assert push(sequencer, at(3, trade_id=5), at(3, trade_id=4)) == []
    assert push(sequencer, at(1, trade_id=9)) == []
    assert sequencer.counts.expired == 3


def test_the_id_floor_never_goes_down() -> None:
    """It is the highest id forgotten, not the last."""
    sequencer = Sequencer(identity="trade_id", window_ticks=3)
    push(sequencer, at(1, trade_id=9), at(2, trade_id=3), at(3, trade_id=10), at(4, trade_id=11))
    push(sequencer, at(5, trade_id=12))
    assert push(sequencer, at(5, trade_id=9), at(5, trade_id=4)) == []
    assert sequencer.counts.expired == 2


@pytest.mark.parametrize("stamp", [2, 3])
def test_the_highest_id_shown_again_is_a_copy(stamp: int) -> None:
    """Also by the session that brought it, at its own stamp and at a later one."""
    sequencer = Sequencer(identity="trade_id")
    push(sequencer, at(1, trade_id=5), at(2, trade_id=6))
    assert push(sequencer, at(stamp, trade_id=6)) == []
    assert sequencer.counts.duplicates == 1
    assert push(sequencer, at(stamp, trade_id=7)) == [(stamp, 1 if stamp == 2 else 0, False)]


def test_an_id_below_the_floor_is_expired_after_a_restart() -> None:
    """Even where it is above all ids that are still remembered."""
    sequencer = Sequencer(identity="trade_id", window_ticks=1)
    push(sequencer, at(1, trade_id=9), at(2, trade_id=3))
    again = Sequencer.restore(sequencer.checkpoint(), identity="trade_id", window_ticks=1)
    assert push(again, at(3, trade_id=8)) == []
    assert again.counts.expired == 1
    assert push(again, at(3, trade_id=10)) == [(3, 0, False)]


@pytest.mark.parametrize("identity", ["content", "trade_id"])
@pytest.mark.parametrize("at_a_stamp", [1, 3])
def test_what_two_lines_show_in_step_is_kept_as_numbers_only(identity: Identity, at_a_stamp: int) -> None:
    """Nothing is counted of it, and nothing is kept that the garbage collector would look at; twins are no matter."""
    sequencer = Sequencer(identity=identity)
    source = [at(n // at_a_stamp + 1, volume=float(n), trade_id=n) for n in range(1, 101)]
    for n in range(0, 100, 5):
        for session in ("A", "B") if n % 2 else ("B", "A"):
            push(sequencer, *source[n : n + 5], session=session)
    (front,) = sequencer._all_fronts()
    assert (sequencer.counts.accepted, sequencer.counts.duplicates) == (100, 100)
    assert len(front) == 100
    assert not front._window.copies
    assert not any(gc.is_tracked(field) for field in front._ticks)


def test_a_window_is_swept_while_nothing_is_counted() -> None:
    """Of a session that is alone no more is kept than the window and what is due to be forgotten."""
    sequencer = Sequencer(window_s=1)
    for n in range(1, 1_000):
        push(sequencer, at(n * S))
    (front,) = sequencer._all_fronts()
    assert len(front) <= 2 + SLACK
    assert len(front.counted().copies) == 2


def test_as_many_ticks_are_remembered_as_the_window_holds() -> None:
    """The last of them is known as a copy; the one before it was forgotten."""
    sequencer = Sequencer(window_ticks=5)
    for n in range(1, 101):
        push(sequencer, at(n))
    push(sequencer, at(96), session="B", now_us=100)
    assert (sequencer.counts.duplicates, sequencer.counts.expired) == (1, 0)
    push(sequencer, at(95), session="B", now_us=100)
    assert (sequencer.counts.duplicates, sequencer.counts.expired) == (1, 1)


def test_too_many_held_ticks_move_on_before_they_are_forgotten() -> None:
    """The window holds while ticks wait: the oldest are delivered early, and no ordinal is lost."""
    sequencer = Sequencer(lateness_s=5, window_ticks=2)
    assert push(sequencer, at(3), at(1), now_us=9) == []
    assert push(sequencer, at(2), now_us=9) == [(1, 0, False), (2, 0, False)]
    assert sequencer.counts.held == 1
    assert push(sequencer, at(1), session="B", now_us=9) == []
    assert sequencer.counts.expired == 1
    assert [tick.time_us for tick in sequencer.flush()] == [3]


def test_ticks_that_leave_early_leave_nothing_behind() -> None:
    """A long lateness with a small window keeps no due times of what has left, and all of what waits."""
    sequencer = Sequencer(lateness_s=60, window_ticks=2)
    out = [tick for n in range(1_000) for tick in sequencer.push([at(n)], session="A", now_us=n)]
    assert len(sequencer._waiting._dues) <= 2 * sequencer.counts.held + 64
    assert sequencer.next_release_us == len(out) + 60 * S
    assert [tick.time_us for tick in out + sequencer.advance(1_000 + 60 * S)] == list(range(1_000))


def test_what_left_early_does_not_hurry_others() -> None:
    """The due time of a tick that is gone releases nothing."""
    sequencer = Sequencer(lateness_s=0.000_010)
    push(sequencer, at(110), now_us=1_000)
    push(sequencer, at(100), now_us=1_005)
    assert len(sequencer.advance(1_010)) == 2
    push(sequencer, at(50), now_us=1_012)
    assert sequencer.advance(1_015) == []
    assert len(sequencer.advance(1_022)) == 1


def test_a_due_tick_takes_along_what_belongs_before_it() -> None:
    """Waiting on would only make the earlier-stamped one late."""
    sequencer = Sequencer(lateness_s=0.000_010)
    push(sequencer, at(100), now_us=1_000)
    push(sequencer, at(50), at(200), now_us=1_005)
    assert sequencer.next_release_us == 1_010
    assert [tick.time_us for tick in sequencer.advance(1_009)] == []
    assert [(tick.time_us, tick.late) for tick in sequencer.advance(1_010)] == [(50, False), (100, False)]
    assert sequencer.next_release_us == 1_015


def test_late_ticks_are_dropped_only_when_asked_to() -> None:
    """``late="drop"`` counts them, and a copy of one dropped is a duplicate."""
    sequencer = Sequencer(late="drop")
    assert push(sequencer, at(2), at(1), now_us=2) == [(2, 0, False)]
    push(sequencer, at(1), session="B", now_us=2)
    counts = sequencer.counts
    assert (counts.accepted, counts.late_dropped, counts.duplicates) == (1, 1, 1)


def test_by_itself_it_does_what_the_configuration_would() -> None:
    """Its defaults are those of the file, which has no word for the size of a stamp."""
    settings = attrs.asdict(SequencerConfig()) | {"identity": "content", "stamp_ticks": 65_536}
    assert Sequencer()._limits == SequencerLimits.of(**settings)


def test_counts_are_a_snapshot_nobody_can_change() -> None:
    """Statistics handed out stay as they were."""
    sequencer = Sequencer()
    before = sequencer.counts
    push(sequencer, at(1))
    assert before.accepted == 0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        before.accepted = 5  # type: ignore[misc] # the point of the test
    with pytest.raises(TypeError):
        before.rejected_by["x"] = 1  # type: ignore[index] # the point of the test


def test_a_checkpoint_leaves_out_what_is_held() -> None:
    """What no journal has yet may be shown again by a new session, through any encoding of the checkpoint."""
    sequencer = Sequencer(lateness_s=5)
    push(sequencer, at(1), now_us=S)
    (kept,) = sequencer.advance(6 * S)
    push(sequencer, at(1), at(2), now_us=6 * S)
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(sequencer.checkpoint()))
    again = Sequencer.restore(saved, [kept], lateness_s=5)
    assert push(again, at(1), at(1), at(2), session="B", now_us=7 * S) == []
    assert again.counts.duplicates == 1
    assert [(tick.time_us, tick.ordinal) for tick in again.flush()] == [(1, 1), (2, 0)]


@pytest.mark.parametrize(
    ("setting", "value", "accepted"),
    [
        ("identity", "price", "content, trade_id, sequence, time"),
        ("late", "keep", "flag, drop"),
        ("lateness_s", -1, "finite seconds from 0 up"),
        ("lateness_s", "1", "finite seconds from 0 up"),
        ("ahead_s", math.inf, "finite seconds from 0 up"),
        ("window_s", math.nan, "finite seconds from 0 up"),
        ("window_ticks", 0, "whole numbers from 1 up"),
        ("stamp_ticks", 1.5, "whole numbers from 1 up"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(setting: str, value: object, accepted: str) -> None:
    """It names the setting, the value and what is accepted."""
    settings: Any = {setting: value}
    with pytest.raises(ValueError, match=setting) as caught:
        Sequencer(**settings)
    assert str(caught.value) == f"{setting} is {value!r}, accepted are {accepted}"


def test_a_symbol_of_which_all_is_held_is_in_no_checkpoint() -> None:
    """As if it had never arrived."""
    sequencer = Sequencer(lateness_s=5)
    push(sequencer, at(1))
    assert sequencer.save("", "X") is None
    assert sequencer.checkpoint() == Sequencer(lateness_s=5).checkpoint()


def test_a_tail_that_reaches_behind_the_floor_adds_nothing() -> None:
    """Wherever it begins: what was forgotten before the checkpoint stays so, also the stamp of the floor."""
    sequencer = Sequencer(window_ticks=4)
    out = sequencer.push([at(1), at(1), at(1), at(2), at(3)], session="A", now_us=3)
    saved = sequencer.checkpoint()
    for begin in range(len(out)):
        assert Sequencer.restore(saved, out[begin:], window_ticks=4).checkpoint() == saved


def test_a_checkpoint_of_another_identity_is_refused() -> None:
    """Its keys mean nothing here: going on would deliver everything twice."""
    saved = Sequencer(identity="time").checkpoint()
    with pytest.raises(ValueError, match=r"\(1, 'time'\), accepted is \(1, 'content'\)"):
        Sequencer.restore(saved)
    with pytest.raises(ValueError, match="no trade id"):
        Sequencer.restore(Sequencer(identity="trade_id").checkpoint(), [at(1)], identity="trade_id")


@pytest.mark.parametrize(
    "name", ["core.sequencer", "core.sequencer_settings", "testing.checkers", "testing.strategies"]
)
def test_examples_in_docstrings_run(name: str) -> None:
    """What the documentation shows is what happens."""
    assert doctest.testmod(importlib.import_module(f"trio_ticks.{name}")).failed == 0


def test_the_example_of_a_property_test_holds() -> None:
    """The example that users copy passes."""
    runpy.run_path(str(ROOT / "examples" / "property_test.py"))["test_a_second_line_changes_no_price"]()


def test_the_sequencer_loads_no_test_library() -> None:
    """Only `trio_ticks.testing` may need Hypothesis."""
    code = "import sys, trio_ticks.core.sequencer; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
