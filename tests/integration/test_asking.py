"""One question over HTTP, over real sockets: any answer that ends is returned, anything else is one of our errors."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import trio

from tests.support.certificates import Authority
from tests.support.proxy import open_proxy
from tests.support.sockets import Talk, speaking
from trio_ticks.config import ConnectionConfig, Secret
from trio_ticks.errors import CertificateError, ConfigError, ConnectError, FeedError, RemoteProtocolError
from trio_ticks.runtime.asking import fetch
from trio_ticks.runtime.road import road_of

TOKEN = "token=s3cret"
DIRECT = road_of(ConnectionConfig(proxy=Secret("")))


def answering(*parts: bytes, heard: list[bytes] | None = None) -> Talk:
    """Return a server that takes one request, sends the parts, and hangs up."""

    async def talk(stream: trio.abc.Stream) -> None:
        request = await stream.receive_some()
        if heard is not None:
            heard.append(bytes(request))
        for part in parts:
            await stream.send_all(part)
        await stream.aclose()

    return talk


async def failure_of(url: str, **options: float) -> FeedError:
    """Return why a question is not answered; the error names the URL in one line, without the token."""
    with pytest.raises(FeedError) as caught:
        await fetch(url, secret_query=TOKEN, road=DIRECT, **options)  # type: ignore[arg-type]  # two are optional
    assert str(caught.value).startswith(f"{url}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None or "s3cret" not in str(caught.value.__cause__)
    return caught.value


async def test_what_is_asked() -> None:
    """One GET with the token in its target, for an answer as it is, on a connection that is not kept."""
    heard: list[bytes] = []
    async with speaking(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", heard=heard)) as port:
        await fetch(f"http://127.0.0.1:{port}/trade-tick?query=x", secret_query=TOKEN, road=DIRECT)
    first, *headers = heard[0].decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first == "GET /trade-tick?query=x&token=s3cret HTTP/1.1"
    assert {f"Host: 127.0.0.1:{port}", "Connection: close", "Accept-Encoding: identity"} <= set(headers)


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", b"lo"], (200, b"hello")),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"], (200, b"hello")),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", b"2\r\nlo\r\n0\r\n\r\n"],
            (200, b"hello"),
        ),
        ([b"HTTP/1.0 200 OK\r\n\r\nhe", b"llo"], (200, b"hello")),
        ([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"], (204, b"")),
        ([b'HTTP/1.1 401 No\r\nContent-Length: 11\r\n\r\n{"ret":401}'], (401, b'{"ret":401}')),
        ([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"], (302, b"")),
    ],
    ids=["length", "surplus", "chunked", "until close", "provisional", "refusal", "redirect"],
)
async def test_any_answer_that_ends_is_returned(parts: list[bytes], answer: tuple[int, bytes]) -> None:
    """However a body is framed, status and body are returned, whatever the status; a redirect is not followed."""
    async with speaking(answering(*parts)) as port:
        assert await fetch(f"http://127.0.0.1:{port}/", road=DIRECT) == answer


LONG = b"x" * 1001


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", LONG], "longer than 1000 bytes"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", LONG], "longer than 1000 bytes"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", LONG], "longer than 1000 bytes"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"], "ended before the answer did"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello"], "ended before the answer did"),
        ([b"HTTP/1.1 200"], "ended before the answer did"),
        ([], "ended before the answer did"),
        ([b"220 mail.example token=s3cret\r\n\r\n"], "not HTTP/1.1"),
        ([b"HTTP/1.1 101 Switching\r\n\r\n"], "not HTTP/1.1"),
        ([b"HTTP/1.1 200 OK\r\n", b"X-More: s3cret\r\n" * 10_000], "not HTTP/1.1"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz s3cret\r\n"], "not HTTP/1.1"),
    ],
)
async def test_an_answer_that_breaks_the_protocol(parts: list[bytes], words: str) -> None:
    """Too long, cut off or not HTTP: an error that says which, and repeats nothing of it."""
    async with speaking(answering(*parts)) as port:
        error = await failure_of(f"http://127.0.0.1:{port}/", max_bytes=1000)
    assert type(error) is RemoteProtocolError
    assert words in str(error)


async def test_an_answer_as_long_as_allowed() -> None:
    """The bound itself is within bounds."""
    async with speaking(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + LONG)) as port:
        assert await fetch(f"http://127.0.0.1:{port}/", max_bytes=1001, road=DIRECT) == (200, LONG)


async def test_nobody_answers() -> None:
    """A server that is silent, or drips for ever, costs the time-out; one that is not there is named."""

    async def drip(stream: trio.abc.Stream) -> None:
        while True:
            await stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")

    async with speaking(drip) as port:
        url = f"http://127.0.0.1:{port}/"
        error = await failure_of(url, timeout_s=0.05)
        assert type(error) is ConnectError
        assert str(error) == f"{url}: no answer within 0.05 s"
    assert str(await failure_of(url)) == f"{url}: Connection refused"


async def test_a_connection_that_is_reset() -> None:
    """A reset in the middle of an answer is a failed connection, not an end."""

    async def reset(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\nhel")
        # Closing without lingering is how a host says that it knows nothing of the connection.
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    async with speaking(reset) as port:
        error = await failure_of(f"http://127.0.0.1:{port}/")
    assert type(error) is ConnectError
    assert "reset" in str(error)


async def test_over_tls_and_a_proxy(tmp_path: Path) -> None:
    """A question goes the same road as a link: by the feed's proxy, and to nobody who is not the host."""
    authority = Authority()
    server = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    async with (
        speaking(server, tls=authority.server("feed.invalid")) as port,
        open_proxy({"feed.invalid:443": port, "other.invalid:443": port}) as proxy,
    ):
        config = ConnectionConfig(proxy=Secret(proxy.url), ca_file=authority.write(tmp_path))
        assert await fetch("https://feed.invalid/", road=road_of(config)) == (200, b"ok")
        with pytest.raises(CertificateError, match="Hostname mismatch"):
            await fetch("https://other.invalid/", road=road_of(config))


async def test_a_cancellation_closes_the_socket() -> None:
    """Cancelled in the middle of an answer, the server sees the end of the stream."""
    asked, gone = trio.Event(), trio.Event()

    async def hang(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        asked.set()
        assert not await stream.receive_some()
        gone.set()

    async def ask(port: int) -> None:
        await fetch(f"http://127.0.0.1:{port}/", road=DIRECT)

    async with speaking(hang) as port, trio.open_nursery() as nursery:
        nursery.start_soon(ask, port)
        await asked.wait()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await gone.wait()


@pytest.mark.parametrize(
    "url", ["ws://a.example/", "http://", "http://u:s3cret@a.example/", "http://a.example/ä", "http://a.example/a b"]
)
async def test_what_is_no_http_url(url: str) -> None:
    """It is refused before anything is sent, without what may be a password."""
    with pytest.raises(ConfigError) as caught:
        await fetch(url)
    assert "s3cret" not in str(caught.value)


async def test_a_token_that_cannot_be_sent_is_not_shown() -> None:
    """A line break in a token would be a header of its own."""
    with pytest.raises(ConfigError, match="percent-encoded") as caught:
        await fetch("http://a.example/", secret_query="token=s3cret\r\nX: y")
    assert "s3cret" not in str(caught.value)
