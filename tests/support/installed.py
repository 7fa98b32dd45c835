"""Programs of others that tests start: found, or the test is skipped in one loud line, or fails where it must run."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRED = "TRIO_TICKS_REQUIRE_SERVERS"


def installed(what: str, *names: str, package: str) -> str:
    """Return where a program is; skip the test, or fail it where the programs of others are required.

    Args:
        what: Is not tested without it.
        names: It may have, the usual one first.
        package: Of Debian's, that has it.
    """
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    reason = f"{what} NOT TESTED HERE: there is no {names[0]} (apt-get install {package})"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1")
    pytest.skip(reason)
