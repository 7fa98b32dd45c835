"""What becomes of lines that InfluxDB refuses for good, however many were sent together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_ticks.config import InfluxDB
from trio_ticks.model import Tick
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.runtime.sinks import SinkBatch
from trio_ticks.storage.outcomes import Outcome, Verdict
from trio_ticks.storage.payload import encode


@attrs.define
class Server:
    """Stores every line but those of one price, and refuses a write that holds one."""

    stored: set[bytes] = attrs.field(factory=set)

    def write(self, body: bytes) -> Outcome:
        lines = body.split(b"\n")
        good = {line for line in lines if b"price=13.0" not in line}
        self.stored |= good
        return Outcome(Verdict.STORED) if len(good) == len(lines) else Outcome(Verdict.REFUSED, "unlucky")

    def close(self) -> None:
        """There is nothing to close."""


async def on_the_spot(function: Callable[..., Any], *args: Any, **_how: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return function(*args)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("bad", [0, 1])
async def test_refused_lines_are_named_and_the_others_stored(autojump_clock: MockClock, count: int, bad: int) -> None:
    """Also where the batch is a single line: then there is nothing to search, and it is the bad one."""
    server = Server()
    sink = InfluxSink(
        name="influxdb",
        settings=InfluxDB(url="http://server", org="o", bucket="b"),
        make_writer=lambda _settings: server,
        in_thread=on_the_spot,
    )
    ticks = [Tick("X", 1 + number, 13.0 if number < bad else 9.0) for number in range(count)]
    async with sink.open() as delivery:
        refused = await delivery.deliver(SinkBatch(1, [(1, encode(ticks))], {"tick"}))
    assert [(item.index, item.reason) for item in refused] == [(number, "unlucky") for number in range(bad)]
    assert len(server.stored) == count - bad
