"""``export``: a journal or an archive as CSV, JSON lines or Parquet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from trio_ticks.app.formats import Format, header_of, writer_of
from trio_ticks.app.output import STDOUT
from trio_ticks.app.progress import progress
from trio_ticks.app.standard_streams import forget_stdout
from trio_ticks.errors import ConfigError, TrioTicksError
from trio_ticks.storage.extras import extra
from trio_ticks.storage.reading import ALL, OnProgress, Reading
from trio_ticks.storage.record_files import FileFormat, form_of
from trio_ticks.storage.replacing import replacing


@attrs.frozen(kw_only=True)
class Export:
    """What is written where. ``form`` None: by the suffix."""

    reading: Reading
    output: str = STDOUT
    form: FileFormat | None = None


def export(job: Export) -> None:
    """Write a file that appears whole or not at all, or standard output.

    Raises:
        ConfigError: the output cannot be opened, or its format is not known.
        JournalError: the journal cannot be read.
        TrioTicksError: the output cannot be written to its end.
    """
    kind = job.reading.query.kind
    form = job.form or (FileFormat.CSV if job.output == STDOUT else form_of(job.output, "--output"))
    if kind == ALL and form is not FileFormat.JSONL:
        raise ConfigError(
            f"--format {form}: records of all kinds fit into jsonl only; with --kind any format will do"
        )
    if form is FileFormat.PARQUET:
        extra("pyarrow", "arrow")
    with _opened(job.output) as file, progress(f"exporting {kind}") as tell:
        if form is FileFormat.PARQUET:
            _write_parquet(file, job.reading, tell)
        else:
            _write_lines(file, job.reading, Format(form.value), tell)


def _write_lines(file: BinaryIO, reading: Reading, form: Format, tell: OnProgress | None) -> None:
    kind = reading.query.kind
    write = writer_of(form, kind)
    if kind != ALL:
        file.write(header_of(form, kind))
    file.writelines(write(records) for records in reading.batches(on_progress=tell))


def _write_parquet(file: BinaryIO, reading: Reading, tell: OnProgress | None) -> None:
    pq = extra("pyarrow.parquet", "arrow")
    with pq.ParquetWriter(file, reading.schema, compression="zstd") as writer:
        for table in reading.tables(on_progress=tell):
            writer.write_table(table)


@contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """Yield where to write. A failure of the disk is told as ours; a reader that has enough is none."""
    try:
        with _file(output) as file:
            yield file
            file.flush()
    except BrokenPipeError:
        if output == STDOUT:
            forget_stdout()
    except OSError as error:
        raise TrioTicksError(f"--output {output}: cannot be written: {error.strerror}") from error


@contextmanager
def _file(output: str) -> Iterator[Any]:
    path = Path(output)
    if output == STDOUT:
        yield sys.stdout.buffer
    elif path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or a device: nothing to be replaced
        with path.open("wb") as file:
            yield file
    elif path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise ConfigError(
            f"--output {output}: cannot be written; accepted is a file in a directory that exists, or -"
        )
    else:
        with replacing(path) as file:
            yield file
