"""A server that means harm: whatever it sends, the engine hangs up on it, says why, and comes back.

The engine is the whole one, on real sockets; what it comes back to is the simulated vendor. Of each attack three
things are asked: the reason is told in one word and in a sentence, memory stays far below what was thrown at us, and
prices flow again. All waiting is simulated, so the time that an attack costs can be asked for as well.
"""

from __future__ import annotations

import ssl
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.support import attacks
from tests.support.attacks import BROKEN, CLOSING, HANDSHAKES, QUIET, TOO_LONG
from tests.support.certificates import Authority
from tests.support.hostile import Hostile, Mischief, open_hostile
from tests.support.scene import CONNECTION, TOKEN, new_clock, open_scene
from tests.support.sockets import speaking
from trio_ticks import AllTick, CertificateError, EngineError, Status, open_engine
from trio_ticks.runtime.transport import OpenLink, open_batched, open_websocket
from trio_ticks.sim import Sim

TWO = ("BTCUSDT", "ETHUSDT")

MOST_BYTES = 4 << 20
"""A message may have 1 MiB, and a few copies of it exist for a moment. Floods bring eight times as much as this."""

MOST_S = 30.0
"""Simulated. Opening may take 10 s and silence 15 s; then comes the pause before the next attempt."""


@attrs.frozen
class Tls:
    """What a server speaks TLS with, and the file by which it is trusted. None: there is no TLS."""

    server: ssl.SSLContext | None = None
    ca_file: str | None = None


@pytest.fixture
def simulated_time() -> MockClock:
    return new_clock()


@pytest.fixture(params=[open_batched, open_websocket], ids=["batched", "trio-websocket"])
def open_link(request: pytest.FixtureRequest) -> OpenLink:
    """Each transport in turn."""
    transport: OpenLink = request.param
    return transport


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """An authority of our own, and a server that it vouches for."""
    authority = Authority()
    return Tls(authority.server("127.0.0.1"), authority.write(tmp_path))


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Hold that the block never takes more memory than this beyond what there was."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


async def attack(
    mischief: Mischief, open_link: OpenLink, *, tls: Tls = Tls(), raw: bool = False
) -> tuple[str, str, set[str]]:
    """Let an engine be attacked once, and hold that prices flow after it.

    Returns:
        The one word by which the end of that connection was counted, the sentence that told of it, and the causes of
        all gaps.
    """
    met: list[Hostile] = []

    @asynccontextmanager
    async def road(sim: Sim) -> AsyncIterator[str]:
        port = urlsplit(sim.url).port or 0
        async with open_hostile(mischief, vendor_port=port, tls=tls.server, raw=raw) as hostile:
            met.append(hostile)
            yield hostile.url

    connection = attrs.evolve(CONNECTION, ca_file=tls.ca_file)
    with at_most(MOST_BYTES):
        async with open_scene(*TWO, connection=connection, road=road, open_link=open_link) as scene:
            began = trio.current_time()
            told: Status = await scene.until(lambda record: type(record) is Status and record.status != "connected")
            await scene.flows(*TWO)
            assert trio.current_time() - began < MOST_S
            await met[0].victim.left.wait()
            assert scene.line.last_error == told.reason
            assert len(told.reason.splitlines()) == 1
            ((cause, count),) = scene.line.reconnects.items()
            assert (count, scene.line.attempts) == (1, 2)
            return cause, told.reason, scene.gap_causes


def named(attacks: dict[str, Mischief]) -> pytest.MarkDecorator:
    """Run a test with each of these attacks."""
    return pytest.mark.parametrize("mischief", attacks.values(), ids=attacks)


def assert_broken(open_link: OpenLink, cause: str, reason: str) -> None:
    """Hold that the peer's mistake is told as such.

    trio-websocket tells its own verdict as if the peer had closed, and judges a frame's length only by what has come.
    """
    if open_link is open_websocket:
        assert cause in {"closed", "error"}
    else:
        assert cause == "error"
        assert reason.startswith("broken WebSocket frames: ")


@named(HANDSHAKES)
async def test_a_handshake_that_is_none(simulated_time: MockClock, open_link: OpenLink, mischief: Mischief) -> None:
    """Without end, or with the wrong one: refused after 10 s at the latest, by the name of the server."""
    cause, reason, gaps = await attack(mischief, open_link)
    assert (cause, gaps) == ("refused", set())
    assert reason.startswith("ws://127.0.0.1:")


@named(BROKEN)
async def test_frames_that_break_the_protocol(
    simulated_time: MockClock, open_link: OpenLink, mischief: Mischief
) -> None:
    """Too long, malformed or too good to be true: an error, as soon as the bytes that prove it are there."""
    cause, reason, gaps = await attack(mischief, open_link)
    assert gaps == set()
    assert_broken(open_link, cause, reason)


@named(TOO_LONG)
async def test_more_than_a_message_may_have(
    simulated_time: MockClock, open_link: OpenLink, mischief: Mischief
) -> None:
    """Announced, in pieces, or only when inflated: an error that names the limit."""
    cause, reason, gaps = await attack(mischief, open_link)
    assert gaps == set()
    assert_broken(open_link, cause, reason)
    if open_link is open_batched:
        assert reason.endswith("a message of more than 1048576 bytes")


@named(QUIET)
async def test_bytes_that_are_no_message(simulated_time: MockClock, open_link: OpenLink, mischief: Mischief) -> None:
    """A server that is busy without saying anything is silent, and what is missed while it is lies in a gap."""
    cause, reason, gaps = await attack(mischief, open_link)
    assert (cause, gaps) == ("silent", {"silent"})
    assert reason == "nothing came for 15 s"


@named(CLOSING)
async def test_ends_without_an_end(simulated_time: MockClock, open_link: OpenLink, mischief: Mischief) -> None:
    """A close that is not followed by one, or none at all: closed, whatever comes after."""
    cause, reason, gaps = await attack(mischief, open_link)
    assert (cause, gaps) == ("closed", set())
    assert reason


@pytest.mark.parametrize("name", ["half an answer", "a record that never ends"])
async def test_a_tls_handshake_that_stops(
    simulated_time: MockClock, open_link: OpenLink, tls: Tls, name: str
) -> None:
    """Half of it, and then nothing: refused after 10 s."""
    assert tls.server is not None
    mischief = attacks.half_a_tls_handshake(tls.server) if name == "half an answer" else attacks.a_record_without_end
    cause, reason, _ = await attack(mischief, open_link, tls=tls, raw=True)
    assert cause == "refused"
    assert "no handshake within 10 s" in reason


async def test_noise_for_tls(simulated_time: MockClock, open_link: OpenLink, tls: Tls) -> None:
    """Noise without end in answer to the TLS greeting: refused, and not for the certificate."""
    cause, reason, _ = await attack(attacks.garbage_for_tls, open_link, tls=tls, raw=True)
    assert cause == "refused"
    assert reason.startswith("wss://127.0.0.1:")


@named({**TOO_LONG, "garbage without end": BROKEN["garbage without end"]})
async def test_the_same_under_tls(
    simulated_time: MockClock, open_link: OpenLink, tls: Tls, mischief: Mischief
) -> None:
    """A certificate that is in order is no licence."""
    cause, reason, _ = await attack(mischief, open_link, tls=tls)
    assert_broken(open_link, cause, reason)


@named({"a broken record": attacks.a_broken_record, "a cut": attacks.a_cut_within_tls})
async def test_tls_that_breaks_off(
    simulated_time: MockClock, open_link: OpenLink, tls: Tls, mischief: Mischief
) -> None:
    """What comes after is not the server's any more: the connection is taken for cut."""
    cause, reason, _ = await attack(mischief, open_link, tls=tls)
    assert (cause, reason) == ("closed", "the connection was cut")


@pytest.mark.parametrize("name", ["other.example", "127.0.0.1"], ids=["wrong host", "unknown authority"])
async def test_a_certificate_that_proves_nothing(open_link: OpenLink, tls: Tls, name: str) -> None:
    """The engine ends at once and says so: whoever it is, the token is not shown to him."""
    heard: list[bytes | bytearray] = []

    async def listen(stream: trio.abc.Stream) -> None:
        heard.append(await stream.receive_some())

    impostor = Authority().server(name)
    async with speaking(listen, tls=impostor) as port:
        feed = AllTick(*TWO, token=TOKEN, url=f"wss://127.0.0.1:{port}/")
        with pytest.raises(EngineError, match="certificate refused: ") as caught:
            async with open_engine(
                feed, connection=attrs.evolve(CONNECTION, ca_file=tls.ca_file), open_link=open_link
            ):
                await trio.sleep_forever()
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(CertificateError) is not None
    assert not any(heard)
