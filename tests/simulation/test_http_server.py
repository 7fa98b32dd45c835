"""The HTTP server and clients that mean it no good: each is bounded in time and memory, and nobody else notices."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from trio_ticks.app.http import server as module
from trio_ticks.app.http.exchange import Answer, Ask, Flow, Send, words
from trio_ticks.app.http.server import CONNECTIONS, GUESS_S, HEAD_BYTES, REQUEST_S, SEND_S, HttpServer

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
PIECE = b"x" * 1_000


async def pieces(send: Send) -> None:
    """Send for ever."""
    while True:
        await send(PIECE)


async def three(send: Send) -> None:
    for _ in range(3):
        await send(b"piece")


def handle(ask: Ask) -> Answer:
    """The site of these tests."""
    if ask.path == "/broken":
        raise RuntimeError("a defect of ours")
    if ask.path == "/secret":
        return words(401, "no")
    flows = {"/endless": pieces, "/three": three}
    return Flow(flows[ask.path]) if ask.path in flows else words(200, f"{ask.method} {ask.path} {ask.query}")


@asynccontextmanager
async def connected(server: HttpServer | None = None, *, lockstep: bool = False) -> AsyncIterator[trio.abc.Stream]:
    """Open a connection to a server; it must be over when the block is."""
    ours, theirs = lockstep_stream_pair() if lockstep else memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon((server or HttpServer(handle)).serve, theirs)
        yield ours


async def rest_of(stream: trio.abc.Stream) -> bytes:
    """Return all that comes until the other side closes."""
    received = b""
    async for chunk in stream:
        received += chunk
    return received


async def exchange(sent: bytes) -> bytes:
    """Send something, and return all that comes back; nothing more is sent."""
    async with connected() as stream:
        await stream.send_all(sent)
        return await rest_of(stream)


async def test_a_connection_is_used_again(autojump_clock: MockClock) -> None:
    """Two requests in one go get two answers, in order; it is closed once nothing more is asked."""
    began = trio.current_time()
    received = await exchange(GET % (b"/a?b=c", b"") + GET % (b"/d", b""))
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.index(b"GET /a b=c\n") < received.index(b"GET /d \n")
    assert trio.current_time() - began == pytest.approx(REQUEST_S)


async def test_a_head_has_no_body(autojump_clock: MockClock) -> None:
    """The headers are those of GET; a flow has nothing behind them either."""
    received = await exchange(GET.replace(b"GET", b"HEAD") % (b"/a", b""))
    assert b"Content-Length: 9\r\n" in received
    assert received.endswith(b"\r\n\r\n")
    assert (await exchange(GET.replace(b"GET", b"HEAD") % (b"/endless", b""))).endswith(b"\r\n\r\n")


async def test_every_answer_says_what_a_browser_must_not_do_with_it(autojump_clock: MockClock) -> None:
    """Nothing from elsewhere is loaded, nobody frames it, and nothing is kept."""
    received = await exchange(GET % (b"/", b"Connection: close\r\n"))
    assert b"Content-Security-Policy: default-src 'self';" in received
    assert b"frame-ancestors 'none'" in received
    assert b"X-Content-Type-Options: nosniff\r\n" in received
    assert b"Cache-Control: no-store\r\n" in received


async def test_a_flow_ends_the_connection(autojump_clock: MockClock) -> None:
    """Its pieces come as they are sent."""
    received = await exchange(GET % (b"/three", b""))
    assert received.count(b"5\r\npiece\r\n") == 3
    assert received.endswith(b"0\r\n\r\n")
    assert b"text/event-stream" in received


async def test_an_old_client_gets_an_old_answer(autojump_clock: MockClock) -> None:
    """HTTP/1.0 knows no chunks: the end of the connection is the end of the body."""
    received = await exchange(b"GET /three HTTP/1.0\r\n\r\n")
    assert received.endswith(b"\r\n\r\npiecepiecepiece")


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nA: "])
async def test_a_request_that_does_not_come_is_not_waited_for(sent: bytes, autojump_clock: MockClock) -> None:
    """Whatever part of it has come."""
    began = trio.current_time()
    assert await exchange(sent) == b""
    assert trio.current_time() - began == pytest.approx(REQUEST_S)


async def test_a_request_that_drips_is_not_waited_for(autojump_clock: MockClock) -> None:
    """The bound is for the whole of it, however often something of it comes."""
    async with connected() as stream:
        began = trio.current_time()
        with suppress(trio.BrokenResourceError):
            while trio.current_time() < began + 10 * REQUEST_S:
                await stream.send_all(b"A")
                await trio.sleep(1.0)
        assert trio.current_time() - began <= REQUEST_S + 2.0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a client that speaks TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", 413),
        (b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * HEAD_BYTES, 431),
        (b"\r\n" * HEAD_BYTES, 400),
    ],
)
async def test_what_is_no_plain_question_ends_the_connection(
    sent: bytes, status: int, autojump_clock: MockClock
) -> None:
    """At once, with an answer that says so, and nothing of a body is read."""
    began = trio.current_time()
    received = await exchange(sent)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert received.count(b"HTTP/1.1 ") == 1
    assert trio.current_time() == began


async def test_who_reads_nothing_is_let_go(autojump_clock: MockClock) -> None:
    """After a bounded time, with one piece in hand: what could not be sent is not put aside."""
    sent = 0

    async def count(send: Send) -> None:
        nonlocal sent
        while True:
            sent += 1
            await send(PIECE)

    async with connected(HttpServer(lambda _: Flow(count)), lockstep=True) as stream:
        began = trio.current_time()
        await stream.send_all(GET % (b"/", b""))
        await wait_all_tasks_blocked()
        await trio.sleep(SEND_S + 1)
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"GET")
    assert sent <= 1
    assert trio.current_time() - began <= SEND_S + 2


async def test_one_too_many_is_let_go_and_the_others_stay(autojump_clock: MockClock) -> None:
    """The bound holds for those that are open, so there is room again when one has gone."""
    server = HttpServer(handle)
    async with trio.open_nursery() as nursery:
        streams = []
        for _ in range(CONNECTIONS):
            ours, theirs = memory_stream_pair()
            nursery.start_soon(server.serve, theirs)
            streams.append(ours)
        await wait_all_tasks_blocked()
        async with connected(server) as late:
            assert await rest_of(late) == b""
        await streams[0].aclose()
        await wait_all_tasks_blocked()
        async with connected(server) as stream:
            await stream.send_all(GET % (b"/", b"Connection: close\r\n"))
            assert b"200 OK" in await rest_of(stream)
        await streams[1].send_all(GET % (b"/", b"Connection: close\r\n"))
        assert b"200 OK" in await rest_of(streams[1])


async def test_a_wrong_password_costs_its_sender_time(autojump_clock: MockClock) -> None:
    """So that nobody can try many."""
    began = trio.current_time()
    assert b"401 Unauthorized" in await exchange(GET % (b"/secret", b"Connection: close\r\n"))
    assert trio.current_time() - began == pytest.approx(GUESS_S)


async def test_a_defect_of_ours_ends_one_connection(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; the server goes on."""
    server = HttpServer(handle)
    async with connected(server) as stream:
        await stream.send_all(GET % (b"/broken", b""))
        assert await rest_of(stream) == b""
    assert [record.levelno for record in caplog.records if record.name == module.log.name] == [logging.ERROR]
    async with connected(server) as stream:
        await stream.send_all(GET % (b"/", b"Connection: close\r\n"))
        assert b"200 OK" in await rest_of(stream)


@pytest.mark.parametrize("sent", [b"", GET % (b"/endless", b""), GET % (b"/secret", b"")])
async def test_a_cancelled_connection_is_closed(sent: bytes, autojump_clock: MockClock) -> None:
    """Wherever it was."""
    ours, theirs = lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpServer(handle).serve, theirs)
        if sent:
            await ours.send_all(sent)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    with pytest.raises(trio.BrokenResourceError):
        await ours.send_all(b"more")
