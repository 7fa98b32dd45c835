"""``journal import``: files of records, as ``export`` writes them or as others do, as a new journal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs

from trio_ticks.app.progress import progress
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.making import new_journal
from trio_ticks.storage.reading import OnProgress
from trio_ticks.storage.record_files import FileFormat, Ordinals, Unsaid, form_of, records_of_text

_IN_BATCH = 1_000
_IN_COMMIT = 50


@attrs.frozen(kw_only=True)
class Import:
    """What is read, and what is said of ticks whose file does not say it."""

    files: Sequence[Path]
    form: FileFormat | None = None
    symbol: str | None = None
    feed: str = "import"


def import_files(journal: Path, job: Import) -> int:
    """Make a journal of files, in their order; return how many records it has.

    The journal appears whole or not at all. One that exists is left as it is: its ticks would be there twice.

    Raises:
        ConfigError: there is such a journal, or a file cannot be read; the line is named.
        JournalError: the journal cannot be written.
    """
    now_us = utc_now_us()
    with new_journal(journal, now_us=now_us) as made, progress(f"importing into {journal}") as tell:
        return _write(made, _records(job, tell), now_us)


def _write(journal: Journal, records: Iterator[Record], now_us: int) -> int:
    count = 0
    batches = iter(lambda: list(itertools.islice(records, _IN_BATCH)), [])
    while some := list(itertools.islice(batches, _IN_COMMIT)):
        journal.commit(some, now_us=now_us)
        count += sum(map(len, some))
    return count


def _records(job: Import, tell: OnProgress | None) -> Iterator[Record]:
    ordinals = Ordinals()
    unsaid = Unsaid(symbol=job.symbol, feed=job.feed)
    sizes = [path.stat().st_size if path.is_file() else 0 for path in job.files]
    for number, path in enumerate(job.files):
        form = job.form or form_of(str(path), "FILE")
        if form is FileFormat.PARQUET:
            raise ConfigError(f"{path}: {form} is not imported; accepted: csv, jsonl")
        told = None if tell is None else partial(_tell, tell, sum(sizes[:number]), sum(sizes))
        yield from records_of_text(path, form, unsaid=unsaid, ordinals=ordinals, on_progress=told)


def _tell(tell: OnProgress, before: int, total: int, read: int) -> None:
    tell(before + read, total)
