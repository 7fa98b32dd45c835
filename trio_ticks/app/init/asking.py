"""The questions of ``init``, for whatever the command line leaves open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import attrs
from rich.prompt import Confirm, Prompt

from trio_ticks.app.init.answers import VENDORS, Answers, Influx, RedisStore, check_answers
from trio_ticks.errors import ConfigError

NONE, INFLUXDB, REDIS = "none", "influxdb", "redis"


class Asker(Protocol):
    """Who is asked: a person at a terminal, or a test."""

    def text(self, question: str, *, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """Return an answer that is not empty."""
        ...

    def is_so(self, question: str, *, default: bool) -> bool:
        """Return a yes or a no."""
        ...

    def say(self, words: str) -> None:
        """Say what is wrong with the last answer."""
        ...


class Terminal:
    """A person, asked on standard output."""

    def text(self, question: str, *, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """Ask until there is an answer."""
        while True:
            answer = Prompt.ask(question, default=default, choices=list(choices) or None)
            if answer and answer.strip():
                return answer.strip()

    def is_so(self, question: str, *, default: bool) -> bool:
        """Ask for yes or no."""
        return Confirm.ask(question, default=default)

    def say(self, words: str) -> None:
        """Print it."""
        print(words)


@attrs.frozen(kw_only=True)
class Given:
    """What the command line says already; None: nothing."""

    feed: str | None = None
    symbols: tuple[str, ...] = ()
    plan: str | None = None
    url: str | None = None
    journal: str | None = None
    influxdb: Influx | None = None
    redis: RedisStore | None = None


def answers_of(given: Given) -> Answers:
    """Return the answers without asking anybody: what is not given is the usual.

    Raises:
        ConfigError: they cannot be used.
    """
    feed = given.feed or next(iter(VENDORS))
    plans = VENDORS[feed].plans if feed in VENDORS else ()
    answers = Answers(
        feed=feed,
        symbols=given.symbols,
        plan=given.plan or next(iter(plans), None),
        url=given.url,
        journal=given.journal or "ticks.journal",
        influxdb=given.influxdb,
        redis=given.redis,
    )
    check_answers(answers)
    return answers


def ask(given: Given, asker: Asker) -> Answers:
    """Return the answers of whoever is asked for what is not given. What cannot be used is asked for again.

    Raises:
        ConfigError: what is given cannot be used.
    """
    feed = given.feed or asker.text("Which vendor?", default="alltick", choices=tuple(VENDORS))
    known = VENDORS.get(feed)
    plan = given.plan
    if plan is None and known is not None and known.plans:
        plan = asker.text("Which plan have you bought?", default=known.plans[0], choices=known.plans)
    given = attrs.evolve(given, feed=feed, plan=plan)
    given = _with_symbols(given, asker, "" if known is None else known.examples)
    if given.influxdb is None and given.redis is None:
        given = _with_store(given, asker)
    if given.journal is None:
        given = attrs.evolve(given, journal=asker.text("Where is the journal to lie?", default="ticks.journal"))
    return answers_of(given)


def _with_symbols(given: Given, asker: Asker, examples: str) -> Given:
    if given.symbols:
        answers_of(given)
        return given

    def take(answer: str) -> Given:
        symbols = tuple(dict.fromkeys(answer.replace(",", " ").split()))
        taken = attrs.evolve(given, symbols=symbols)
        answers_of(taken)
        return taken

    return _until_usable(asker, lambda: asker.text(f"Which symbols? Such as: {examples}"), take)


def _with_store(given: Given, asker: Asker) -> Given:
    kind = asker.text("Which database is to get the ticks, too?", default=NONE, choices=(NONE, INFLUXDB, REDIS))
    if kind == INFLUXDB:
        return _until_usable(
            asker,
            lambda: asker.text("Its address?", default="http://127.0.0.1:8086"),
            lambda url: attrs.evolve(given, influxdb=_influx(url, asker)),
        )
    if kind == REDIS:
        return _until_usable(
            asker,
            lambda: asker.text("Its address?", default="redis://127.0.0.1:6379/0"),
            lambda url: attrs.evolve(given, redis=_redis(url, asker)),
        )
    return given


def _influx(url: str, asker: Asker) -> Influx:
    Influx(url=url)  # a wrong address is told before more is asked
    return Influx(
        url=url,
        org=asker.text("Its organisation?", default="trading"),
        bucket=asker.text("The bucket?", default="ticks"),
        has_token=asker.is_so("Does it want a token?", default=True),
    )


def _redis(url: str, asker: Asker) -> RedisStore:
    RedisStore(url=url)
    return RedisStore(url=url, has_password=asker.is_so("Does it want a password?", default=False))


def _until_usable(asker: Asker, question: Callable[[], str], take: Callable[[str], Given]) -> Given:
    while True:
        try:
            return take(question())
        except ConfigError as error:
            asker.say(str(error))
