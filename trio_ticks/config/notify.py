"""``[notify]``: one webhook that is told what a person should know."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

import attrs

from trio_ticks.config import rules
from trio_ticks.config.secret import Secret, concealed

NotifyFormat: TypeAlias = Literal["json", "slack", "discord"]
NotifyEvent: TypeAlias = Literal[
    "started", "stopped", "silent", "disconnected", "feed", "database", "refused", "strategy", "journal"
]
EVENTS: tuple[NotifyEvent, ...] = get_args(NotifyEvent)

# Nothing is POSTed faster than this, and zero would be a hot loop.
_SHORTEST_S = 0.001

_HOOK = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[!-~]*)?")
"""Printable ASCII without a user or a fragment: it is sent as it is written."""

_URL = rules.Rule(
    "http[s]://host[:port][/path][?query], percent-encoded, without a user or #",
    lambda value: (
        isinstance(value, Secret) and _HOOK.fullmatch(value.reveal()) is not None and "#" not in value.reveal()
    ),
    private=True,
)
_SOME_EVENTS = rules.Rule(
    "a list of " + ", ".join(EVENTS),
    lambda value: isinstance(value, tuple) and len(value) > 0 and all(event in EVENTS for event in value),
)


@attrs.frozen(kw_only=True)
class NotifyConfig:
    """``[notify]``: one webhook, which gets a ``POST`` when something is wrong, and when it is right again.

    Attributes:
        url: Where to. Whoever has it can write there, so it is a secret; a plain text is wrapped at once.
        format: The body: ``json`` with all that is known, or what ``slack`` or ``discord`` show as a message.
        events: What is told: that the engine ``started`` or ``stopped``; a connection that was ``silent`` or mute, or
            is ``disconnected`` for ``down_s``; a ``feed`` that is given up; a ``database`` that takes nothing for
            ``down_s``, or has ``refused`` records for good; a ``strategy`` that failed; a ``journal`` that takes
            nothing.
        down_s: How long a connection or a database may be gone before it is told.
        pause_s: Between two messages; what happens meanwhile goes into the next one together.
        timeout_s: For one ``POST``, from the address to the answer.
    """

    url: Secret = attrs.field(converter=concealed, validator=_URL)
    format: NotifyFormat = attrs.field(default="json", validator=rules.one_of(NotifyFormat))
    events: tuple[NotifyEvent, ...] = attrs.field(default=EVENTS, converter=rules.listed, validator=_SOME_EVENTS)
    # Vendors cut connections every day, and are back within seconds; a database restarts within half a minute. Sooner
    # wakes people for what mends itself; later leaves them asleep while prices are missing.
    down_s: float = attrs.field(default=60.0, validator=rules.seconds(1.0))
    # Webhooks take about one message a second and hang up on more. Shorter floods a phone while much goes wrong at
    # once; longer delays the second piece of news.
    pause_s: float = attrs.field(default=30.0, validator=rules.seconds(_SHORTEST_S))
    timeout_s: float = attrs.field(default=10.0, validator=rules.seconds(_SHORTEST_S))
