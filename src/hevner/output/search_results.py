"""Results of a search as text: a table to read, JSON, CSV, or a playlist for a player.

Conventions
-----------
Each function returns the whole text, which is short. Text is valid Unicode; names cannot break it
nor steer a terminal.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.emotion import UNIT, Scale
from hevner.files import display_name, printable
from hevner.hits import FIT, EmotionWord, Hit
from hevner.output import playlists
from hevner.output.spreadsheet import csv_text
from hevner.output.table import NONE, new_console, new_table, number
from hevner.result import clock

if TYPE_CHECKING:
    from rich.table import Table

NO_FIT = "Best first. A course has no fit: it is not known how the emotion of music at large moves."

BY_NAME = "In the order of their names."

HIT_COLUMNS = tuple(Hit("", "", 0, 0, 0, None, 0, None).to_dict(UNIT))
WORD_COLUMNS = tuple(EmotionWord("", "", 0, 0, 0).to_dict())


def hits_as(
    form: str,
    hits: Sequence[Hit],
    scale: Scale = UNIT,
    output: Path | None = None,
    width: int | None = None,
    fit: str = FIT,
) -> str:
    """Hits as text: a ``table``, ``json``, ``csv``, or one of `playlists.FORMATS`.

    A playlist names its pieces relative to ``output``, the file that the text is for. ``width`` is
    in characters per line of a table, None for as many as it needs; ``fit`` says what the fit
    means, for the line below a table.
    """
    if form in playlists.FORMATS:
        return playlists.playlist_as(form, hits, output)
    if form == "table":
        return _hit_table(hits, scale, width, fit)
    return records(form, [hit.to_dict(scale) for hit in hits], HIT_COLUMNS)


def words_as(form: str, words: Sequence[EmotionWord], width: int | None = None) -> str:
    """Words as text: a ``table``, ``json`` or ``csv``; see `hits_as`."""
    if form != "table":
        return records(form, [word.to_dict() for word in words], WORD_COLUMNS)
    table = new_result_table(("Feels", "Fit"), right=("Fit",))
    for word in words:
        table.add_row(str(word), f"{word.fit:.0%}")
    note = "Fit: the share of music at large that the word fits worse."
    if not words:
        note = "No word is sure enough: the piece lies near neutral, or its intervals are wide."
    return drawn(table, note, width)


def records(form: str, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Rows as JSON or CSV with these columns; lists are joined in CSV."""
    rows = [
        {name: display_name(v) if isinstance(v, str) else v for name, v in row.items()}
        for row in rows
    ]
    if form == "json":
        written = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
        return f"[\n{written}\n]\n" if written else "[]\n"
    lines = ([row.get(name) for name in columns] for row in rows)
    joined = (["; ".join(v) if isinstance(v, list) else v for v in line] for line in lines)
    return csv_text(columns, joined)


def _hit_table(hits: Sequence[Hit], scale: Scale, width: int | None, fit: str) -> str:
    moments = any(hit.start is not None for hit in hits)
    numbers = ("#", "At", "Length", "Valence", "Arousal", "Fit")
    headings = ("#", "Piece", *(("At",) if moments else ()), *numbers[2:5], "Key", "Fit")
    table = new_result_table(headings, right=numbers)
    for rank, hit in enumerate(hits, 1):
        cells = {
            "#": str(rank),
            "Piece": printable(hit.label or hit.name),
            "At": hit.when,
            "Length": clock(hit.duration),
            "Valence": number(scale.from_unit(hit.valence)),
            "Arousal": number(scale.from_unit(hit.arousal)),
            "Key": hit.key or NONE,
            "Fit": NONE if hit.fit is None else f"{hit.fit:.0%}",
        }
        table.add_row(*(cells[heading] for heading in headings))
    note = f"Valence and arousal on {scale.name}."
    if any(hit.fit is not None for hit in hits):
        note += f" Fit: {fit}."
    else:
        note += f" {BY_NAME if all(hit.divergence is None for hit in hits) else NO_FIT}"
    return drawn(table, note, width)


def new_result_table(headings: Sequence[str], right: Collection[str]) -> Table:
    """A table to read with these headings, some of them over numbers."""
    table = new_table()
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            overflow="fold",
            no_wrap=heading not in ("Piece", "Feels"),
        )
    return table


def drawn(table: Table, note: str, width: int | None) -> str:
    """A table as text with a note below; empty if it has no rows."""
    if not table.row_count:
        return ""
    text = io.StringIO()
    console = new_console(text, width)
    console.print(table)
    console.print(note)
    return "\n".join(map(str.rstrip, text.getvalue().splitlines())).strip("\n") + "\n"
