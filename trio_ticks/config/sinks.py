"""``[sinks.NAME]``: where the journal's ticks are written besides."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from trio_ticks.config import rules
from trio_ticks.config.redis import Redis
from trio_ticks.config.secret import Secret, concealed, secret_from_env
from trio_ticks.errors import ConfigError

# Nothing on a network happens faster than this.
_SHORTEST_S = 0.001

_WRITER = re.compile(r"[A-Za-z0-9._-]{0,64}")
_MEASUREMENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_HTTP_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")

_TRUTH = rules.Rule("true or false", lambda value: isinstance(value, bool))
_TOKEN = rules.Rule("a text that is not empty", lambda value: isinstance(value, Secret) and bool(value), private=True)


def _matching(accepted: str, pattern: re.Pattern[str], *, private: bool = False) -> rules.Rule:
    return rules.Rule(
        accepted, lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None, private=private
    )


@attrs.frozen(kw_only=True)
class InfluxDB:
    """One InfluxDB bucket: ``[sinks.influxdb]``, or this record in code.

    Works with 2.x, 3.x, and 1.8 and later through its ``/api/v2`` (bucket ``database/retention-policy``, token
    ``user:password``, any org); which of them answers is of no concern here.

    Attributes:
        url: ``http://`` or ``https://``, with a path where the server lies below one.
        org: The organisation's name or id; 1.8 and 3.x do not look at it.
        bucket: Has to exist; a missing one holds the ticks until it is there.
        token: May write to the bucket; a plain text is wrapped at once. None: the server asks for none.
        measurement: The ticks' measurement.
        events: Whether gaps, statuses and signals are written as well, into ``MEASUREMENT_gap``, ``_status`` and
            ``_signal``.
        writer: A tag on every point that keeps engines apart that write the same feed to one bucket. "": none.
        batch_points: So many lines are sent at once, at most.
        connect_s: For a TCP connection, TLS included.
        read_s: For each read of the answer.
        gzip: Whether what is sent is compressed.
        ca_file: A PEM file with the authorities to trust in place of the system's. None: the system's.
    """

    url: str = attrs.field(
        validator=_matching("http[s]://host[:port][/path], without a user, ? or #", _HTTP_URL, private=True)
    )
    org: str = attrs.field(validator=rules.some_text())
    bucket: str = attrs.field(validator=rules.some_text())
    token: Secret | None = attrs.field(default=None, converter=concealed, validator=rules.optional(_TOKEN))
    measurement: str = attrs.field(
        default="tick", validator=_matching("a letter, then letters, digits, _, . and -", _MEASUREMENT)
    )
    # Off is for a bucket that takes no other measurements than those that were declared (an explicit schema).
    events: bool = attrs.field(default=True, validator=_TRUTH)
    writer: str = attrs.field(default="", validator=_matching("letters, digits, _, . and -", _WRITER))
    # What InfluxData recommends, about 1.2 MB here. Fewer pay a round trip for less; more come near the bodies that
    # proxies refuse, and are more to write again after a timeout. A 413 is answered by sending less.
    batch_points: int = attrs.field(default=5_000, validator=rules.count(1, 100_000))
    # As for feeds: TCP repeats a lost first packet after 1, 3 and 7 s.
    connect_s: float = attrs.field(default=10.0, validator=rules.seconds(_SHORTEST_S))
    # A server that compacts may take seconds. Shorter sends again what is being stored; longer sleeps beside a dead
    # connection. The ticks wait in the journal either way.
    read_s: float = attrs.field(default=30.0, validator=rules.seconds(_SHORTEST_S))
    # Over a local network compression costs more time than it saves (half the rate, measured).
    gzip: bool = attrs.field(default=False, validator=_TRUTH)
    ca_file: str | None = attrs.field(default=None, validator=rules.optional(rules.some_text()))

    @classmethod
    def from_env(cls) -> InfluxDB:
        """Return the settings of ``INFLUX_URL``, ``INFLUX_ORG``, ``INFLUX_BUCKET`` and ``INFLUX_TOKEN``.

        Raises:
            ConfigError: One of the first three is unset or empty, or a value is refused. One line.
        """
        names = ("INFLUX_URL", "INFLUX_ORG", "INFLUX_BUCKET")
        url, org, bucket = (os.environ.get(name, "") for name in names)
        missing = [name for name, value in zip(names, (url, org, bucket), strict=True) if not value]
        if missing:
            raise ConfigError(f"the environment has no {', '.join(missing)}")
        try:
            return cls(url=url, org=org, bucket=bucket, token=secret_from_env("INFLUX_TOKEN"))
        except ConfigError as error:
            # A refusal begins with the name of the setting, as the variable ends with it.
            setting = re.match(r"\w+", str(error))
            named = f"INFLUX_{setting[0].upper()}{str(error)[setting.end() :]}" if setting else str(error)
            raise ConfigError(named) from None


@attrs.frozen(kw_only=True)
class FunctionSink:
    """A sink of one's own: ``[sinks.NAME]`` with ``use``.

    Attributes:
        use: Where the async function of a batch is, ``module:function``.
    """

    use: str = attrs.field(validator=rules.reference())


SinkConfig: TypeAlias = InfluxDB | Redis | FunctionSink

_KINDS: dict[str, type[SinkConfig]] = {"influxdb": InfluxDB, "redis": Redis}


def sink_of_table(name: str, table: Mapping[str, Any]) -> tuple[type[SinkConfig], Mapping[str, Any]]:
    """Return which record a ``[sinks.NAME]`` is, and the settings that are the record's.

    Args:
        name: The table's; it is the kind where the table has none.
        table: What stands in it.

    Raises:
        ConfigError: It is no kind of sink.
    """
    if "use" in table:
        return FunctionSink, table
    kind = table.get("kind", name)
    record = _KINDS.get(kind) if isinstance(kind, str) else None
    if record is None:
        known = ", ".join(_KINDS)
        raise ConfigError(f"kind = {rules.shown(kind)}: must be one of {known}; a sink of your own has use instead")
    return record, {key: value for key, value in table.items() if key != "kind"}
