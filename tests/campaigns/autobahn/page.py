"""The page that keeps what the suites said."""

from __future__ import annotations

import platform
import re
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.campaigns.autobahn.suites import Suite
from tests.campaigns.autobahn.verdicts import Verdict, table, words

PAGE = Path(__file__).parents[3] / "docs" / "autobahn.md"


def write_page(suite: Suite, verdicts: Sequence[Verdict]) -> None:
    """Put what a suite said into its section of the page; the others stay."""
    begin, end = (f"<!-- {word} of {suite.name} -->" for word in ("begin", "end"))
    lines = ["", dated(suite), "", *table(verdicts), "", *words(verdicts), ""]
    section = begin + "\n".join(lines) + end
    page = PAGE.read_text()
    PAGE.write_text(re.sub(f"{begin}.*{end}", lambda _: section, page, flags=re.DOTALL))


def dated(suite: Suite) -> str:
    """Return when and with what the suite was run."""
    ours = ", ".join(f"{name} {version(name)}" for name in ("trio", "websockets"))
    runs_on = f"Python {platform.python_version()}, {ours}, zlib {zlib.ZLIB_RUNTIME_VERSION}"
    return f"Run on {datetime.now(UTC):%d %B %Y} with {suite.title()}; the client on {runs_on}."
