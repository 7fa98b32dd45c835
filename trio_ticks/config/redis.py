"""A Redis between two engines: by ``[sinks.redis]`` the one fills it, by ``[feeds.redis]`` the other reads it."""

from __future__ import annotations

import re

import attrs

from trio_ticks.config import rules
from trio_ticks.config.secret import Secret, concealed

# Nothing on a network happens faster than this.
_SHORTEST_S = 0.001

# Options behind a ? would override what is checked here, and a user in front of an @ would be printed.
_URL = re.compile(r"rediss?://[^\s/?#@]+(/[0-9]{1,6})?")
_STREAM = re.compile(r"[A-Za-z0-9._:/{}-]{1,128}")
_READER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_READER_OR_NONE = re.compile(r"[A-Za-z0-9._-]{0,64}")


def _matching(accepted: str, pattern: re.Pattern[str], *, private: bool = False) -> rules.Rule:
    return rules.Rule(
        accepted, lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None, private=private
    )


_NAME = _matching("letters, digits, ., _ and -", _READER)
_NAMES = rules.Rule(
    "a list of names of letters, digits, ., _ and -",
    lambda value: (
        isinstance(value, tuple) and all(isinstance(name, str) and _READER.fullmatch(name) for name in value)
    ),
)
_PASSWORD = rules.Rule(
    "a text that is not empty", lambda value: isinstance(value, Secret) and bool(value), private=True
)


@attrs.frozen(kw_only=True)
class RedisServer:
    """What either end needs to know of the server. Redis 6.2 or later, or any Valkey.

    Attributes:
        url: ``redis://host[:port][/database]``, or ``rediss://`` for TLS. Certificates are always verified.
        stream: The key of the stream. In a Cluster its name decides the node; nothing else is kept there.
        username: Of an ACL. "": the default user.
        password: A plain text is wrapped at once. None: the server asks for none.
        cluster: The URL is that of any node of a Redis Cluster.
        connect_s: For a TCP connection, TLS included.
        answer_s: For one answer.
        ca_file: A PEM file with the authorities to trust in place of the system's. None: the system's.
    """

    url: str = attrs.field(
        validator=_matching("redis[s]://host[:port][/database], without a user, ? or #", _URL, private=True)
    )
    stream: str = attrs.field(default="ticks", validator=_matching("letters, digits and . _ : / - { }", _STREAM))
    username: str = attrs.field(
        default="", validator=rules.Rule("a text", lambda value: isinstance(value, str), private=True)
    )
    password: Secret | None = attrs.field(default=None, converter=concealed, validator=rules.optional(_PASSWORD))
    cluster: bool = attrs.field(
        default=False, validator=rules.Rule("true or false", lambda value: isinstance(value, bool))
    )
    # As for feeds: TCP repeats a lost first packet after 1, 3 and 7 s.
    connect_s: float = attrs.field(default=10.0, validator=rules.seconds(_SHORTEST_S))
    # Redis answers within a millisecond, unless it forks or its disk is busy. Shorter sends again what is being
    # stored, which does no harm; longer sleeps beside a server that has died without a word.
    answer_s: float = attrs.field(default=10.0, validator=rules.seconds(_SHORTEST_S))
    ca_file: str | None = attrs.field(default=None, validator=rules.optional(rules.some_text()))


@attrs.frozen(kw_only=True)
class Redis(RedisServer):
    """A Redis that other engines read this one's journal from: ``[sinks.redis]``, or this record in code.

    Attributes:
        readers: Registered before they come, so that nothing is trimmed until each of them has it. A reader that is
            not named here registers itself, and gets what is still there then.
    """

    readers: tuple[str, ...] = attrs.field(default=(), converter=rules.listed, validator=_NAMES)


@attrs.frozen(kw_only=True)
class RedisFeed(RedisServer):
    """A Redis that another engine fills, as a feed: ``[feeds.redis]``, or this record in code.

    Attributes:
        name: Of the feed in this engine; the ticks keep the name of the feed that they came from.
        reader: Under which its position is kept beside the stream; no two readers of a stream may share one.
            "": the feed's name.
        symbols: Only these. None: everything in the stream.
    """

    name: str = attrs.field(default="redis", validator=_NAME)
    reader: str = attrs.field(default="", validator=_matching("letters, digits, ., _ and -", _READER_OR_NONE))
    symbols: tuple[str, ...] | None = attrs.field(
        default=None, converter=rules.listed_or_none, validator=rules.optional(rules.different_texts())
    )

    @property
    def reads_as(self) -> str:
        """The reader's name."""
        return self.reader or self.name
