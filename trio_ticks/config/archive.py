"""``[archive]``: days that are over, as Parquet files beside the journal."""

from __future__ import annotations

import attrs

from trio_ticks.config import rules


@attrs.frozen(kw_only=True)
class ArchiveConfig:
    """``[archive]``: rolls days that are over to Parquet, one file for each day and kind.

    Attributes:
        path: The directory; it is made where there is none.
        after_days: So many whole UTC days stay in the journal alone. What is archived stays there, too, until the
            room is needed.
    """

    path: str = attrs.field(default="archive", validator=rules.some_text())
    # A weekend and a holiday later everything late has come, so that no file is written twice. Less rewrites files
    # for stragglers; more is room in the journal.
    after_days: int = attrs.field(default=7, validator=rules.count(0, 3_650))
