"""Tables of cells and verdicts as CSV: four decimals, an empty field for what is not defined."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hevner.files import replace_file


def write(path: Path, columns: Sequence[str], rows: Iterable[Any]) -> None:
    """Write rows, objects with an attribute for each column.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_field(getattr(row, name)) for name in columns] for row in rows)
    replace_file(path, text.getvalue().encode())


def _field(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return str(value)
