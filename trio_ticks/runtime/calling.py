"""Whether a strategy can be called as it is going to be: what would fail at its first step is refused before."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any

from trio_ticks.errors import ConfigError

NOT_ASYNC = "it is not an async function; accepted is async def strategy(ticks): …"

_BY_KEYWORD = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def check_call(title: str, function: Callable[..., Any], params: Mapping[str, Any]) -> None:
    """Check that a function can be called as ``function(ticks, **params)``, without calling it.

    Raises:
        ConfigError: it is a generator, it has no such parameter, or it needs one that is not given.
    """
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise ConfigError(f"strategy {title}: {NOT_ASYNC}; this one yields")
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


def _check_known(title: str, params: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            instead = f"did you mean {near[0]}?" if near else f"accepted: {', '.join(known) or 'none'}"
            raise ConfigError(f"strategy {title}: has no parameter {name!r}; {instead}")
