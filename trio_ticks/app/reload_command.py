"""``reload``: have a running engine read its configuration again, and say what came of it.

The engine is found by its journal: the lock is held for as long as its process lives and says which one that is, and
a slip of paper beside it (``ticks.journal.reload``) says that this process reloads when it is told to. Both have to
agree before anything is sent, since ``SIGHUP`` ends a program that does not expect it. What came of it is written on
the slip, too, so the command can say it and its exit code can tell.
"""

from __future__ import annotations

import os
import platform
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from trio_ticks.app.reloading import Reloaded
from trio_ticks.config import JournalConfig, load_config
from trio_ticks.errors import TrioTicksError
from trio_ticks.storage.journal.lock import Writer, writer_of

PATIENCE_S = 60.0
"""For the answer. Reading a configuration takes milliseconds; an engine that cannot do it in a minute is stuck."""

POLL_S = 0.02
"""Between two looks for it."""


class Slip(msgspec.Struct):
    """What the file beside the journal says.

    Attributes:
        owner: Who wrote it, in the words of the journal's lock.
        reloads: How many there were.
        ok, words: What came of the latest.
    """

    owner: str
    reloads: int = 0
    ok: bool = True
    words: str = ""


@contextmanager
def reloadable(journal: str | None) -> Iterator[Callable[[Reloaded], None]]:
    """Let `reload` find this process for as long as the block lasts; yields what to tell what came of one.

    Args:
        journal: The path of the engine's journal, which is open. None: it has none, and only a signal reloads it.
    """
    writer = None if journal is None else writer_of(Path(journal))
    if journal is None or writer is None:
        yield lambda _: None
        return
    path, slip = _slip_path(Path(journal)), Slip(writer.text)

    def tell(result: Reloaded) -> None:
        slip.reloads, slip.ok, slip.words = slip.reloads + 1, result.ok, result.words
        _write(path, slip)

    _write(path, slip)
    try:
        yield tell
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def reload(config: Path, journal: Path | None) -> Reloaded:
    """Have the engine of a configuration read it again.

    Args:
        config: Its file, which names the journal.
        journal: The journal, where it is another one. The file is then read by the engine alone.

    Raises:
        ConfigError: the configuration cannot be read. The engine has not been asked, and runs on as it was.
        TrioTicksError: no engine writes the journal, it cannot be told to reload, or it does not answer.
    """
    path = Path((load_config(config).journal or JournalConfig()).path) if journal is None else journal
    writer = _found(path)
    slip = _read(path)
    if slip is None or slip.owner != writer.text:
        raise TrioTicksError(f"{writer.text} writes {path}, and is no trio-ticks run: it cannot be told to reload")
    try:
        os.kill(writer.pid, signal.SIGHUP)
    except PermissionError:
        raise TrioTicksError(f"{writer.text} belongs to another user: reload as that user") from None
    except ProcessLookupError:
        raise TrioTicksError(f"{writer.text} has ended") from None
    return _wait_for_answer(path, writer, slip.reloads)


def _found(journal: Path) -> Writer:
    writer = writer_of(journal)
    if writer is None:
        raise TrioTicksError(f"no engine runs on the journal {journal}; trio-ticks run starts one")
    if writer.host != platform.node():
        raise TrioTicksError(f"{writer.text} writes {journal}: reload it there")
    if not hasattr(signal, "SIGHUP"):
        raise TrioTicksError("this system has no signal to reload with; stop the engine and start it again")
    return writer


def _wait_for_answer(journal: Path, writer: Writer, seen: int) -> Reloaded:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        slip = _read(journal)
        if slip is not None and slip.owner == writer.text and slip.reloads > seen:
            return Reloaded(ok=slip.ok, words=slip.words)
        if writer_of(journal) is None:
            raise TrioTicksError(f"{writer.text} has ended instead")
        time.sleep(POLL_S)
    raise TrioTicksError(f"{writer.text} has not answered in {PATIENCE_S:g} s; its log may say why")


def _read(journal: Path) -> Slip | None:
    try:
        return msgspec.json.decode(_slip_path(journal).read_bytes(), type=Slip)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, slip: Slip) -> None:
    """Write it whole or not at all. On a full disk the log says what came of a reload all the same."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_bytes(msgspec.json.encode(slip))
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _slip_path(journal: Path) -> Path:
    return journal.with_name(journal.name + ".reload")
