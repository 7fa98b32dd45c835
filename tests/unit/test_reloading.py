"""What a running engine takes on when its configuration is read again, and what is said of the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from trio_ticks.app.reload_command import reload, reloadable
from trio_ticks.app.reloading import Changes, Reloaded, Reloader, SymbolChange, changes_between
from trio_ticks.config import EngineConfig, LogConfig, parse_config
from trio_ticks.errors import ConfigError, TrioTicksError
from trio_ticks.runtime.engine import Engine
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.journal.lock import WriterLock, owner_text, writer_of

OLD = """
[feeds.alltick]
symbols = ["TSLA.US", "700.HK"]
token = "s3cr3t"
[feeds.coinbase]
symbols = ["BTC-USD"]
[journal]
path = "ticks.journal"
"""


def config(text: str) -> EngineConfig:
    return parse_config(text, source="ticks.toml", environ={})


CASES: dict[str, tuple[str, Changes]] = {
    "nothing": (OLD, Changes((), (), ())),
    "another order": (OLD.replace('"TSLA.US", "700.HK"', '"700.HK", "TSLA.US"'), Changes((), (), ())),
    "symbols": (
        OLD.replace('"700.HK"', '"NVDA.US", "9988.HK"'),
        Changes((SymbolChange("alltick", ("NVDA.US", "9988.HK"), ("700.HK",)),), (), ()),
    ),
    "log and webhook": (
        OLD + '[log]\nlevel = "error"\nformat = "json"\n[notify]\nurl = "https://a.example/x"\n',
        Changes((), ("log", "notify"), ()),
    ),
    "a secret": (OLD.replace("s3cr3t", "an0ther"), Changes((), (), ("feeds.alltick.token",))),
    "a feed more": (OLD + '[feeds.more]\nkind = "coinbase"\nsymbols = ["A-B"]', Changes((), (), ("feeds.more",))),
    "a feed less": (OLD.replace('[feeds.coinbase]\nsymbols = ["BTC-USD"]', ""), Changes((), (), ("feeds.coinbase",))),
    "a key of a table": (OLD + "linger_s = 0.5", Changes((), (), ("journal.linger_s",))),
    "a table more": (OLD + "[archive]", Changes((), (), ("archive",))),
    "all at once": (
        OLD.replace('"BTC-USD"', '"ETH-USD"') + "linger_s = 0.5\n[stop]\ngrace_s = 1\n[log]\nrepeats_per_min = 1",
        Changes(
            (SymbolChange("coinbase", ("ETH-USD",), ("BTC-USD",)),), ("log",), ("journal.linger_s", "stop.grace_s")
        ),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_differs_is_named_by_its_key(text: str, expected: Changes) -> None:
    """What can change while it runs, and what cannot, and no value: one may be a secret."""
    assert changes_between(config(OLD), config(text)) == expected


class Running:
    """As much of an engine as a reload touches; it carries at most three symbols of a feed."""

    def __init__(self) -> None:
        self.symbols: dict[str, tuple[str, ...]] = {"alltick": ("TSLA.US", "700.HK"), "coinbase": ("BTC-USD",)}

    async def add_symbols(self, *symbols: str, feed: str) -> None:
        if len(self.symbols[feed]) + len(symbols) > 3:
            raise ConfigError("its connections are full")
        self.symbols[feed] += symbols

    async def remove_symbols(self, *symbols: str, feed: str) -> None:
        left = tuple(symbol for symbol in self.symbols[feed] if symbol not in symbols)
        assert left, "a feed always carries something"
        self.symbols[feed] = left


class Scene:
    """A reloader of a running engine, and what it applies."""

    def __init__(self) -> None:
        self.text = OLD
        self.engine = Running()
        self.applied: list[EngineConfig] = []
        self.reloader = Reloader(
            engine=cast("Engine", self.engine),
            config=config(OLD),
            read=lambda: config(self.text),
            apply=self.applied.append,
        )

    async def reload(self, text: str) -> Reloaded:
        self.text = text
        return await self.reloader.reload()


async def test_symbols_come_and_go_and_the_rest_is_said_to_need_a_new_start() -> None:
    """In one line; and what was taken on is no news any more."""
    scene = Scene()
    text = OLD.replace('"700.HK"', '"NVDA.US", "9988.HK"').replace('"BTC-USD"', '"ETH-USD"') + "linger_s = 0.5"
    result = await scene.reload(text)
    assert result == Reloaded(
        ok=True,
        words="changed: alltick +NVDA.US +9988.HK -700.HK, coinbase +ETH-USD -BTC-USD;"
        " needs a new start: journal.linger_s",
    )
    assert scene.engine.symbols == {"alltick": ("TSLA.US", "NVDA.US", "9988.HK"), "coinbase": ("ETH-USD",)}
    assert (await scene.reload(text)).words == "needs a new start: journal.linger_s"
    back = await scene.reload(OLD)
    assert back.words == "changed: alltick +700.HK -NVDA.US -9988.HK, coinbase +BTC-USD -ETH-USD"


async def test_log_and_webhook_are_taken_on() -> None:
    """As the file has them now."""
    scene = Scene()
    assert (await scene.reload(OLD + '[log]\nlevel = "error"')).words == "changed: [log]"
    assert scene.applied[-1].log == LogConfig(level="error")
    assert (await scene.reload(OLD + '[log]\nlevel = "error"')).words == "nothing differs from what runs"


REFUSED: Mapping[str, str] = {
    "no TOML": "symbols = nope",
    "an unknown key": OLD + "lingr_s = 1",
    "symbols over the plan": OLD.replace('"700.HK"', ", ".join(f'"A{number}.US"' for number in range(9))),
    "a strategy that is not there": OLD + '[strategies.a]\nuse = "no_module:f"',
    "a strategy whose symbol nobody carries": OLD + '[strategies.a]\nuse = "json:dumps"\nsymbols = ["X"]',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
async def test_a_file_that_cannot_be_run_changes_nothing(text: str) -> None:
    """One line says why, and the engine goes on as it was."""
    scene = Scene()
    before = dict(scene.engine.symbols)
    result = await scene.reload(text.replace('"BTC-USD"', '"ETH-USD"'))
    assert not result.ok
    assert result.words.startswith("nothing is changed: ticks.toml: ") or "nothing is changed: " in result.words
    assert "\n" not in result.words
    assert (scene.engine.symbols, scene.applied) == (before, [])


async def test_what_has_no_room_is_said_and_tried_again_the_next_time() -> None:
    """It is not taken for done."""
    scene = Scene()
    more = OLD.replace('"BTC-USD"', ", ".join(f'"X{number}-USD"' for number in range(5)))
    for _ in range(2):
        result = await scene.reload(more)
        assert (result.ok, result.words) == (False, "not possible: feeds.coinbase.symbols: its connections are full")


def test_who_writes_a_journal_is_known_by_its_lock(tmp_path: Path) -> None:
    """Nobody, then this process, then nobody again; what a lock file says that nobody holds is not believed."""
    path = tmp_path / "ticks.journal"
    assert writer_of(path) is None
    text = owner_text(1_700_000_000_000_000)
    lock = WriterLock(path, owner=text)
    writer = writer_of(path)
    assert writer is not None
    assert (writer.pid, writer.text) == (os.getpid(), text)
    lock.release()
    assert writer_of(path) is None
    lock.path.write_text(text)
    assert writer_of(path) is None


def test_a_program_that_does_not_expect_it_is_not_told_to_reload(tmp_path: Path) -> None:
    """The signal would end it: a journal that is written by somebody else's program is no reason to send one."""
    path = tmp_path / "ticks.journal"
    with Journal.open(path, now_us=1_700_000_000_000_000), pytest.raises(TrioTicksError, match="no trio-ticks run"):
        reload(tmp_path / "ticks.toml", path)


def test_a_slip_that_a_killed_process_left_is_not_believed(tmp_path: Path) -> None:
    """Not even where the number of its process is now another's."""
    path = tmp_path / "ticks.journal"
    with Journal.open(path, now_us=1_700_000_000_000_000), reloadable(str(path)):
        left = path.with_name("ticks.journal.reload").read_bytes()
    path.with_name("ticks.journal.reload").write_bytes(left)
    with pytest.raises(TrioTicksError, match="no engine runs"):
        reload(tmp_path / "ticks.toml", path)
    with Journal.open(path, now_us=1_800_000_000_000_000), pytest.raises(TrioTicksError, match="no trio-ticks run"):
        reload(tmp_path / "ticks.toml", path)


def test_nothing_is_left_beside_the_journal(tmp_path: Path) -> None:
    """The slip goes with the process; without a journal there is none."""
    path = tmp_path / "ticks.journal"
    with Journal.open(path, now_us=1_700_000_000_000_000):
        before = set(tmp_path.iterdir())
        with reloadable(str(path)) as tell:
            tell(Reloaded(ok=True, words="well"))
            assert set(tmp_path.iterdir()) - before == {tmp_path / "ticks.journal.reload"}
        assert set(tmp_path.iterdir()) == before
    with reloadable(None) as tell:
        tell(Reloaded(ok=True, words="well"))
    assert not (tmp_path / "None.reload").exists()
