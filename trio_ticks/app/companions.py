"""What runs beside the engine of ``run``: the line to systemd, news for a webhook, and reloading at ``SIGHUP``.

::

    companions
    ├─ hangup     SIGHUP → read the configuration again → say what came of it
    ├─ pulse      systemd hears that the event loop turns; held-back log lines are summed up
    ├─ look       statistics of now and of a second ago → news
    └─ webhook    news → POST
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import trio

from trio_ticks.app.alarms import Alarms, News
from trio_ticks.app.logs import configure_logging, tell_repeats
from trio_ticks.app.reload_command import reloadable
from trio_ticks.app.reloading import Reloader
from trio_ticks.app.systemd import Systemd
from trio_ticks.app.webhook import FAREWELL_S, Webhook
from trio_ticks.config import EngineConfig
from trio_ticks.config.secret import secrets_in
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.holding import Held
from trio_ticks.runtime.statistics import EngineStatistics

log = logging.getLogger("trio_ticks.app")

LOOK_S = 1.0
"""Between two looks at the statistics. They cost a tenth of a millisecond; oftener tells nobody more."""


@attrs.frozen(kw_only=True)
class Settled:
    """What a run goes by, and how to read it again.

    Attributes:
        config: With what the command line has changed in it.
        read: Returns it as the file has it now, changed likewise.
        verbosity: How many ``-v`` there were.
    """

    config: EngineConfig
    read: Callable[[], EngineConfig]
    verbosity: int = 0

    def configure_logging(self, config: EngineConfig) -> None:
        """Log as a configuration says, and hide what is secret in it."""
        configure_logging(self.verbosity, config.log, secrets=secrets_in(config))


@asynccontextmanager
async def open_companions(engine: Engine, settled: Settled, systemd: Systemd) -> AsyncIterator[None]:
    """Run them for as long as the block lasts, and tell how it ended.

    The last words for the webhook are tried once, and not at all where somebody has asked a second time to stop.
    """
    webhook = Webhook(settled.config.notify)
    webhook.tell([News("started", f"the engine has started with {_carried(engine)}", utc_now_us())])
    body, was_cut = Held(), True
    try:
        async with trio.open_nursery() as nursery:
            # Python gives signals to no other thread.
            if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
                await nursery.start(_obey_hangup, engine, settled, systemd, webhook)
            systemd.ready()
            nursery.start_soon(_pulse, engine, systemd, name="pulse")
            nursery.start_soon(_look, engine, webhook, name="look")
            nursery.start_soon(webhook.run, name="webhook")
            with body:
                yield
            was_cut = False
            nursery.cancel_scope.cancel("the block has ended")
    finally:
        systemd.stopping()
        failure = engine.failure()
        if failure is not None or not was_cut:
            words = "the engine has stopped" if failure is None else f"the engine failed and has stopped: {failure}"
            webhook.tell([News("stopped", words, utc_now_us())])
            with trio.move_on_after(FAREWELL_S, shield=True):
                await webhook.farewell()
    body.release()


async def _obey_hangup(
    engine: Engine,
    settled: Settled,
    systemd: Systemd,
    webhook: Webhook,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    def apply(config: EngineConfig) -> None:
        settled.configure_logging(config)
        webhook.settings = config.notify

    reloader = Reloader(engine=engine, config=settled.config, read=settled.read, apply=apply)
    journal = settled.config.journal
    has_terminal = sys.stdin is not None and sys.stdin.isatty()
    # The receiver comes first: nobody may be told that a signal is expected before it is.
    with (
        trio.open_signal_receiver(signal.SIGHUP) as signals,
        reloadable(None if journal is None else journal.path) as tell,
    ):
        task_status.started()
        async for _ in signals:
            if has_terminal and not os.isatty(sys.stdin.fileno()):
                log.info("SIGHUP: the terminal is gone: stopping")
                engine.stop()
                continue
            systemd.reloading()
            result = await reloader.reload()
            log.log(logging.INFO if result.ok else logging.ERROR, "reload: %s", result.words)
            tell(result)
            systemd.ready()


async def _pulse(engine: Engine, systemd: Systemd) -> None:
    while True:
        systemd.alive(status_line(engine.statistics()))
        tell_repeats()
        await trio.sleep(systemd.beat_s)


async def _look(engine: Engine, webhook: Webhook) -> None:
    alarms: Alarms | None = None
    while not engine.is_stopping:  # from then on connections are closed on purpose
        if webhook.settings is None:
            alarms = None
        else:
            alarms = alarms or Alarms()
            webhook.tell(alarms.look(engine.statistics(), down_s=webhook.settings.down_s))
        await trio.sleep(LOOK_S)


def status_line(statistics: EngineStatistics) -> str:
    """Return how it is in a few words, as `systemctl status` shows them."""
    lines = [line for shard in statistics.shards for line in shard.lines]
    live = sum(line.state == "live" for line in lines)
    words = [f"{statistics.state}: {live} of {len(lines)} connections live", f"{statistics.ledger.received:,} ticks"]
    if statistics.journal is not None:
        words.append(f"journal {statistics.journal.state}")
    words += [f"sink {sink.name} holding" for sink in statistics.sinks if sink.state == "holding"]
    words += [f"feed {name} given up" for name in statistics.failed_feeds]
    return ", ".join(words)


def _carried(engine: Engine) -> str:
    return ", ".join(f"{len(symbols)} symbols of {feed}" for feed, symbols in engine.symbols.items())
