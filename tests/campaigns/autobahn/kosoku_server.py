"""kosoku, with one repair to its compression cases.

Run by `tests.campaigns.autobahn.suites`; it takes kosoku's own arguments. kosoku 0.1.0 hands a case bytes where the
message was compressed, and text where it was not. The cases of sections 12 and 13 hash what they get, which Python 3
does for bytes only: with a client that inflates and does not deflate, as RFC 7692 leaves it free to, each of them
fails in the suite itself before it can judge. So they are given bytes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from kosoku._caseindex import initialize_shims
from kosoku._cli import main


def repaired(on_message: Callable[..., None]) -> Callable[..., None]:
    """Return what a case does with a message, given bytes."""

    def on_bytes(case: Any, message: str | bytes, binary: bool) -> None:
        # Where the message is binary, every character of such a text stands for one byte.
        data = message.encode("latin-1" if binary else "utf-8") if isinstance(message, str) else message
        on_message(case, data, binary)

    return on_bytes


if __name__ == "__main__":
    initialize_shims()
    cases = importlib.import_module("case12_x_x")
    for case in (*cases.Case12_X_X, *cases.Case13_X_X):
        case.onMessage = repaired(case.onMessage)
    main()
