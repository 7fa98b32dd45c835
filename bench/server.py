"""The vendor, as fast as Python allows: one connection, AllTick's conversation, and frames that are nearly ready.

A process of its own: ``python -m bench.server``, a `Run` on standard input; on standard output the port, and for each
phase when it began, on the monotonic clock in ns.

Paced phases are sent by a loop that never sleeps and never blocks. What the client does not take stays here, with
the time at which it was due: a client that falls behind is seen to, instead of slowing the clock down.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import sys
import time
from collections import deque
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bench.plan import SERVER_CORE, Phase, Run, pin
from bench.wire import FRAME_BYTES, Tape

LISTEN_S = 0.01
"""Between two looks at what the client says while ticks are sent: pings and heartbeats can wait so long."""

PAUSE_S = 0.25
"""Before each phase, so that the client has put the one before behind it."""

PATIENCE_S = 60.0
"""For a client that does not connect or subscribe."""

ANSWERS = {22000: 22001, 22004: 22005}
SUBSCRIBE = 22004


class Pipe:
    """A non-blocking socket with a backlog, encrypted or not; over TLS each frame is a record, as from a vendor."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._sock = sock
        self._backlog: deque[memoryview] = deque()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True) if context else None
        if self._tls is not None:
            self._shake_hands(self._tls)

    def fileno(self) -> int:
        """Let `select` look at it."""
        return self._sock.fileno()

    @property
    def is_idle(self) -> bool:
        """Whether all that was sent has left this process."""
        return not self._backlog

    def wait(self, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until the client says something or, if anything waits for that, takes something."""
        return any(select.select([self._sock], [self._sock] if self._backlog else [], [], timeout_s))

    def receive(self) -> bytes | None:
        """Return what there is; None once the client is gone."""
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            data = b""  # but what came with the end of the TLS handshake may still be there
        else:
            if not data:
                return None
        if self._tls is None:
            return data
        self._in.write(data)
        parts = []
        while part := self._read():
            parts.append(part)
        return b"".join(parts)

    def send(self, data: bytes, *, record_bytes: int = FRAME_BYTES) -> None:
        """Send, or keep for later what is not taken at once."""
        if self._tls is not None:
            view = memoryview(data)
            for start in range(0, len(view), record_bytes):
                self._tls.write(view[start : start + record_bytes])
            data = self._out.read()
        self._backlog.append(memoryview(data))
        self.flush()

    def flush(self) -> None:
        """Send what is waiting, as far as it is taken."""
        if self._out.pending:
            self._backlog.append(memoryview(self._out.read()))
        while self._backlog:
            head = self._backlog[0]
            try:
                sent = self._sock.send(head)
            except BlockingIOError:
                return
            if sent < len(head):
                self._backlog[0] = head[sent:]
                return
            self._backlog.popleft()

    def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                select.select([self._sock], [], [], PATIENCE_S)
                self._in.write(self._sock.recv(65536))
            else:
                self.flush()
                return

    def _read(self) -> bytes:
        assert self._tls is not None
        try:
            return self._tls.read(65536)
        except ssl.SSLWantReadError:
            return b""


class Conversation:
    """The WebSocket and AllTick's requests, over a pipe.

    Attributes:
        codes: What the client has subscribed to.
        is_over: Whether it is gone.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._protocol = ServerProtocol()
        self.codes: list[str] = []
        self.is_over = False

    def listen(self) -> None:
        """Read and answer what the client has said."""
        data = self._pipe.receive()
        if data is None:
            self.is_over = True
            return
        if data:
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Request):
                    self._protocol.send_response(self._protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    self._answer(json.loads(bytes(event.data)))
            for part in self._protocol.data_to_send():
                if part:
                    self._pipe.send(part, record_bytes=len(part))

    def _answer(self, request: dict[str, Any]) -> None:
        cmd_id = request["cmd_id"]
        if cmd_id == SUBSCRIBE:
            self.codes = [item["code"] for item in request["data"]["symbol_list"]]
        echo = {"cmd_id": ANSWERS[cmd_id], "seq_id": request["seq_id"], "trace": request["trace"]}
        self._protocol.send_text(json.dumps({"ret": 200, "msg": "ok", **echo, "data": {}}).encode())


def due(phase: Phase, elapsed_s: float) -> int:
    """Return how many ticks of a paced phase are due: the first burst at once, the next ones at the rate."""
    bursts = int(elapsed_s * phase.rate / phase.burst) + 1
    return min(bursts * phase.burst, phase.ticks)


def play(run: Run, pipe: Pipe, conversation: Conversation) -> None:
    """Send all phases."""
    tape = Tape(symbols=run.symbols, base_ms=run.base_ms)
    first = 0
    for phase in run.phases:
        attend(pipe, conversation, PAUSE_S)
        sys.stdout.write(f"{time.monotonic_ns()}\n")
        sys.stdout.flush()
        play_phase(run, phase, first, tape, pipe, conversation)
        first += phase.ticks


def play_phase(run: Run, phase: Phase, first: int, tape: Tape, pipe: Pipe, conversation: Conversation) -> None:
    """Send one phase, and wait until the client's side has taken all of it."""
    began_s = listened_s = time.monotonic()
    sent = 0
    while not conversation.is_over and not (sent == phase.ticks and pipe.is_idle):
        now_s = time.monotonic()
        if now_s - listened_s > LISTEN_S:
            conversation.listen()
            listened_s = now_s
        if phase.rate:
            ticks = due(phase, now_s - began_s)
        else:
            ticks = min(sent + run.symbols, phase.ticks) if pipe.is_idle else sent
        if ticks > sent:
            seq = time.monotonic_ns() // 1000 - run.epoch_us
            pipe.send(tape.render(first + sent, ticks - sent, seq))
            sent = ticks
        else:
            pipe.flush()
        if not pipe.is_idle and (not phase.rate or sent == phase.ticks):
            pipe.wait(LISTEN_S)


def attend(pipe: Pipe, conversation: Conversation, seconds: float) -> None:
    """Answer the client for so long, and send nothing else."""
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0 and not conversation.is_over:
        if pipe.wait(left_s):
            conversation.listen()
            pipe.flush()


def serve(run: Run, sock: socket.socket) -> None:
    """Serve one client until it is gone."""
    context = None
    if run.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(run.certificate)
    pipe = Pipe(sock, context)
    conversation = Conversation(pipe)
    conversation.listen()
    while not conversation.codes and not conversation.is_over and pipe.wait():
        conversation.listen()
    play(run, pipe, conversation)
    while not conversation.is_over:
        attend(pipe, conversation, PATIENCE_S)


def main() -> None:
    """Serve the run that is on standard input."""
    pin(SERVER_CORE)
    run = Run.from_json(sys.stdin.readline())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        listener.settimeout(PATIENCE_S)
        sock, _ = listener.accept()
    with sock:
        try:
            serve(run, sock)
        except (ConnectionError, ssl.SSLError):
            return  # it is the client who ends it, in the middle of whatever there is


if __name__ == "__main__":
    main()
