"""Where the time of a tick goes: ``python -m bench.stages [--quick] [--json FILE] [--markdown FILE]``.

The engine's own parts, called one after the other by one task, with a clock between them: a socket is read, its bytes
are cut into messages, those are decoded, sequenced, handed out, and taken from a strategy's stream. What is read are
AllTick's pushes for 1,000 symbols, so many at a time as a column says; the window is full before it is measured.

Each figure contains one reading of the clock for a batch, less than 0.1 µs. What is missing are the tasks of the
engine and the channel between them, which one task does not need; `bench.cost` measures everything together.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import attrs
import trio
from rich import box
from rich.console import Console
from rich.table import Table
from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from bench.cost.job import MARKET_RATE, Setting
from bench.cost.tape import Tape, codes
from bench.page import fill, markdown
from bench.plan import CLIENT_CORE, pin
from trio_ticks import AllTick, Sequencer
from trio_ticks.app.measuring import this_machine
from trio_ticks.core.intake import Arrival, Intake, Live, Session
from trio_ticks.core.ledger import Inbox
from trio_ticks.feeds.base import Message
from trio_ticks.model import Record
from trio_ticks.runtime.consumer import StreamConsumer
from trio_ticks.runtime.fanout import Fanout
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.runtime.stream import Ticks
from trio_ticks.runtime.transport import MAX_MESSAGE_BYTES
from trio_ticks.runtime.transport.splitter import Splitter
from trio_ticks.runtime.transport.wire import Wire

STAGES = {
    "read": "transport: wake up and read the socket",
    "split": "transport: bytes to messages",
    "decode": "decode: messages to ticks",
    "sequence": "sequencer: dedup, order, gaps",
    "fan out": "fan-out: the latest tick, each strategy's queue",
    "take": "stream: a batch out of the queue",
}
"""In the order in which a tick goes through them."""

SIZES = (1, 10, 100, 500)
SYMBOLS = Setting().symbols
WINDOW = round(1.5 * Setting().window_s * MARKET_RATE)
"""Ticks that fill the window."""

BASE_US = 1_800_000_000_000_000


@attrs.frozen
class Effort:
    """How long it may take.

    Attributes:
        rounds: Of which the median counts.
        ticks: In each, for each size of batch.
        warm: Before that.
    """

    rounds: int
    ticks: int
    warm: int = WINDOW


QUICK = Effort(rounds=3, ticks=5_000)
FULL = Effort(rounds=9, ticks=20_000)


class Pipeline:
    """The engine's parts, in a row.

    Args:
        wire: What is read.

    Attributes:
        spent_ns: By stage, in order.
        taken: Ticks that came out at the end.
    """

    def __init__(self, wire: Wire) -> None:
        self.spent_ns = [0] * len(STAGES)
        self.taken = 0
        self._wire = wire
        self._splitter = Splitter(
            ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=MAX_MESSAGE_BYTES)
        )
        self._feed = AllTick(*codes(SYMBOLS), token="bench", plan="professional")  # noqa: S106 - no secret
        self._inbox = Inbox()
        sequencer = Sequencer(identity=self._feed.identity)
        self._intake = Intake(sequencers={self._feed.name: sequencer}, inbox=self._inbox)
        self._session = Session(self._feed.name, "bench", 1)
        self._intake.handle(Live(self._session, self._feed.symbols, BASE_US), BASE_US)
        self._fanout = Fanout()
        mailbox = Mailbox(name="bench", wanted=Wanted(), room=Room(capacity=10_000))
        ticks = Ticks(source=mailbox, now_us=lambda: BASE_US)
        self._fanout.add(StreamConsumer(mailbox, ticks))
        self._batches = ticks.batches()

    async def pass_on(self, size_bytes: int) -> None:
        """Take a batch of so many bytes from the socket to the strategy."""
        clock = time.perf_counter_ns
        began = clock()
        parts = await self._read(size_bytes)
        read = clock()
        messages = self._split(parts)
        split = clock()
        ticks = self._feed.decode(messages).ticks
        decoded = clock()
        self._inbox.put(len(ticks))
        records: Sequence[Record] = self._intake.handle(Arrival(self._session, ticks), ticks[-1].time_us)
        sequenced = clock()
        self._fanout.publish(records)
        published = clock()
        batch = await anext(self._batches)
        taken = clock()
        marks = (began, read, split, decoded, sequenced, published, taken)
        for number, (start, end) in enumerate(itertools.pairwise(marks)):
            self.spent_ns[number] += end - start
        self.taken += len(batch.ticks)

    async def _read(self, size_bytes: int) -> Sequence[bytes]:
        """Return what the reads brought: one, unless a batch is longer than a read."""
        parts = []
        while size_bytes:
            parts.append(await self._wire.read())
            size_bytes -= len(parts[-1])
        return parts

    def _split(self, parts: Sequence[bytes]) -> list[Message]:
        messages: list[Message] = []
        for part in parts:
            self._splitter.feed(part)
            while self._splitter.has_more:
                messages += self._splitter.take()
        return messages


def frames() -> Iterator[bytes]:
    """Yield the frames of the pushes, one by one and for ever."""
    tape = Tape(codes(SYMBOLS), symbols=SYMBOLS, base_us=BASE_US)
    number = 0
    while True:
        data = tape.render(number)
        size = len(data) // SYMBOLS
        for at in range(0, len(data), size):
            yield data[at : at + size]
        number += 1


async def time_stages(size: int, effort: Effort) -> Mapping[str, float]:
    """Return what each stage takes for a tick, in µs, when batches have this size: the medians of the rounds."""
    source = frames()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        reader = socket.create_connection(listener.getsockname())
        sender, _ = listener.accept()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader.setblocking(False)
    async with trio.open_nursery() as nursery:
        wire = Wire(reader, nursery, lambda: BASE_US)
        with closing(sender), closing(wire):
            pipeline = Pipeline(wire)
            await _round(pipeline, sender, source, effort.warm, max(SIZES))
            rounds = [await _round(pipeline, sender, source, effort.ticks, size) for _ in range(effort.rounds)]
            sent = effort.warm + effort.rounds * effort.ticks
            assert pipeline.taken == sent, f"{pipeline.taken:,} of {sent:,} ticks came through"
    return dict(zip(STAGES, map(statistics.median, zip(*rounds, strict=True)), strict=True))


async def _round(
    pipeline: Pipeline, sender: socket.socket, source: Iterator[bytes], ticks: int, size: int
) -> Sequence[float]:
    """Send so many ticks, a batch at a time, and return what each stage took for one, in µs."""
    pipeline.spent_ns = [0] * len(STAGES)
    for start in range(0, ticks, size):
        batch = b"".join(itertools.islice(source, min(size, ticks - start)))
        sender.sendall(batch)
        await pipeline.pass_on(len(batch))
    return [spent / 1e3 / ticks for spent in pipeline.spent_ns]


def table(found: Mapping[int, Mapping[str, float]]) -> Table:
    """Return one column for each size of batch."""
    drawn = Table(title="µs per tick", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("ticks in a batch", no_wrap=True)
    for size in found:
        drawn.add_column(f"{size}", justify="right")
    for stage, title in STAGES.items():
        drawn.add_row(title, *(f"{costs[stage]:.2f}" for costs in found.values()))
    drawn.add_row("all of these", *(f"{sum(costs.values()):.2f}" for costs in found.values()))
    return drawn


def main() -> None:
    """Measure, show, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description="Where the time of a tick goes.")
    parser.add_argument("--quick", action="store_true", help="fewer ticks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page")
    options = parser.parse_args()
    pin(CLIENT_CORE)
    effort = QUICK if options.quick else FULL
    found = {size: trio.run(time_stages, size, effort) for size in SIZES}
    drawn = table(found)
    Console().print(drawn)
    if options.json:
        told = {"machine": attrs.asdict(this_machine()), "effort": attrs.asdict(effort), "us_per_tick": found}
        options.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        note = f"medians of {effort.rounds} rounds of {effort.ticks:,} ticks each"
        fill(options.markdown, "stages", markdown([drawn], note))


if __name__ == "__main__":
    main()
