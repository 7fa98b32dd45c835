"""What AllTick's documentation leaves open or says twice in different ways: one switch for each.

The first value of each switch is the default: the likelier reading. A client has to get along with all of them.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from trio_ticks.errors import ConfigError


@attrs.frozen(kw_only=True)
class Switches:
    """How the simulator behaves where the vendor's behaviour is not known.

    Attributes:
        numbers: ``seq`` and ``tick_time`` of a push are written as these; the documentation changed in 2026-06.
        time_unit: Of ``tick_time`` in a push. Milliseconds by the text; some of the examples are in seconds.
        seq: What a push is numbered by: the clock in milliseconds; a counter of the service, which order books
            share; a counter that gives each number twice; a counter of the connection.
        too_many_codes: Codes beyond the plan are left out silently, or the list is refused with 603.
        bad_code: A code that cannot be had (600, 604) fails its whole list, or only itself, silently.
        too_many_connections: One beyond the plan is refused with HTTP 429; accepted and closed; accepted, told
            606 and closed.
        bad_token: Refused with HTTP 401, or accepted, told 401 in a frame and closed.
        too_fast: A request within a second of the last is told 606 and hung up on; told 605, or 429, and left
            open; served. It is a violation in any case.
        heartbeat_paced: Whether a heartbeat counts as a request there.
        heartbeat_timeout: After 30 s without a heartbeat the stream ends without a close frame, or with this code.
        error_envelope: An error echoes its request and has the code of the table, or echoes nothing and has 201
            or 202 where the table has 400.
        error_data: Whether errors have the key ``data``.
        snapshot: What a new subscription begins with: nothing, or the last trade or book of each code.
        ack: A subscription is acknowledged before its first push, or after it.
        forex_direction: The ``trade_direction`` of currencies, metals and energy, where it says nothing.
        forex_turnover: Whether their pushes have the key ``turnover``.
        forex_book_volume: Whether the rows of their order books have the key ``volume``.
        one_sided_book: The empty side of an order book is an empty list, or a row of zeros.
        vanished_slot: A connection whose client vanished without a word keeps its place in the plan until its
            heartbeat is overdue, or is found out at once.
        http_too_fast: An HTTP request beyond the plan's rate is told 605, or refused with HTTP status 429.
        query_numbers: Whether numbers of an HTTP query may be written as strings.

    Raises:
        ConfigError: A value is none of those accepted.
    """

    numbers: Literal["integer", "string"] = "integer"
    time_unit: Literal["ms", "s"] = "ms"
    seq: Literal["clock", "counter", "duplicate", "connection"] = "clock"
    too_many_codes: Literal["truncate", "603"] = "truncate"
    bad_code: Literal["fail", "skip"] = "fail"
    too_many_connections: Literal["429", "close", "606"] = "429"
    bad_token: Literal["401", "frame"] = "401"  # noqa: S105 - a switch, no secret
    too_fast: Literal["606", "605", "429", "serve"] = "606"
    heartbeat_paced: Literal["no", "yes"] = "no"
    heartbeat_timeout: Literal["drop", "1000", "1001", "1008"] = "drop"
    error_envelope: Literal["echo", "bare"] = "echo"
    error_data: Literal["present", "absent"] = "present"
    snapshot: Literal["none", "last"] = "none"
    ack: Literal["first", "after"] = "first"
    forex_direction: Literal["1", "0"] = "1"
    forex_turnover: Literal["present", "absent"] = "present"
    forex_book_volume: Literal["present", "absent"] = "present"
    one_sided_book: Literal["empty", "zero"] = "empty"
    vanished_slot: Literal["kept", "freed"] = "kept"
    http_too_fast: Literal["605", "429"] = "605"
    query_numbers: Literal["strict", "lenient"] = "strict"

    def __attrs_post_init__(self) -> None:
        for name, values in accepted_values().items():
            if getattr(self, name) not in values:
                raise ConfigError(f"switch {name} = {getattr(self, name)!r}: accepted are {', '.join(values)}")


@functools.cache
def accepted_values() -> Mapping[str, tuple[str, ...]]:
    """Return the accepted values of each switch, the default first."""
    hints = typing.get_type_hints(Switches)
    return {field.name: typing.get_args(hints[field.name]) for field in attrs.fields(Switches)}


def parse_switches(texts: Iterable[str]) -> Switches:
    """Return the switches that texts of the form ``name=value`` set; the others keep their default.

    Raises:
        ConfigError: A text has another form, or names a switch or a value that does not exist, or a switch twice.
    """
    chosen: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in accepted_values():
            raise ConfigError(f"switch {text!r}: accepted are NAME=VALUE, NAME being {', '.join(accepted_values())}")
        if name in chosen:
            raise ConfigError(f"switch {text!r}: {name} is set to {chosen[name]!r} already")
        chosen[name] = value
    return Switches(**chosen)  # type: ignore[arg-type]  # the record holds the values against its own types
