"""What has to be known to write a configuration, and what is known of the vendors already."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from trio_ticks.config import InfluxDB, Redis, Secret
from trio_ticks.config.load import variables_of
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.alltick import TOKEN_VARIABLE
from trio_ticks.feeds.alltick_plans import PLANS
from trio_ticks.feeds.registry import make_feed

INFLUX_VARIABLE = "INFLUX_TOKEN"
REDIS_VARIABLE = "REDIS_PASSWORD"


@attrs.frozen
class Vendor:
    """A vendor as a question knows it.

    Attributes:
        examples: Symbols as it spells them.
        plans: What it sells; none: there is nothing to choose.
        token: The variable of the environment that holds its token; "": it wants none.
    """

    examples: str
    plans: tuple[str, ...] = ()
    token: str = ""


VENDORS: Mapping[str, Vendor] = {
    "alltick": Vendor("TSLA.US 700.HK 600519.SH BTCUSDT GOLD", tuple(PLANS), TOKEN_VARIABLE),
    "coinbase": Vendor("BTC-USD ETH-USD"),
}

_UNKNOWN = Vendor("as your feed spells them")


@attrs.frozen(kw_only=True)
class Influx:
    """An InfluxDB: where it is, and whether it wants a token.

    Raises:
        ConfigError: there can be no such InfluxDB.
    """

    url: str
    org: str = "trading"
    bucket: str = "ticks"
    has_token: bool = True

    def __attrs_post_init__(self) -> None:
        InfluxDB(url=self.url, org=self.org, bucket=self.bucket)


@attrs.frozen(kw_only=True)
class RedisStore:
    """A Redis: where it is, and whether it wants a password.

    Raises:
        ConfigError: there can be no such Redis.
    """

    url: str
    has_password: bool = False

    def __attrs_post_init__(self) -> None:
        Redis(url=self.url)


@attrs.frozen(kw_only=True)
class Answers:
    """All that the file says.

    Attributes:
        feed: ``alltick``, ``coinbase``, or any other that `trio_ticks.feeds.registry.make_feed` knows.
        symbols: As the vendor spells them.
        plan: None: the vendor has none, or its default is meant.
        url: Another server; None: the vendor's.
        journal: The path.
        influxdb: None: no such sink.
        redis: None: no such sink.
    """

    feed: str
    symbols: tuple[str, ...]
    plan: str | None = None
    url: str | None = None
    journal: str = "ticks.journal"
    influxdb: Influx | None = None
    redis: RedisStore | None = None

    @property
    def vendor(self) -> Vendor:
        """What is known of the feed's vendor."""
        return VENDORS.get(self.feed, _UNKNOWN)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the environment that the file names."""
        names = [self.vendor.token]
        names += [INFLUX_VARIABLE] if self.influxdb is not None and self.influxdb.has_token else []
        names += [REDIS_VARIABLE] if self.redis is not None and self.redis.has_password else []
        return tuple(filter(None, names))


def check_answers(answers: Answers) -> None:
    """Refuse what cannot be, by what is known without asking anybody.

    Raises:
        ConfigError: there is no such feed or plan, the symbols exceed it, or the file would take an answer for a
            variable of the environment.
    """
    token = Secret("any") if answers.vendor.token else None
    make_feed(answers.feed, answers.symbols, plan=answers.plan, url=answers.url, token=token)
    stores = [answers.influxdb.url, answers.influxdb.org, answers.influxdb.bucket] if answers.influxdb else []
    stores += [answers.redis.url] if answers.redis else []
    for text in (answers.feed, *answers.symbols, answers.plan or "", answers.url or "", answers.journal, *stores):
        if variables_of(text):
            raise ConfigError(f"{text!r}: accepted are texts without ${{…}}")
