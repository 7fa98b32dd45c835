"""Whether a strategy can be called as it is going to be, and here: what would fail at its first step is refused."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any

import trio

from trio_ticks.errors import ConfigError

NOT_ASYNC = (
    "it is not an async function; accepted is async def strategy(ticks): …, "
    "or a plain function of a Tick with inline=True"
)

_BY_KEYWORD = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def check_in_trio() -> None:
    """Check that this is a task of Trio's.

    Raises:
        ConfigError: it is not; it says which door is the right one.
    """
    if not trio.lowlevel.in_trio_task():
        raise ConfigError(
            "this runs in Trio only: use trio_ticks.aio from asyncio, trio_ticks.sync from anywhere else"
        )


def check_call(title: str, function: Callable[..., Any], params: Mapping[str, Any], *, inline: bool = False) -> None:
    """Check that a function can be called as ``function(ticks, **params)``, without calling it.

    Raises:
        ConfigError: it gives nothing to await, it has no such parameter, or it needs one that is not given.
    """
    check_kind(title, function, inline=inline)
    try:
        signature = inspect.signature(function)
    except ValueError:  # some callables have none; the call itself will tell
        return
    known = list(signature.parameters.values())
    if not any(item.kind is Parameter.VAR_KEYWORD for item in known):
        _check_known(title, params, [item.name for item in known[1:] if item.kind in _BY_KEYWORD])
    try:
        signature.bind(None, **params)
    except TypeError as error:
        raise ConfigError(f"strategy {title}: cannot be called as {title}(ticks, **params): {error}") from None


def check_kind(title: str, function: Callable[..., Any], *, inline: bool = False) -> None:
    """Check that calling a function gives something to await, as far as that is known before; inline nobody does.

    A plain function may return the coroutine of another, as a lambda does; one that is annotated with None does not.

    Raises:
        ConfigError: it is a generator, or plain and annotated as one that returns nothing.
    """
    if _yields(function):
        raise ConfigError(f"strategy {title}: {NOT_ASYNC}; this one yields")
    if not inline and not may_be_awaited(function):
        raise ConfigError(f"strategy {title}: {NOT_ASYNC}")


def may_be_awaited(function: Callable[..., Any]) -> bool:
    """Tell whether what a function returns may be something to await, as far as that is known before it is called."""
    return not _yields(function) and not _returns_nothing(_called(function))


def name_of(function: Callable[..., Any]) -> str:
    """Return what a function is called; a partial one as what it is made of, an object as its class."""
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether it is an async function, or an object that is called like one."""
    return inspect.iscoroutinefunction(_called(function))


def _yields(function: Callable[..., Any]) -> bool:
    called = _called(function)
    return inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called)


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that runs when this is called, as far as it is one."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return getattr(function, "__func__", function)
    called: Callable[..., Any] = type(function).__call__
    return called


def _returns_nothing(function: Callable[..., Any]) -> bool:
    """Tell whether a plain function says itself that it returns nothing; of any other only the call tells."""
    if inspect.iscoroutinefunction(function) or hasattr(function, "__wrapped__"):  # a wrapper has another's words
        return False
    return getattr(function, "__annotations__", {}).get("return", "") in (None, "None")


def _check_known(title: str, params: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            instead = f"did you mean {near[0]}?" if near else f"accepted: {', '.join(known) or 'none'}"
            raise ConfigError(f"strategy {title}: has no parameter {name!r}; {instead}")
