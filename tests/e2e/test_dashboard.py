"""The dashboard as somebody sees it: in a browser, before an engine whose time the test moves on."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.chromium import Page, open_page, running_chromium
from tests.support.dashboard_stage import Stage, open_stage

FIRST = "alltick/BTCUSDT"
PRICE = "document.querySelector('#chart-price').textContent"
STATE = "document.querySelector('#health-state').textContent"
SENTENCE = "document.querySelector('#health-words').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One browser for all; each test has a tab that knows nothing of the others."""
    with running_chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@asynccontextmanager
async def open_dashboard(browser: str, **engine: Any) -> AsyncIterator[tuple[Page, Stage]]:
    """Show the page; it has taken in its first state when this yields."""
    async with open_stage(**engine) as stage, open_page(browser) as page:
        await stage.advance(20)
        await page.resize(1280, 800)
        await page.show(stage.url)
        await stage.wait_for_page(FIRST)
        await page.wait_until(f"{STATE} === 'live' && {PRICE}")
        yield page, stage
        assert page.errors == []


async def rows(page: Page, panel: str) -> list[str]:
    """Return the rows of a panel as texts."""
    script = f"[...document.querySelectorAll('{panel}')].map((row) => row.innerText.replace(/\\s+/g, ' ').trim())"
    texts: list[str] = await page.evaluate(script)
    return texts


def shown(stage: Stage, place: int) -> str:
    """Return the price of a symbol as the page writes it."""
    return f"{Decimal(stage.engine.state()['symbols'][place]['price_text']):,}"


async def test_every_panel_shows_what_the_engine_tells(browser: str) -> None:
    """Each figure comes from the state as it is, the ledger balances, and nothing is asked of any other host."""
    async with open_dashboard(browser) as (page, stage):
        stage.engine.signal("buy", size=0.5)
        stage.engine.stale.add("5.HK")
        await stage.advance(2)
        ledger = stage.engine.ledger()
        await page.wait_until(f"document.querySelector('.box .figure').textContent === '{ledger.received:,}'")
        price = shown(stage, 0)
        await page.wait_until(f"{PRICE} === '{price}'")
        assert await page.text("#ledger-verdict") == "balanced"
        assert await page.text("#symbols-count") == "15, 1 stale"
        assert await page.evaluate(SENTENCE) == "5.HK is older than allowed."
        connections = await rows(page, "#connections .row")
        assert len(connections) == 4
        assert connections[0] == "alltick/crypto 0A live 120 <1 s 41 ms"
        consumers = await rows(page, "#consumers .row")
        assert [text.split()[0] for text in consumers] == ["momentum", "spread"]
        assert consumers[1].endswith(f"{ledger.consumers['spread'].dropped:,}")
        assert [text.split()[0] for text in await rows(page, "#storage .row")] == ["journal", "influxdb"]
        assert (await rows(page, ".stretch"))[0] == "to a strategy 180 µs 1.9 ms"
        assert "momentum: buy size=0.5" in (await rows(page, "#events li"))[0]
        hosts = {urlsplit(url).netloc for url in page.requests if not url.startswith(("about:", "data:"))}
        assert hosts == {urlsplit(stage.url).netloc}
        assert page.unreachable == []


async def test_values_move(browser: str) -> None:
    """A second later each of price and clock is a later one, and the line on the chart another."""
    async with open_dashboard(browser) as (page, stage):
        line = "document.querySelector('#plot canvas').toDataURL()"
        before = [await page.evaluate(what) for what in (PRICE, line)]
        clock = await page.text("#clock")
        await stage.advance(1)
        await page.wait_until(f"document.querySelector('#clock').textContent !== '{clock}'")
        await page.wait_until(f"{line} !== {json.dumps(before[1])}")
        assert await page.evaluate(PRICE) != before[0]


async def test_it_survives_a_restart_of_the_engine(browser: str) -> None:
    """It says that it reconnects, takes up the new process by itself, and repeats no event that it has listed."""
    async with open_dashboard(browser) as (page, stage):
        stage.engine.tell("status", "connected", "")
        await stage.advance(1)
        await page.wait_until("document.querySelectorAll('#events li').length === 1")
        stage.stop()
        await page.wait_until(f"{STATE} === 'reconnecting'")
        assert await page.text("#chart-title") == "BTCUSDT"
        await stage.start()
        await stage.wait_for_page(FIRST)
        await page.wait_until(f"{STATE} === 'live'")
        assert len(await rows(page, "#events li")) == 1

        stage.stop()
        await page.wait_until(f"{STATE} === 'reconnecting'")
        stage.engine.restart()
        await stage.start()
        await stage.wait_for_page(FIRST)
        await page.wait_until("document.querySelector('#uptime').textContent === '0 s'")
        await stage.advance(2)
        await page.wait_until("document.querySelector('#uptime').textContent === '2.0 s'")
        assert await page.text("#ledger-verdict") == "balanced"
        assert await page.text("#connections .figure") == "120"  # rates begin anew: counts that went back say nothing


async def test_what_is_wrong_is_said_in_one_sentence(browser: str) -> None:
    """The worst comes first, with its reason; and a gap is told with its cause."""
    async with open_dashboard(browser) as (page, stage):
        stage.engine.sink_error = "connection refused"
        await stage.advance(1)
        await page.wait_until(f"{STATE} === 'holding'")
        words = "influxdb takes nothing, the journal keeps it meanwhile: connection refused"
        assert await page.evaluate(SENTENCE) == words
        stage.engine.cut(2.0, "silent")
        await stage.advance(1)
        await page.wait_until("document.querySelector('#connections .detail').textContent === 'silent'")
        stage.engine.journal_error = "the disk is full"
        await stage.advance(2)
        await page.wait_until(f"{STATE} === 'journal'")
        assert await page.evaluate(SENTENCE) == "The journal is holding: the disk is full"
        assert "not covered for 2.00 s: silent" in " ".join(await rows(page, "#events li"))


async def test_the_pointer_tells_of_gaps_and_signals(browser: str) -> None:
    """Where no line is drawn it says why and for how long; at a mark, who decided what; elsewhere the price."""
    sweep = """
    (() => {
      const over = document.querySelector('#plot .u-over');
      const box = over.getBoundingClientRect();
      const told = new Set();
      for (let x = 1; x < box.width; x += 2) {
        const [clientX, clientY] = [box.left + x, box.top + 9];
        over.dispatchEvent(new MouseEvent('mousemove', { clientX, clientY, bubbles: true }));
        told.add(document.querySelector('#chart-readout').textContent);
      }
      return [...told];
    })()
    """
    async with open_dashboard(browser) as (page, stage):
        stage.engine.cut(4.0, "silent")
        await stage.advance(6)
        stage.engine.signal("sell", size=0.5)
        await stage.advance(3)
        await page.wait_until("document.querySelector('#uptime').textContent === '29 s'")
        told = await page.evaluate(f"new Promise((done) => requestAnimationFrame(() => done({sweep.strip()})))")
        assert any(text.endswith("not covered for 4.0 s: silent") for text in told)
        assert any(text.endswith("momentum: sell size=0.5") for text in told)
        assert sum(re.fullmatch(r"[\d:.]+ +39,\d+(\.\d+)?", text) is not None for text in told) > 20


async def test_the_keyboard_reaches_every_symbol_of_hundreds(browser: str) -> None:
    """Filter, arrows and Enter choose; of six hundred symbols only the rows in sight exist."""
    async with open_dashboard(browser, symbols=600, per_s=4) as (page, stage):
        assert await page.evaluate("document.querySelectorAll('#symbols tbody tr').length") < 60
        await page.press("/")
        await page.send("Input.insertText", text="sym59")
        await page.wait_until("document.querySelector('#symbols-count').textContent === '10 of 600'")
        for key in ("ArrowDown", "End", "ArrowUp", "Enter"):
            await page.press(key)
        await stage.wait_for_page("alltick/SYM598.US")
        assert await page.text("#chart-title") == "SYM598.US"
        await stage.advance(1)
        price = shown(stage, 598)
        await page.wait_until(f"{PRICE} === '{price}'")
        assert (await page.evaluate("location.hash")) == "#alltick%2FSYM598.US"


async def test_names_from_outside_are_texts(browser: str) -> None:
    """A symbol, a reason or an event that looks like markup is shown as it is, and does nothing."""
    hostile = "<img src=x onerror=alert(1)>"
    async with open_dashboard(browser) as (page, stage):
        stage.engine.symbols[1] = hostile
        stage.engine.sink_error = hostile
        stage.engine.tell("status", hostile, hostile)
        await stage.advance(1)
        await page.wait_until(f"{STATE} === 'holding'")
        assert await page.evaluate("document.querySelectorAll('img').length") == 0
        assert await page.evaluate(f"document.body.innerText.split({json.dumps(hostile)}).length") >= 5


async def test_it_fits_every_screen(browser: str) -> None:
    """On a laptop nothing but lists scrolls; on a phone nothing reaches over the edge; no value moves the rest."""
    async with open_dashboard(browser) as (page, stage):
        places = "JSON.stringify([...document.querySelectorAll('.panel')].map((one) => one.getBoundingClientRect()))"
        before = await page.evaluate(places)
        assert await page.evaluate("document.documentElement.scrollHeight") == 800
        await stage.advance(3)
        await page.wait_until("document.querySelector('#uptime').textContent === '23 s'")
        assert await page.evaluate(places) == before
        crowded = """(() => {
          const cell = document.querySelector('#symbols td:has(.feed)');
          cell.querySelector('.feed').textContent = 'a-feed-with-a-long-name';
          return cell.scrollWidth - cell.clientWidth;
        })()"""
        assert await page.evaluate(crowded) == 0  # or dots behind a symbol would say that it is cut
        await page.resize(390, 844)
        await page.wait_until("document.documentElement.scrollWidth === 390")  # the chart follows a frame later


async def test_the_axis_of_ages_stays_with_its_tracks(browser: str) -> None:
    """However much room there is below, nobody has to look for the figures at the other end of the screen."""
    edge = "(selector, side) => [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect()[side]"
    distance = f"(({edge})('#latency .axis', 'top') - ({edge})('.track', 'bottom'))"
    async with open_dashboard(browser) as (page, _):
        for height in (800, 2000):
            await page.resize(1280, height)
            assert 0 <= await page.evaluate(distance) < 10


async def test_an_hour_leaves_it_as_light_as_it_was(browser: str) -> None:
    """After the quarter of an hour that the chart holds, three more quarters add no node and next to no memory."""
    # Sixteen points a second are what the program's stream brings of a symbol at most, whatever its rate.
    async with open_dashboard(browser, symbols=60, per_s=16) as (page, stage):
        await run_for(page, stage, minutes=16)
        heap, nodes = await page.weight()
        await run_for(page, stage, minutes=44)
        later_heap, later_nodes = await page.weight()
        assert abs(later_nodes - nodes) <= 20
        assert later_heap < heap + 1_500_000, f"{heap:,} bytes became {later_heap:,}"


async def run_for(page: Page, stage: Stage, *, minutes: int) -> None:
    """Let minutes pass that have everything in them, and wait until the page has taken all of it in."""
    for _ in range(minutes):
        stage.engine.signal("buy", size=1)
        stage.engine.cut(1.0, "silent")
        for number in range(8):
            stage.engine.tell("status", f"number {number}", "")
        await stage.advance(60, beat_s=1)
    clock = "document.querySelector('#uptime').textContent"
    seconds = (stage.engine.now_us - stage.engine.started_us) // 1_000_000
    await page.wait_until(f"{clock} === '{seconds // 60} m {seconds % 60:02} s' || {clock} === '1 h 00 m'")


async def test_the_series_of_points_is_bounded_and_true(browser: str) -> None:
    """At ten thousand ticks a second it holds fifteen minutes in bounded memory, and no extreme is lost."""
    script = """
    import('/assets/series.js').then(({ Series }) => {
      const series = new Series();
      let [low, high] = [Infinity, -Infinity];
      for (let beat = 0; beat < 4000; beat += 1) {
        const times = Array.from({ length: 500 }, (_, k) => 1e15 + (beat * 500 + k) * 500);
        const prices = times.map((time, k) => Math.sin(beat + k * 0.7) * (1 + (beat % 7)));
        series.append(times, prices);
        if (beat < 500) continue; // longer ago than is kept
        low = Math.min(low, ...prices);
        high = Math.max(high, ...prices);
      }
      const kept = series.p.slice(series.before(1e9 + 500 * 0.25));
      const isAscending = series.t.every((time, k) => k === 0 || series.t[k - 1] <= time);
      return [series.length, isAscending, Math.min(...kept) === low, Math.max(...kept) === high];
    })
    """
    async with open_dashboard(browser) as (page, _):
        points, *truths = await page.evaluate(script)
        assert truths == [True, True, True]
        assert points < 4 * 10 * 900 + 1_100  # four of each tenth of a second, and what is cut off at once


async def test_a_line_is_interrupted_until_the_next_tick(browser: str) -> None:
    """Gaps that touch are one hole, and the price between a gap's end and the next tick is not made up."""
    script = """
    Promise.all([import('/assets/series.js'), import('/assets/holes.js')]).then(([{ Series }, { holesOf }]) => {
      const series = new Series();
      series.append([1e6, 2e6, 9e6], [1, 2, 3]);
      const gaps = [[2.5, 4, 'silent'], [5, 6, 'closed'], [20, 21, 'closed'], [-5, -4, 'closed']];
      return holesOf(gaps, series, 0, 10);
    })
    """
    async with open_dashboard(browser) as (page, _):
        assert await page.evaluate(script) == [[2.5, 9]]
