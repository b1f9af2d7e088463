"""Songs of a Subsonic server, by its ids and by the paths of a catalogue.

Conventions
-----------
The list is what the server itself answers to ``search3`` in JSON, saved to a file, or a CSV file
with the columns ``id`` and ``path``, and any of `TEXTS`. Paths are those of the server, below a
folder of this machine. An entry is what the server says of a song, a *Child* of the protocol.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hevner.catalog.file_identity import row_path
from hevner.errors import DataError
from hevner.files import display_name
from hevner.text_file import read_json, read_text

TEXTS = ("title", "artist", "album")
"""Columns of a CSV file besides ``id`` and ``path``."""

Child = dict[str, Any]


@dataclass(frozen=True)
class Songs:
    """Songs that are in both places: entries by id, paths by id, and ids by path."""

    entries: dict[str, Child]
    paths: dict[str, str]
    ids: dict[str, str]


def read(file: Path, root: Path) -> Songs:
    """Read a list of songs whose paths are below a folder.

    Raises
    ------
    DataError
        If the file cannot be read, or is no such list.
    """
    try:
        listed = _json(read_json(file)) if file.suffix.lower() == ".json" else _csv(file)
        entries = {str(one["id"]): one for one in listed}
        paths = {id: row_path(root / str(one["path"])) for id, one in entries.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"it is no list of songs ({type(error).__name__}: {error})",
            subject=display_name(file),
            remedy="Save the server's answer to search3 in JSON, or a CSV file with id and path",
            code="not_a_song_list",
        ) from error
    return Songs(entries, paths, {path: id for id, path in paths.items()})


def _json(value: Any) -> list[Child]:
    if isinstance(value, dict):
        value = value["subsonic-response"]["searchResult3"]["song"]
    return [{"isDir": False, "title": _stem(one["path"]), **one} for one in value]


def _csv(file: Path) -> list[Child]:
    rows = csv.DictReader(read_text(file).splitlines())
    return [
        {
            "id": row["id"],
            "isDir": False,
            "title": _stem(row["path"]),
            "path": row["path"],
            **{name: row[name] for name in TEXTS if row.get(name)},
        }
        for row in rows
    ]


def _stem(path: str) -> str:
    return PurePosixPath(path).stem
