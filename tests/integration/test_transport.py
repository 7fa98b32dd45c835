"""The transport over real sockets: what a peer does becomes messages, or one of our errors that names it."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio_websocket
import trustme

from tests.support.sockets import only, speaking
from trio_ticks.config import Secret
from trio_ticks.config.proxies import Proxies
from trio_ticks.errors import AuthenticationError, CertificateError, ConfigError, ConnectError
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.endpoint import parse_url
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport import LinkClosed, OpenLink

Handler = Callable[[trio_websocket.WebSocketRequest], Awaitable[None]]
SECRET = "token=s3cret"
DIRECT = Road(proxies=Proxies(configured=Secret("")))
"""Whatever proxy the environment of these tests may have."""


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve WebSockets on a free loopback port; yield the URL."""
    async with trio.open_nursery() as nursery:
        server = await nursery.start(trio_websocket.serve_websocket, handler, "127.0.0.1", 0, tls)
        scheme = "ws" if tls is None else "wss"
        yield f"{scheme}://127.0.0.1:{server.port}/feed"
        nursery.cancel_scope.cancel()


async def failure_of(open_link: OpenLink, url: str, timeout_s: float = 10.0) -> BaseException:
    """Return what opening this URL raises."""
    with pytest.raises((ExceptionGroup, ConnectError, AuthenticationError, CertificateError)) as caught:
        async with open_link(url, secret_query=SECRET, timeout_s=timeout_s, road=DIRECT, now_us=utc_now_us):
            pass
    error = only(caught.value)
    assert "s3cret" not in str(error)
    return error


async def test_messages_arrive_in_order_with_a_receipt_time(open_link: OpenLink) -> None:
    """What is sent before a close is received before the close."""
    seen: list[str | bytes] = []

    async def handler(request: trio_websocket.WebSocketRequest) -> None:
        seen.append(request.path)
        websocket = await request.accept()
        seen.append(await websocket.get_message())
        for number in range(100):
            await websocket.send_message(str(number))
        await websocket.aclose(1001, "gone")

    async with serving(handler) as url:
        before = utc_now_us()
        received: list[str | bytes] = []
        async with open_link(url, secret_query=SECRET, timeout_s=10.0, now_us=utc_now_us) as link:
            await link.send("hello")
            while len(received) < 100:
                wakeup = await link.receive()
                received += wakeup.messages
                assert before <= wakeup.received_us <= utc_now_us()
            with pytest.raises(LinkClosed, match="1001"):
                await link.receive()
    assert received == [str(number) for number in range(100)]
    assert seen == ["/feed?token=s3cret", "hello"]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, AuthenticationError, "token is not accepted"),
        (404, ConnectError, "nothing is served at this path"),
        (429, ConnectError, "too many"),
        (503, ConnectError, "HTTP 503"),
    ],
)
async def test_a_refused_handshake_says_why(
    open_link: OpenLink, status: int, kind: type[Exception], words: str
) -> None:
    """Each HTTP answer becomes the error that decides whether to try again, and no text carries the token."""

    async def handler(request: trio_websocket.WebSocketRequest) -> None:
        await request.reject(status, body=b'{"msg":"token s3cret invalid"}')

    async with serving(handler) as url:
        error = await failure_of(open_link, url)
    assert type(error) is kind
    assert words in str(error)


async def test_a_peer_that_hangs_up_during_the_handshake(open_link: OpenLink) -> None:
    """An end of stream instead of an answer is a refusal, not a hang."""

    async def hang_up(stream: trio.abc.Stream) -> None:
        await stream.receive_some()

    async with speaking(hang_up) as port:
        assert "closed the connection during the handshake" in str(
            await failure_of(open_link, f"ws://127.0.0.1:{port}/")
        )


async def test_garbage_instead_of_http(open_link: OpenLink) -> None:
    """A peer that is no WebSocket server is refused, within the time for the handshake."""

    async def babble(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"220 mail.example ESMTP\r\n\r\n")

    async with speaking(babble) as port:
        assert isinstance(await failure_of(open_link, f"ws://127.0.0.1:{port}/"), ConnectError)


async def test_a_handshake_that_never_ends(open_link: OpenLink) -> None:
    """A peer that accepts and says nothing costs the time-out, not more."""

    async def say_nothing(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    async with speaking(say_nothing) as port:
        error = await failure_of(open_link, f"ws://127.0.0.1:{port}/", timeout_s=0.05)
    assert "no handshake within 0.05 s" in str(error)


async def test_nobody_listens(open_link: OpenLink) -> None:
    """A refused connection names the URL and the system's reason."""
    async with speaking(trio.aclose_forcefully) as port:
        url = f"ws://127.0.0.1:{port}/"
    error = await failure_of(open_link, url)
    assert isinstance(error, ConnectError)
    assert url in str(error)
    assert "refused" in str(error).lower()


async def test_an_unknown_host(open_link: OpenLink) -> None:
    """A name that does not resolve is said so; `.invalid` never does."""
    error = await failure_of(open_link, "ws://feed.invalid/")
    assert isinstance(error, ConnectError)
    assert "feed.invalid" in str(error)


@pytest.mark.parametrize("host", ["a..example", "a" * 64 + ".example", "\u2603..example"])
def test_a_host_that_cannot_be_a_name(host: str) -> None:
    """What the resolver would refuse to encode is refused before anything starts, and named as it was written."""
    with pytest.raises(ConfigError, match=re.escape(f"wss://{host}")):
        parse_url(f"wss://{host}")


async def test_an_untrusted_certificate_is_fatal(open_link: OpenLink) -> None:
    """TLS is verified: a certificate of an unknown authority ends the feed instead of being retried."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def handler(request: trio_websocket.WebSocketRequest) -> None:
        await request.accept()

    async with serving(handler, context) as url:
        error = await failure_of(open_link, url)
    assert isinstance(error, CertificateError)
    assert error.fatal
    assert "certificate" in str(error)


async def test_a_block_that_is_cancelled_closes_the_link_cleanly(open_link: OpenLink) -> None:
    """The peer sees a close frame, so that the vendor frees the slot at once."""
    closed: list[int] = []
    done = trio.Event()

    async def handler(request: trio_websocket.WebSocketRequest) -> None:
        websocket = await request.accept()
        with pytest.raises(trio_websocket.ConnectionClosed) as caught:
            await websocket.get_message()
        assert caught.value.reason is not None
        closed.append(caught.value.reason.code)
        done.set()

    async with serving(handler) as url:
        with trio.CancelScope() as scope:
            async with open_link(url, secret_query="", timeout_s=10.0, now_us=utc_now_us) as link:
                scope.cancel()
                await link.receive()
        await done.wait()
    assert closed == [1000]


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("ws://a.example", "a.example", 80, "/?token=s3cret", "a.example"),
        ("wss://a.example/x?y=1", "a.example", 443, "/x?y=1&token=s3cret", "a.example"),
        ("wss://a.example:444/x", "a.example", 444, "/x?token=s3cret", "a.example:444"),
        ("ws://[::1]:8080/", "::1", 8080, "/?token=s3cret", "[::1]:8080"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, target: str, authority: str) -> None:
    """The secret goes into the request's target and nowhere else."""
    endpoint = parse_url(url, secret_query=SECRET)
    assert (endpoint.host, endpoint.port, endpoint.target, endpoint.authority) == (host, port, target, authority)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://a.example",
        "ws://",
        "a.example",
        "ws://a:b:c",
        "ws://a:99999/",
        "ws://a..b/",
        "ws://ä.example/",
        "ws://u:p@a/",
    ],
)
def test_what_is_no_websocket_url_is_refused(url: str) -> None:
    """The error shows the URL and what is accepted."""
    with pytest.raises(ConfigError, match="ws://host"):
        parse_url(url)
