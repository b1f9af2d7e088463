"""Cells of CSV files, which people open in spreadsheets.

A spreadsheet takes text that begins in certain ways for a formula and computes it, and a formula
can start programs and open addresses. Names of files come from strangers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
"""Beginnings of what a spreadsheet may compute, those of wide letters too."""

_NUMBER = r"[-+]?(\d+\.?\d*(e[-+]?\d+)?|inf|nan)?"
_HARMLESS = re.compile(rf"{_NUMBER}(\.\.{_NUMBER})?", re.IGNORECASE)
"""A number, or a scale of two."""


def cell(value: object) -> object:
    """A value for a cell: text that would be computed gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    is_formula = value.startswith(FORMULA) and not _HARMLESS.fullmatch(value)
    # The csv module does not quote a carriage return, which would begin another row.
    return ("'" * is_formula + value).replace("\r", "\\r")


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[object]], line_end: str = "\n") -> str:
    """Rows as CSV under the names of their columns, each value as `cell` has it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator=line_end)
    table.writerow(columns)
    table.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
