"""Analyses as tables: an Arrow table, which pandas, polars and DuckDB read, or a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hevner import extras
from hevner.output.records import COLUMNS, NUMBERS
from hevner.result import Analysis, Failure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Records = Analysis | Failure | Iterable[Analysis | Failure]


def to_arrow(analyses: Records) -> pa.Table:
    """Turn analyses into an Arrow table, a row each.

    ``polars.from_arrow`` takes it, and DuckDB queries it by the name of its variable.

    Parameters
    ----------
    analyses
        What `hevner.analyze` returns or `hevner.analyze_many` yields; files that failed have a row
        with ``status``, ``cause`` and ``remedy``.

    Returns
    -------
    pyarrow.Table
        The columns of `hevner.Analysis.to_row`, always the same: numbers, and texts; null for what
        is not known or does not apply.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed.
    """
    with extras.required("a table of analyses", "frames"):
        import pyarrow as pa
    kinds = [(name, pa.float64() if name in NUMBERS else pa.string()) for name in COLUMNS]
    some = [analyses] if isinstance(analyses, Analysis | Failure) else analyses
    return pa.Table.from_pylist([one.to_row() for one in some], pa.schema(kinds))


def to_frame(analyses: Records) -> pd.DataFrame:
    """Turn analyses into a DataFrame of pandas; parameters and columns are those of `to_arrow`.

    Raises
    ------
    MissingDependencyError
        If pandas or pyarrow is not installed.
    """
    extras.require("frames", "a DataFrame of analyses", "pandas")
    return to_arrow(analyses).to_pandas()
