"""The search index of a table: what a search reads of its rows, in one memory-mapped file.

LanceDB holds the truth; an index is derived from one version of a table, for that version alone,
and everything works without it, only slower. Rows lie by *cells*, the rows whose places are near
one centre, each with a *box*, the least and largest value of each number of a place. A search
takes the cells in the order of the largest inner product that a row in their box can have, until
that is below those of all it has found: so it finds the same as comparing all. Courses lie in cells
of their own, with boxes likewise.

Conventions
-----------
The file ``TABLE-DIGEST.search`` beside the table is named by a digest of the list of files of the
version that it was made from, so one of another version is never opened. It is a line of JSON, the
arrays of `Layout.places` one after the other, and texts as JSON. The line and the cells have a
checksum that is compared when the file is opened; each row has two, for its numbers and its texts,
compared before a value is used. Vectors, courses and their ``lines`` have none: damage there may
hide a row, not change one.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats, Integers, Mask
from hevner.catalog import index_cache
from hevner.catalog.course import MOVEMENT
from hevner.catalog.index_layout import (
    HEAD,
    NUMBERS,
    TEXTS,
    Ids,
    Layout,
    checksums,
    path_digest,
)
from hevner.object_path import Location, ObjectPath

CELLS = 2.0
"""Cells for each of the square root of the number of rows."""

FEW = 10_000
"""Rows up to which there is one cell."""

STEP = 8_192
"""Rows that are compared before it is seen whether others may be better."""

ROUNDING = 1e-4
"""Inner products with a vector of length 1, and squares of distances, are as exact as this."""


class DamagedIndexError(ValueError):
    """The index is not as it was written."""


def path_of(table: Location) -> Location | None:
    """Where the index of the newest version of a table is, or would be; None if there is none.

    Raises `OSError` if the list of files of the table cannot be read.
    """
    newest = newest_version(table)
    if newest is None:
        return None
    digest = hashlib.blake2b(newest.read_bytes(), digest_size=8).hexdigest()
    return table.with_name(f"{table.stem}-{digest}.search")


def newest_version(table: Location) -> Location | None:
    """The list of files of the newest version of a table; None if there is none."""
    folder = table / "_versions"
    # The newest version has the smallest number.
    if isinstance(folder, ObjectPath):
        first = next(folder.objects(), None)
        return None if first is None else first.path
    versions = [path for path in folder.glob("*.manifest") if len(path.stem) == 20]
    return min(versions, default=None)


def opened(table: Location) -> SearchIndex | None:
    """The index of the newest version of a table; None if it is missing or damaged."""
    try:
        path = path_of(table)
        if isinstance(path, ObjectPath):
            return _copied(path, table.stem)
        return None if path is None else SearchIndex(path, table.stem)
    except (OSError, ValueError, TypeError):
        return None


def _copied(index: ObjectPath, table: str) -> SearchIndex:
    """The copy of an index in an object store; a damaged one is fetched again."""
    try:
        return SearchIndex(index_cache.fetched(index), table)
    except (ValueError, TypeError):
        index_cache.place_of(index).unlink(missing_ok=True)
        return SearchIndex(index_cache.fetched(index), table)


class SearchIndex:
    """An index, open for reading; used from many threads.

    Raises
    ------
    OSError
        If there is none.
    ValueError, TypeError
        If it is damaged. The methods raise `DamagedIndexError`.
    """

    def __init__(self, path: Path, table: str) -> None:
        # A plain array: each part of a memmap costs microseconds more.
        self._memory = np.memmap(path, np.uint8, "r").view(np.ndarray)
        line = self._memory[:HEAD].tobytes()
        self.layout = Layout(**json.loads(line[9:]))
        if len(self._memory) != self.layout.size or line != self.layout.line(self._memory):
            raise DamagedIndexError
        if self.layout.movement != MOVEMENT:  # by another version of hevner
            raise DamagedIndexError
        for name, (first, kind, shape) in self.layout.places.items():
            last = first + math.prod(shape) * int(kind[-1])
            setattr(self, f"_{name}", self._memory[first:last].view(kind).reshape(shape))
        self._texts, self._numbers = TEXTS[table], NUMBERS[table]

    _bounds: Integers
    _boxes: Floats
    _course_bounds: Integers
    _course_boxes: Floats
    _courses: Floats
    _course_lines: Integers
    _paths: NDArray[np.uint64]
    _path_lines: Integers
    _vectors: Floats
    _values: Floats
    _ids: Ids
    _sums: NDArray[np.uint32]
    _spans: Integers
    _fragments: Integers
    _lines: Integers

    def __len__(self) -> int:
        return self.layout.rows

    def nearest(
        self, vector: Floats, count: int, passing: Iterable[Ids] | None = None
    ) -> tuple[Ids, Floats]:
        """Rows whose vectors have the largest inner products with one, best first.

        Parameters
        ----------
        vector
            Shape ``(W,)``.
        count
            Number of rows.
        passing
            Numbers of the rows in the table that may be found, in parts; None for all.

        Returns
        -------
        ids
            Numbers of rows in the table, shape ``(m,)``.
        values
            As `values`.
        """
        is_wanted = None if passing is None else self._passing(passing)
        rows = None if is_wanted is None else np.flatnonzero(is_wanted)
        ends = self._bounds if rows is None else np.searchsorted(rows, self._bounds)

        def compare(span: slice) -> tuple[Ids, Floats]:
            if rows is None:  # without a copy of the vectors
                return np.arange(span.start, span.stop), self._vectors[span] @ vector
            return rows[span], self._vectors.take(rows[span], axis=0) @ vector

        return self._found(*_best(self._reach(vector), ends, count, compare))

    def nearest_courses(
        self, course: Floats, count: int, passing: Iterable[Ids] | None = None
    ) -> tuple[Ids, Floats]:
        """Rows with the courses nearest to a `Course.wanted`; as `nearest`."""
        is_wanted = None if passing is None else self._passing(passing)
        wanted = course.reshape(-1).astype(np.float32)

        def compare(span: slice) -> tuple[Ids, Floats]:
            lines, apart = self._course_lines[span], self._courses[span] - wanted
            squares = np.einsum("nc,nc->n", apart, apart)
            if is_wanted is None:
                return lines, -squares
            try:
                chosen = is_wanted[lines]
            except IndexError as error:
                raise DamagedIndexError from error
            return lines[chosen], -squares[chosen]

        low, high = self._course_boxes[:, 0], self._course_boxes[:, 1]
        outside = np.maximum(np.maximum(low - wanted, wanted - high), 0)
        reach = -(outside**2).sum(axis=1)
        return self._found(*_best(reach, self._course_bounds, count, compare))

    def _reach(self, vector: Floats) -> Floats:
        """The largest inner product that a row of each cell can have, shape ``(cells,)``.

        It is a sum over the numbers of a place: each in its box, where ``a * x ** 2 + b * x`` is
        largest at its top or at the nearer end, as no ``a`` is positive.
        """
        width, first = self.layout.gaussian, self.layout.place - 2 * self.layout.gaussian
        squares, linear, variates = np.split(vector, [width, 2 * width])
        curved = np.concatenate([variates, squares])
        sloped = np.concatenate([np.zeros(first, np.float32), linear])
        low, high = self._boxes[:, 0], self._boxes[:, 1]
        top = sloped / np.maximum(-2 * curved, np.float32(1e-9))
        x = np.clip(top, low[:, : first + width], high[:, : first + width])
        reach = (x * x) @ curved + x @ sloped + low[:, first + width :] @ squares
        return np.asarray(reach, np.float32)

    def _found(self, lines: Ids, products: Floats) -> tuple[Ids, Floats]:
        """Numbers of rows and their values, the best first."""
        lines = lines[np.argsort(-products, kind="stable")]
        try:
            return self._ids[lines], self._checked(lines)
        except IndexError as error:
            raise DamagedIndexError from error

    def values(self, ids: Sequence[int] | Ids) -> Floats:
        """Places and other numbers of rows, shape ``(m, place + others)``; NaN for null."""
        return self._checked(self._at(ids), ids)

    def fetch(self, ids: Sequence[int] | Ids, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of rows, of those in `TEXTS` and `NUMBERS`."""
        lines = self._at(ids)
        first = self.layout.place
        numbers = self._checked(lines, ids)[:, first : first + len(self._numbers)].tolist()
        rows = []
        for line, some in zip(lines, numbers, strict=True):
            begin, length = self._spans[line]
            text = self._memory[begin : begin + length].tobytes()
            if zlib.crc32(text) != self._sums[line, 1]:
                raise DamagedIndexError
            row = dict.fromkeys(self._texts) | dict(
                zip(self._texts, json.loads(text), strict=False)
            )
            row |= zip(self._numbers, (None if x != x else x for x in some), strict=True)
            rows.append({name: row[name] for name in columns})
        return rows

    def row_of(self, path: str) -> int | None:
        """Number of the row of a path in the table; None if it is not here, or not found."""
        digest = path_digest(path)
        try:
            at = int(np.searchsorted(self._paths, digest, sorter=self._path_lines))
            lines = self._path_lines[at : at + 1]
            rows = [int(row) for row in self._ids[lines[self._paths[lines] == digest]]]
        except (IndexError, ValueError) as error:  # numpy raises both
            raise DamagedIndexError from error
        return next((row for row in rows if self.fetch([row], ["path"])[0]["path"] == path), None)

    def holds(self, columns: Sequence[str]) -> bool:
        """Whether the index has these columns."""
        return {*columns} <= {*self._texts, *self._numbers}

    def _passing(self, passing: Iterable[Ids]) -> Mask:
        """Which rows here have these numbers; others are left out."""
        # The last one is for rows that are not here.
        is_wanted = np.zeros(len(self) + 1, bool)
        for ids in passing:
            is_wanted[self._at(ids)] = True
        return is_wanted[:-1]

    def _at(self, ids: Sequence[int] | Ids) -> Integers:
        """Where rows are here, in the order asked for; -1 for those that are not."""
        wanted = np.asarray(ids, np.int64)
        try:
            begin = self._fragments[1, np.searchsorted(self._fragments[0], wanted >> 32)]
            return np.asarray(self._lines[begin + (wanted & 0xFFFFFFFF)])
        except IndexError as error:
            raise DamagedIndexError from error

    def _checked(self, lines: Integers, ids: Sequence[int] | Ids | None = None) -> Floats:
        """The values of rows, which have these numbers in the table."""
        try:
            values, here = self._values[lines], self._ids[lines]
        except IndexError as error:  # lines are read from the file too
            raise DamagedIndexError from error
        if (checksums(values, here) != self._sums[lines, 0]).any():
            raise DamagedIndexError
        if ids is not None and (here != np.asarray(ids, np.int64)).any():
            raise DamagedIndexError
        return values


def _best(
    reach: Floats, ends: Ids, count: int, compare: Callable[[slice], tuple[Ids, Floats]]
) -> tuple[Ids, Floats]:
    """Lines with the largest products, at most so many, in no order.

    Parameters
    ----------
    reach
        The largest product that is possible in each cell.
    ends
        First rows of cells; ``compare`` returns lines and products of some rows.
    """
    order = np.argsort(-reach)
    rows = np.cumsum(np.diff(ends)[order])
    found, products, first = np.zeros(0, np.int64), np.zeros(0, np.float32), 0
    while first < len(order):
        seen = rows[first - 1] if first else 0
        last = 1 + int(np.searchsorted(rows, seen + max(STEP, count)))
        parts = [compare(slice(ends[cell], ends[cell + 1])) for cell in order[first:last]]
        found = np.concatenate([found, *(lines for lines, _ in parts)])
        products = np.concatenate([products, *(some for _, some in parts)])
        if len(found) > count:
            best = np.argpartition(-products, count)[:count]
            found, products = found[best], products[best]
        first = last
        full = len(found) == count and first < len(order)
        if full and reach[order[first]] < products.min() - ROUNDING:
            break
    return found, products
