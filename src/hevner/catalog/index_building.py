"""Making the search index of a table (`hevner.catalog.search_index`) from its newest version.

The centres of the cells come from k-means of the places of some rows, or of their courses. Vectors
hold squares too: cells of places are narrower where it counts, so fewer rows have to be compared.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats, Integers, Mask
from hevner.catalog import index_layout, search_index
from hevner.catalog.columns import ENCODED, PIECES, ROW
from hevner.catalog.course import MOVEMENT, compared
from hevner.catalog.index_layout import CURVE, NUMBERS, TEXTS, Layout
from hevner.catalog.packages import pa
from hevner.catalog.search_index import CELLS, FEW
from hevner.catalog.tables import Table
from hevner.files import PART, cannot_write

SAMPLE = 32
"""Rows for each cell that the centres are computed from."""

ROUNDS = 8
"""Rounds of k-means."""

SEED = 0

BLOCK = 2**19
"""Rows that are put in order at a time, at some 1 kB each; for each such block all are read."""

THERE = "vector IS NOT NULL"


def build(table: Table) -> None:
    """Make the index of the newest version, unless it is there, and remove those of others.

    Raises
    ------
    CatalogError
        If the table is damaged.
    OutputError
        If the index cannot be written.
    """
    try:
        path = search_index.path_of(table.path)
        if not isinstance(path, Path) or not isinstance(table.path, Path):
            return
        if search_index.opened(table.path) is None:
            part = path.with_name(PART.format(secrets.token_hex(6)))
            try:
                write(table, part)
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        remove(table.path, but=path)
    except OSError as error:
        raise cannot_write(table.path, error) from error


def remove(table: Path, but: Path | None = None) -> None:
    """Remove the indexes of a table, as far as nobody holds them open where that hinders."""
    for old in table.parent.glob(f"{table.stem}-*.search"):
        if old != but:
            with suppress(OSError):
                old.unlink()


@dataclass(frozen=True, eq=False)
class _Order:
    """Where rows belong: first rows of cells, and fragments and lines as in `Layout.places`."""

    bounds: Integers
    fragments: Integers
    lines: Integers

    def lines_of(self, ids: Integers) -> Integers:
        return self.lines[_slots(self.fragments, ids)]


def _slots(fragments: Integers, ids: Integers) -> Integers:
    begin = fragments[1, np.searchsorted(fragments[0], ids >> 32)]
    return np.asarray(begin + (ids & 0xFFFFFFFF))


def write(table: Table, part: Path) -> None:
    """Make the index of the version that is looked at as a new file; raises as `build`."""
    rows = table.count(THERE)
    cells = round(CELLS * rows**0.5) if rows > FEW else min(rows, 1)
    wanted = _sample(rows, cells)
    seen, parts = 0, []
    for _, places in _places(table):
        parts.append(places[wanted[seen : seen + len(places)]])
        seen += len(places)
        if cells <= 1:
            break
    sample = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    order = _order(table, _centres(sample, cells))
    slots, fragments, bounds = len(order.lines), order.fragments.shape[1], order.bounds
    width, place = (table.schema.field(name).type.list_size for name in ("vector", "place"))
    course = CURVE * (table.name == PIECES)
    others = len(NUMBERS[table.name]) + course
    sizes = width, place, others, table.gaussian, course, MOVEMENT
    layout = Layout(table.version, rows, cells, fragments, slots, *sizes)
    with part.open("xb") as file:
        for name in ("bounds", "fragments", "lines"):
            _put(file, layout, name, 0, getattr(order, name))
        end = layout.places["texts"][0]
        first = 0
        while first < cells:
            # Cells of some rows at a time, at least one, so that all is written in order.
            last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + BLOCK, "right")) - 1)
            block, texts = _block(table, layout, order, int(bounds[first]), int(bounds[last]))
            ends = bounds[first : last + 1] - bounds[first]
            block["boxes"] = _boxes(block["values"][:, :place], ends)
            lengths = np.array([len(text) for text in texts], np.int64)
            block["spans"] = np.stack([end + np.cumsum(lengths) - lengths, lengths], axis=1)
            for name, array in block.items():
                at = first if name == "boxes" else bounds[first]
                _put(file, layout, name, int(at), array)
            file.seek(end)
            file.write(b"".join(texts))
            first, end = last, file.tell()
        file.truncate(end)
        file.flush()
        if course:
            _put_orders(file, layout, part)
            file.flush()
        memory = np.memmap(part, np.uint8, "r")
        file.seek(0)
        file.write(replace(layout, size=end).line(memory))


def _put(file: IO[bytes], layout: Layout, name: str, first: int, rows: NDArray[Any]) -> None:
    """Write some rows of an array of the index."""
    offset, kind, shape = layout.places[name]
    file.seek(offset + first * math.prod(shape[1:]) * int(kind[-1]))
    file.write(np.ascontiguousarray(rows, kind).data)


def _block(
    table: Table, layout: Layout, order: _Order, first: int, last: int
) -> tuple[dict[str, NDArray[Any]], list[bytes]]:
    """Arrays and texts of the lines from one to another."""
    count = last - first
    arrays = {
        name: np.zeros((count, *shape[1:]), kind)
        for name, (_, kind, shape) in layout.places.items()
        if name in ("vectors", "values", "ids", "sums") or (name == "paths" and layout.course)
    }
    shown = [b""] * count
    numbers, texts = NUMBERS[table.name], TEXTS[table.name]
    curve = ("curve",) if table.name == PIECES else ()
    # All that the checksums of rows are of.
    columns = [name for name in table.schema.names if name != ENCODED]
    for batch in table.scan((ROW, *columns), THERE):
        lines = order.lines_of(_ids(batch)) - first
        chosen = np.flatnonzero((lines >= 0) & (lines < count))
        lines, some = lines[chosen], batch.take(pa.array(chosen))
        table.sound(pa.Table.from_batches([some]))
        ids = _ids(some)
        values = [_matrix(some["place"], layout.place)]
        values += [_column(some[name]) for name in numbers]
        values += [_matrix(some[name], CURVE) for name in curve]
        joined = np.concatenate(values, axis=1)
        arrays["vectors"][lines] = _matrix(some["vector"], layout.vector)
        arrays["values"][lines] = joined
        arrays["ids"][lines] = ids
        arrays["sums"][lines, 0] = index_layout.checksums(joined, ids)
        rows = zip(*(some[name].to_pylist() for name in texts), strict=True)
        for line, row in zip(lines, rows, strict=True):
            shown[line] = json.dumps(row, ensure_ascii=False).encode()
            arrays["sums"][line, 1] = zlib.crc32(shown[line])
            if layout.course:
                arrays["paths"][line] = index_layout.path_digest(row[texts.index("path")])
    return arrays, shown


def _put_orders(file: IO[bytes], layout: Layout, part: Path) -> None:
    """Write the order of paths, and courses by their own cells, from what is written."""
    offset, kind, shape = layout.places["paths"]
    paths = np.memmap(part, kind, "r", offset, shape)
    _put(file, layout, "path_lines", 0, np.argsort(paths, kind="stable"))
    offset, kind, shape = layout.places["values"]
    memory = np.memmap(part, kind, "r", offset, shape)

    def courses(rows: slice | NDArray[Any]) -> Floats:
        """Courses as they are compared; means of valence and arousal come before the curves."""
        curves = memory[rows, -CURVE:].reshape(-1, 2, CURVE // 2)
        return compared(memory[rows, -CURVE - 2 : -CURVE], curves).reshape(-1, CURVE)

    rows, cells = layout.rows, layout.cells
    centres = _centres(courses(np.flatnonzero(_sample(rows, cells))), cells)
    blocks = [slice(first, first + BLOCK) for first in range(0, rows, BLOCK)]
    none = np.zeros(0, np.int64)
    in_cell = np.concatenate([none, *(_nearest(courses(some), centres) for some in blocks)])
    lines = np.argsort(in_cell, kind="stable")
    bounds = np.searchsorted(in_cell[lines], np.arange(cells + 1))
    _put(file, layout, "course_bounds", 0, bounds)
    _put(file, layout, "course_lines", 0, lines)
    for some in blocks:
        _put(file, layout, "courses", some.start, courses(lines[some]))
    for cell, (first, last) in enumerate(pairwise(bounds)):
        ends = np.array([0, last - first])
        _put(file, layout, "course_boxes", cell, _boxes(courses(lines[first:last]), ends))


def _boxes(rows: Floats, ends: Integers) -> Floats:
    """Least and largest values between ends, shape ``(cells, 2, numbers)``; 0 for no rows."""
    boxes = np.zeros((len(ends) - 1, 2, rows.shape[1]), np.float32)
    for box, (first, last) in zip(boxes, pairwise(ends), strict=True):
        if last > first:
            box[:] = rows[first:last].min(axis=0), rows[first:last].max(axis=0)
    return boxes


def _sample(rows: int, cells: int) -> Mask:
    """Which rows the centres are computed from."""
    wanted = np.zeros(rows, bool)
    wanted[np.random.default_rng(SEED).permutation(rows)[: SAMPLE * cells]] = True
    return wanted


def _centres(sample: Floats, cells: int) -> Floats:
    """Centres of cells, shape ``(cells, numbers)``."""
    centres = sample[:cells].copy()
    for _ in range(ROUNDS if cells > 1 else 0):
        cell = _nearest(sample, centres)
        order = np.argsort(cell, kind="stable")
        filled, first = np.unique(cell[order], return_index=True)
        counts = np.diff(np.append(first, len(sample)))
        centres[filled] = np.add.reduceat(sample[order], first, axis=0) / counts[:, None]
    return centres


def _order(table: Table, centres: Floats) -> _Order:
    """Where each row belongs."""
    none = np.zeros(0, np.int64)
    every = np.concatenate([none, *(_ids(batch) for batch in table.scan([ROW]))])
    numbers = np.unique(every >> 32)
    inside = [every[every >> 32 == number] & 0xFFFFFFFF for number in numbers]
    sizes = np.array([places.max() + 1 for places in inside], np.int64)
    fragments = np.stack([numbers, np.cumsum(sizes) - sizes])
    parts = [(ids, _nearest(places, centres)) for ids, places in _places(table)]
    cells = np.concatenate([none, *(cell for _, cell in parts)])
    by_cell = np.argsort(cells, kind="stable")
    lines = np.full(sizes.sum(), -1, np.int64)
    ids = np.concatenate([none, *(ids for ids, _ in parts)])[by_cell]
    lines[_slots(fragments, ids)] = np.arange(len(ids))
    return _Order(np.searchsorted(cells[by_cell], np.arange(len(centres) + 1)), fragments, lines)


def _places(table: Table) -> Iterator[tuple[Integers, Floats]]:
    for batch in table.scan([ROW, "place"], THERE):
        yield _ids(batch), _matrix(batch["place"], batch["place"].type.list_size)


def _ids(batch: pa.RecordBatch) -> Integers:
    return np.asarray(batch[ROW].to_numpy(), np.int64)


def _nearest(rows: Floats, centres: Floats) -> Integers:
    """The nearest centre of each row."""
    halves = (centres**2).sum(axis=1) / 2
    blocks = np.array_split(rows, max(1, len(rows) // 8192))
    return np.concatenate([np.argmin(halves - block @ centres.T, axis=1) for block in blocks])


def _matrix(column: pa.Array, width: int) -> Floats:
    """A column of lists; NaN for null."""
    values = np.full((len(column), width), np.nan, np.float32)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    values[column.is_valid().to_numpy(zero_copy_only=False)] = flat.reshape(-1, width)
    return values


def _column(column: pa.Array) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float32)[:, None]
