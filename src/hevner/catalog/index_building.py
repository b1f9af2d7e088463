"""Making the search index of a table (`hevner.catalog.search_index`) from its newest version.

The centres of the cells come from k-means of some rows. Rows go to the nearest centre, though a
search ranks cells by inner products: norms differ so much that k-means on the sphere, or a nearest
centre by inner product, would put most rows into few cells.
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

from hevner.catalog import search_index
from hevner.catalog.packages import pa
from hevner.catalog.search_index import CELLS, COMPARED, CURVE, NUMBERS, TEXTS, Layout
from hevner.catalog.tables import ENCODED, PIECES, ROW, Table
from hevner.files import PART, cannot_write

SAMPLE = 32
"""Rows for each cell that the centres are computed from."""

ROUNDS = 8
"""Rounds of k-means."""

SEED = 0

BLOCK = 2**19
"""Rows that are put in order at a time, at some 1 kB each; for each such block all are read."""

THERE = "vector IS NOT NULL"

Floats = NDArray[np.float32]


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

    bounds: NDArray[np.int64]
    fragments: NDArray[np.int64]
    lines: NDArray[np.int64]

    def lines_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.lines[_slots(self.fragments, ids)]


def _slots(fragments: NDArray[np.int64], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    begin = fragments[1, np.searchsorted(fragments[0], ids >> 32)]
    return np.asarray(begin + (ids & 0xFFFFFFFF))


def write(table: Table, part: Path) -> None:
    """Make the index of the version that is looked at as a new file; raises as `build`."""
    rows = table.count(THERE)
    cells = round(CELLS * rows**0.5) if rows > COMPARED[1] else min(rows, 1)
    order = _order(table, _centres(table, rows, cells))
    slots, fragments, bounds = len(order.lines), order.fragments.shape[1], order.bounds
    width, place = (table.schema.field(name).type.list_size for name in ("vector", "place"))
    others = len(NUMBERS[table.name]) + CURVE * (table.name == PIECES)
    layout = Layout(table.version, rows, cells, fragments, slots, width, place, others)
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
            some = [block["vectors"][b:e] for b, e in pairwise(ends)]
            none = np.zeros((1, width), np.float32)
            block["means"] = np.stack([(one if len(one) else none).mean(axis=0) for one in some])
            block["variances"] = np.stack([(one if len(one) else none).var(axis=0) for one in some])
            lengths = np.array([len(text) for text in texts], np.int64)
            block["spans"] = np.stack([end + np.cumsum(lengths) - lengths, lengths], axis=1)
            for name, array in block.items():
                at = first if name in ("means", "variances") else bounds[first]
                _put(file, layout, name, int(at), array)
            file.seek(end)
            file.write(b"".join(texts))
            first, end = last, file.tell()
        file.truncate(end)
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
        if name in ("vectors", "values", "ids", "sums")
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
        arrays["sums"][lines, 0] = search_index.checksums(joined, ids)
        rows = zip(*(some[name].to_pylist() for name in texts), strict=True)
        for line, row in zip(lines, rows, strict=True):
            shown[line] = json.dumps(row, ensure_ascii=False).encode()
            arrays["sums"][line, 1] = zlib.crc32(shown[line])
    return arrays, shown


def _centres(table: Table, rows: int, cells: int) -> Floats:
    """Centres of cells, shape ``(cells, W)``."""
    rng = np.random.default_rng(SEED)
    wanted = np.zeros(rows, bool)
    wanted[rng.permutation(rows)[: SAMPLE * cells]] = True
    seen, parts = 0, []
    for _, vectors in _vectors(table):
        parts.append(vectors[wanted[seen : seen + len(vectors)]])
        seen += len(vectors)
        if cells <= 1:
            break
    sample = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
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
    parts = [(ids, _nearest(vectors, centres)) for ids, vectors in _vectors(table)]
    cells = np.concatenate([none, *(cell for _, cell in parts)])
    by_cell = np.argsort(cells, kind="stable")
    lines = np.full(sizes.sum(), -1, np.int64)
    ids = np.concatenate([none, *(ids for ids, _ in parts)])[by_cell]
    lines[_slots(fragments, ids)] = np.arange(len(ids))
    return _Order(np.searchsorted(cells[by_cell], np.arange(len(centres) + 1)), fragments, lines)


def _vectors(table: Table) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    for batch in table.scan([ROW, "vector"], THERE):
        width = batch["vector"].type.list_size
        yield _ids(batch), _matrix(batch["vector"], width)


def _ids(batch: pa.RecordBatch) -> NDArray[np.int64]:
    return np.asarray(batch[ROW].to_numpy(), np.int64)


def _nearest(vectors: Floats, centres: Floats) -> NDArray[np.int64]:
    """The nearest centre of each vector."""
    halves = (centres**2).sum(axis=1) / 2
    blocks = np.array_split(vectors, max(1, len(vectors) // 8192))
    return np.concatenate([np.argmin(halves - block @ centres.T, axis=1) for block in blocks])


def _matrix(column: pa.Array, width: int) -> Floats:
    """A column of lists; NaN for null."""
    values = np.full((len(column), width), np.nan, np.float32)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    values[column.is_valid().to_numpy(zero_copy_only=False)] = flat.reshape(-1, width)
    return values


def _column(column: pa.Array) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float32)[:, None]
