"""The two tables of a catalogue, and all that touches LanceDB.

Conventions
-----------
A table handle looks at one version until it is refreshed, so a reader sees neither half a change
nor another's new rows. Columns are those of `PIECES` and `MOMENTS`; filters are SQL over them, as
DataFusion understands it. Each row has a checksum (`hevner.catalog.checksums`).
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hevner.arrays import Floats
from hevner.catalog.checksums import CHECKSUM, checksums, unsound
from hevner.catalog.columns import (
    CHANGED,
    DISTANCE,
    ENCODED,
    PIECES,
    ROW,
    TABLES,
    Row,
    noted,
    schema,
)
from hevner.catalog.faults import clear_errors, is_panic, system_error, unreadable
from hevner.catalog.header import Header, refused
from hevner.catalog.packages import lancedb, pa
from hevner.catalog.row_keys import KEY, KEYS, declared, with_keys
from hevner.errors import CatalogError
from hevner.files import cannot_write
from hevner.object_path import LANCE_OPTIONS, Location, ObjectPath

INDEXED = {"tags": "LabelList"} | dict.fromkeys(
    ("quadrant", "key", "key_mode", "mode", "sounds_like"), "Bitmap"
)
"""Columns of pieces with an index for filters and its kind. Numbers have none: reading them all is
as quick, and quicker where many pass. Nor has what the writing of a catalogue depends on."""

INDEX_ROWS = 10_000
"""Rows from which a table gets indexes for filters; below, comparing all is as quick."""

STORAGE = {"new_table_data_storage_version": "2.0"}
"""Single rows are fetched a third faster from files of this format than from those of 2.1."""

HOMES = "tables-*"
"""Names of folders of tables, beside the catalogue's folder itself."""

KEPT = timedelta(hours=1)
"""How long an old version stays readable for those who have it open."""

BATCH = 50_000
"""Rows that are read at a time; each batch costs half a millisecond, whatever its size."""

ATTEMPTS = 12
"""How often a change is tried that others come in between of; LanceDB itself tries ten times."""

LONGEST_S = 30.0
"""Longest pause between two of them, in seconds."""

AT_A_TIME = 500
"""Values in one SQL list."""


class Table:
    """The table `PIECES` or `MOMENTS` of a catalogue, with the columns of `schema` or any.

    It is that of ``version``, or the newest.

    Raises
    ------
    CatalogError
        If it is missing or damaged. All methods raise it too, and those that write `OutputError`.
    """

    def __init__(
        self,
        folder: Location,
        name: str,
        header: Header,
        any_columns: bool = False,
        version: int | None = None,
    ) -> None:
        self.name = name
        self.gaussian = header.gaussian
        self.schema = schema(name, header)
        self._folder = folder
        home = folder / header.tables
        self.path = home / f"{name}.lance"
        if not self.path.is_dir():
            raise self._damaged("the table is missing")
        with self._clear_errors():
            self._table = _connected(home).open_table(name)
            if version is not None and version != self._table.version:
                self._table.checkout(version)
            found = self._table.schema
        optional = {ENCODED, KEY, *noted(name).names}
        there = {field.with_nullable(True) for field in found if field.name not in optional}
        if not any_columns and there > set(self.schema):
            strange = min(field.name for field in there - set(self.schema))
            cause = f"its table {name} was written by a newer hevner: it has a column {strange!r}"
            raise refused("newer_version", folder, cause, "Update hevner, or name another folder")
        if not any_columns and there != set(self.schema):
            raise self._damaged("the table has other columns than its header says")
        self.schema = found

    @property
    def version(self) -> int:
        """Number of the version that is looked at; it grows with each change."""
        with self._clear_errors():
            return int(self._table.version)

    @property
    def stamp_columns(self) -> tuple[str, ...]:
        """Columns that `hevner.catalog.file_identity.Stamp` is made of."""
        return ("size", "mtime", CHANGED) if CHANGED in self.schema.names else ("size", "mtime")

    def refresh(self) -> None:
        """Look at the newest version."""
        with self._clear_errors():
            self._table.checkout_latest()
            self.schema = self._table.schema

    def count(self, where: str | None = None) -> int:
        """Number of rows."""
        with self._clear_errors(where):
            return int(self._table.count_rows(where))

    def scan(
        self, columns: Sequence[str], where: str | None = None, at_once: int = BATCH
    ) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows that pass a filter, so many rows at a time."""
        there, absent = self._split(columns)
        with self._clear_errors(where):
            query = self._table.search().select(there)
            for batch in (query.where(where) if where else query).to_batches(at_once):
                for field in absent:
                    batch = batch.append_column(field.name, pa.nulls(len(batch), field.type))
                yield batch.select(list(columns)) if absent else batch

    def _split(self, columns: Sequence[str]) -> tuple[list[str], list[pa.Field]]:
        """Those of some columns that are there, and those that this table is too old to have."""
        later = [field for field in noted(self.name) if field.name not in self.schema.names]
        absent = [field for field in later if field.name in columns]
        names = {field.name for field in absent}
        return [name for name in columns if name not in names], absent

    def nearest(
        self,
        vector: Floats,
        count: int,
        where: str | None,
        columns: Sequence[str],
    ) -> pa.Table:
        """Rows whose vectors have the largest inner products with one, best first.

        All rows are compared; `hevner.catalog.search_index` is quicker in a large table.
        """
        search: Any = self._table.search(vector, vector_column_name="vector", query_type="vector")
        query = search.distance_type("dot").limit(count).with_row_id(True).bypass_vector_index()
        if where:
            query = query.where(where)
        with self._clear_errors(where):
            return query.select([*columns, DISTANCE]).to_arrow().drop_columns([DISTANCE])

    def take(self, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Columns of rows by their `ROW`, in that order."""
        if not rows:
            return self.schema.empty_table().select(list(columns))
        with self._clear_errors():
            query = self._table.take_row_ids(list(rows)).select(list(columns)).with_row_id()
            found = query.to_arrow()
        places = {row: place for place, row in enumerate(found[ROW].to_pylist())}
        return found.take([places[row] for row in rows]).drop_columns([ROW])

    def checked(self, rows: Sequence[int]) -> pa.Table:
        """All columns of rows by their `ROW`, in that order; damage to one of them is an error."""
        return self._widened(self.sound(self.take(rows, self.schema.names)))

    def _widened(self, rows: pa.Table) -> pa.Table:
        """Rows with those columns too that this table is too old to have."""
        for field in self._split(noted(self.name).names)[1]:
            rows = rows.append_column(field, pa.nulls(len(rows), field.type))
        return rows

    def sound(self, rows: pa.Table) -> pa.Table:
        """Rows with all columns, as they are; damage to one of them is an error."""
        if unsound(rows).any():
            raise self._damaged("a row is not as it was written")
        return rows

    def records(self, where: str) -> list[Row]:
        """All columns of the rows that pass a filter; damage to one of them is an error."""
        found = pa.Table.from_batches(self.scan(self.schema.names, where), self.schema)
        rows: list[Row] = self._widened(self.sound(found)).to_pylist()
        return rows

    def add(self, rows: list[Row] | pa.Table, key: str = "") -> None:
        """Add rows in one step; with a key column, replace the rows that have the same value.

        In an object store they always do, by `KEYS`, whoever else adds the same rows meanwhile.
        """
        data = pa.Table.from_pylist(rows, schema=self.schema) if isinstance(rows, list) else rows
        if CHECKSUM in data.column_names:
            column = data.column_names.index(CHECKSUM)
            data = data.set_column(column, CHECKSUM, pa.array(checksums(data)))
        data = with_keys(data)
        key = KEYS[self.name] if isinstance(self.path, ObjectPath) else key

        def add() -> None:
            if key:
                merge = self._table.merge_insert(key)
                merge.when_matched_update_all().when_not_matched_insert_all()
                # Silent pieces have no vector.
                merge.execute(data, on_bad_vectors="null")
            else:
                self._table.add(data)

        self._commit(add)

    def add_encoded(self, width: int) -> None:
        """Add the column `ENCODED` of so many numbers, if it is not there."""
        self._add_columns([pa.field(ENCODED, pa.list_(pa.float16(), width))])

    def add_noted(self) -> None:
        """Add those columns of `noted` that are not there."""
        self._add_columns(noted(self.name))

    def _add_columns(self, fields: Iterable[pa.Field]) -> None:
        if missing := [field for field in fields if field.name not in self.schema.names]:
            self._commit(lambda: self._table.add_columns(missing))
            self.schema = self._table.schema

    def put_encoded(self, vectors: Mapping[str, Floats]) -> None:
        """Fill the column `ENCODED` of all rows with these ids in one step."""
        flat = np.stack(list(vectors.values())).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
        rows = pa.table({"id": list(vectors), ENCODED: column})
        self._commit(lambda: self._table.merge_insert("id").when_matched_update_all().execute(rows))

    def delete(self, column: str, values: Iterable[str]) -> None:
        """Remove the rows that have one of these values."""
        for some in in_lists(column, values):
            self._commit(partial(self._table.delete, some))

    def tidy(self) -> None:
        """Join small files, index new rows for filters, forget versions older than `KEPT`."""
        with self._clear_errors():
            indexes = {column: one for one in self._table.list_indices() for column in one.columns}
            if "vector" in indexes:  # of an earlier hevner
                self._table.drop_index(indexes["vector"].name)
            if self.name == PIECES and self.count() >= INDEX_ROWS:
                for column in INDEXED.keys() - indexes.keys():
                    kind = getattr(lancedb.index, INDEXED[column])
                    self._table.create_index(column, config=kind())
        try:
            self._optimize()
        except CatalogError:
            if isinstance(self.path, ObjectPath):
                raise
            # To forget old versions, all are looked at; a damaged one must not keep the new one.
            # The newest has the smallest number.
            for old in sorted((self.path / "_versions").glob("*.manifest"))[1:]:
                old.unlink(missing_ok=True)
            self._optimize()

    def _optimize(self) -> None:
        self._commit(lambda: self._table.optimize(cleanup_older_than=KEPT))

    def _commit(self, change: Callable[[], object]) -> None:
        """Make a change, in an object store again and again if other processes are in between."""
        shared = isinstance(self.path, ObjectPath)
        for attempt in range(ATTEMPTS if shared else 1):
            if shared:
                self.refresh()
            try:
                with self._clear_errors():
                    change()
                return
            except CatalogError as error:
                if error.code != "crowded" or attempt == ATTEMPTS - 1:
                    raise
            time.sleep(random.uniform(0, min(2.0**attempt, LONGEST_S)))

    def _clear_errors(self, where: str | None = None) -> AbstractContextManager[None]:
        return clear_errors(self.path, self._folder, where, self.schema.names)

    def _damaged(self, why: str) -> CatalogError:
        return unreadable(self.path, self._folder, why)


def create_tables(folder: Location, header: Header) -> None:
    """Make both tables, empty, in place of those that are there; raises `OutputError`."""
    for name in TABLES:
        path = folder / f"{name}.lance"
        try:
            columns = pa.schema([*schema(name, header), *noted(name)])
            if isinstance(path, ObjectPath):
                _connected(folder).create_table(name, schema=declared(name, columns))
                continue
            if path.exists():
                shutil.rmtree(path)
            _connected(folder).create_table(name, schema=columns)
        except (OSError, RuntimeError, ValueError) as error:
            raise cannot_write(path, system_error(str(error)) or OSError(str(error))) from error


def _connected(home: Location) -> Any:
    options = STORAGE if isinstance(home, Path) else STORAGE | LANCE_OPTIONS
    return lancedb.connect(home if isinstance(home, Path) else str(home), storage_options=options)


def remove_tables(folder: Path) -> None:
    """Remove both tables, as far as that is possible."""
    for name in TABLES:
        shutil.rmtree(folder / f"{name}.lance", ignore_errors=True)


def any_rows(folder: Path) -> bool:
    """Whether a folder holds tables of which one has rows or cannot be read."""
    for name in TABLES:
        table = folder / f"{name}.lance"
        # A process that is killed, or has no room, while it makes a table leaves one without data.
        if any(table.glob("data/*")):
            try:
                if lancedb.connect(folder).open_table(name).count_rows():
                    return True
            except BaseException as error:
                if is_panic(error) or isinstance(error, (OSError, RuntimeError, ValueError)):
                    return True
                raise
    return False


def in_lists(column: str, values: Iterable[str]) -> Iterator[str]:
    """Filters that together pass the rows whose column has one of the values."""
    left = iter(values)
    while some := list(islice(left, AT_A_TIME)):
        quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in some)
        yield f"{column} IN ({quoted})"
