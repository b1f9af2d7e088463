"""The search index of a table: what a search reads of its rows, in one memory-mapped file.

LanceDB holds the truth; an index is derived from one version of a table, for that version alone,
and everything works without it, only slower. Rows lie by *cells*, the rows near one centre. A
search takes the cells in the order of the inner product that their best rows may reach, until it
has compared enough rows, all of them in a small table.

Conventions
-----------
The file ``TABLE-DIGEST.search`` beside the table is named by a digest of the list of files of the
version that it was made from, so one of another version is never opened. It is a line of JSON, the
arrays of `Layout.places` one after the other, and texts as JSON. The line and the cells have a
checksum that is compared when the file is opened; each row has two, for its numbers and its texts,
compared before a value is used. Vectors and ``lines`` have none: damage there may hide a row, not
change one.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.metadata import SHOWN

NUMBERS = {
    "pieces": ("duration", "valence", "arousal"),
    "moments": ("start", "end", "valence", "arousal"),
}
TEXTS = {"pieces": ("id", "path", "name", "key", "mode", *SHOWN), "moments": ("piece",)}
"""Columns in the index of each table, besides ``vector`` and ``place``. Indexes of early versions
end before those of metadata, which are then null."""

CURVE = 16
"""Numbers of the column ``curve`` of a piece, after those of `NUMBERS`."""

HEAD = 512
"""Bytes of the line at the beginning."""

CELLS = 2.0
"""Cells for each of the square root of the number of rows."""

COMPARED = 32, 10_000
"""Rows that are compared for each of the square root of their number; at least."""

DEEP = 8
"""Rows that are compared at least for each that is wanted."""

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


class DamagedIndexError(ValueError):
    """The index is not as it was written."""


@dataclass(frozen=True)
class Layout:
    """What an index file holds.

    Attributes
    ----------
    version
        Version of the table.
    rows, cells
        Numbers of rows and cells.
    fragments, slots
        Numbers of fragments of the table, and of rows that they have ever had.
    vector, place, others
        Numbers of a row in its vector, its place and besides.
    size
        Bytes of the file.
    """

    version: int
    rows: int
    cells: int
    fragments: int
    slots: int
    vector: int
    place: int
    others: int
    size: int = 0

    @property
    def places(self) -> dict[str, tuple[int, str, tuple[int, ...]]]:
        """Offset, type and shape of each array.

        ``bounds`` are the first rows of cells, ``means`` and ``variances`` those of their vectors;
        ``ids`` are the numbers of rows in the table, a fragment and a place in it; ``lines`` are
        where the rows of all fragments are here, -1 for those that are not, and ``fragments`` has
        the number of each fragment and where it begins in them; ``spans`` are begin and length of
        the texts. Texts begin where the array of that name does.
        """
        n, c = self.rows, self.cells
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            "bounds": ("<i8", (c + 1,)),
            "means": ("<f4", (c, self.vector)),
            "variances": ("<f4", (c, self.vector)),
            "fragments": ("<i8", (2, self.fragments)),
            "vectors": ("<f4", (n, self.vector)),
            "values": ("<f4", (n, self.place + self.others)),
            "ids": ("<i8", (n,)),
            "sums": ("<u4", (n, 2)),
            "spans": ("<i8", (n, 2)),
            "lines": ("<i8", (self.slots,)),
            "texts": ("<u1", (0,)),
        }
        places, first = {}, HEAD
        for name, (kind, shape) in shapes.items():
            places[name] = first, kind, shape
            first += math.prod(shape) * int(kind[-1]) + 7 & ~7
        return places

    def line(self, memory: NDArray[np.uint8]) -> bytes:
        """The line at the beginning of a file, with a checksum of itself and the cells."""
        text = json.dumps(asdict(self)).encode()
        cells = memory[HEAD : self.places["vectors"][0]].data
        return (
            f"{zlib.crc32(cells, zlib.crc32(text)):08x} ".encode() + text.ljust(HEAD - 10) + b"\n"
        )


def path_of(table: Path) -> Path | None:
    """Where the index of the newest version of a table is, or would be; None if there is none.

    Raises `OSError` if the list of files of the table cannot be read.
    """
    versions = [path for path in (table / "_versions").glob("*.manifest") if len(path.stem) == 20]
    if not versions:
        return None
    # The newest version has the smallest number.
    digest = hashlib.blake2b(min(versions).read_bytes(), digest_size=8).hexdigest()
    return table.with_name(f"{table.stem}-{digest}.search")


def opened(table: Path) -> SearchIndex | None:
    """The index of the newest version of a table; None if it is missing or damaged."""
    try:
        path = path_of(table)
        return None if path is None else SearchIndex(path, table.stem)
    except (OSError, ValueError, TypeError):
        return None


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
        self._memory = np.memmap(path, np.uint8, "r")
        line = self._memory[:HEAD].tobytes()
        self.layout = Layout(**json.loads(line[9:]))
        if len(self._memory) != self.layout.size or line != self.layout.line(self._memory):
            raise DamagedIndexError
        for name, (first, kind, shape) in self.layout.places.items():
            last = first + math.prod(shape) * int(kind[-1])
            setattr(self, f"_{name}", self._memory[first:last].view(kind).reshape(shape))
        self._texts, self._numbers = TEXTS[table], NUMBERS[table]

    _bounds: NDArray[np.int64]
    _means: Floats
    _variances: Floats
    _vectors: Floats
    _values: Floats
    _ids: Ids
    _sums: NDArray[np.uint32]
    _spans: NDArray[np.int64]
    _fragments: NDArray[np.int64]
    _lines: NDArray[np.int64]

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
        lines = None if passing is None else self._passing(passing)
        ends = self._bounds if lines is None else np.searchsorted(lines, self._bounds)
        least, each = COMPARED[1], COMPARED[0] * math.sqrt(len(self))
        wanted = max(least, round(each), DEEP * count)
        # The best rows of a cell lie some way from its mean.
        reach = self._means @ vector + np.sqrt(self._variances @ vector**2)
        order = np.argsort(-reach)
        order = order[: np.searchsorted(np.cumsum(np.diff(ends)[order]), wanted) + 1]
        spans = [slice(ends[cell], ends[cell + 1]) for cell in order]
        # The empty arrays are for an index without rows.
        parts = [np.zeros(0, np.int64), *(np.arange(span.start, span.stop) for span in spans)]
        found = np.concatenate(parts)
        if lines is None:  # without a copy of the vectors
            some = [self._vectors[span] @ vector for span in spans]
            products = np.concatenate([np.zeros(0, np.float32), *some])
        else:
            found = lines[found]
            products = self._vectors.take(found, axis=0) @ vector
        if count < len(found):
            best = np.argpartition(-products, count)[:count]
            products, found = products[best], found[best]
        found = found[np.argsort(-products, kind="stable")]
        return self._ids[found], self._checked(found)

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

    def holds(self, columns: Sequence[str]) -> bool:
        """Whether the index has these columns."""
        return {*columns} <= {*self._texts, *self._numbers}

    def _passing(self, passing: Iterable[Ids]) -> NDArray[np.int64]:
        """Where the rows with these numbers are here, rising; others are left out."""
        # The last one is for rows that are not here.
        is_wanted = np.zeros(len(self) + 1, bool)
        for ids in passing:
            is_wanted[self._at(ids)] = True
        return np.flatnonzero(is_wanted[:-1])

    def _at(self, ids: Sequence[int] | Ids) -> NDArray[np.int64]:
        """Where rows are here, in the order asked for; -1 for those that are not."""
        wanted = np.asarray(ids, np.int64)
        try:
            begin = self._fragments[1, np.searchsorted(self._fragments[0], wanted >> 32)]
            return np.asarray(self._lines[begin + (wanted & 0xFFFFFFFF)])
        except IndexError as error:
            raise DamagedIndexError from error

    def _checked(self, lines: NDArray[np.int64], ids: Sequence[int] | Ids | None = None) -> Floats:
        """The values of rows, which have these numbers in the table."""
        values, here = self._values[lines], self._ids[lines]
        if (checksums(values, here) != self._sums[lines, 0]).any():
            raise DamagedIndexError
        if ids is not None and (here != np.asarray(ids, np.int64)).any():
            raise DamagedIndexError
        return values


def checksums(values: Floats, ids: Ids) -> NDArray[np.uint32]:
    """The checksum of the numbers of each row, shape ``(n,)``.

    It is the sum of all words, each times an odd number of its place, modulo 2 to the 32: no single
    changed bit leaves it as it was.
    """
    words = np.concatenate([values.view("<u4"), ids[:, None].view("<u4")], axis=1)
    odd = np.arange(words.shape[1], dtype=np.uint32) * np.uint32(0x9E3779B2) + np.uint32(1)
    return np.asarray((words * odd).sum(axis=1, dtype=np.uint32))
