"""How far long commands are, and what they answer to programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.journal import recorded_trades
from tests.support.reading import write_journal
from trio_ticks.app import importing
from trio_ticks.app.importing import Import, import_files
from trio_ticks.app.inspecting import verify_journal
from trio_ticks.storage.reading import OnProgress


def test_an_import_tells_how_much_of_all_files_it_has_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never back, never beyond the end, and at the end all of it."""
    told: list[tuple[int, int]] = []

    @contextmanager
    def watching(_: str) -> Iterator[OnProgress]:
        yield lambda done, total: told.append((done, total))

    monkeypatch.setattr(importing, "progress", watching)
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for hour, file in enumerate(files):
        rows = "".join(f"{hour * 10_000 + second},1.5,2,buy\n" for second in range(1, 3_000))
        file.write_text(f"time_us,price,volume,side\n{rows}")
    assert import_files(tmp_path / "new.journal", Import(files=files, symbol="A")) == 5_998
    total = sum(file.stat().st_size for file in files)
    assert {last for _, last in told} == {total}
    assert told == sorted(told)
    assert told[-1] == (total, total)


def test_verify_tells_programs_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object, and the same verdict as in words."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    write_journal(tmp_path / "ticks.journal", [trades])
    assert verify_journal(tmp_path / "ticks.journal", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["sound"], found["ticks"], found["damage"]) == (True, len(trades), [])
