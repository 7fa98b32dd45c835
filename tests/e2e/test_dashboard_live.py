"""The dashboard of the program itself: the demo as a process, in a browser."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import open_page, running_chromium
from tests.support.dashboard_stage import lasting_port
from tests.support.program import open_program

STATE = "document.querySelector('#health-state').textContent"
WORDS = "document.querySelector('#health-words').textContent"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[str]:
    """A browser."""
    with running_chromium(tmp_path) as address:
        yield address


async def test_it_shows_the_program_and_takes_up_the_next_one(browser: str, tmp_path: Path) -> None:
    """Values appear and move, it says that the process is gone, and takes up the next one on the same port."""
    async with open_page(browser) as page:
        address = f"127.0.0.1:{lasting_port()}"
        for run in range(2):
            async with open_program("demo", "--plain", "--http", address, cwd=tmp_path) as demo:
                await demo.wait_for(f"dashboard: http://{address}/")
                if run == 0:
                    await page.show(f"http://{address}/")
                await page.wait_until(f"{STATE} !== 'connecting' && {STATE} !== 'reconnecting'")
                await page.wait_until("document.querySelector('#chart-price').textContent.length > 3")
                before = await page.text(".box .figure")
                await page.wait_until(f"document.querySelector('.box .figure').textContent !== '{before}'")
                await page.wait_until("document.querySelectorAll('#symbols tbody tr[id]').length === 2")
                assert await page.text("#ledger-verdict") == "balanced"
                assert await page.evaluate("document.querySelectorAll('#connections .row').length") == 1
                demo.send(signal.SIGTERM)
                assert await demo.wait() == 0
            await page.wait_until(f"{STATE} === 'reconnecting'")
        assert (await page.evaluate(WORDS)).startswith("The engine does not answer.")
        assert page.errors == []
