"""The layout of a file of a search index."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats
from hevner.metadata import SHOWN

Ids = NDArray[np.int64]
NUMBERS = {
    "pieces": ("duration", "valence", "arousal"),
    "moments": ("start", "end", "valence", "arousal"),
}

TEXTS = {
    "pieces": ("id", "path", "name", "key", "mode", "size", "mtime", "changed", *SHOWN),
    "moments": ("piece",),
}
"""Columns in the index of each table, besides ``vector`` and ``place``. Indexes of early versions
end before those of metadata, which are then null."""

CURVE = 16
"""Numbers of the column ``curve`` of a piece, after those of `NUMBERS`."""

HEAD = 512
"""Bytes of the line at the beginning."""


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
    gaussian
        Numbers of a place in its mean, and in its variance.
    course
        Numbers of a course; 0 for none.
    movement
        `hevner.catalog.course.MOVEMENT`, by which courses are compared.
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
    gaussian: int
    course: int
    movement: float
    size: int = 0

    @property
    def places(self) -> dict[str, tuple[int, str, tuple[int, ...]]]:
        """Offset, type and shape of each array.

        ``bounds`` are the first rows of cells and ``boxes`` the least and largest of their places,
        ``course_bounds`` and ``course_boxes`` those of the cells of courses, whose rows are those
        in ``course_lines``; ``paths`` are digests of the paths of pieces and ``path_lines`` their
        rows in rising order; ``ids`` are the numbers of rows in the table, a fragment and a place
        in it; ``lines`` are where the rows of all fragments are here, -1 for those that are not,
        and ``fragments`` has the number of each fragment and where it begins in them; ``spans`` are
        begin and length of the texts. Texts begin where the array of that name does.
        """
        n, c, m = self.rows, self.cells, self.course and self.rows
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            "bounds": ("<i8", (c + 1,)),
            "boxes": ("<f4", (c, 2, self.place)),
            "course_bounds": ("<i8", (c + 1,)),
            "course_boxes": ("<f4", (c, 2, self.course)),
            "fragments": ("<i8", (2, self.fragments)),
            "vectors": ("<f4", (n, self.vector)),
            "values": ("<f4", (n, self.place + self.others)),
            "ids": ("<i8", (n,)),
            "sums": ("<u4", (n, 2)),
            "spans": ("<i8", (n, 2)),
            "lines": ("<i8", (self.slots,)),
            "courses": ("<f4", (m, self.course)),
            "course_lines": ("<i8", (m,)),
            "paths": ("<u8", (m,)),
            "path_lines": ("<i8", (m,)),
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


def path_digest(path: str) -> np.uint64:
    """A number for a path."""
    return np.uint64(int(hashlib.blake2b(path.encode(), digest_size=8).hexdigest(), 16))


def checksums(values: Floats, ids: Ids) -> NDArray[np.uint32]:
    """The checksum of the numbers of each row, shape ``(n,)``.

    It is the sum of all words, each times an odd number of its place, modulo 2 to the 32: no single
    changed bit leaves it as it was.
    """
    words = np.concatenate([values.view("<u4"), ids[:, None].view("<u4")], axis=1)
    odd = np.arange(words.shape[1], dtype=np.uint32) * np.uint32(0x9E3779B2) + np.uint32(1)
    return np.asarray((words * odd).sum(axis=1, dtype=np.uint32))
