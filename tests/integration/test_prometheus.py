"""`/metrics` judged by Prometheus itself: its linter, its scraper, its rules."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.support.http import get
from tests.support.prometheus import DEPLOY, Prometheus, program, promtool
from trio_ticks import Engine, JournalConfig, Sink, SinkBatch, Strategy, Tick, Ticks
from trio_ticks.app.http import address_of, listen, metrics, open_http
from trio_ticks.config import HttpConfig
from trio_ticks.errors import SinkRejectedError
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.testing.venue import Venue

GUARD_S = 180.0
TICKS = 50


async def decide(ticks: Ticks) -> None:
    async for tick in ticks:
        await ticks.signal("buy", tick.symbol)


async def refusing(batch: SinkBatch) -> None:
    raise SinkRejectedError(f"{len(batch.ticks)} refused")


@asynccontextmanager
async def served_engine(tmp_path: Path) -> AsyncIterator[tuple[Engine, str, Venue]]:
    """Run an engine that has some of everything, and serve it."""
    venue = Venue()
    config = HttpConfig(bind="127.0.0.1:0")
    listeners = await listen(config)
    async with (
        venue.open_engine(
            "X",
            "Y",
            strategies=[Strategy(decide, name='with "quotes" and a \\')],
            journal=JournalConfig(path=str(tmp_path / "ticks.journal")),
            sinks=[Sink(_taking, name="good"), Sink(refusing, name="bad")],
            now_us=utc_now_us,
        ) as engine,
        open_http(engine, config, listeners),
        engine.subscribe(),
    ):
        await venue.wait_subscribed()
        for number in range(TICKS):
            await venue.send(Tick("X", utc_now_us(), float(number)))
        venue.drop()
        await venue.wait_subscribed()
        with trio.fail_after(GUARD_S):
            while not everybody_has_all(engine):  # noqa: ASYNC110 - it is looked at
                await trio.sleep(0.01)
        yield engine, address_of(listeners), venue


def everybody_has_all(engine: Engine) -> bool:
    """Whether nothing moves any more, so that it does not matter when the figures are taken."""
    statistics = engine.statistics()
    sinks, (strategy,) = statistics.ledger.sinks, statistics.strategies
    return sinks["good"].stored == sinks["bad"].dead_lettered == strategy.signals == TICKS


async def _taking(batch: SinkBatch) -> None:
    await trio.lowlevel.checkpoint()


async def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    """Names, units, types and help texts are as Prometheus wants them, of every family that there can be."""
    program("promtool")
    async with served_engine(tmp_path) as (_, url, _):
        status, headers, body = await get(f"{url}metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert promtool("check", "metrics", given=body) == (0, "")


async def test_prometheus_scrapes_what_the_ledger_says(tmp_path: Path) -> None:
    """The figures that it has stored are the engine's, with the labels that they have."""
    (tmp_path / "prometheus").mkdir()
    async with served_engine(tmp_path) as (engine, url, _):
        server = Prometheus(tmp_path / "prometheus", url.removeprefix("http://").strip("/"))
        try:
            await trio.to_thread.run_sync(server.start)

            async def value_of(expression: str) -> float:
                """Return the one value of a query, once there is one."""
                with trio.fail_after(GUARD_S):
                    while not (found := await trio.to_thread.run_sync(server.query, expression)):  # noqa: ASYNC110
                        await trio.sleep(0.1)
                assert len(found) == 1, found
                return float(found[0]["value"][1])

            assert await value_of('up{job="trio_ticks"} == 1') == 1
            ledger = engine.statistics().ledger
            assert await value_of("trio_ticks_received_ticks_total") == ledger.received == TICKS
            assert await value_of('trio_ticks_ticks_total{outcome="accepted"}') == TICKS
            assert await value_of('trio_ticks_consumer_offered_ticks_total{consumer="subscriptions"}') == TICKS
            assert await value_of("trio_ticks_journal_journaled_ticks_total") == TICKS
            assert await value_of('trio_ticks_sink_stored_ticks_total{sink="good"}') == TICKS
            assert await value_of('trio_ticks_sink_dead_lettered_ticks_total{sink="bad"}') == TICKS
            assert await value_of("trio_ticks_wire_to_journal_seconds_count") == TICKS
            assert await value_of('trio_ticks_wire_to_stored_seconds_count{sink="good"}') == TICKS
            assert await value_of('trio_ticks_line_reconnects_total{cause="closed"}') == 1
            signals = 'trio_ticks_strategy_signals_total{strategy="with \\"quotes\\" and a \\\\"}'
            assert await value_of(signals) == TICKS
            assert await value_of("histogram_quantile(0.5, trio_ticks_wire_to_journal_seconds_bucket)") > 0
        finally:
            await trio.to_thread.run_sync(server.stop)


@pytest.mark.parametrize(
    "words", [("check", "rules", "trio_ticks.rules.yml"), ("test", "rules", "trio_ticks.rules.test.yml")]
)
def test_the_alert_rules_are_sound(words: tuple[str, ...]) -> None:
    """Prometheus accepts them, and its own test of rules sees each fire, and only where something is wrong."""
    code, said = promtool(*words)
    assert code == 0, said


async def test_the_page_on_http_lists_every_metric(tmp_path: Path) -> None:
    """No more and no fewer than there are, but for those of a feed from another engine, which there is not here."""
    page = (DEPLOY.parents[1] / "docs" / "http.md").read_text().partition("All names begin with")[2]
    listed = {
        name for row in re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    async with served_engine(tmp_path) as (_, url, _):
        _, _, body = await get(f"{url}metrics")
    assert listed - {"relay_connected"} == set(re.findall(r"^# TYPE trio_ticks_(\w+)", body.decode(), re.MULTILINE))


def test_the_rules_name_only_metrics_that_exist() -> None:
    """A rule on a metric that is called otherwise would stay silent for ever."""
    source = Path(metrics.__file__).read_text()
    named = set(re.findall(r"\btrio_ticks_(\w+)", (DEPLOY / "trio_ticks.rules.yml").read_text()))
    assert named
    for name in named - {"rules"}:
        assert f'"{name.removesuffix("_bucket")}"' in source
