"""The batched transport on real sockets: what it sends while a peer does not read, and what a cancellation leaves."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import WebSocketURI

from tests.support.certificates import Authority
from tests.support.frames import PING, TEXT, Client, close, frame, saying, switch_protocols
from tests.support.sockets import only, speaking
from tests.unit.test_splitter import deflated
from trio_ticks.config import Secret
from trio_ticks.config.proxies import Proxies
from trio_ticks.errors import AuthenticationError, ConnectError, RemoteProtocolError
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport import MAX_MESSAGE_BYTES, BatchedLink, LinkClosed, open_batched
from trio_ticks.runtime.transport.splitter import MOST
from trio_ticks.runtime.transport.wire import MAX_UNASKED_BYTES, READ_BYTES, Wire

URI = WebSocketURI(secure=False, host="a.example", port=80, path="/", query="")
DIRECT = Road(proxies=Proxies(configured=Secret("")))
BIG = "x" * 3_000_000
"""More than the system takes for a peer that does not read."""


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[BatchedLink, Wire, trio.SocketStream]]:
    """Yield an open link, its wire, and the peer's end of it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    async with trio.open_nursery() as nursery:
        wire = Wire(ours, nursery, utc_now_us)
        protocol = ClientProtocol(URI, state=State.OPEN, max_size=MAX_MESSAGE_BYTES)
        link = BatchedLink(wire, protocol, b"", max_message_bytes=MAX_MESSAGE_BYTES)
        async with trio.SocketStream(trio.socket.from_stdlib_socket(theirs)) as peer:
            yield link, wire, peer
        await link.close()


async def test_one_wake_up_brings_what_one_read_brought() -> None:
    """3,000 messages that are there come in order, 1,024 at most at a time, and all before the end."""
    async with linked() as (link, _, peer):
        await peer.send_all(b"".join(frame(TEXT, b"%04d" % number) for number in range(3_000)) + close(1000))
        turns: list[list[Message]] = []
        while sum(map(len, turns)) < 3_000:
            turns.append([*(await link.receive()).messages])
        with pytest.raises(LinkClosed, match="1000"):
            await link.receive()
    assert [text for turn in turns for text in turn] == [f"{number:04}" for number in range(3_000)]
    assert max(map(len, turns)) == MOST


async def test_what_is_left_of_a_read_needs_no_other_and_gives_way() -> None:
    """The rest of a read comes without a byte more from the peer, lets others run first, and survives a cancel."""
    async with linked() as (link, _, peer):
        await peer.send_all(frame(TEXT, b"a") * (MOST + 3))
        assert len((await link.receive()).messages) == MOST
        with trio.CancelScope() as scope:
            scope.cancel()
            await link.receive()
        assert scope.cancelled_caught
        assert len((await link.receive()).messages) == 3


async def test_a_send_that_is_cancelled_half_way_is_finished_before_the_next() -> None:
    """The peer, once it reads, hears whole frames and nothing else."""
    async with linked() as (link, _, peer), trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as sending:
                sending.start_soon(link.send, BIG)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        nursery.start_soon(link.send, "next")
        client = Client(peer)
        await client.listen(until=lambda frame: frame.opcode is Opcode.TEXT and frame.data == b"next")
        assert [len(frame.data) for frame in client.frames] == [len(BIG), 4]


async def test_a_send_that_waits_holds_up_no_reading_and_no_pong_cuts_it() -> None:
    """While the peer takes no more its messages arrive, and its pings are answered behind the frame begun."""
    async with linked() as (link, _, peer), trio.open_nursery() as nursery:
        nursery.start_soon(link.send, BIG)
        await trio.testing.wait_all_tasks_blocked()
        await peer.send_all(frame(PING, b"?") + frame(TEXT, b"a"))
        assert (await link.receive()).messages == ["a"]
        client = Client(peer)
        await client.listen(until=lambda frame: frame.opcode is Opcode.PONG)
        assert [(frame.opcode, len(frame.data)) for frame in client.frames] == [
            (Opcode.TEXT, len(BIG)),
            (Opcode.PONG, 1),
        ]


async def test_sends_wait_for_each_other() -> None:
    """Tasks that send at once send whole messages, one after the other."""
    async with linked() as (link, _, peer), trio.open_nursery() as nursery:
        for letter in "abc":
            nursery.start_soon(link.send, letter * 500_000)
        client = Client(peer)
        await client.listen(until=lambda frame: len(client.frames) == 3)
        assert sorted(bytes(frame.data[:1]) for frame in client.frames) == [b"a", b"b", b"c"]
        assert {len(frame.data) for frame in client.frames} == {500_000}


async def test_a_peer_that_pings_and_does_not_read_is_not_listened_to() -> None:
    """What it makes us queue is bounded; when it reads after all, every ping is answered and messages go on."""
    pings = 100_000
    async with linked() as (link, wire, peer), trio.open_nursery() as nursery:
        wakeups: list[Message] = []

        async def listen() -> None:
            wakeups.extend((await link.receive()).messages)

        nursery.start_soon(listen)
        nursery.start_soon(peer.send_all, frame(PING) * pings + frame(TEXT, b"at last"))
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not wakeups
        # A pong is three times as long as an empty ping.
        assert MAX_UNASKED_BYTES < len(wire._queue) <= MAX_UNASKED_BYTES + 3 * READ_BYTES
        client = Client(peer)
        await client.listen(until=lambda frame: len(client.frames) == pings)
        await trio.testing.wait_all_tasks_blocked()
        assert wakeups == ["at last"]


async def test_a_peer_that_reads_no_more_closes_the_link_for_senders() -> None:
    """What cannot be sent any more is said; what the peer sent before is still received."""
    async with linked() as (link, _, peer):
        await peer.send_all(frame(TEXT, b"last words"))
        await peer.aclose()
        with pytest.raises(LinkClosed, match="cut"):
            await link.send("hello")
        assert (await link.receive()).messages == ["last words"]
        with pytest.raises(LinkClosed, match="cut"):
            await link.receive()


async def test_a_link_that_was_left_is_closed() -> None:
    """Outside its block neither half works, and both say so."""
    async with saying([frame(TEXT, b"a")]) as url:
        async with open_batched(url) as link:
            await link.receive()
        for act in (link.receive, lambda: link.send("x")):
            with pytest.raises(LinkClosed):
                await act()


@pytest.mark.parametrize(
    ("stream", "code"),
    [(frame(TEXT, b"\xff"), 1007), (frame(0x8B), 1002), (b"\x81\x7f" + (2 << 30).to_bytes(8), 1009)],
)
async def test_a_refused_peer_is_told_why(stream: bytes, code: int) -> None:
    """RFC 6455 7.1.7: the code of the close frame names the kind of fault, and the peer gets to read it."""
    heard: list[int] = []
    told = trio.Event()

    async def talk(peer: trio.abc.Stream) -> None:
        await switch_protocols(peer)
        await peer.send_all(stream)
        client = Client(peer)
        await client.listen()
        heard.append(int.from_bytes(client.frames[-1].data[:2]))
        told.set()

    async with speaking(talk) as port:
        with pytest.raises(ExceptionGroup) as caught:
            async with open_batched(f"ws://127.0.0.1:{port}/", road=DIRECT) as link:
                await link.receive()
        await told.wait()
    assert isinstance(only(caught.value), RemoteProtocolError)
    assert str(only(caught.value)).startswith("broken WebSocket frames: ")
    assert heard == [code]


async def test_a_refused_peer_that_waits_for_the_end_gets_it() -> None:
    """After a refusal we say that nothing more will come, and read on until the peer leaves, so that it hears why."""
    with trio.fail_after(180):
        async with linked() as (link, _, peer), trio.open_nursery() as nursery:
            await peer.send_all(b"\xff\xff")
            with pytest.raises(RemoteProtocolError):
                await link.receive()
            nursery.start_soon(link.close)
            heard = b""
            async for data in peer:
                heard += data
            assert heard[0] == 0x88
            await peer.aclose()


async def test_the_end_of_tls_is_told(tmp_path: Path) -> None:
    """A server that insists on it learns by TLS's own farewell that the stream was not cut."""
    authority = Authority()
    ends: list[bytes] = []
    told = trio.Event()

    async def talk(peer: trio.SocketStream) -> None:
        stream = trio.SSLStream(peer, authority.server("127.0.0.1"), server_side=True, https_compatible=False)
        await switch_protocols(stream)
        await stream.send_all(close(1000))
        await Client(stream).listen()
        ends.append(bytes(await stream.receive_some()))
        told.set()

    road = Road(tls=ssl.create_default_context(cafile=authority.write(tmp_path)))
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        async with open_batched(f"wss://127.0.0.1:{port}/", road=road) as link:
            with pytest.raises(LinkClosed):
                await link.receive()
        await told.wait()
        nursery.cancel_scope.cancel()
    assert ends == [b""]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 99999999999\r\n\r\n", AuthenticationError),
        (b"HTTP/1.1 403 No\r\nTransfer-Encoding: gzip\r\n\r\n", AuthenticationError),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ConnectError),
        (b"SSH-2.0-OpenSSH", ConnectError),
        (b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 10_000, ConnectError),
        (b"HTTP/1.1 \xff\r\n\r\n", ConnectError),
    ],
)
async def test_an_answer_is_judged_by_its_head(answer: bytes, kind: type[Exception]) -> None:
    """Neither the body of a refusal nor an end of the headers is waited for: the peer says no more, and hangs on."""

    async def talk(peer: trio.abc.Stream) -> None:
        await peer.receive_some()
        await peer.send_all(answer)
        await trio.sleep_forever()

    async with speaking(talk) as port:
        with pytest.raises(ExceptionGroup) as caught:
            async with open_batched(f"ws://127.0.0.1:{port}/", timeout_s=120.0, road=DIRECT):
                pass
    assert type(only(caught.value)) is kind


AGREED = b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10; client_max_window_bits=12\r\n"


async def test_compression_that_the_server_agrees_to() -> None:
    """Offered to everyone; what then comes compressed is read, and what goes out is not compressed."""
    client: Client | None = None
    told = trio.Event()

    async def talk(peer: trio.abc.Stream) -> None:
        nonlocal client
        await switch_protocols(peer, AGREED)
        compressor = zlib.compressobj(wbits=-10)
        await peer.send_all(b"".join(frame(0xC1, deflated(b'{"price": "1.5"}', compressor)) for _ in range(3)))
        client = Client(peer)
        await client.listen()
        told.set()

    async with speaking(talk) as port:
        async with open_batched(f"ws://127.0.0.1:{port}/", road=DIRECT) as link:
            messages: list[Message] = []
            while len(messages) < 3:
                messages += (await link.receive()).messages
            await link.send("plain")
        await told.wait()
    assert messages == ['{"price": "1.5"}'] * 3
    assert client is not None
    assert client.frames[0].data == b"plain"  # its reader knows of no extension


async def test_an_extension_that_was_not_offered() -> None:
    """A server that turns on something else is refused: what it sends could not be read."""

    async def talk(peer: trio.abc.Stream) -> None:
        await switch_protocols(peer, b"Sec-WebSocket-Extensions: x-secret-sauce\r\n")
        await peer.receive_some()

    async with speaking(talk) as port:
        with pytest.raises(ExceptionGroup) as caught:
            async with open_batched(f"ws://127.0.0.1:{port}/", road=DIRECT):
                pass
    assert isinstance(only(caught.value), ConnectError)


async def test_no_log_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """Even a program that logs everything does not log the request."""
    caplog.set_level(logging.DEBUG)
    async with saying([close(1000)]) as url, open_batched(url, secret_query="token=s3cret") as link:
        with pytest.raises(LinkClosed):
            await link.receive()
    assert "s3cret" not in caplog.text


class Tripwire(trio.abc.Instrument):
    """Cancels a scope when the task ``client`` waits for the n-th time."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.scope = trio.CancelScope()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task.name == "client":
            self._left -= 1
            if self._left == 0:
                self.scope.cancel("the tripwire")

    @property
    def is_pulled(self) -> bool:
        return self._left <= 0


async def life_of_a_client(wire: Tripwire, tls: ssl.SSLContext | None, road: Road) -> None:
    """Open, receive, send, close; cancelled somewhere."""

    async def talk(peer: trio.abc.Stream) -> None:
        await switch_protocols(peer)
        await peer.send_all(frame(TEXT, b"a") * (MOST + 1) + frame(PING))
        await Client(peer).listen()

    async def client(port: int) -> None:
        with wire.scope:
            async with open_batched(f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}/", road=road) as link:
                received = 0
                while received <= MOST:
                    received += len((await link.receive()).messages)
                await link.send("hello")

    async with speaking(talk, tls=tls) as port, trio.open_nursery() as nursery:
        nursery.start_soon(client, port, name="client")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_cancel_at_every_await_leaves_nothing_open(scheme: str, tmp_path: Path) -> None:
    """Wherever it is cancelled, the client ends, and so do its tasks and its socket."""
    authority = Authority()
    tls = authority.server("127.0.0.1") if scheme == "wss" else None
    context = ssl.create_default_context(cafile=authority.write(tmp_path))
    road = Road(proxies=Proxies(configured=Secret("")), tls=context)
    gc.collect()  # what other tests have left to be collected is not to be closed in the middle of this one
    before = open_files()
    at = 0
    is_pulled = True
    while is_pulled:
        at += 1
        wire = Tripwire(at)
        trio.run(life_of_a_client, wire, tls, road, instruments=[wire])
        is_pulled = wire.is_pulled
        assert open_files() == before, at
    assert at > 12


def open_files() -> int:
    return len([*Path("/dev/fd").iterdir()])
