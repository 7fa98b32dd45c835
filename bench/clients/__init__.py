"""The contestants: one module each, with ``run(run, desk)``, which ends when the desk ends the process.

Each is written as its library's own documentation would have it, with the decoding, dedup and lines of `bench.work`.
"""

from __future__ import annotations

import dataclasses

OURS = "trio_ticks"


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One way to do it.

    Attributes:
        title: For the table.
        module: In this package.
        packages: Whose versions are told.
        about: Ticks a second to expect at first, so that runs take about as long as each other; later rounds go by
            what was measured.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    about: int


CONTESTANTS = {
    OURS: Contestant("trio_ticks, whole engine", "ours", ("trio", "msgspec"), 60_000),
    "picows": Contestant("picows + uvloop, inline", "picows_inline", ("picows", "uvloop", "msgspec"), 400_000),
    "picows-queue": Contestant("picows + uvloop, Queue", "picows_queue", ("picows", "uvloop", "msgspec"), 300_000),
    "aiohttp": Contestant("aiohttp, Queue", "aiohttp_queue", ("aiohttp",), 120_000),
    "websockets": Contestant("websockets asyncio, Queue", "websockets_asyncio", ("websockets",), 90_000),
    "cryptofeed": Contestant("cryptofeed", "cryptofeed_feed", ("cryptofeed", "uvloop"), 80_000),
    "websockets-trio": Contestant("websockets.trio, channel", "websockets_trio", ("websockets", "trio"), 40_000),
    "trio-websocket": Contestant(
        "trio-websocket, channel", "trio_websocket_channel", ("trio-websocket", "trio"), 25_000
    ),
    "blog": Contestant("websocket-client, thread", "blog_recipe", ("websocket-client",), 20_000),
}
"""From the fastest to the recipe of the blogs. Those with picows decode like the engine, cryptofeed with its own way
of reading JSON, the others with the standard library's."""

CEILING = Contestant("the server alone: bytes are counted and dropped", "ceiling", (), 2_000_000)
"""No contestant: it shows that the server is not what is measured."""

FACADES = {
    "native": Contestant("trio_ticks", "facades", ("trio",), 60_000),
    "aio": Contestant("trio_ticks.aio", "facades", ("trio",), 60_000),
    "sync": Contestant("trio_ticks.sync", "facades", ("trio",), 60_000),
}
"""No contestants either: the same engine by its three doors, for `bench.facades`."""
