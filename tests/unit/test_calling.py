"""Strategies that cannot be called as they are going to be: refused before anything runs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import trio

import trio_ticks
from trio_ticks import Coinbase, ConfigError, Sink, Strategy, aio, sync
from trio_ticks.runtime.calling import check_call


async def momentum(ticks: trio_ticks.Ticks, fast: int, *, slow: int = 3) -> None:
    """A strategy."""


async def yields(ticks: trio_ticks.Ticks) -> AsyncIterator[int]:
    yield 1


def plain(ticks: sync.Ticks, fast: int) -> None:
    """A strategy of a thread."""


def yields_too(ticks: sync.Ticks) -> Iterator[int]:
    yield 1


def returns_at_two_ends(ticks: trio_ticks.Ticks) -> None:
    if ticks.dropped:
        return
    ticks.close()


def returns_one_of_two(ticks: trio_ticks.Ticks) -> object:
    return momentum(ticks, 1) if ticks.dropped == 0 else None


@functools.wraps(momentum)
def timed(*args: Any, **kwargs: Any) -> Any:
    return momentum(*args, **kwargs)


class Called:
    """Strategies with a state of their own."""

    async def __call__(self, ticks: trio_ticks.Ticks, fast: int = 1) -> None:
        """One."""

    async def method(self, ticks: trio_ticks.Ticks) -> None:
        """Another."""

    def forgets(self, ticks: trio_ticks.Ticks) -> None:
        """None: it is not async."""


class Yields:
    """No strategy, for what it is called like yields."""

    async def __call__(self, ticks: trio_ticks.Ticks) -> AsyncIterator[int]:
        yield 1


forgets: Any = returns_at_two_ends


async def alone() -> None:
    """No strategy: it takes nothing."""


REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
    "a typo": (momentum, {"fats": 1}, "strategy s: has no parameter 'fats'; did you mean fast?"),
    "another word": (momentum, {"length": 1}, "strategy s: has no parameter 'length'; accepted: fast, slow"),
    "the stream's own": (momentum, {"fast": 1, "ticks": 2}, "has no parameter 'ticks'; accepted: fast, slow"),
    "one is missing": (momentum, {}, "cannot be called as s(ticks, **params): missing a required argument: 'fast'"),
    "takes no ticks": (alone, {}, "cannot be called as s(ticks, **params): too many positional arguments"),
    "an async generator": (yields, {}, "with inline=True; this one yields"),
    "a generator": (yields_too, {}, "not an async function"),
    "an object that yields": (Yields(), {}, "not an async function; accepted is async def strategy(ticks): …, or a"),
    "a plain function": (returns_at_two_ends, {}, "strategy s: it is not an async function; accepted is async def"),
    "a plain method": (Called().forgets, {}, "not an async function"),
    "a part of a plain one": (functools.partial(plain, fast=1), {}, "or a plain function of a Tick with inline=True"),
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
    """Partial functions, those that take any parameter, those that return what is awaited, and unknown ones."""

    async def any_of_them(ticks: object, **params: object) -> None:
        """A strategy."""

    check_call("s", momentum, {"fast": 1, "slow": 2})
    check_call("s", functools.partial(momentum, fast=1), {"slow": 2})
    check_call("s", any_of_them, {"whatever": 1})
    check_call("s", dict, {"whatever": 1})  # has no signature
    check_call("s", lambda ticks: momentum(ticks, 1), {})
    check_call("s", returns_one_of_two, {})
    check_call("s", timed, {"fast": 1})
    check_call("s", Called(), {"fast": 2})
    check_call("s", Called().method, {})
    check_call("s", returns_at_two_ends, {}, inline=True)


def test_what_has_no_name_of_its_own_goes_by_what_it_is_made_of() -> None:
    """A journal and its replay know a strategy by its name, and one called partial says nothing."""
    assert Strategy(functools.partial(functools.partial(momentum, fast=1), slow=2)).title == "momentum"
    assert Sink(functools.partial(forgets)).name == "returns_at_two_ends"
    assert Strategy(Called()).title == "Called"


def test_a_plain_function_is_known_in_every_way_in() -> None:
    """Live, replayed and in a backtest, in asyncio too: it is not called, and the words are the same."""
    called: list[object] = []

    def keep(ticks: object) -> None:
        called.append(ticks)

    async def opened() -> None:
        async with trio_ticks.open_engine(Coinbase("X"), strategies=[keep]):
            """Never reached."""

    async def opened_in_asyncio() -> None:
        async with aio.open_engine(Coinbase("X"), strategies=[keep]):
            """Never reached."""

    ways: list[Callable[[], object]] = [
        lambda: trio.run(opened),
        lambda: asyncio.run(opened_in_asyncio()),
        lambda: trio.run(trio_ticks.replay, keep, [[]]),
        lambda: asyncio.run(aio.replay(keep, [[]])),
        lambda: trio_ticks.backtest(keep, [[]]),  # type: ignore[arg-type]  # just that is meant
    ]
    for way in ways:
        with pytest.raises(ConfigError, match=r"^strategy keep: it is not an async function; accepted is async def"):
            way()
    assert called == []


def test_a_thread_takes_no_generator() -> None:
    """Calling one runs nothing of it, so the strategy would have ended at once, and well."""
    with pytest.raises(ConfigError, match=r"strategy yields_too yields: trio_ticks.sync takes plain functions"):
        sync.replay(yields_too, [[]])


def test_inline_takes_nothing_async_however_it_is_dressed() -> None:
    """Its coroutines would be made, and never run."""
    for function in (momentum, Called(), Called().method, functools.partial(momentum, fast=1)):
        with pytest.raises(ConfigError, match="inline takes a plain function of a Tick, this one is async"):
            Strategy(function, inline=True)


@pytest.mark.parametrize(
    ("on_tick", "words"),
    [
        (Called(), "on_tick: accepted is a plain function of a Tick"),
        ("print", "on_tick: accepted is a plain function of a Tick"),
        (lambda: None, "strategy on_tick: cannot be called as on_tick"),
        (yields_too, "strategy on_tick: .*yields"),
    ],
)
def test_a_callback_is_looked_at_before_anything_runs(on_tick: Any, words: str) -> None:
    """Its mistake would show with the first tick only, which may be tomorrow's."""
    with pytest.raises(ConfigError, match=words):
        trio_ticks.run(Coinbase("X"), on_tick=on_tick, seconds=0.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"symbols": "BTCUSDT"}, r"strategy momentum: symbols = 'BTCUSDT': must be a list of at least one text"),
        ({"symbols": [700]}, r"strategy momentum: symbols = \(700,\): must be a list of at least one text"),
        ({"symbols": []}, r"strategy momentum: symbols = \(\): must be a list of at least one text"),
        ({"params": ["fast"]}, "strategy momentum: params: must be a table whose keys are names"),
        ({"params": {1: 2}}, "strategy momentum: params: must be a table whose keys are names"),
        ({"name": 5}, "name = 5: must be a text on one line"),
        ({"name": "a\nb"}, r"name = 'a\\nb': must be a text on one line"),
    ],
)
def test_what_a_strategy_cannot_be_is_told_in_the_words_of_a_configuration(given: Any, words: str) -> None:
    """A lone symbol is not taken for its letters."""
    with pytest.raises(ConfigError, match=words) as caught:
        Strategy(momentum, **given)
    assert "\n" not in str(caught.value)
    assert Strategy(momentum, symbols={"A"}).symbols == ("A",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategies": momentum}, "strategies = <function .*: accepted is a list"),
        ({"strategies": {"a": momentum}}, "strategies = {'a': .*: accepted is a list"),
        ({"journal": True}, "journal = True: accepted is the path of a file, or a JournalConfig"),
        ({"sinks": momentum}, "sinks = <function .*: accepted is a list"),
        (
            {"sinks": [Sink(forgets)]},
            "sink <function .*: accepted is .* an async function of a SinkBatch",
        ),
    ],
)
def test_what_an_engine_is_not_made_of_is_one_line(given: Any, words: str) -> None:
    """Before anything is started, and not as an error of Python's about something inside."""

    async def main() -> None:
        async with trio_ticks.open_engine(Coinbase("X"), **{"journal": "never.journal", **given}):
            """Never reached."""

    with pytest.raises(ConfigError, match=words):
        trio.run(main)


def test_a_call_that_would_block_trio_says_what_to_use() -> None:
    """Not Trio's own error, which knows of no engine."""

    async def main() -> None:
        trio_ticks.run(Coinbase("X"))

    with pytest.raises(ConfigError, match="run: this thread already runs Trio; accepted there is async with"):
        trio.run(main)


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
