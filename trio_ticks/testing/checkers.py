"""The laws of what is delivered, as functions that raise `AssertionError` with one clear line.

They work out keys and counts on their own, from the ticks alone, so that they can judge the sequencer. Feeds
and symbols may be mixed: every law holds for each (feed, symbol) by itself.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from trio_ticks.core.identity import Identity
    from trio_ticks.core.sequencer_settings import SequencerCounts
    from trio_ticks.model import Signal, Tick

Key: TypeAlias = tuple[object, ...]


def check_order(delivered: Iterable[Tick]) -> None:
    """Check that ticks go back in time only where they are flagged late, and that every flag is true.

    Args:
        delivered: In the order of delivery, from the first one on.

    Example:
        >>> from trio_ticks.model import Tick
        >>> check_order([Tick("X", 1, 9.0), Tick("X", 3, 9.0), Tick("X", 2, 9.0, late=True)])
        >>> check_order([Tick("X", 3, 9.0), Tick("X", 2, 9.0)])
        Traceback (most recent call last):
        AssertionError: X at 2 came after 3 without being flagged late
    """
    high: dict[Key, int] = {}
    for tick in delivered:
        place = tick.feed, tick.symbol
        newest_us = high.get(place, tick.time_us)
        is_back = tick.time_us < newest_us
        assert tick.late or not is_back, f"{_name(tick)} came after {newest_us} without being flagged late"
        assert is_back or not tick.late, f"{_name(tick)} is flagged late, but nothing newer came before it"
        high[place] = max(newest_us, tick.time_us)


def check_identity(delivered: Iterable[Tick]) -> None:
    """Check that (feed, symbol, time_us, ordinal) is unique, which storage relies on.

    Args:
        delivered: In any order, over any number of restarts.

    Example:
        >>> from trio_ticks.model import Tick
        >>> check_identity([Tick("X", 1, 9.0), Tick("X", 1, 9.0, ordinal=1)])
        >>> check_identity([Tick("X", 1, 9.0), Tick("X", 1, 8.0)])
        Traceback (most recent call last):
        AssertionError: X at 1 was delivered twice with ordinal 0
    """
    seen: set[Key] = set()
    for tick in delivered:
        identity = tick.feed, tick.symbol, tick.time_us, tick.ordinal
        assert identity not in seen, f"{_name(tick)} was delivered twice with ordinal {tick.ordinal}"
        seen.add(identity)


def check_never_twice(delivered: Iterable[Tick], source: Iterable[Tick], *, identity: Identity = "content") -> None:
    """Check that nothing was delivered more often than it was published.

    Holds for counted content if no session repeats a tick, for a unique identity whatever they do.

    Args:
        delivered: In any order.
        source: What the vendor published, each trade once.
        identity: When two ticks are the same.

    Example:
        >>> from trio_ticks.model import Tick
        >>> trade = Tick("X", 1, 9.0)
        >>> check_never_twice([trade], [trade, trade])
        >>> check_never_twice([trade, trade], [trade])
        Traceback (most recent call last):
        AssertionError: X at 1 was delivered 2 times, published 1 times
    """
    published = _tally(source, identity)
    for key, (tick, count) in _tally(delivered, identity).items():
        limit = published[key][1] if key in published else 0
        limit = limit if identity == "content" else min(limit, 1)
        assert count <= limit, f"{_name(tick)} was delivered {count} times, published {limit} times"


def check_count(
    delivered: Iterable[Tick],
    steps: Iterable[tuple[Hashable, Sequence[Tick]]],
    *,
    identity: Identity = "content",
    where: Callable[[Tick], bool] = lambda _: True,
) -> None:
    """Check that of every key exactly the most that any one session showed was delivered.

    Args:
        delivered: In any order.
        steps: What was pushed, as (session, ticks), such as from `deliveries`.
        identity: When two ticks are the same.
        where: Which ticks to judge: those above the floor, none that was rejected or is held.

    Example:
        >>> from trio_ticks.model import Tick
        >>> trade = Tick("X", 1, 9.0)
        >>> check_count([trade, trade], [("A", [trade]), ("B", [trade, trade])])
        >>> check_count([trade], [("A", [trade]), ("B", [trade, trade])])
        Traceback (most recent call last):
        AssertionError: X at 1 was delivered 1 times, one session showed 2
    """
    got = _tally(filter(where, delivered), identity)
    for key, (tick, most) in _most_shown(steps, identity).items():
        if where(tick):
            expected = most if identity == "content" else min(most, 1)
            count = got[key][1] if key in got else 0
            assert count == expected, f"{_name(tick)} was delivered {count} times, one session showed {expected}"
            got.pop(key, None)
    assert not got, f"{', '.join(_name(tick) for tick, _ in got.values())} was delivered, no session showed it"


def check_loss_bound(
    delivered: Iterable[Tick],
    steps: Sequence[tuple[Hashable, Sequence[Tick]]],
    *,
    identity: Identity = "content",
) -> None:
    """Check that lost are only twins of equal content of which each session missed a different one.

    Args:
        delivered: In any order; nothing may have expired, been rejected or be held.
        steps: What was pushed, as (session, ticks). Every trade needs a trade id of its own, which tells the
            truth about twins whatever the identity; those of `streams` have one.
        identity: When two ticks are the same. Under a unique one nothing may be lost.

    Example:
        >>> from trio_ticks.model import Tick
        >>> trade, twin = Tick("X", 1, 9.0, trade_id=1), Tick("X", 1, 9.0, trade_id=2)
        >>> check_loss_bound([trade], [("A", [trade]), ("B", [twin])])
        >>> check_loss_bound([trade], [("A", [trade, twin]), ("B", [twin])])
        Traceback (most recent call last):
        AssertionError: X at 1 was lost, and session A had shown all 2 of its kind
    """
    trades: dict[Key, set[object]] = {}
    by_session: dict[Hashable, dict[Key, set[object]]] = {}
    named: dict[Key, Tick] = {}
    for session, shown in steps:
        for tick in shown:
            key = _key(tick, identity)
            named[key] = tick
            trades.setdefault(key, set()).add(tick.trade_id)
            by_session.setdefault(session, {}).setdefault(key, set()).add(tick.trade_id)
    got = _tally(delivered, identity)
    for key, ids in trades.items():
        count = got[key][1] if key in got else 0
        wanted = len(ids) if identity == "content" else 1
        for session, shown_ids in by_session.items():
            is_complete = shown_ids.get(key) == ids or (identity != "content" and key in shown_ids)
            assert count >= wanted or not is_complete, (
                f"{_name(named[key])} was lost, and session {session} had shown all {wanted} of its kind"
            )


def check_ledger(counts: SequencerCounts, pushed: int) -> None:
    """Check that every tick pushed is accounted for.

    Args:
        counts: `trio_ticks.core.sequencer.Sequencer.counts`.
        pushed: How many ticks were pushed since the start, or since the restart.

    Example:
        >>> from trio_ticks.core.sequencer import Sequencer
        >>> check_ledger(Sequencer().counts, 0)
        >>> check_ledger(Sequencer().counts, 1)
        Traceback (most recent call last):
        AssertionError: 1 ticks were pushed, 0 are accounted for
    """
    c = counts
    total = c.accepted + c.duplicates + c.expired + c.late_dropped + c.held + c.rejected
    assert total == pushed, f"{pushed} ticks were pushed, {total} are accounted for"
    by_reason = sum(c.rejected_by.values())
    assert by_reason == c.rejected, f"{c.rejected} ticks were rejected, {by_reason} have a reason"


def check_same_signals(first: Iterable[Signal], second: Iterable[Signal]) -> None:
    """Check that two runs of a strategy took the same decisions, in the same order.

    Args:
        first: The signals of one run, such as those kept live.
        second: Those of another one, such as a replay.

    Example:
        >>> from trio_ticks.model import Signal
        >>> buy, sell = Signal("buy", "X", 1, {"price": 9.5}), Signal("sell", "X", 2)
        >>> check_same_signals([buy, sell], [buy, sell])
        >>> check_same_signals([buy, sell], [buy])
        Traceback (most recent call last):
        AssertionError: signal 2 differs: sell X at 2 {}, and nothing
    """
    for number, (one, other) in enumerate(zip_longest(first, second), 1):
        # Numbers that are none equal nothing, not even themselves.
        is_same = one == other or repr(one) == repr(other)
        assert is_same, f"signal {number} differs: {_decision(one)}, and {_decision(other)}"


def _decision(signal: Signal | None) -> str:
    if signal is None:
        return "nothing"
    by = f" by {signal.strategy}" if signal.strategy else ""
    return f"{signal.name} {signal.symbol} at {signal.time_us} {dict(signal.fields)}{by}"


def _name(tick: Tick) -> str:
    return f"{tick.symbol} at {tick.time_us}"


def _key(tick: Tick, identity: Identity) -> Key:
    """Return what makes a tick the same one, worked out apart from the sequencer's own table."""
    place = tick.feed, tick.symbol
    if identity == "trade_id":
        return (*place, tick.trade_id)
    content = tick.price, tick.volume, tick.side
    inside: dict[str, Key] = {"content": content, "sequence": (tick.sequence, *content), "time": ()}
    return (*place, tick.time_us, inside[identity])


def _tally(ticks: Iterable[Tick], identity: Identity) -> dict[Key, tuple[Tick, int]]:
    """Return one tick of each key, and how many there are."""
    tally: dict[Key, tuple[Tick, int]] = {}
    for tick in ticks:
        key = _key(tick, identity)
        tally[key] = tick, tally[key][1] + 1 if key in tally else 1
    return tally


def _most_shown(steps: Iterable[tuple[Hashable, Sequence[Tick]]], identity: Identity) -> dict[Key, tuple[Tick, int]]:
    """Return, for each key, one tick of it and the most that one session showed."""
    sessions: dict[Hashable, list[Tick]] = {}
    for session, shown in steps:
        sessions.setdefault(session, []).extend(shown)
    most: dict[Key, tuple[Tick, int]] = {}
    for shown in sessions.values():
        for key, (tick, count) in _tally(shown, identity).items():
            most[key] = tick, max(count, most[key][1] if key in most else 0)
    return most
