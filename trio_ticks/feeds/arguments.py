"""What every feed checks about how it is called, so that a mistake is one clear line."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from trio_ticks.config import Secret
from trio_ticks.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def accepted(word: str, words: Iterable[str]) -> str:
    """Return the end of an error: what is accepted, and which of it was probably meant."""
    known = list(words)
    close = difflib.get_close_matches(word.lower(), known, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    return f"accepted: {', '.join(known) or 'none'}{meant}"


def checked_symbols(symbols: Sequence[object], *, example: str) -> tuple[str, ...]:
    """Return the symbols of a feed.

    Raises:
        ConfigError: There is none, one is not a text, is empty or holds a blank, or one comes twice.
    """
    if not symbols:
        raise ConfigError(f"symbols: none given; name at least one, such as {example!r}")
    names = tuple(_checked_symbol(symbol, example) for symbol in symbols)
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ConfigError(f"symbols: given more than once: {', '.join(twice)}")
    return names


def _checked_symbol(symbol: object, example: str) -> str:
    if not isinstance(symbol, str):
        kind = type(symbol).__name__
        raise ConfigError(f"symbols: a {kind} is no symbol; give texts one by one, such as {example!r}")
    if not symbol or " " in symbol or not symbol.isprintable():
        raise ConfigError(f"symbols: {symbol!r} is no symbol; accepted are names without blanks")
    return symbol


def checked_url(url: str) -> str:
    """Return a WebSocket URL that is safe to print.

    Raises:
        ConfigError: It is not ``ws://`` or ``wss://`` with a host, or it holds a query, a fragment or a
            login, any of which may be a secret: such a URL is not repeated in the message.
    """
    if any(mark in url for mark in "?#@"):
        raise ConfigError("url: has a query, a fragment or a login; leave it out, and give a token as token=")
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or " " in url or not url.isprintable():
        raise ConfigError(f"url: {url!r} is no WebSocket address; accepted is ws://HOST[:PORT][/PATH] or wss://…")
    return url


def checked_token(token: str | Secret) -> Secret:
    """Return a token that can be put into a URL.

    Raises:
        ConfigError: It is empty, or holds what is no Unicode. The message does not repeat it.
    """
    secret = token if isinstance(token, Secret) else Secret(token)
    try:
        usable = bool(quote(secret.reveal(), safe=""))
    except (UnicodeEncodeError, TypeError):
        usable = False
    if not usable:
        raise ConfigError("token: empty or not text")
    return secret


def hidden(text: str, token: Secret) -> str:
    """Return a text in which the token, as it is or quoted for a URL, is not to be seen."""
    for form in (token.reveal(), quote(token.reveal(), safe="")):
        text = text.replace(form, repr(token))
    return text


def token_query(token: Secret) -> str:
    """Return the query that carries the token, ready to be appended to a URL."""
    return f"token={quote(token.reveal(), safe='')}"
