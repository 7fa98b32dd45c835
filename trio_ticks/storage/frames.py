"""The types of other packages' tables, for type checkers alone: at run time none of them needs to be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # These two come without types.
    from pandas import DataFrame as PandasFrame  # type: ignore[import-untyped]
    from polars import DataFrame as PolarsFrame
    from pyarrow import Schema as ArrowSchema  # type: ignore[import-untyped]
    from pyarrow import Table as ArrowTable
else:
    ArrowSchema = ArrowTable = PandasFrame = PolarsFrame = Any

__all__ = ["ArrowSchema", "ArrowTable", "PandasFrame", "PolarsFrame"]
