"""A catalogue of music on disk: pieces and their moments, with their places in the common space.

A catalogue is one folder, of this machine or in an object store (`hevner.catalog.object_catalog`)::

    catalog.json     what it was made with (`hevner.catalog.header`)
    pieces.lance     a row for each file, also for those without music or that could not be read
    moments.lance    a row for each span of some seconds in the pieces that have an emotion
    lock, holder.json  held by the one process that may write (`hevner.catalog.writer`)
    change.json      there while a change is written
    seal.json        digests of the files of both tables (`hevner.catalog.seal`)
    *.search         what searches read of one version (`hevner.catalog.search_index`)
    features/        of each piece, what a model reads (`hevner.catalog.kept_features`)

A catalogue that was mended or given another model has its tables, ``change.json``, ``seal.json``
and indexes in a folder below, its *home*, which the header names (`hevner.catalog.renewal`).

Conventions
-----------
The row of a piece is found by its path. Two files of the same content have the same ``id`` and a
row each, and share their moments. A reader sees one version of a catalogue until
`Catalog.refresh`, while another process may write; versions stay readable for an hour. Tables that
have a search index are opened when something is asked for that it does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats, Integers
from hevner.catalog import header, seal, search_index
from hevner.catalog.columns import MOMENTS, PIECES, ROW, Row
from hevner.catalog.course import compared
from hevner.catalog.faults import enclosed
from hevner.catalog.kept_features import FEATURES, KeptFeatures
from hevner.catalog.packages import pa
from hevner.catalog.search_index import DamagedIndexError, SearchIndex
from hevner.catalog.tables import Table
from hevner.model.description import CURVE_POINTS
from hevner.model.space import Points, Space
from hevner.object_path import Location, location

CANDIDATES = 120
"""Rows that the first stage of a search passes to the second."""

NUMBERS_AT_ONCE = 200_000
"""Numbers of rows that pass a filter, read at a time."""

COURSE = ("valence", "arousal", "curve")
"""Columns that the course of a piece is made of."""

TableName = Literal["pieces", "moments"]


@dataclass(frozen=True, eq=False)
class Found:
    """Rows that a search considers.

    Attributes
    ----------
    rows
        Their numbers in the table, shape ``(m,)``.
    points
        Their places in the space.
    courses
        For pieces, their courses as `hevner.catalog.course.compared`, shape
        ``(m, 2, CURVE_POINTS)``, if they were asked for.
    """

    rows: Integers
    points: Points
    courses: Floats | None = None


class Catalog:
    """A catalogue, open for reading: its header and its tables of pieces and moments.

    It must have been made with the same space, and with a model that is here: its graph is
    ``model``.

    Parameters
    ----------
    folder
        Folder of the catalogue.
    most
        Bytes of tables up to which all files are compared with the seal; None for any.
    features
        Folder of kept features, if it is not that in ``folder``.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made with something else.
    """

    def __init__(
        self,
        folder: str | Location,
        space: Space,
        most: int | None = seal.WHOLE,
        features: Location | None = None,
    ) -> None:
        self.folder = location(folder).absolute()
        self.space = space
        self.header = header.read(self.folder)
        self.model = header.model_of(self.header)
        header.check(self.folder, self.header, header.current(space, self.model))
        self.kept = KeptFeatures(features or self.folder / FEATURES)
        self._most = most
        self._tables: dict[TableName, Table] = {}
        self._open()

    @property
    def home(self) -> Location:
        """Folder of the tables."""
        return self.folder / self.header.tables

    def refresh(self) -> None:
        """Look at the newest version."""
        found = header.read(self.folder)
        header.check(self.folder, found, self.header)
        if found.tables != self.header.tables:
            self._tables.clear()
        self.header = found
        self._open()

    def _open(self) -> None:
        """Open the indexes of both tables, and the tables that have none, if nothing is damaged."""
        sealed = None
        if isinstance(self.home, Path):
            if wrong := seal.damaged_file(self.home, self._most):
                raise header.damaged(self.home / wrong, "it is not as it was written", self.folder)
            sealed = seal.read(self.home)
        for table in self._tables.values():
            table.refresh()
        self._indexes: dict[TableName, SearchIndex] = {}
        # Moments are opened second, so that those of all visible pieces are there.
        for name in get_args(TableName):
            path = self.home / f"{name}.lance"
            index = search_index.opened(path)
            opened = self._table(name) if index is None else self._tables.get(name)
            at = index.layout.version if index is not None else 0
            version = opened.version if opened is not None else at
            if sealed is not None and version < sealed.versions.get(name, 0):
                raise header.damaged(path, "its newest version is missing", self.folder)
            if index is not None and version == at:
                self._indexes[name] = index

    def leave_indexes(self) -> None:
        """Search the tables themselves, as they are written to, until the next `refresh`."""
        for name in get_args(TableName):
            self._leave_index(name)

    def _leave_index(self, name: TableName) -> None:
        self._table(name)  # of the same version
        self._indexes.pop(name, None)

    @property
    def pieces(self) -> Table:
        """The table of pieces."""
        return self._table(PIECES)

    @property
    def moments(self) -> Table:
        """The table of moments."""
        return self._table(MOMENTS)

    def _table(self, name: TableName) -> Table:
        if name not in self._tables:
            index = self._indexes.get(name)
            version = None if index is None else index.layout.version
            self._tables[name] = Table(self.folder, name, self.header, version=version)
        return self._tables[name]

    def count(self, name: TableName) -> int:
        """Number of rows of a table; at least of those that a search may find."""
        index = self._indexes.get(name)
        return self._table(name).count() if index is None else len(index)

    def candidates(
        self,
        query_vector: Floats,
        count: int = CANDIDATES,
        where: str | None = None,
        table: TableName = "pieces",
        course: Floats | None = None,
    ) -> Found:
        """Rows whose vectors or courses are near to one: the first stage of a search.

        Parameters
        ----------
        query_vector
            From `hevner.model.space.Space.query_vectors` or ``like_vectors``, shape ``(W,)``.
        count
            Number of rows; fewer if the table or the filter has fewer.
        where
            A filter in SQL over the columns (`hevner.catalog.columns.schema`), applied first.
        table
            Whole pieces or moments.
        course
            As `Course.wanted`, shape ``(2, CURVE_POINTS)``, for the pieces with the nearest
            courses, whatever their vectors.

        Returns
        -------
        Found
            The nearest first, without pieces that have no emotion, as those have no vector.
        """
        if index := self._indexes.get(table):
            passing = None if where is None else self._passing(table, where)
            try:
                if course is not None:
                    return self._found(*index.nearest_courses(course, count, passing), courses=True)
                return self._found(*index.nearest(query_vector, count, passing))
            except DamagedIndexError:
                self._leave_index(table)
        if course is not None:
            return self._nearest_courses(course, count, where)
        found = self._table(table).nearest(query_vector, count, where, ["place"])
        return self._found(found[ROW].to_numpy(), _values(found, ["place"]))

    def _nearest_courses(self, course: Floats, count: int, where: str | None) -> Found:
        """Pieces with the nearest courses, of all in the table."""
        there = "curve IS NOT NULL"
        condition = f"{there} AND {enclosed(where)}" if where else there
        rows, squares = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for batch in self.pieces.scan([ROW, *COURSE], condition):
            rows.append(batch[ROW].to_numpy().astype(np.int64))
            values = _values(pa.Table.from_batches([batch]), COURSE)
            squares.append(((_courses(values) - course) ** 2).sum(axis=(1, 2)))
        best = np.argsort(np.concatenate(squares), kind="stable")[:count]
        chosen = np.concatenate(rows)[best]
        columns = ("place", *COURSE)
        return self._found(
            chosen, _values(self.pieces.take(chosen.tolist(), columns), columns), True
        )

    def _passing(self, table: TableName, where: str) -> Iterator[Integers]:
        """Numbers of the rows that pass a filter, in parts."""
        for batch in self._table(table).scan([ROW], where, NUMBERS_AT_ONCE):
            yield batch[ROW].to_numpy().astype(np.int64)

    def row_of(self, path: str) -> int | None:
        """Number of the row of a path that the index has, valid until the next `refresh`."""
        if index := self._indexes.get(PIECES):
            try:
                return index.row_of(path)
            except DamagedIndexError:
                self._leave_index(PIECES)
        return None

    def at(self, rows: Sequence[int] | Integers, table: TableName = "pieces") -> Found:
        """Rows by their numbers, in that order; valid until the next `refresh`."""
        if index := self._indexes.get(table):
            try:
                return self._found(np.asarray(rows), index.values(rows))
            except DamagedIndexError:
                self._leave_index(table)
        found = self._table(table).take([int(row) for row in rows], ["place"])
        return self._found(np.asarray(rows), _values(found, ["place"]))

    def _found(self, rows: NDArray[Any], values: Floats, courses: bool = False) -> Found:
        """Rows from their places and, for courses, what is in `COURSE`."""
        course = _courses(values) if courses else None
        return Found(rows.astype(np.int64), self.points(values), course)

    def fetch(
        self, rows: Sequence[int], columns: Sequence[str], table: TableName = "pieces"
    ) -> list[Row]:
        """Columns of rows by their numbers, in that order; valid until the next `refresh`.

        The rows are checked: damage is an error, not a value.
        """
        if (index := self._indexes.get(table)) and index.holds(columns):
            try:
                return index.fetch(rows, columns)
            except DamagedIndexError:
                self._leave_index(table)
        found: list[Row] = self._table(table).checked(rows).select(list(columns)).to_pylist()
        return found

    def points(self, places: NDArray[np.floating]) -> Points:
        """Places in the space from rows that begin with the column ``place``, shape ``(m, N)``."""
        k, d = self.header.correlated, self.header.gaussian
        place = np.asarray(places, np.float32)
        return Points(place[:, :k], place[:, k : k + d], place[:, k + d : k + 2 * d])

    def listing(self, columns: Sequence[str], where: str | None = None) -> Iterator[dict[str, Any]]:
        """Columns of all pieces that pass a filter, in no order."""
        for batch in self.pieces.scan(columns, where):
            yield from batch.to_pylist()


def _courses(values: Floats) -> Floats:
    """Courses, as compared, from rows that end with the columns `COURSE`."""
    means, curves = values[:, -2 - 2 * CURVE_POINTS :][:, :2], values[:, -2 * CURVE_POINTS :]
    return compared(means, curves.reshape(-1, 2, CURVE_POINTS))


def _values(rows: pa.Table, columns: Sequence[str]) -> Floats:
    """Columns of numbers or lists of them side by side, shape ``(m, numbers)``."""
    parts = []
    for name in columns:
        column, width = rows[name].combine_chunks(), getattr(rows[name].type, "list_size", 1)
        flat = column.flatten() if width > 1 else column
        parts.append(flat.to_numpy(zero_copy_only=False).reshape(-1, width))
    return np.concatenate(parts, axis=1, dtype=np.float32)
