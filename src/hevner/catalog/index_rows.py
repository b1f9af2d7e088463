"""Rows of a run of indexing: what is known, what came of a file, and what is taken over."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hevner import __version__
from hevner.catalog.analyze_file import AnalyzedFile
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import CHANGED, COUNT, READ_FROM, SOURCE, VERSION, WRITTEN, Row
from hevner.catalog.file_identity import Content, Stamp, row_path
from hevner.catalog.sources import Source
from hevner.catalog.tables import in_lists
from hevner.files import display_name
from hevner.result import Failure


@dataclass(frozen=True)
class KnownFile:
    """A row of the catalogue, as far as a run needs it."""

    id: str
    stamp: Stamp
    status: str
    read_from: str | None


@dataclass(frozen=True)
class FileOutcome:
    """The outcome of a file that had to be read.

    It has no content if it could not be read or only its tags were, and no rows if it failed or the
    same content is known or in work under another path. The columns `hevner.catalog.columns.ABOUT`
    are in ``about``.
    """

    file: Source
    content: Content | None
    analyzed: AnalyzedFile | None = None
    failure: Failure | None = None
    about: Row = field(default_factory=dict)


def located(file: Source, content: Content) -> Row:
    """The columns of a row on which file it is of."""
    return {
        "id": content.id,
        "path": row_path(file.path),
        "name": display_name(file.name),
        "size": content.stamp.size,
        "mtime": content.stamp.mtime,
        CHANGED: content.stamp.changed,
    }


def made_by(source: str, moments: int) -> Row:
    """The columns on where a row comes from, for an analysis of a file that is made now."""
    return {VERSION: __version__, WRITTEN: int(time.time()), SOURCE: source, COUNT: moments}


def known_file(row: Row) -> KnownFile:
    """What a run needs of a row."""
    stamp = Stamp(row["size"], row["mtime"], row[CHANGED])
    return KnownFile(row["id"], stamp, row["status"], row.get(READ_FROM))


def same_sound(catalog: Catalog, id: str) -> AnalyzedFile | None:
    """The rows of a piece in the catalogue; None if it is not there any more."""
    (same,), (owned,) = in_lists("id", [id]), in_lists("piece", [id])
    for row in catalog.pieces.records(same):
        kept = catalog.kept.get(id)
        moments = catalog.moments.records(owned)
        for moment in moments:
            del moment["piece"]
        return AnalyzedFile(row, moments, None if kept is None else kept.pooled)
    return None
