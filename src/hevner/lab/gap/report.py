"""Write the gap report: one page and the tables beside it.

Conventions
-----------
The folder appears when it is complete. The page holds its pictures and loads nothing.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from html import escape
from itertools import combinations
from pathlib import Path

from hevner import __version__
from hevner.errors import OutputError
from hevner.files import cannot_write, display_name
from hevner.lab.data.samples import names
from hevner.lab.gap.sections import sections, sentence, template
from hevner.lab.gap.study import MOST, Gap

TITLE = "The gap between datasets"
PAGE_NAME = "report.html"


def check_folder(folder: Path) -> None:
    """Check that a report can be written, before hours are spent on it.

    Raises `OutputError` if it exists and is not an empty folder, or cannot be made.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(
            "there is something already",
            subject=display_name(folder),
            remedy="Name a new folder for the report, or move the old one away",
            code="already_there",
        )
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise OutputError(
            "no such folder",
            subject=display_name(parent),
            remedy="Create the folder first",
            code="file_missing",
        )


def write(gap: Gap, folder: Path) -> None:
    """Write page and tables into a new or empty folder.

    Raises `OutputError` if it cannot be written; then nothing is left behind.
    """
    check_folder(folder)
    files = {PAGE_NAME: page(gap), "maps.csv": _maps(gap)}
    files |= {
        f"{name}.csv": _csv([asdict(row) for row in rows]) for name, rows in gap.tables.items()
    }
    part = folder.absolute().parent / f".hevner-{secrets.token_hex(6)}.part"
    try:
        part.mkdir()
        for name, text in files.items():
            if text:
                (part / name).write_text(text, encoding="utf-8", newline="")
        if folder.exists():
            folder.rmdir()
        os.replace(part, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def page(gap: Gap) -> str:
    """The page as HTML."""
    made = list(sections(gap))
    return template("page.html").substitute(
        title=TITLE,
        introduction=_introduction(gap),
        contents="\n".join(
            f'<li><a href="#{key}">{escape(heading)}</a></li>' for key, heading, _ in made
        ),
        sections="\n".join(html for *_, html in made),
        footer=f"Made with hevner {__version__}. The same data give the same report.",
    )


def _introduction(gap: Gap) -> str:
    say = partial(sentence, "introduction")
    listed = names(gap.rated.dataset)
    silent = [n for n in listed if gap.encoded is None or not gap.encoded.of(n).any()]
    data = [say("datasets", names=", ".join(listed))]
    if gap.encoded is not None:
        data.append(say("representations", names=", ".join(gap.representations), most=MOST))
    data += [
        say("shared", first=first, second=second, count=count)
        for first, second, count in _shared(gap)
    ]
    if silent:
        data.append(say("silent", names=", ".join(silent)))
    return f"<p>{say('purpose')}</p><p>{' '.join(data)}</p><p>{say('numbers')}</p>"


def _shared(gap: Gap) -> Iterator[tuple[str, str, int]]:
    """Every two datasets with recordings in common, and how many."""
    rows = gap.rated
    recordings = {name: set(rows.recording[rows.of(name)]) for name in names(rows.dataset)}
    for first, second in combinations(recordings, 2):
        if common := recordings[first] & recordings[second]:
            yield first, second, len(common)


def _maps(gap: Gap) -> str:
    if gap.encoded is None:
        return ""
    rows = gap.encoded
    return _csv([
        {
            "representation": name, "method": method, "track": str(rows.track[i]),
            "genre": str(rows.genre[i]), "valence": float(rows.emotion[i, 0]),
            "arousal": float(rows.emotion[i, 1]), "x": float(x), "y": float(y),
        }
        for (name, method), place in gap.maps.items()
        for i, (x, y) in enumerate(place)
    ])  # fmt: skip


def _csv(rows: Sequence[dict[str, object]]) -> str:
    """Rows under a header; empty if there are none. NaN is an empty cell."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "" if value != value else f"{value:.6g}"
