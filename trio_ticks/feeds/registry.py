"""From a name to a feed: the built-in ones, and anyone's own as ``module:attribute``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard, get_args

from trio_ticks.config.reference import load_object
from trio_ticks.core.identity import Identity
from trio_ticks.errors import ConfigError, TrioTicksError, in_one_line
from trio_ticks.feeds.alltick import AllTick
from trio_ticks.feeds.alltick_simple import AllTickSimple
from trio_ticks.feeds.arguments import accepted
from trio_ticks.feeds.base import Feed
from trio_ticks.feeds.coinbase import Coinbase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Factory: TypeAlias = Callable[..., Any]

BUILT_IN: Final[Mapping[str, Factory]] = {
    "alltick": AllTick,
    "alltick-simple": AllTickSimple,
    "coinbase": Coinbase,
}

_PARTS: Final = ("name", "url", "symbols", "identity", "subscribe", "decode")


def make_feed(kind: str, symbols: Sequence[str] = (), **options: object) -> Feed:
    """Return the feed that a name, symbols and options describe.

    Args:
        kind: A built-in name, or ``module:attribute`` of a class or function, which is called with the
            symbols and the options, or of a feed that is ready to use.
        symbols: What to subscribe to.
        options: Keyword arguments of the feed; those that are None are left out.

    Raises:
        ConfigError: There is no such feed, it does not take these, or what comes of it is no feed. One line.
    """
    found = resolve(kind)
    given = {key: value for key, value in options.items() if value is not None}
    try:
        if _is_factory(found):
            _check_call(kind, found, symbols, given)
            return check_feed(found(*symbols, **given), kind=kind)
        return _agreed(kind, check_feed(found, kind=kind), symbols, given)
    except TrioTicksError:
        raise
    except Exception as error:  # foreign code runs here: whatever it raises is a mistake in it or its use
        raise ConfigError(f"feed {kind!r}: {in_one_line(error)}") from error


def resolve(kind: str) -> Factory | Feed:
    """Return what a name stands for: something to call with symbols, or a feed that is ready.

    Raises:
        ConfigError: There is no such built-in feed, module or attribute, or the module fails. One line.
    """
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    if ":" not in kind:
        raise ConfigError(f"feed: there is no {kind!r}; {accepted(kind, BUILT_IN)}, or module:attribute")
    try:
        found: Factory | Feed = load_object(kind)
    except ConfigError as error:
        raise ConfigError(f"feed {error}") from error
    return found


def _is_factory(found: Factory | Feed) -> TypeGuard[Factory]:
    return inspect.isclass(found) or (callable(found) and bool(_missing(found)))


def _missing(thing: object) -> list[str]:
    return [part for part in _PARTS if not hasattr(thing, part)]


def check_feed(made: Any, *, kind: str = "") -> Feed:
    """Return an object as a feed.

    Args:
        made: What should be one.
        kind: How it was named, for the error; its type's name by default.

    Raises:
        ConfigError: It lacks a part, or one of them cannot be used. One line.
    """
    kind = kind or type(made).__name__
    missing = _missing(made)
    if missing:
        raise ConfigError(f"feed {kind!r}: a {type(made).__name__} is no feed, it has no {', '.join(missing)}")
    if made.identity not in get_args(Identity):
        raise ConfigError(f"feed {kind!r}: identity {made.identity!r}; {accepted('', get_args(Identity))}")
    if isinstance(made.symbols, str) or not made.symbols:
        raise ConfigError(f"feed {kind!r}: symbols {made.symbols!r}; accepted is a list with one or more")
    feed: Feed = made
    return feed


def _check_call(kind: str, factory: Factory, symbols: Sequence[str], options: Mapping[str, object]) -> None:
    """Check that the call will fit, so that a wrong option is named and no TypeError is guessed at."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some built-in callables have none; the call itself will tell
        return
    takes = signature.parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes):
        by_name = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
        names = [parameter.name for parameter in takes if parameter.kind in by_name]
        for option in options:
            if option not in names:
                raise ConfigError(f"feed {kind!r} takes no {option!r}; {accepted(option, names)}")
    try:
        signature.bind(*symbols, **options)
    except TypeError as error:
        raise ConfigError(f"feed {kind!r}: {in_one_line(error)}") from error


def _agreed(kind: str, feed: Feed, symbols: Sequence[str], options: Mapping[str, object]) -> Feed:
    """Return a ready feed if it is what was asked for: it cannot be changed any more."""
    if symbols and sorted(symbols) != sorted(feed.symbols):
        ready = ", ".join(feed.symbols)
        raise ConfigError(f"feed {kind!r}: is ready with symbols {ready}; leave symbols out")
    for option, value in options.items():
        if getattr(feed, option, None) != value:
            raise ConfigError(f"feed {kind!r}: is ready and takes no {option!r}; leave it out")
    return feed
