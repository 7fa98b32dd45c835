"""Running the program in the process of a test, and leaving its logging as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from trio_ticks.app import logs


@contextmanager
def logging_of_its_own() -> Iterator[None]:
    """Take down what the block sets up for logging, while the stream that it writes to is still open.

    Otherwise the lines of later tests would go there, and to whoever sets up logging after them.
    """
    root, ours = logging.getLogger(), logging.getLogger("trio_ticks")
    levels = root.level, ours.level
    try:
        yield
    finally:
        for handler in root.handlers[:]:
            if isinstance(handler, logs._Limited):
                root.removeHandler(handler)
                handler.close()
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
