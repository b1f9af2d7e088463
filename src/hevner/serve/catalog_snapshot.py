"""A catalogue as the server holds it: open, listed by name, and opened anew when it has changed.

Conventions
-----------
A `Shelf` never changes: those who hold one see one version of the catalogue. Pieces of the same
content are listed once, those that are silent or could not be read are not. Everything here blocks.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hevner.catalog import header
from hevner.catalog.hits import Hit
from hevner.catalog.tables import MOMENTS, PIECES, in_lists
from hevner.heads import ESTIMATE_COLUMNS
from hevner.model.space import Points, Space
from hevner.serve.memory_catalog import SHOWN, Held
from hevner.serve.problems import ServiceError, not_found

DETAILS = (
    *(name for name in ESTIMATE_COLUMNS if name not in SHOWN),
    *("key_mode", "familiarity"),
)

Row = dict[str, Any]


class Shelf:
    """One version of a catalogue.

    Parameters
    ----------
    folder
        The catalogue's.
    space
        The common space.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made with something else.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        self.space = space
        self.catalog = Held(folder, header.current(space))
        rows = self.catalog.rows
        ids = rows["id"].to_pylist()
        self._by_path: dict[str, str] = dict(zip(rows["path"].to_pylist(), ids, strict=True))
        first: dict[str, int] = {}
        for number, id in enumerate(ids):
            first.setdefault(id, number)
        self._rows = rows.select(list(SHOWN)).take(pa.array(list(first.values()), pa.int64()))
        self._by_id = {id: number for number, id in enumerate(first)}

    def __len__(self) -> int:
        return len(self._by_id)

    @cached_property
    def moments(self) -> int:
        """Number of moments."""
        return self.catalog.moments.count()

    def page(self, offset: int, limit: int) -> list[Row]:
        """Pieces in the order of their names."""
        rows: list[Row] = self._rows.slice(offset, limit).to_pylist()
        return rows

    def points(self, most: int) -> dict[str, list[Any]]:
        """Columns ``id``, ``name``, ``valence``, ``arousal``; of more pieces, every n-th."""
        step = max(1, -(-len(self) // most))
        some = self._rows.take(pa.array(range(0, len(self), step), pa.int64()))
        columns = {name: some[name].to_pylist() for name in ("id", "name")}
        for axis in ("valence", "arousal"):
            columns[axis] = np.round(some[axis].to_numpy().astype(np.float64), 4).tolist()
        return columns

    def piece(self, id: str) -> Row:
        """What is held of a piece.

        Raises
        ------
        ServiceError
            If there is none of that id.
        """
        if id not in self._by_id:
            raise not_found("piece")
        rows: list[Row] = self._rows.slice(self._by_id[id], 1).to_pylist()
        return rows[0]

    def path(self, id: str) -> Path:
        """The file of a piece."""
        return Path(self.piece(id)["path"])

    def details(self, id: str) -> Row:
        """All that the catalogue tells of a piece."""
        piece = self.piece(id)
        (same,) = in_lists("path", [piece["path"]])
        return piece | next(self.catalog.listing(DETAILS, same))

    def curve(self, id: str) -> list[Row]:
        """Moments of a piece: ``start``, ``end``, ``valence``, ``arousal``."""
        self.piece(id)
        (same,) = in_lists("piece", [id])
        columns = ("start", "end", "valence", "arousal")
        rows = [row for b in self.catalog.moments.scan(columns, same) for row in b.to_pylist()]
        return sorted(rows, key=lambda row: float(row["start"]))

    def place(self, id: str) -> Points:
        """Where a piece lies in the space, one row."""
        (same,) = in_lists("path", [self.piece(id)["path"]])
        rows = pa.Table.from_batches(list(self.catalog.pieces.scan(["place"], same)))
        return self.catalog.points(rows)

    def unchanged(self, id: str) -> Path:
        """The file of a piece, if it is still the one that was indexed or gone.

        Raises
        ------
        ServiceError
            If it has changed, so that what is known of it is out of date.
        """
        path = self.path(id)
        (same,) = in_lists("path", [str(path)])
        known = next(self.catalog.listing(("size", "mtime"), same))
        try:
            found = path.stat()
        except OSError:
            return path
        if (found.st_size, found.st_mtime_ns) != (known["size"], known["mtime"]):
            cause = "the piece has changed since it was indexed"
            raise ServiceError(409, "changed", cause, "Bring the catalogue up to date")
        return path

    def id_of(self, hit: Hit) -> str:
        """The id of a piece that was found."""
        return self._by_path[hit.path]

    def counts(self) -> dict[str, int]:
        """Number of pieces in each quadrant."""
        told: NDArray[np.object_] = np.array(self._rows["quadrant"].to_pylist(), object)
        names, numbers = np.unique(told[told != None].astype(str), return_counts=True)  # noqa: E711
        return dict(zip(names.tolist(), numbers.tolist(), strict=True))


class Library:
    """The newest version of a catalogue.

    Parameters
    ----------
    folder
        The catalogue's.
    space
        The common space.

    Raises
    ------
    CatalogError
        As `Shelf` does.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        self._folder = folder
        self._space = space
        self._lock = threading.Lock()
        self._version = self._seen()
        self._shelf = Shelf(folder, self._space)

    @property
    def shelf(self) -> Shelf:
        """The version that was newest at the last look."""
        return self._shelf

    def look(self) -> None:
        """Open the catalogue anew if it has changed."""
        with self._lock:
            version = self._seen()
            if version != self._version:
                self._shelf = Shelf(self._folder, self._space)
                self._version = version

    def _seen(self) -> tuple[int, ...]:
        """Changes whenever another process writes a version of a table."""
        folders = [self._folder / f"{name}.lance" / "_versions" for name in (PIECES, MOMENTS)]
        return tuple(folder.stat().st_mtime_ns for folder in folders if folder.is_dir())
