"""A feed: one connection as the engine makes it, for some seconds, and what the vendor says to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs
import trio

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good, unchecked
from trio_ticks.config import EngineConfig
from trio_ticks.core.sharding import shard_count
from trio_ticks.errors import AuthenticationError, CertificateError, ConfigError, EngineError, SubscriptionError
from trio_ticks.feeds.base import limits_of, services_of
from trio_ticks.model import Status, Tick
from trio_ticks.runtime.assembly import FeedPlan
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.groups import leaves
from trio_ticks.runtime.opening import open_engine
from trio_ticks.runtime.stream import Ticks

PATIENCE_S = 120.0
"""For the vendor to answer for every symbol. One bad code among a hundred takes some ten requests, a second apart."""

CAPACITY = 100_000
"""Ticks that may wait for the doctor, who reads them as they come."""

SHOWN = 5
"""Symbols named in one line."""

FARTHEST_S = 86_400.0
"""A stamp may be so far ahead here: that the clock is slow is told by another check, in its own words."""

_LOOK_S = 0.05


@attrs.define
class Heard:
    """What a feed brought.

    Attributes:
        failure: Why it failed; None: it did not.
        is_answered: Whether the vendor has answered for every symbol.
        connected_s: From the start to the first acknowledgement.
        listened_s: How long ticks were counted.
        refused: Symbols that the vendor refuses, with its reason and what the feed knows about it.
        ticks: By symbol, while it was listened.
    """

    failure: EngineError | None = None
    is_answered: bool = False
    connected_s: float | None = None
    listened_s: float = 0.0
    refused: dict[str, str] = attrs.field(factory=dict)
    ticks: Counter[str] = attrs.field(factory=Counter)

    @property
    def ticks_per_s(self) -> float | None:
        """The rate at which ticks came; None where nobody listened."""
        return self.ticks.total() / self.listened_s if self.listened_s > 0 else None


async def hear(config: EngineConfig, *, seconds: float) -> Heard:
    """Connect a configuration's one feed, wait until the vendor has answered for each symbol, and listen.

    Args:
        config: With one feed, and nothing else that would run.
        seconds: How long to listen then.
    """
    heard = Heard()
    sequencer = attrs.evolve(config.sequencer, ahead_s=FARTHEST_S)
    try:
        async with (
            open_engine(attrs.evolve(config, sequencer=sequencer), retry_first=False) as engine,
            engine.subscribe(capacity=CAPACITY) as ticks,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_take, ticks, heard, trio.current_time())
            with trio.move_on_after(PATIENCE_S):
                while not _is_answered(engine):  # noqa: ASYNC110 - the engine has no event for it
                    await trio.sleep(_LOOK_S)
                heard.is_answered = True
            if heard.is_answered:
                await _listen(heard, seconds)
            nursery.cancel_scope.cancel("enough was heard")
    except* EngineError as group:
        heard.failure = leaves(group)[0]
    return heard


async def _listen(heard: Heard, seconds: float) -> None:
    began, heard.ticks = trio.current_time(), Counter()
    await trio.sleep(seconds)
    heard.listened_s = trio.current_time() - began


async def _take(ticks: Ticks, heard: Heard, began: float) -> None:
    async for record in ticks.records():
        if isinstance(record, Tick):
            heard.ticks[record.symbol] += 1
        elif isinstance(record, Status) and record.status == "connected" and heard.connected_s is None:
            heard.connected_s = trio.current_time() - began
        elif isinstance(record, Status) and record.status == "rejected" and record.symbol:
            heard.refused[record.symbol] = record.reason


def _is_answered(engine: Engine) -> bool:
    """Return whether the vendor has taken or refused every symbol on every line."""
    lines = [line for shard in engine.statistics().shards for line in shard.lines]
    return all(line.accepted + len(line.refused) >= line.symbols for line in lines)


def check_plan(plan: FeedPlan) -> tuple[Finding, int]:
    """Say how many connections a feed's symbols take of those that the vendor allows.

    Returns:
        The finding, and how many connections that are.
    """
    limits, config = limits_of(plan.feed), plan.connection
    room = config.symbols_per_connection or limits.symbols_per_connection
    what, used, told = f"plan {plan.name}", 0, []
    try:
        for service in services_of(plan.feed):
            shards = shard_count(
                len(service.symbols), connections=limits.connections, per_connection=room, lines=config.lines
            )
            used += shards * config.lines
            most = "" if room is None else f" of {limits.connections // config.lines * room:,}"
            taken = f"{shards * config.lines} of {limits.connections} connections"
            told.append(f"{service.name}: {len(service.symbols):,}{most} symbols on {taken}")
    except ConfigError as error:
        return bad(what, str(error)), used
    return good(what, "; ".join(told)), used


def judge_connection(plan: FeedPlan, heard: Heard) -> Finding:
    """Judge whether the vendor was reached, and takes the token."""
    what = f"connect {plan.name}"
    if heard.failure is not None and not _is_about_symbols(heard.failure):
        return bad(what, str(heard.failure), _cure(heard.failure))
    if heard.failure is None and not heard.is_answered:
        return bad(
            what, f"no answer for every symbol within {PATIENCE_S:g} s", "try again; is the vendor in trouble?"
        )
    has_token = any(service.secret_query for service in services_of(plan.feed))
    token = ", the token is accepted" if has_token else ""
    after = "" if heard.connected_s is None else f" after {heard.connected_s:.1f} s"
    return good(what, f"{plan.feed.url}{after}{token}")


def _is_about_symbols(failure: EngineError) -> bool:
    return any(isinstance(error, SubscriptionError) for error in _causes(failure))


def _causes(failure: EngineError) -> list[Exception]:
    cause = failure.__cause__
    return leaves(cause) if isinstance(cause, ExceptionGroup) else []


def _cure(failure: EngineError) -> str:
    """Return what helps where the error's own words do not say."""
    if any(isinstance(error, AuthenticationError | CertificateError) for error in _causes(failure)):
        return ""
    return "check the network and url; behind a proxy set proxy, or HTTPS_PROXY"


def judge_symbols(name: str, symbols: Sequence[str], heard: Heard) -> Finding:
    """Judge what the vendor says of each symbol."""
    what = f"symbols {name}"
    if not heard.refused and not heard.is_answered:
        return unchecked(what, "the vendor has not answered for all of them")
    if heard.refused:
        told = "; ".join(f"{symbol}: {reason}" for symbol, reason in list(heard.refused.items())[:SHOWN])
        count = f"{len(heard.refused):,} of {len(symbols):,} refused: "
        return bad(what, count + told + _more(len(heard.refused)), "leave them out, or spell them as the vendor does")
    quiet = [symbol for symbol in symbols if symbol not in heard.ticks]
    found = f"{len(symbols):,} accepted, {heard.ticks.total():,} ticks in {heard.listened_s:.1f} s"
    if len(quiet) == len(symbols):
        return doubtful(what, found, "is the market open? nothing is wrong if it is not")
    if quiet:
        found += f"; none yet of {', '.join(quiet[:SHOWN])}{_more(len(quiet))}"
    return good(what, found)


def _more(count: int) -> str:
    return f" and {count - SHOWN:,} more" if count > SHOWN else ""
