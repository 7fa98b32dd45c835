"""An engine whose journal lies on a disk that is filled to its last byte, and emptied again.

Run as a program on a disk of its own of a few megabytes, with the directory as its argument. It prints one line of
JSON: what was found at the end.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from tests.support.chaos import SYMBOLS, Sent, number_of, ticks_of
from trio_ticks import AllTick, ConnectionConfig, Engine, Gap, JournalConfig, Secret, Strategy, Ticks, open_engine
from trio_ticks.sim import Sim, open_sim
from trio_ticks.storage.journal import JournalReader

SYMBOL = SYMBOLS[0]
GUARD_S = 300.0


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65_536))
    with contextlib.suppress(OSError), path.with_name("crumbs").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


async def send_until(sim: Sim, sent: Sent, is_so: Callable[[], bool]) -> None:
    """Send ticks until something is so, and some more."""
    with trio.fail_after(GUARD_S):
        while not is_so():
            await sim.send([sent.next(SYMBOL) for _ in range(20)])
            await trio.sleep(0.005)
        await sim.send([sent.next(SYMBOL) for _ in range(20)])


def state_of(engine: Engine) -> str:
    """Return how the journal is doing."""
    journal = engine.statistics().journal
    assert journal is not None
    return journal.state


async def main(home: Path) -> dict[str, int]:
    sent, seen = Sent(), list[int]()

    async def strategy(ticks: Ticks) -> None:
        async for tick in ticks:
            seen.append(number_of(tick))

    config = JournalConfig(path=str(home / "ticks.journal"), queue_ticks=2_000, min_free=0)
    async with (
        open_sim([], symbols=[SYMBOL]) as sim,
        open_engine(
            AllTick(SYMBOL, plan="professional", token="demo", url=sim.url),
            journal=config,
            strategies=[Strategy(strategy, capacity=10**6)],
            connection=ConnectionConfig(proxy=Secret(""), silent_after_s=300.0, mute_after_s=600.0),
        ) as engine,
    ):
        await sim.wait_subscribed(SYMBOL)
        await send_until(sim, sent, lambda: len(seen) > 1_000)
        await trio.to_thread.run_sync(fill, home / "ballast")
        await send_until(sim, sent, lambda: state_of(engine) == "lossy")
        at_loss = len(seen)
        await send_until(sim, sent, lambda: len(seen) > at_loss + 2_000)  # strategies go on
        for name in ("ballast", "crumbs"):
            (home / name).unlink(missing_ok=True)
        await send_until(sim, sent, lambda: state_of(engine) == "writing")
        with trio.fail_after(GUARD_S):
            while len(seen) < sent.count:  # noqa: ASYNC110 - a strategy counts, nobody tells
                await trio.sleep(0.05)
    return found(home / "ticks.journal", engine, seen, sent)


def found(path: Path, engine: Engine, seen: list[int], sent: Sent) -> dict[str, int]:
    """Check the account, and say what is in the journal."""
    ledger = engine.statistics().ledger
    assert ledger.imbalances() == []
    assert ledger.journal is not None
    assert seen == list(range(1, sent.count + 1))
    with JournalReader(path) as reader:
        assert not reader.verify().damage
        kept = [number_of(tick) for tick in ticks_of(reader)]
        records = [item for some in reader.records() for item in some]
    (gap,) = [item for item in records if isinstance(item, Gap)]
    assert kept == sorted(set(kept))
    left_out = sorted(set(seen) - set(kept))
    assert left_out == list(range(left_out[0], left_out[-1] + 1))
    assert (ledger.journal.journaled, ledger.journal.gapped) == (len(kept), len(left_out))
    assert (gap.cause, gap.missed) == ("full", len(left_out))
    # On the wire a stamp has milliseconds. The gap ends with a receipt.
    assert gap.start_us == sent.times[SYMBOL][left_out[0] - 1] // 1000 * 1000
    assert gap.end_us >= sent.times[SYMBOL][left_out[-1] - 1]
    return {"sent": sent.count, "left_out": len(left_out)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(trio.run(partial(main, Path(sys.argv[1])))) + "\n")
