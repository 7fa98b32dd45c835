"""The road to a server, over real sockets: addresses, proxies, certificates, and what is said where it ends."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio_websocket

from tests.support.certificates import Authority
from tests.support.proxy import open_proxy
from tests.support.sockets import Names, needs_ipv6, only, speaking
from trio_ticks.config import ConnectionConfig, Secret
from trio_ticks.config.proxies import Proxies
from trio_ticks.errors import CertificateError, ConfigError, ConnectError, FeedError
from trio_ticks.runtime import dialing
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.dialing import dial
from trio_ticks.runtime.endpoint import parse_url
from trio_ticks.runtime.road import Road, road_of
from trio_ticks.runtime.transport import OpenLink

USER = "u:s3cret"
TOKEN = "token=t0ken"
AUTHORITY = Authority()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may have a proxy of its own."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


def by_proxy(url: str, ca_file: str | None = None) -> Road:
    return road_of(ConnectionConfig(proxy=Secret(url), ca_file=ca_file))


async def greet(request: trio_websocket.WebSocketRequest) -> None:
    """Tell whoever comes what he asked for."""
    websocket = await request.accept()
    await websocket.send_message(request.path)
    await websocket.aclose()


async def listen(stream: trio.abc.Stream) -> None:
    """Wait for the first word, or for the end."""
    await stream.receive_some()


async def serve_greetings(nursery: trio.Nursery, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> int:
    server = await nursery.start(trio_websocket.serve_websocket, greet, host, 0, tls)
    port: int = server.port
    return port


async def greeting(open_link: OpenLink, url: str, road: Road | None = None) -> str | bytes:
    async with open_link(url, secret_query=TOKEN, timeout_s=10.0, road=road, now_us=utc_now_us) as link:
        return (await link.receive()).messages[0]


async def failure_of(open_link: OpenLink, url: str, road: Road, timeout_s: float = 10.0) -> FeedError:
    """Return why a URL cannot be opened; the error is one line without secrets, and so is what led to it."""
    with pytest.raises((ExceptionGroup, FeedError)) as caught:
        async with open_link(url, secret_query=TOKEN, road=road, timeout_s=timeout_s, now_us=utc_now_us):
            pass
    error = only(caught.value)
    assert isinstance(error, FeedError)
    assert len(str(error).splitlines()) == 1
    cause: BaseException | None = error
    while cause is not None:
        assert not re.search("s3cret|t0ken|czNjcmV0", repr(cause))
        cause = cause.__cause__ or cause.__context__
    return error


# Addresses and sockets


@needs_ipv6
async def test_an_ipv6_address(open_link: OpenLink) -> None:
    """A URL with an address in brackets leads to it."""
    async with trio.open_nursery() as nursery:
        port = await serve_greetings(nursery, host="::1")
        assert await greeting(open_link, f"ws://[::1]:{port}/") == "/?token=t0ken"
        nursery.cancel_scope.cancel()


@needs_ipv6
@pytest.mark.parametrize("served", ["::1", "127.0.0.1"])
@pytest.mark.parametrize("addresses", [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
async def test_a_name_with_both_kinds_of_address(
    open_link: OpenLink, served: str, addresses: tuple[str, str]
) -> None:
    """Whichever address answers is taken, in whatever order the resolver has them."""
    async with trio.open_nursery() as nursery:
        port = await serve_greetings(nursery, host=served)
        trio.socket.set_custom_hostname_resolver(Names("feed.test", *addresses))
        assert await greeting(open_link, f"ws://feed.test:{port}/") == "/?token=t0ken"
        nursery.cancel_scope.cancel()


async def options_of(port: int) -> dict[str, int]:
    stream = await dial(parse_url(f"ws://127.0.0.1:{port}/"), Road(), where="here")
    assert isinstance(stream, trio.SocketStream)
    async with stream:
        read = stream.socket.getsockopt
        options = {name: read(socket.IPPROTO_TCP, getattr(socket, name)) for name in TCP_OPTIONS}
        return {**options, "SO_KEEPALIVE": read(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}


TCP_OPTIONS = [
    name for name in ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT") if hasattr(socket, name)
]


async def test_the_socket_is_prompt_and_kept_alive() -> None:
    """Read back from the socket: no delay, and probes after 15 s, every 5 s, three times."""
    async with speaking(trio.abc.Stream.aclose) as port:
        options = await options_of(port)
    expected = {"TCP_NODELAY": 1, "TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
    assert options == {**{name: expected[name] for name in TCP_OPTIONS}, "SO_KEEPALIVE": 1}


async def test_a_system_without_the_options_still_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that the platform does not know, or refuses, is left at the system's own value."""
    monkeypatch.setattr(dialing, "KEEPALIVE", {"TCP_UNKNOWN": 1, "TCP_KEEPIDLE": -1, "TCP_KEEPCNT": 3})
    async with speaking(trio.abc.Stream.aclose) as port:
        options = await options_of(port)
    assert options["TCP_KEEPIDLE"] != -1
    assert options["TCP_KEEPCNT"] == 3


# Certificates


async def test_a_private_authority(open_link: OpenLink, tmp_path: Path) -> None:
    """A server whose certificate the feed's own authority has signed is trusted."""
    road = road_of(ConnectionConfig(ca_file=AUTHORITY.write(tmp_path)))
    async with trio.open_nursery() as nursery:
        port = await serve_greetings(nursery, AUTHORITY.server("127.0.0.1"))
        assert await greeting(open_link, f"wss://127.0.0.1:{port}/", road) == "/?token=t0ken"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (lambda _: AUTHORITY.server("other.example"), "IP address mismatch"),
        (lambda _: AUTHORITY.server("127.0.0.1", expired=True), "certificate has expired"),
        (lambda _: Authority().server("127.0.0.1"), "unable to get local issuer certificate"),
        (lambda path: Authority().by_itself(path), "self-signed certificate"),
    ],
    ids=["wrong host", "expired", "unknown authority", "self-signed"],
)
async def test_a_certificate_that_proves_nothing(
    open_link: OpenLink, tls: Callable[[Path], ssl.SSLContext], words: str, tmp_path: Path
) -> None:
    """Each way to be someone else is refused for good, and named."""
    road = road_of(ConnectionConfig(ca_file=AUTHORITY.write(tmp_path)))
    async with speaking(listen, tls=tls(tmp_path)) as port:
        url = f"wss://127.0.0.1:{port}/"
        error = await failure_of(open_link, url, road)
    assert isinstance(error, CertificateError)
    assert error.fatal
    assert str(error).startswith(f"{url}: certificate refused: ")
    assert words in str(error)


async def test_a_private_authority_does_not_vouch_for_those_without_it(open_link: OpenLink) -> None:
    """A feed without a file of its own does not trust what another feed trusts."""
    async with speaking(listen, tls=AUTHORITY.server("127.0.0.1")) as port:
        assert isinstance(await failure_of(open_link, f"wss://127.0.0.1:{port}/", Road()), CertificateError)


def test_a_private_authority_stands_in_place_of_the_systems(tmp_path: Path) -> None:
    """Exactly the authorities of the file are trusted, and every road verifies."""
    private = road_of(ConnectionConfig(ca_file=AUTHORITY.write(tmp_path)))
    assert private.tls.cert_store_stats()["x509"] == 1
    for road in (private, road_of(ConnectionConfig()), Road()):
        assert (road.tls.verify_mode, road.tls.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "tls", [ssl._create_unverified_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)], ids=["none", "server"]
)
def test_a_road_that_does_not_verify_does_not_exist(tls: ssl.SSLContext) -> None:
    """Not even code can turn verification off."""
    with pytest.raises(ConfigError, match="must verify"):
        Road(tls=tls)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "must be a PEM file"),
        (AUTHORITY.revocations(), "must be a PEM file"),
        (b"\xff\x00 junk", "must be a PEM file"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "must be a PEM file"),
    ],
    ids=["missing", "empty", "revocations", "junk", "broken"],
)
def test_a_file_without_authorities(content: bytes | None, words: str, tmp_path: Path) -> None:
    """A file that cannot vouch for anybody is refused with key, path and reason."""
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        road_of(ConnectionConfig(ca_file=str(path)))
    assert str(caught.value).startswith(f"ca_file = {str(path)!r}: {words}")


async def test_a_server_without_tls(open_link: OpenLink) -> None:
    """An answer in the clear to a TLS greeting is a connection that failed, not a certificate."""

    async def shout(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.receive_some()

    async with speaking(shout) as port:
        url = f"wss://127.0.0.1:{port}/"
        error = await failure_of(open_link, url, Road())
    assert type(error) is ConnectError
    assert str(error).startswith(f"{url}: ")


# Proxies


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_the_way_over_a_proxy(open_link: OpenLink, scheme: str, tmp_path: Path) -> None:
    """The proxy resolves the name and wants its user; the server, and its certificate, are the name's own."""
    tls = AUTHORITY.server("feed.invalid") if scheme == "wss" else None
    port = {"ws": 80, "wss": 443}[scheme]
    async with trio.open_nursery() as nursery:
        hosts = {f"feed.invalid:{port}": await serve_greetings(nursery, tls)}
        async with open_proxy(hosts, credentials=USER) as proxy:
            road = by_proxy(proxy.url.replace("//", f"//{USER}@"), AUTHORITY.write(tmp_path))
            assert await greeting(open_link, f"{scheme}://feed.invalid/", road) == "/?token=t0ken"
        assert proxy.asked == [f"CONNECT feed.invalid:{port} HTTP/1.1"]
        nursery.cancel_scope.cancel()


async def test_a_proxy_is_no_reason_to_trust_a_server(open_link: OpenLink, tmp_path: Path) -> None:
    """Behind a proxy, too, the certificate has to be that of the URL's host, and the error names the road."""
    async with (
        speaking(listen, tls=AUTHORITY.server("127.0.0.1")) as port,
        open_proxy({"feed.invalid:443": port}) as proxy,
    ):
        error = await failure_of(open_link, "wss://feed.invalid/", by_proxy(proxy.url, AUTHORITY.write(tmp_path)))
    assert isinstance(error, CertificateError)
    assert f"wss://feed.invalid/ through the proxy {proxy.url}: certificate refused: Hostname" in str(error)


ENDLESS = b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 10_000


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Authenticate\r\n\r\n", "HTTP 407: the proxy wants a user and a password, or other ones"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP 502: the proxy cannot reach the host"),
        (b"HTTP/1.1 301 Moved\r\nLocation: /u:s3cret\r\n\r\n", "HTTP 301: the proxy refuses"),
        (b"220 mail.example s3cret\r\n\r\n", "the answer is not HTTP/1.1"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "the answer is not HTTP/1.1"),
        (ENDLESS, "the answer is not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "the proxy speaks after its answer"),
    ],
    ids=["407", "502", "301", "garbage", "101", "endless", "chatty"],
)
async def test_a_proxy_that_refuses(open_link: OpenLink, answer: bytes, words: str) -> None:
    """Whatever else a proxy answers is a failed connection that names the proxy and the reason."""
    async with open_proxy(answer=answer) as proxy:
        error = await failure_of(open_link, "wss://feed.invalid/", by_proxy(proxy.url.replace("//", f"//{USER}@")))
    assert type(error) is ConnectError
    assert str(error) == f"wss://feed.invalid/ through the proxy {proxy.url}: {words}"


async def test_a_proxy_that_wants_another_user(open_link: OpenLink) -> None:
    """Wrong credentials are refused, and not shown."""
    async with open_proxy(credentials="other:one") as proxy:
        error = await failure_of(open_link, "ws://feed.invalid/", by_proxy(proxy.url.replace("//", f"//{USER}@")))
    assert "HTTP 407" in str(error)


async def test_a_proxy_that_hangs(open_link: OpenLink) -> None:
    """A proxy that does not answer costs the time-out, not more."""
    async with open_proxy(answer=b"") as proxy:
        error = await failure_of(open_link, "ws://feed.invalid/", by_proxy(proxy.url), timeout_s=0.05)
    assert str(error) == f"ws://feed.invalid/ through the proxy {proxy.url}: no handshake within 0.05 s"


async def test_a_proxy_that_is_not_there_or_hangs_up(open_link: OpenLink) -> None:
    """Both are failed connections, and name the proxy."""

    async with speaking(listen) as port:
        road = by_proxy(f"http://{USER}@127.0.0.1:{port}")
        error = await failure_of(open_link, "ws://feed.invalid/", road)
        assert "the connection ended before the answer did" in str(error)
    error = await failure_of(open_link, "ws://feed.invalid/", road)
    assert str(error) == f"ws://feed.invalid/ through the proxy http://127.0.0.1:{port}: Connection refused"


async def test_a_cancellation_lets_go_of_the_proxy(open_link: OpenLink) -> None:
    """Cancelled while a proxy hangs, the socket is closed at once."""
    asked, gone = trio.Event(), trio.Event()

    async def hang(stream: trio.abc.Stream) -> None:
        assert await stream.receive_some()
        asked.set()
        assert not await stream.receive_some()
        gone.set()

    async with speaking(hang) as port, trio.open_nursery() as nursery:
        nursery.start_soon(greeting, open_link, "ws://feed.invalid/", by_proxy(f"http://127.0.0.1:{port}"))
        await asked.wait()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await gone.wait()


async def test_the_environment_names_the_proxy(open_link: OpenLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing configured the environment's proxy is taken, its user included."""
    async with trio.open_nursery() as nursery:
        hosts = {"feed.invalid:80": await serve_greetings(nursery)}
        async with open_proxy(hosts, credentials=USER) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", f"//{USER}@"))
            assert await greeting(open_link, "ws://feed.invalid/") == "/?token=t0ken"
            error = await failure_of(open_link, "ws://other.invalid/", Road())
        assert str(error).startswith(f"ws://other.invalid/ through the proxy {proxy.url}: HTTP 502")
        nursery.cancel_scope.cancel()


async def test_an_exempt_host_is_reached_without(open_link: OpenLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host in NO_PROXY, a feed that wants no proxy and this machine's own never meet the environment's proxy."""
    trio.socket.set_custom_hostname_resolver(Names("feed.test", "127.0.0.1"))
    async with trio.open_nursery() as nursery, open_proxy() as proxy:
        port = await serve_greetings(nursery)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert (
            await greeting(open_link, f"ws://feed.test:{port}/", Road(proxies=Proxies(configured=Secret(""))))
            is not None
        )
        assert await greeting(open_link, f"ws://127.0.0.1:{port}/") is not None
        monkeypatch.setenv("no_proxy", ".test")
        assert await greeting(open_link, f"ws://feed.test:{port}/") == "/?token=t0ken"
        assert not proxy.asked
        nursery.cancel_scope.cancel()
