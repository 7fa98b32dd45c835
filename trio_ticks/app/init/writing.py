"""The answers as a file: TOML that says what each key is for. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from trio_ticks.app.init.answers import INFLUX_VARIABLE, REDIS_VARIABLE, Answers, Influx, RedisStore

_COLUMN = 46
"""Where comments begin, unless a value is longer."""


def toml_of(answers: Answers, *, name: str) -> str:
    """Return the file.

    Args:
        answers: What it says.
        name: What it will be called, for the commands in its head.
    """
    sections = [_head(name), _feed(answers), _journal(answers)]
    sections += [_influxdb(answers.influxdb)] if answers.influxdb is not None else []
    sections += [_redis(answers.redis)] if answers.redis is not None else []
    sections.append(_strategy(answers))
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _head(name: str) -> Iterator[str]:
    yield "# What trio-ticks is to do. It never holds a token or a password: ${NAME} is taken from the environment."
    yield f"#   trio-ticks doctor {name}    looks at all that this needs"
    yield f"#   trio-ticks run {name}       does it, until Ctrl-C"


def _feed(answers: Answers) -> Iterator[str]:
    vendor = answers.vendor
    table = "mine" if ":" in answers.feed else answers.feed
    yield f"[feeds.{table}]"
    if table != answers.feed:
        yield _line("kind", answers.feed, "where the feed's class is")
    yield _line("symbols", list(answers.symbols), f"as the vendor spells them: {vendor.examples}")
    if vendor.token:
        yield _line("token", _variable(vendor.token), f"export {vendor.token}=…")
    if answers.plan is not None:
        plans = " | ".join(vendor.plans)
        yield _line("plan", answers.plan, f"{plans}: how many symbols and connections")
    if answers.url is not None:
        yield _line("url", answers.url, "in place of the vendor's own server")
    yield _line("lines", 2, "two connections for each symbol, the first copy of a tick wins", is_off=True)


def _journal(answers: Answers) -> Iterator[str]:
    yield "[journal]"
    yield _line("path", answers.journal, "everything that is delivered; what lies beside it belongs to it")
    yield _line("max_size", "10 GiB", "what every sink has is deleted first when it is reached")
    yield _line("when_full", "gap", "gap: go on, and name what is left out | block | stop")


def _influxdb(store: Influx) -> Iterator[str]:
    yield "[sinks.influxdb]"
    yield _line("url", store.url, "InfluxDB 2.x, 3.x, or 1.8 and later")
    yield _line("org", store.org, "1.8 and 3.x do not look at it, but it has to be there")
    yield _line("bucket", store.bucket, 'it has to exist; 1.8: "database/retention-policy"')
    comment = f'export {INFLUX_VARIABLE}=…, which may write to the bucket; 1.8: "user:password"'
    yield _line("token", _variable(INFLUX_VARIABLE), comment, is_off=not store.has_token)


def _redis(store: RedisStore) -> Iterator[str]:
    yield "[sinks.redis]"
    yield _line("url", store.url, "other engines read the journal from there")
    yield _line("stream", "ticks", "the key; its readers are trio-ticks, with [feeds.redis]")
    yield _line("password", _variable(REDIS_VARIABLE), f"export {REDIS_VARIABLE}=…", is_off=not store.has_password)


def _strategy(answers: Answers) -> Iterator[str]:
    yield "# A strategy is an async function of Ticks, here momentum() in my_module.py of the directory of the start."
    yield "# [strategies.momentum]"
    yield _line("use", "my_module:momentum", "", is_off=True)
    yield _line("symbols", list(answers.symbols[:1]), "without it: everything", is_off=True)
    yield _line("on_error", "restart", "restart it, or stop the engine", is_off=True)


def _variable(name: str) -> str:
    return f"${{{name}}}"


def _line(key: str, value: str | int | Iterable[str], comment: str, *, is_off: bool = False) -> str:
    """Return a setting and what it is for; one that is off is a comment itself."""
    setting = f"{'# ' if is_off else ''}{key} = {_written(value)}"
    return f"{setting:<{_COLUMN}}# {comment}" if comment else setting


def _written(value: str | int | Iterable[str]) -> str:
    """Return a value as TOML has it; its basic strings are JSON's, but for one character more that is escaped."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(_written, value))}]"
