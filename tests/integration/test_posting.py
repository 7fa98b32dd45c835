"""What is told to a webhook, over real sockets: one POST, any answer is returned, its address is shown nowhere."""

from __future__ import annotations

import pytest
import trio

from tests.support.sockets import Talk, speaking
from trio_ticks.config import ConnectionConfig, Secret
from trio_ticks.errors import ConfigError, FeedError
from trio_ticks.runtime.asking import post
from trio_ticks.runtime.road import road_of

PATH = "/services/T0/B0/s3cr3t?key=s3cr3t"
BODY = b'{"text": "hello"}'
DIRECT = road_of(ConnectionConfig(proxy=Secret("")))


def answering(answer: bytes, heard: list[bytes]) -> Talk:
    async def talk(stream: trio.abc.Stream) -> None:
        while not b"".join(heard).endswith(BODY):
            heard.append(bytes(await stream.receive_some()))
        await stream.send_all(answer)
        await stream.aclose()

    return talk


async def send(port: int, **options: float) -> int:
    url = Secret(f"http://127.0.0.1:{port}{PATH}")
    return await post(url, body=BODY, media_type="application/json", road=DIRECT, **options)


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
async def test_one_post_is_sent_and_any_answer_is_returned(status: int) -> None:
    """With its length and kind, on a connection that is not kept."""
    heard: list[bytes] = []
    async with speaking(answering(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode(), heard)) as port:
        assert await send(port) == status
    head, _, body = b"".join(heard).partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert (first, body) == (f"POST {PATH} HTTP/1.1", BODY)
    assert {
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(BODY)}",
        "Connection: close",
    } <= set(headers)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"SSH-2.0-s3cr3t\r\n\r\n"])
async def test_a_failure_names_the_host_and_nothing_else_of_the_address(answer: bytes) -> None:
    """Paths of webhooks are passwords, and whatever answers may repeat them."""
    async with speaking(answering(answer, [])) as port:
        with pytest.raises(FeedError) as caught:
            await send(port)
    assert str(caught.value).startswith(f"http://127.0.0.1:{port}: ")
    assert "s3cr3t" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_left_after_a_while() -> None:
    """The time is for everything together."""

    async def talk(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await trio.sleep_forever()

    async with speaking(talk) as port:
        with pytest.raises(FeedError, match=r"no answer within 0\.05 s"):
            await send(port, timeout_s=0.05)


@pytest.mark.parametrize(
    "url", ["http://host:99999/s3cr3t", "ftp://host/s3cr3t", "http://user:s3cr3t@host/", "s3cr3t"]
)
async def test_an_address_that_cannot_be_used_is_not_shown(url: str) -> None:
    """Not even its port."""
    with pytest.raises(ConfigError) as caught:
        await post(Secret(url), body=BODY, media_type="application/json", road=DIRECT)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None
