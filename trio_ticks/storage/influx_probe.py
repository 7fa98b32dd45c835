"""Whether an InfluxDB takes points and gives them back: one point, in a measurement of its own.

The measurement is called `MEASUREMENT`, so nothing that anybody stores is touched, and whoever finds it knows where
it comes from. It is deleted afterwards where the server can do so, which 3.x cannot.
"""

from __future__ import annotations

import secrets

import attrs

from trio_ticks.config.sinks import InfluxDB
from trio_ticks.errors import SinkError
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.outcomes import Outcome, Verdict

MEASUREMENT = "trio_ticks_doctor"


@attrs.frozen
class InfluxProbe:
    """What became of the point.

    Attributes:
        written: The server's answer.
        unread: Why it could not be read back; "" where it was, or was not written.
        is_left: Whether it is still there.
    """

    written: Outcome
    unread: str = ""
    is_left: bool = False


def probe_influxdb(settings: InfluxDB, *, now_us: int) -> InfluxProbe:
    """Write a point, read it back, delete it. Blocks; belongs in a thread.

    Raises:
        ConfigError: influxdb-client is not installed.
    """
    number = secrets.randbits(48)
    with InfluxWriter(settings) as client:
        written = client.write(f"{MEASUREMENT} number={number}i {now_us * 1_000}".encode())
        if written.verdict is not Verdict.STORED:
            return InfluxProbe(written)
        unread = _unread(client, number, now_us)
        try:
            client.delete(MEASUREMENT)
        except SinkError:
            return InfluxProbe(written, unread, is_left=True)
    return InfluxProbe(written, unread)


def _unread(client: InfluxWriter, number: int, now_us: int) -> str:
    """Return why the point is not read back; "" where it is."""
    try:
        found = [row["number"] for row in client.query(_select(now_us))]
    except SinkError as error:
        return str(error)
    return "" if number in found else "it is not among what is read back"


def _select(now_us: int) -> str:
    return f'SELECT number FROM "{MEASUREMENT}" WHERE time = {now_us * 1_000}'  # noqa: S608 - a constant and a number
