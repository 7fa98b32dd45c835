"""What a feed is: a vendor's wire turned into records, with no socket, clock or task in sight.

A feed is any object with the six things of `Feed`. It is passed in (``open_ticks(MyFeed("BTC-USD"))``) or named
(``--feed my_module:MyFeed``, ``kind = "my_module:MyFeed"``); a class is called with the symbols. Five more
things are looked for and have defaults (`heartbeat_of`, `services_of`, `hint_of`, `limits_of`):

* ``heartbeat()`` returns the next keep-alive request, or None where the vendor wants none;
* ``services()`` splits the symbols over several endpoints, each with its own connections, and ``service_of(symbol)``
  names the endpoint of one;
* ``hint(symbol, service)`` says in words why a symbol may have been refused;
* ``limits``, a `Limits`, says what the vendor allows;
* ``counts_trades``, true where trade ids count every trade of a symbol one by one, so that they can tell trades of
  one microsecond apart in a database, whichever engine wrote them.

A feed that is also `Askable` lets a mute link be told from a quiet market.

The runtime calls, for each connection: ``subscribe(symbols)`` when it is open, and again with the whole list when
it changes or was refused; ``heartbeat()`` every ``limits.heartbeat_s``; and ``decode(messages)`` for whatever one
read of the socket brought. It then checks each tick's symbol against those asked for, and sets ``feed`` and
``received_us``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

from trio_ticks.model import Tick

Message: TypeAlias = str | bytes


class Verdict(enum.Enum):
    """What an answer of the vendor means for the connection it came on."""

    OK = "ok"
    UNAUTHORISED = "unauthorised"  # the token: give the feed up
    BAD_SYMBOLS = "bad symbols"  # one or more codes of the list are refused
    TOO_MANY = "too many"  # more codes or connections than the plan allows
    TOO_FAST = "too fast"  # back off, expect a close
    REFUSED = "refused"  # the request itself is wrong: a bug, or a changed protocol


SUBSCRIPTION = "subscription"
HEARTBEAT = "heartbeat"


@attrs.frozen
class Request:
    """One message to send.

    Attributes:
        text: The message.
        answer: The token its answer will carry, or "" where none is expected.
    """

    text: str
    answer: str = ""


@attrs.frozen
class Reply:
    """The vendor's answer to a request.

    Attributes:
        answer: The `Request.answer` it belongs to, or "" where the vendor does not say.
        verdict: What it means.
        reason: The vendor's own words, for people.
        kind: What kind of request it answers, where at least that is known: `SUBSCRIPTION` or `HEARTBEAT`.
    """

    answer: str = ""
    verdict: Verdict = Verdict.OK
    reason: str = ""
    kind: str = ""


@attrs.define
class Decoded:
    """What some messages meant.

    Attributes:
        ticks: In the order they came.
        replies: Answers to requests, heartbeats included.
        rejected: One reason for each tick that cannot be used (no finite price, an absurd time …).
        unreadable: How many messages could not be understood at all.
        unknown: How many were well-formed but of a kind this feed does not know.
    """

    ticks: list[Tick] = attrs.field(factory=list)
    replies: list[Reply] = attrs.field(factory=list)
    rejected: list[str] = attrs.field(factory=list)
    unreadable: int = 0
    unknown: int = 0


@attrs.frozen
class Limits:
    """What a vendor allows, and the rhythm it wants.

    Attributes:
        connections: At the same time, for each service.
        symbols_per_connection: None: any number.
        request_s: Between two requests on one connection, heartbeats included.
        across_s: Between requests on different connections of one token.
        connect_s: Between two attempts to connect.
        heartbeat_s: Between heartbeats; None where the vendor wants none.
        question_s: Between two questions over HTTP.
        question_symbols: In one question, at most.
    """

    connections: int = 1
    symbols_per_connection: int | None = None
    request_s: float = 0.0
    across_s: float = 0.0
    connect_s: float = 1.0
    heartbeat_s: float | None = None
    question_s: float = 10.0
    question_symbols: int = 5


@attrs.frozen
class Question:
    """A request over HTTP by which a vendor tells the last trade of some symbols, besides its stream.

    Attributes:
        url: ``http://`` or ``https://``, safe to print.
        secret_query: Appended to the URL; printed nowhere.
    """

    url: str
    secret_query: str = attrs.field(default="", repr=False)


@runtime_checkable
class Askable(Protocol):
    """A feed whose vendor can be asked whether it still trades, which tells a mute link from a quiet market."""

    def question(self, symbols: Sequence[str]) -> Question | None:
        """Return the question for the last trade of these symbols, which are of one service; None: it has none."""
        ...

    def last_trades(self, status: int, body: bytes) -> dict[str, int]:
        """Return the time of the last trade by symbol, UTC microseconds; empty where the answer tells none."""
        ...


@attrs.frozen
class Service:
    """One endpoint of a feed and the symbols it serves.

    Attributes:
        name: For people and statistics, such as ``alltick/stock``.
        url: Safe to print.
        symbols: The codes this endpoint serves.
        secret_query: Appended to the URL when connecting, such as ``token=…``; printed nowhere.
    """

    name: str
    url: str
    symbols: tuple[str, ...]
    secret_query: str = attrs.field(default="", repr=False)


@runtime_checkable
class Feed(Protocol):
    """The six things every feed has.

    Attributes:
        name: Names the feed in records, statistics and the configuration.
        url: The endpoint, ``ws://`` or ``wss://``; without secrets.
        symbols: What to subscribe to, as the vendor spells it.
        identity: When two ticks are the same: ``content``, ``trade_id``, ``sequence`` or ``time``, as in
            `trio_ticks.Sequencer`. Promise ``trade_id`` only where the vendor's ids are unique per symbol.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above, as are the three below
    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def symbols(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def identity(self) -> str: ...  # noqa: D102

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request | str]:
        """Return the messages that ask for exactly these symbols, whatever the connection was asked for before."""
        ...

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Return what the messages mean. Raises nothing: what cannot be read is counted in the result."""
        ...


def services_of(feed: Feed) -> tuple[Service, ...]:
    """Return the feed's services; one with all symbols where it does not split them."""
    split = getattr(feed, "services", None)
    if split is not None:
        return tuple(split())
    return (Service(name=feed.name, url=feed.url, symbols=tuple(feed.symbols)),)


def limits_of(feed: Feed) -> Limits:
    """Return what the feed's vendor allows; the defaults where the feed does not say."""
    limits: Limits = getattr(feed, "limits", None) or Limits()
    return limits


def heartbeat_of(feed: Feed) -> Request | None:
    """Return the feed's next keep-alive request, or None where it has none."""
    beat = getattr(feed, "heartbeat", None)
    return None if beat is None else as_request(beat())


def service_of(feed: Feed, symbol: str) -> str | None:
    """Return the name of the service that carries a symbol; None where the feed has only one."""
    service_of_symbol = getattr(feed, "service_of", None)
    return None if service_of_symbol is None else str(service_of_symbol(symbol))


def hint_of(feed: Feed, service: Service, symbol: str) -> str:
    """Return what the feed knows about a symbol that a service refuses, such as where it belongs; "" for nothing."""
    hint = getattr(feed, "hint", None)
    return "" if hint is None else str(hint(symbol, service))


def as_request(message: Request | str) -> Request:
    """Return a plain text as a request that expects no answer."""
    return Request(message) if isinstance(message, str) else message
