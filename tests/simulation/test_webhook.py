"""The webhook's queue on a simulated clock: at most so much waits, so often is sent, and a dead one costs nothing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_ticks.app.alarms import News
from trio_ticks.app.webhook import FAREWELL_S, LONGEST, WAITING, Webhook, body_of
from trio_ticks.config import NotifyConfig, Secret
from trio_ticks.errors import ConnectError

URL = "https://hooks.example/services/T0/B0/s3cr3t"


def news(number: int, event: Any = "silent") -> News:
    return News(event, f"number {number}", number * 1_000_000)


class Hook:
    """The other end: takes everything, refuses with a status, cannot be reached, or never answers."""

    def __init__(self, answer: int | Exception | None = 204) -> None:
        self.answer = answer
        self.bodies: list[tuple[float, Any]] = []

    async def send(self, url: Secret, *, body: bytes, media_type: str, timeout_s: float) -> int:
        assert (url.reveal(), media_type, timeout_s) == (URL, "application/json", 10.0)
        self.bodies.append((trio.current_time(), json.loads(body)))
        await trio.lowlevel.checkpoint()
        if self.answer is None:
            await trio.sleep_forever()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, int)
        return self.answer

    @property
    def texts(self) -> list[list[str]]:
        """What came in each request."""
        return [[item["text"] for item in body["news"]] for _, body in self.bodies]


def webhook(hook: Hook, **settings: Any) -> Webhook:
    return Webhook(NotifyConfig(url=URL, **settings), chance=lambda: 0.5, send=hook.send)


async def test_the_first_news_goes_out_at_once_and_the_next_ones_together(autojump_clock: MockClock) -> None:
    """Much that goes wrong at once is two requests, and nothing is left out."""
    hook = Hook()
    told = webhook(hook, pause_s=30.0)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told.run)
        told.tell([news(0)])
        await trio.sleep(1)
        for number in range(1, 10):
            told.tell([news(number)])
            await trio.sleep(1)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    assert [round(at - began) for at, _ in hook.bodies] == [0, 30]
    assert hook.texts == [["number 0"], [f"number {number}" for number in range(1, 10)]]


@pytest.mark.parametrize("answer", [500, 302, ConnectError("https://hooks.example: Connection refused")])
async def test_a_dead_webhook_costs_little_and_gets_the_newest_when_it_is_back(
    answer: int | Exception, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A day of it: some hundred attempts, one line in the log, a bounded queue; then what is lost is counted."""
    caplog.set_level(logging.INFO)
    hook = Hook(answer)
    told = webhook(hook)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told.run)
        for number in range(1_000):
            told.tell([news(number)])
            await trio.sleep(86.4)
        assert 90 < len(hook.bodies) < 150
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        hook.answer = 200
        await trio.sleep(900)
        nursery.cancel_scope.cancel()
    body = hook.bodies[-1][1]
    assert [item["text"] for item in body["news"]] == [f"number {number}" for number in range(1_000 - WAITING, 1_000)]
    assert body["lost"] == 1_000 - WAITING
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "s3cr3t" not in caplog.text


async def test_the_last_words_are_tried_once_and_not_for_long(autojump_clock: MockClock) -> None:
    """A process that ends waits for nobody; where the webhook was dead before, not even that."""
    slow, dead = Hook(None), Hook(500)
    told = webhook(slow)
    told.tell([news(1, "stopped")])
    began = trio.current_time()
    with trio.move_on_after(FAREWELL_S):
        await told.farewell()
    assert (trio.current_time() - began, len(slow.bodies)) == (FAREWELL_S, 1)
    told = webhook(dead)
    told.tell([news(1)])
    with trio.move_on_after(0.5):
        await told.run()
    told.tell([news(2, "stopped")])
    await told.farewell()
    assert len(dead.bodies) == 1


async def test_only_what_is_wanted_is_told(autojump_clock: MockClock) -> None:
    """By ``events``, and nothing where there is no webhook any more; what waited for it is gone."""
    hook = Hook()
    told = webhook(hook, events=["stopped"])
    told.tell([news(1), news(2, "stopped"), news(3, "journal")])
    await told.farewell()
    told.tell([news(4, "stopped")])
    told.settings = None
    told.tell([news(5, "stopped")])
    await told.farewell()
    assert hook.texts == [["number 2"]]


@pytest.mark.parametrize(("form", "key"), [("slack", "text"), ("discord", "content"), ("json", "text")])
def test_a_message_reads_well_and_is_never_too_long(form: str, key: str) -> None:
    """In the form that each service shows; the newest lines are kept."""
    body = body_of(form, [news(1), News("silent", "number 2", 2_000_000, is_over=True)], 0, host="here")
    assert body[key] == "trio-ticks on here\n00:00:01Z • number 1\n00:00:02Z ✓ number 2"
    hostile = body_of(form, [News("strategy", "<!channel>\nfake\x1b[2J", 0)], 0, host="here")[key]
    assert hostile.count("\n") == 1
    assert ("<!channel>" in hostile) is (form != "slack")
    many = [News("strategy", f"{number} {'x' * 200}", 0) for number in range(WAITING)]
    text = body_of(form, many, 7, host="here")[key]
    assert len(text) <= LONGEST
    assert f"{WAITING - 1} xxx" in text
    kept = text.count("\n")
    assert f"({7 + WAITING - kept} earlier messages are left out)" in text
    assert len(body_of(form, [News("strategy", "y" * 9_999, 0)], 0)[key]) <= LONGEST
