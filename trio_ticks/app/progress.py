"""A progress bar on standard error, for a person who watches; for a pipe or a file there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from trio_ticks.storage.reading import OnProgress


@contextmanager
def progress(doing: str) -> Iterator[OnProgress | None]:
    """Yield what to tell of the progress: how far it is, and how far it goes. None: nobody looks.

    ``NO_COLOR`` and ``TERM=dumb`` are respected. The bar is gone when it is over.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        shown = -1

        def tell(done: int, total: int) -> None:
            nonlocal shown
            if done != shown:  # some tell after every record, and drawing costs more than reading one
                shown = done
                bar.update(task, completed=done, total=total)

        yield tell
