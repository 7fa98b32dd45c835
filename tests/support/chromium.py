"""A headless Chromium, driven over its DevTools protocol, and the tests' reason when there is none."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import trio
import trio_websocket

from tests.support.installed import installed

PATIENCE_S = 180.0
"""A browser that hangs fails its test; nothing is measured by it."""

OPTIONS = [
    "--headless=new",
    "--no-sandbox",  # it shows this repository's own page alone, and root may not have the sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]
ANNOUNCED = re.compile(r"DevTools listening on (\S+)\n")
LARGEST_MESSAGE = 1 << 26
"""A picture of the page comes in one message."""


def chromium_path() -> str:
    """Return where Chromium is; skip the test, or fail it where the programs of others are required."""
    return installed("THE DASHBOARD IS", "chromium", package="chromium")


class Page:
    """One tab, as `open_page` yields it.

    Attributes:
        errors: What its console was told of as an error: exceptions, and what the browser refused.
        unreachable: The same of what it could not load.
        requests: Every address it asked for.
    """

    def __init__(self, websocket: trio_websocket.WebSocketConnection) -> None:
        self._websocket = websocket
        self._numbers = itertools.count(1)
        self._answers: dict[int, trio.MemorySendChannel[dict[str, Any]]] = {}
        self._session: dict[str, str] = {}
        self._loaded = trio.Event()
        self.errors: list[str] = []
        self.unreachable: list[str] = []
        self.requests: list[str] = []

    async def open(self) -> None:
        """Open the tab."""
        context = await self.send("Target.createBrowserContext", disposeOnDetach=True)
        target = await self.send("Target.createTarget", url="about:blank", **context)
        session = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": session["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log", "Performance"):
            await self.send(f"{domain}.enable")

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Give an order; return what came of it."""
        number = next(self._numbers)
        self._answers[number], answer = trio.open_memory_channel(1)
        order = {"id": number, "method": method, "params": params, **self._session}
        with trio.fail_after(PATIENCE_S):
            await self._websocket.send_message(json.dumps(order))
            message = await answer.receive()
        assert "error" not in message, f"{method}: {message['error']}"
        result: dict[str, Any] = message["result"]
        return result

    async def read(self) -> None:
        """Take in what the browser says, until it is gone."""
        while True:
            try:
                message = json.loads(await self._websocket.get_message())
            except trio_websocket.ConnectionClosed:
                return
            if "id" in message:
                self._answers.pop(message["id"]).send_nowait(message)
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "assert"}:
            self.errors.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            (self.unreachable if entry["source"] == "network" else self.errors).append(entry["text"])

    async def show(self, url: str) -> None:
        """Load a page, with all that it is made of."""
        self._loaded = trio.Event()
        await self.send("Page.navigate", url=url)
        with trio.fail_after(PATIENCE_S):
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, that of the promise where it is one."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    async def wait_until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        with trio.fail_after(PATIENCE_S):
            while not await self.evaluate(f"Boolean({expression})"):
                await self.evaluate("new Promise((done) => setTimeout(done, 20))")

    async def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(await self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent"))

    async def press(self, key: str) -> None:
        """Press a key, where the keyboard is."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36, "Tab": 9}.get(key, 0)
        await self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        """Be a screen of this size in pixels of the style sheet."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    async def theme(self, name: str) -> None:
        """Have the system prefer ``light`` or ``dark``."""
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    async def weight(self) -> tuple[int, int]:
        """Return the bytes in use by scripts and the nodes of the document, after a collection of garbage."""
        await self.send("HeapProfiler.collectGarbage")
        heap = await self.send("Runtime.getHeapUsage")
        return int(heap["usedSize"]), int(await self.evaluate("document.querySelectorAll('*').length"))

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what it looks like as a PNG; the whole page, where asked, else what the screen shows."""
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await trio.Path(path).write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def running_chromium(home: Path) -> Iterator[str]:
    """Run a browser until the block ends; yield where it is driven. It shows nothing that another did not ask for.

    Args:
        home: An empty directory for its profile.
    """
    log = home / "chromium.log"
    command = [chromium_path(), *OPTIONS, f"--user-data-dir={home / 'profile'}", "about:blank"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield _announced(process, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it is a family of processes
        process.wait()


def _announced(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until it has told where it listens."""
    give_up = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < give_up:
        found = ANNOUNCED.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"Chromium does not start:\n{log.read_text(errors='replace')[-2000:]}")


@asynccontextmanager
async def open_page(address: str) -> AsyncIterator[Page]:
    """Open a tab with a memory of its own, until the block ends.

    Args:
        address: Where the browser is driven.
    """
    async with (
        trio_websocket.open_websocket_url(address, max_message_size=LARGEST_MESSAGE) as websocket,
        trio.open_nursery() as nursery,
    ):
        page = Page(websocket)
        nursery.start_soon(page.read)
        await page.open()
        yield page
        nursery.cancel_scope.cancel()
