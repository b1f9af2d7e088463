"""Tables as CSV: four decimals, an empty field for values that are not defined."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hevner.files import replace_file

Row = dict[str, Any]
"""Values by the name of their column; columns without a value may be missing."""


def write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows under the names of their columns; raise `OutputError` if that fails."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_field(row.get(name, "")) for name in columns] for row in rows)
    replace_file(path, text.getvalue().encode())


def _field(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return str(value)
