"""Strategies that cannot be called as they are going to be: refused before anything runs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import trio

import trio_ticks
from trio_ticks import Coinbase, ConfigError, Strategy, aio, sync
from trio_ticks.runtime.calling import check_call


async def momentum(ticks: trio_ticks.Ticks, fast: int, *, slow: int = 3) -> None:
    """A strategy."""


async def yields(ticks: trio_ticks.Ticks) -> AsyncIterator[int]:
    yield 1


def plain(ticks: sync.Ticks, fast: int) -> None:
    """A strategy of a thread."""


def yields_too(ticks: sync.Ticks) -> Iterator[int]:
    yield 1


async def alone() -> None:
    """No strategy: it takes nothing."""


REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
    "a typo": (momentum, {"fats": 1}, "strategy s: has no parameter 'fats'; did you mean fast?"),
    "another word": (momentum, {"length": 1}, "strategy s: has no parameter 'length'; accepted: fast, slow"),
    "the stream's own": (momentum, {"fast": 1, "ticks": 2}, "has no parameter 'ticks'; accepted: fast, slow"),
    "one is missing": (momentum, {}, "cannot be called as s(ticks, **params): missing a required argument: 'fast'"),
    "takes no ticks": (alone, {}, "cannot be called as s(ticks, **params): too many positional arguments"),
    "an async generator": (yields, {}, "not an async function; accepted is async def strategy(ticks): …; this one"),
    "a generator": (yields_too, {}, "not an async function"),
}


@pytest.mark.parametrize(("function", "params", "words"), REFUSED.values(), ids=REFUSED)
def test_what_would_fail_at_the_first_step_is_one_line(
    function: Callable[..., Any], params: dict[str, Any], words: str
) -> None:
    """It names the strategy and the parameter, and what is accepted."""
    with pytest.raises(ConfigError) as caught:
        check_call("s", function, params)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_can_be_called_is_let_through() -> None:
    """Partial functions, those that take any parameter, and those of which nothing is known."""

    async def any_of_them(ticks: object, **params: object) -> None:
        """A strategy."""

    check_call("s", momentum, {"fast": 1, "slow": 2})
    check_call("s", functools.partial(momentum, fast=1), {"slow": 2})
    check_call("s", any_of_them, {"whatever": 1})
    check_call("s", dict, {"whatever": 1})  # has no signature


def test_an_engine_does_not_start_with_it() -> None:
    """Ten restarts would not mend it, and the recorder would run without it."""

    async def main() -> None:
        async with trio_ticks.open_engine(Coinbase("X"), strategies=[Strategy(momentum, params={"fats": 1})]):
            """Never reached."""

    with pytest.raises(ConfigError, match="did you mean fast"):
        trio.run(main)


def test_a_replay_does_not_start_with_it() -> None:
    """Nor in asyncio, nor in a thread, where the function is wrapped."""
    replayed = functools.partial(trio_ticks.replay, momentum, [[]], params={"fats": 1})
    with pytest.raises(ConfigError, match="did you mean fast"):
        trio.run(replayed)
    with pytest.raises(ConfigError, match="did you mean fast"):
        asyncio.run(aio.replay(momentum, [[]], params={"fats": 1}))
    with pytest.raises(ConfigError, match="did you mean fast"):
        sync.replay(plain, [[]], params={"fats": 1})
