"""Results of a search as text: a table to read, JSON, CSV, or a playlist for a player.

Conventions
-----------
Each function returns the whole text, which is short. Text is valid Unicode; names cannot break it
nor steer a terminal.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hevner.emotion import UNIT, Scale
from hevner.files import display_name, file_named, printable
from hevner.hits import FIT, EmotionWord, Hit
from hevner.output.spreadsheet import cell
from hevner.output.table import NONE, new_console, new_table, number
from hevner.result import clock

if TYPE_CHECKING:
    from rich.table import Table

FORMATS = ("table", "json", "csv", "m3u8")
"""Forms of hits; words have the first three."""

NO_FIT = "Best first. A course has no fit: it is not known how the emotion of music at large moves."

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
    """Hits as text, in one of `FORMATS`.

    Parameters
    ----------
    form, hits
        The form, and the hits in their order.
    scale
        Scale for valence and arousal.
    output
        The file that the text is for; a playlist names its pieces relative to it.
    width
        Characters per line of a table; None for as many as it needs.
    fit
        Meaning of the fit, for the line below a table.
    """
    if form == "m3u8":
        return playlist(hits, output)
    if form == "table":
        return _hit_table(hits, scale, width, fit)
    return _records(form, [hit.to_dict(scale) for hit in hits], HIT_COLUMNS)


def words_as(form: str, words: Sequence[EmotionWord], width: int | None = None) -> str:
    """Words as text; see `hits_as`."""
    if form != "table":
        return _records(form, [word.to_dict() for word in words], WORD_COLUMNS)
    table = _table(("Feels", "Fit"), right=("Fit",))
    for word in words:
        table.add_row(str(word), f"{word.fit:.0%}")
    note = "Fit: the share of music at large that the word fits worse."
    if not words:
        note = "No word is sure enough: the piece lies near neutral, or its intervals are wide."
    return _drawn(table, note, width)


def playlist(hits: Sequence[Hit], output: Path | None = None) -> str:
    """An extended M3U playlist in UTF-8.

    Pieces in the folder of the file, or below it, are named relative to it, so that the folder can
    be moved as a whole; others by their full path. Moments carry their times in the way of VLC;
    other players start at the beginning.
    """
    lines = ["#EXTM3U"]
    folder = None if output is None else Path(os.path.realpath(output)).parent
    for hit in hits:
        title = Path(hit.name).with_suffix("").as_posix()
        seconds = hit.duration
        if hit.start is not None and hit.end is not None:
            title += f" ({clock(hit.start)})"
            seconds = hit.end - hit.start
        lines.append(f"#EXTINF:{max(round(seconds), 1)},{printable(title)}")
        if hit.start is not None:
            lines += [f"#EXTVLCOPT:start-time={hit.start:g}", f"#EXTVLCOPT:stop-time={hit.end:g}"]
        lines.append(_place(hit.path, folder))
    return "\n".join(lines) + "\n"


def _place(path: str, folder: Path | None) -> str:
    """A line that names a file, and that no player takes for a comment or an address."""
    file = file_named(path)
    if not isinstance(file, Path):
        return path
    is_below = folder is not None and file.is_relative_to(folder)
    place = (file.relative_to(folder) if folder is not None and is_below else file).as_posix()
    if printable(place) != place or place != place.strip():
        # What cannot stand in a line of text can stand in an address.
        return f"file://{quote(file.as_posix().encode('utf-8', 'surrogateescape'))}"
    is_other = place.startswith("#") or (is_below and ":" in place.partition("/")[0])
    return f"./{place}" if is_other else place


def _records(
    form: str, records: Sequence[dict[str, str | float | None]], columns: Sequence[str]
) -> str:
    rows = [
        {name: display_name(v) if isinstance(v, str) else v for name, v in record.items()}
        for record in records
    ]
    if form == "json":
        lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
        return f"[\n{lines}\n]\n" if lines else "[]\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _hit_table(hits: Sequence[Hit], scale: Scale, width: int | None, fit: str) -> str:
    moments = any(hit.start is not None for hit in hits)
    numbers = ("#", "At", "Length", "Valence", "Arousal", "Fit")
    headings = ("#", "Piece", *(("At",) if moments else ()), *numbers[2:5], "Key", "Fit")
    table = _table(headings, right=numbers)
    for rank, hit in enumerate(hits, 1):
        cells = {
            "#": str(rank),
            "Piece": printable(hit.name),
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
        note += f" {NO_FIT}"
    return _drawn(table, note, width)


def _table(headings: Sequence[str], right: Sequence[str]) -> Table:
    table = new_table()
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            overflow="fold",
            no_wrap=heading not in ("Piece", "Feels"),
        )
    return table


def _drawn(table: Table, note: str, width: int | None) -> str:
    if not table.row_count:
        return ""
    text = io.StringIO()
    console = new_console(text, width)
    console.print(table)
    console.print(note)
    return "\n".join(map(str.rstrip, text.getvalue().splitlines())).strip("\n") + "\n"
