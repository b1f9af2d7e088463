"""Pieces and groups of pieces as text: a table to read, JSON or CSV.

Conventions
-----------
As in `hevner.output.search_results`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hevner.files import printable, write_file
from hevner.output.search_results import drawn, new_result_table, records
from hevner.output.table import NONE, number
from hevner.result import clock

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = (
    *("name", "title", "artist", "album", "album_artist", "track", "year", "genre", "duration"),
    *("valence", "arousal", "tension", "quadrant", "key", "mode", "tempo", "tags", "path"),
)
"""Columns of a piece unless others are asked for."""

SHOWN = ("piece", "album", "duration", "valence", "arousal", "quadrant", "key", "tempo")
"""Columns of a table to read; ``piece`` is artist and title, or else the name of the file."""

BAR = 24
"""Characters of the longest bar."""

MINUS_ONE_TO_ONE = ("valence", "arousal", "tension")


def listing_as(
    form: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], width: int | None = None
) -> str:
    """Rows as text, in the form ``table``, ``json`` or ``csv``.

    Groups have a column ``pieces``, the number of which is drawn as a bar in a table. ``width`` is
    in characters per line of a table; None for as many as it needs.
    """
    if form != "table":
        return records(form, [{n: _rounded(row[n]) for n in columns} for row in rows], columns)
    groups = "pieces" in columns
    shown = SHOWN if tuple(columns) == PIECE else tuple(columns)
    headings = [name.replace("_", " ").capitalize() for name in shown] + [""] * groups
    numeric = {name for row in rows for name in row if isinstance(row[name], int | float)}
    right = [name.replace("_", " ").capitalize() for name in numeric]
    table = new_result_table(headings, right)
    largest = max((row["pieces"] for row in rows), default=0) if groups else 0
    for row in rows:
        piece = f"{row['artist']} - {row['title']}" if _is_labelled(row) else row.get("name")
        cells = [_cell(name, piece if name == "piece" else row[name]) for name in shown]
        bar = ["█" * round(BAR * row["pieces"] / largest)] if groups else []
        table.add_row(*cells, *bar)
    note = f"{len(rows)} {'group' if groups else 'piece'}{'s' * (len(rows) != 1)}."
    if any(name in MINUS_ONE_TO_ONE for name in shown):
        note += " Valence and arousal on -1..1."
    return drawn(table, note, width)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table as a Parquet file, whole or not at all; raises `OutputError`."""
    from pyarrow import parquet

    content = io.BytesIO()
    parquet.write_table(table, content)
    write_file(path, content.getvalue())


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _is_labelled(row: dict[str, Any]) -> bool:
    return bool(row.get("artist") and row.get("title"))


def _cell(name: str, value: Any) -> str:
    match value:
        case None | "":
            return NONE
        case list():
            return printable(", ".join(map(str, value)))
        case float() if name == "duration":
            return clock(value)
        case float() if name in MINUS_ONE_TO_ONE:
            return number(value)
        case float():
            return f"{value:.1f}"
        case _:
            return printable(str(value))
