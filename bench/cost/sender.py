"""The vendor on any number of connections: ``python -m bench.cost.sender``, a `Job` on standard input, its port back.

It waits until every connection has subscribed, and then sends all there is, as fast as it is taken. The connections
stay within a few rounds of each other, as those of one market do, plus what the system's buffers hold.
"""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Sequence

from bench.cost.job import Job
from bench.cost.tape import Tape
from bench.plan import SERVER_CORE, pin
from bench.server import LISTEN_S, PATIENCE_S, Conversation, Pipe

AT_ONCE = 1_000
"""Ticks that are sent, over all connections, before it is looked whether they were taken: a few reads of 64 KiB. More
would let connections drift apart; fewer would make a busy sender, and it shall not be what is measured."""


class Line:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.pipe = Pipe(sock, None)
        self.conversation = Conversation(self.pipe)

    def fileno(self) -> int:
        """Let `select` look at it."""
        return self.pipe.fileno()

    def listen(self) -> None:
        """Answer what the engine has said.

        Raises:
            ConnectionError: It is gone.
        """
        self.conversation.listen()
        if self.conversation.is_over:
            raise ConnectionError


def attend(lines: Sequence[Line], timeout_s: float) -> None:
    """Wait until the engine says something or takes something that waits for that, and see to it.

    Raises:
        ConnectionError: A connection was closed.
    """
    readable, writable, _ = select.select(lines, [line for line in lines if not line.pipe.is_idle], [], timeout_s)
    for line in readable:
        line.listen()
    for line in writable:
        line.pipe.flush()


def play(job: Job, lines: Sequence[Line]) -> None:
    """Send all rounds."""
    symbols = job.setting.symbols
    tapes = [Tape(line.conversation.codes, symbols=symbols, base_us=job.base_us) for line in lines]
    step = max(1, AT_ONCE // symbols)
    for first in range(0, job.rounds, step):
        numbers = range(first, min(first + step, job.rounds))
        for line, tape in zip(lines, tapes, strict=True):
            line.pipe.send(b"".join(map(tape.render, numbers)))
        attend(lines, 0.0)
        while not all(line.pipe.is_idle for line in lines):
            attend(lines, LISTEN_S)


def serve(job: Job, listener: socket.socket) -> None:
    """Take the connections, send, and answer until the engine closes them."""
    lines: list[Line] = []
    while len(lines) < job.setting.links or not all(line.conversation.codes for line in lines):
        readable, _, _ = select.select([listener], [], [], LISTEN_S)
        if readable:
            lines.append(Line(listener.accept()[0]))
        attend(lines, 0.0)
    play(job, lines)
    while True:
        attend(lines, PATIENCE_S)


def main() -> None:
    """Serve the job that is on standard input."""
    pin(SERVER_CORE)
    job = Job.from_json(sys.stdin.readline())
    with socket.create_server(("127.0.0.1", 0), backlog=job.setting.links) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        try:
            serve(job, listener)
        except ConnectionError:
            return  # it is the engine who ends it


if __name__ == "__main__":
    main()
