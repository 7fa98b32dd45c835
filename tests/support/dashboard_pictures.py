"""Take the pictures that the README shows: ``python -m tests.support.dashboard_pictures DIRECTORY``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import trio

from tests.support.chromium import Page, open_page, running_chromium
from tests.support.dashboard_stage import Stage, open_stage

SIZES = {"": (1280, 800), "-phone": (390, 844)}


async def play(stage: Stage) -> None:
    """Two minutes: a link that is lost twice, and a strategy that trades."""
    for second in range(120):
        if second in {38, 81}:
            stage.engine.cut(4.0 if second == 38 else 9.0, "silent" if second == 38 else "closed")
        if second in {12, 55, 104}:
            stage.engine.signal("buy", size=0.5)
        if second in {27, 70}:
            stage.engine.signal("sell", size=0.5)
        if second == 63:
            stage.engine.signal("flat", reason="spread")
        await stage.advance(1)


async def take(page: Page, directory: Path) -> None:
    """Take them in both themes and all sizes."""
    for suffix, (width, height) in SIZES.items():
        await page.resize(width, height, scale=1.5 if not suffix else 2.0)
        for theme in ("light", "dark"):
            await page.theme(theme)
            await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            await page.picture(directory / f"dashboard-{theme}{suffix}.png", whole=bool(suffix))


async def main(directory: Path) -> None:
    """Run the stage and the browser, and take the pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, running_chromium(Path(home)) as browser:
        async with open_stage() as stage, open_page(browser) as page:
            await page.resize(*SIZES[""])
            await page.show(stage.url)
            await stage.wait_for_page("alltick/BTCUSDT")
            await play(stage)
            await take(page, directory)
            print(*page.errors, sep="\n")  # noqa: T201  # for whoever takes the pictures


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
