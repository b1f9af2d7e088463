"""The two tables of a catalogue, and all that touches LanceDB.

Conventions
-----------
A table handle looks at one version until it is refreshed, so a reader sees neither half a change
nor another's new rows. Columns are those of `PIECES` and `MOMENTS`; filters are SQL over them, as
DataFusion understands it. What LanceDB says when a disk is full or a file is damaged becomes an
error that names the table and what to do.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hevner.catalog.header import Header, rebuilding
from hevner.errors import CatalogError, HevnerError
from hevner.files import cannot_write, display_name
from hevner.heads import ESTIMATE_COLUMNS

# Read when LanceDB is imported: its notes have no place among the messages of a command.
os.environ.setdefault("LANCEDB_LOG", "error")
os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")

import lancedb
import pyarrow as pa
from lancedb.index import IvfFlat
from lancedb.query import LanceVectorQueryBuilder

PIECES, MOMENTS = "pieces", "moments"

FAR = 16_000.0
"""How far off a search looks from, in the direction of a vector of length 1. What is nearest from
so far has the largest inner product, as nearly as float32 tells; LanceDB's own index for inner
products puts nearly all rows into a few parts."""

INDEX_ROWS = 10_000
"""Rows from which a table gets a vector index; below, comparing with all is as quick."""

GROWTH = 4
"""A vector index is made anew when there are so many times the rows that it was made for: its
parts would get too large."""

PATCHES = 8
"""New rows are indexed as a patch beside the index; with more patches it is made anew."""

STORAGE = {"new_table_data_storage_version": "2.0"}
"""Single rows are fetched a third faster from files of this format than from those of 2.1."""

KEPT = timedelta(hours=1)
"""How long an old version stays readable for those who have it open."""

BATCH = 50_000
"""Rows that are read at a time; each batch costs half a millisecond, whatever its size."""

AT_A_TIME = 500
"""Values in one SQL list."""

ROW, DISTANCE = "_rowid", "_distance"

ENCODED = "encoded"
"""Column of the pieces that the encoder of the header has heard; not there before it hears any."""


def schema(table: str, header: Header) -> pa.Schema:
    """The columns of a table.

    Those of a piece are: ``id``, the digest of the file's content; ``path``, absolute; ``name``,
    the path below the folder that was indexed; ``size`` in bytes and ``mtime`` in nanoseconds;
    ``duration`` in seconds; ``valence``, ``arousal`` and the ends of their intervals on the unit
    scale; ``quadrant``, Q1 to Q4; ``key`` such as ``A minor`` and ``key_mode``, ``major`` or
    ``minor``; ``tempo`` in beats per minute; ``familiarity`` in [0, 1]; ``tags``, those present,
    the strongest first; ``status``, ``ok``, ``silent`` or ``failed``, and ``cause``; ``vector`` for
    the first stage of a search and ``place``, the three arrays of the space's points one after the
    other, for the second; ``curve``, the course of valence, then of arousal. What is not known is
    null. A moment has the ``piece`` it belongs to, ``start`` and ``end`` in seconds.

    Pieces have one column more, `ENCODED`, once an encoder that shares a space with texts has heard
    any (`Table.add_encoded`): the mean of what it makes of their windows, brought to length 1.
    """
    number, text = pa.float32(), pa.string()
    vector = pa.list_(pa.float32(), header.vector)
    place = pa.list_(pa.float32(), header.correlated + 2 * header.gaussian)
    if table == MOMENTS:
        numbers = [(name, number) for name in ("start", "end", "valence", "arousal")]
        return pa.schema([("piece", text), *numbers, ("vector", vector), ("place", place)])
    return pa.schema(
        [
            *((name, text) for name in ("id", "path", "name")),
            *((name, pa.int64()) for name in ("size", "mtime")),
            *((name, number) for name in ("duration", *ESTIMATE_COLUMNS)),
            *((name, text) for name in ("quadrant", "key", "key_mode")),
            *((name, number) for name in ("tempo", "familiarity")),
            ("tags", pa.list_(text)),
            *((name, text) for name in ("status", "cause")),
            ("vector", vector),
            ("place", place),
            ("curve", pa.list_(pa.float16(), 16)),
        ]
    )


class Table:
    """A table of a catalogue.

    Parameters
    ----------
    folder
        The catalogue's.
    name
        `PIECES` or `MOMENTS`.
    header
        The catalogue's.

    Raises
    ------
    CatalogError
        If it is missing or damaged. All methods raise it too, and those that write `OutputError`.
    """

    def __init__(self, folder: Path, name: str, header: Header) -> None:
        self.name = name
        self.schema = schema(name, header)
        self.path = folder / f"{name}.lance"
        self._folder = folder
        self._header = header
        if not self.path.is_dir():
            raise self._damaged("the table is missing")
        with self._telling():
            self._table = lancedb.connect(folder).open_table(name)
            found = self._table.schema
        if not _without_encoded(found).equals(self.schema):
            raise self._damaged("the table has other columns than its header says")
        self.schema = found

    def refresh(self) -> None:
        """Look at the newest version."""
        with self._telling():
            self._table.checkout_latest()  # type: ignore[no-untyped-call]
            self.schema = self._table.schema

    def count(self, where: str | None = None) -> int:
        """Number of rows."""
        with self._telling(where):
            return int(self._table.count_rows(where))

    def scan(self, columns: Sequence[str], where: str | None = None) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows that pass a filter, a batch at a time."""
        with self._telling(where):
            query = self._table.search().select(list(columns))
            yield from (query.where(where) if where else query).to_batches(BATCH)

    def nearest(
        self,
        vector: NDArray[np.float32],
        count: int,
        probes: int,
        where: str | None,
        columns: Sequence[str],
    ) -> pa.Table:
        """Rows whose vectors have the largest inner products with one, best first."""
        search = self._table.search(FAR * vector, vector_column_name="vector", query_type="vector")
        query = cast(LanceVectorQueryBuilder, search)
        query = query.distance_type("l2").limit(count).nprobes(probes).with_row_id(True)
        if where:
            # A rare row may lie in any part of the index.
            query = query.where(where).maximum_nprobes(0)
        with self._telling(where):
            return query.select([*columns, DISTANCE]).to_arrow()

    def take(self, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Columns of rows by their `ROW`, in that order."""
        if not rows:
            return self.schema.empty_table().select(list(columns))
        with self._telling():
            query = self._table.take_row_ids(list(rows)).select(list(columns)).with_row_id()
            found = query.to_arrow()
        places = {row: place for place, row in enumerate(found[ROW].to_pylist())}
        return found.take([places[row] for row in rows]).drop_columns([ROW])

    def add(self, rows: list[dict[str, Any]], key: str = "") -> None:
        """Add rows in one step; with a key, in the place of those that have the same."""
        data = pa.Table.from_pylist(rows, schema=self.schema)
        with self._telling():
            if key:
                merge = self._table.merge_insert(key)
                merge.when_matched_update_all().when_not_matched_insert_all()
                # Silent pieces have no vector.
                merge.execute(data, on_bad_vectors="null")
            else:
                self._table.add(data)

    def add_encoded(self, width: int) -> None:
        """Add the column `ENCODED` of so many numbers, if it is not there."""
        if ENCODED not in self.schema.names:
            with self._telling():
                self._table.add_columns(pa.field(ENCODED, pa.list_(pa.float16(), width)))
                self.schema = self._table.schema

    def put_encoded(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Fill the column `ENCODED` of all rows with these ids in one step."""
        flat = np.stack(list(vectors.values())).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
        with self._telling():
            merge = self._table.merge_insert("id").when_matched_update_all()
            merge.execute(pa.table({"id": list(vectors), ENCODED: column}))

    def load(self, data: pa.Table) -> None:
        """Add many rows that have the columns of the table."""
        with self._telling():
            self._table.add(data)

    def delete(self, column: str, values: Iterable[str]) -> None:
        """Remove the rows that have one of these values."""
        for some in in_lists(column, values):
            with self._telling():
                self._table.delete(some)

    def tidy(self) -> None:
        """Join small files, index new rows, forget versions older than `KEPT`."""
        with self._telling():
            rows = self._table.count_rows("vector IS NOT NULL")
            if self._is_index_due(rows):
                self._index(rows)
            self._table.optimize(cleanup_older_than=KEPT)

    def _is_index_due(self, rows: int) -> bool:
        names = [index.name for index in self._table.list_indices()]
        if not names:
            return rows >= INDEX_ROWS
        stats = self._table.index_stats(names[0])
        patches = (stats.num_indices or 1) - 1 if stats else 0
        return patches > PATCHES or rows >= GROWTH * int(names[0].removeprefix("vector_"))

    def _index(self, rows: int) -> None:
        """Make the vector index; its name tells for how many rows, which LanceDB does not keep."""
        for old in self._table.list_indices():
            self._table.drop_index(old.name)
        config = IvfFlat(distance_type="l2", num_partitions=round(rows**0.5))
        self._table.create_index("vector", config=config, name=f"vector_{rows}")

    @contextmanager
    def _telling(self, where: str | None = None) -> Iterator[None]:
        try:
            yield
        except HevnerError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            said = str(error)
            if (full := _system_error(said)) is not None:
                raise cannot_write(self.path, full) from error
            if where is not None and isinstance(error, ValueError):
                raise self._misunderstood(where, said) from error
            raise self._damaged(_first_clause(said)) from error

    def _misunderstood(self, where: str, said: str) -> CatalogError:
        hidden = ("vector", "place", "curve", ENCODED)
        names = ", ".join(name for name in self.schema.names if name not in hidden)
        return CatalogError(
            f"the filter {where!r} is not understood: {_first_clause(said)}",
            remedy=f'Compare columns with values, as in "duration < 300"; there are {names}',
            stage="filter",
        )

    def _damaged(self, why: str) -> CatalogError:
        return CatalogError(
            f"the table cannot be read: {why}",
            subject=display_name(self.path),
            remedy="To analyse the music anew, "
            + rebuilding(self._folder, self._header.folders, self._header.encoder),
        )


def make(folder: Path, header: Header) -> None:
    """Make both tables, empty, in the place of any that are there.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    for name in (PIECES, MOMENTS):
        path = folder / f"{name}.lance"
        try:
            if path.exists():
                shutil.rmtree(path)
            lancedb.connect(folder, storage_options=STORAGE).create_table(
                name, schema=schema(name, header)
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise cannot_write(path, _system_error(str(error)) or OSError(str(error))) from error


def any_rows(folder: Path) -> bool:
    """Whether a folder holds tables of which one has rows or cannot be read."""
    for name in (PIECES, MOMENTS):
        if (folder / f"{name}.lance").is_dir():
            try:
                if lancedb.connect(folder).open_table(name).count_rows():
                    return True
            except (OSError, RuntimeError, ValueError):
                return True
    return False


def in_lists(column: str, values: Iterable[str]) -> Iterator[str]:
    """Filters that together pass the rows whose column has one of the values."""
    for some in batched(values, AT_A_TIME):
        quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in some)
        yield f"{column} IN ({quoted})"


def batched(values: Iterable[str], count: int) -> Iterator[list[str]]:
    """Lists of at most so many of the values."""
    left = iter(values)
    while some := list(islice(left, count)):
        yield some


def _without_encoded(schema: pa.Schema) -> pa.Schema:
    place = schema.get_field_index(ENCODED)
    return schema if place < 0 else schema.remove(place)


def _system_error(said: str) -> OSError | None:
    """The operating system's error that LanceDB quotes, if it was about room."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if f"os error {number}" in said or os.strerror(number) in said:
            return OSError(number, os.strerror(number))
    return None


def _first_clause(said: str) -> str:
    """What LanceDB says without the place in its source."""
    said = re.sub(r", /\S+\.rs:\d+:\d+.*", "", said, flags=re.DOTALL)
    return said.removeprefix("lance error: ").removeprefix("Invalid input, ").rstrip(". ")
