"""The two tables of a catalogue, and all that touches LanceDB.

Conventions
-----------
A table handle looks at one version until it is refreshed, so a reader sees neither half a change
nor another's new rows. Columns are those of `PIECES` and `MOMENTS`; filters are SQL over them, as
DataFusion understands it. Errors of LanceDB about a full disk or a damaged file become errors that
name the table and the remedy.
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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hevner.catalog.header import Header, damaged
from hevner.catalog.packages import lancedb, pa
from hevner.errors import CatalogError, HevnerError
from hevner.files import cannot_write
from hevner.heads import ESTIMATE_COLUMNS, ESTIMATES

PIECES: Final = "pieces"
MOMENTS: Final = "moments"

INDEXED = {"tags": "LabelList"} | dict.fromkeys(
    ("quadrant", "key", "key_mode", "mode", "sounds_like"), "Bitmap"
)
"""Columns of pieces with an index for filters and its kind. Numbers have none: reading them all is
as quick, and quicker where many pass. Nor has what the writing of a catalogue depends on."""

INDEX_ROWS = 10_000
"""Rows from which a table gets indexes for filters; below, comparing all is as quick."""

STORAGE = {"new_table_data_storage_version": "2.0"}
"""Single rows are fetched a third faster from files of this format than from those of 2.1."""

KEPT = timedelta(hours=1)
"""How long an old version stays readable for those who have it open."""

BATCH = 50_000
"""Rows that are read at a time; each batch costs half a millisecond, whatever its size."""

AT_A_TIME = 500
"""Values in one SQL list."""

MOST_TERMS = 200
"""Most operators in a filter: LanceDB computes each inside the one before, and a few hundred
overflow the stack, which ends the process."""

SHOWN = 200
"""Most characters of a filter in a message."""

_QUOTED = re.compile(r"'[^']*'")
_TERM = re.compile(r"[-+*/%<>=!~|&^(]+|\b(?:and|or|not|between|i?like|case|when)\b", re.IGNORECASE)

ROW, DISTANCE = "_rowid", "_distance"

ENCODED = "encoded"
"""Column of the vectors of the encoder that the header names; absent while no piece is encoded."""

CHANGED = "changed"
"""Column of `hevner.catalog.file_identity.Stamp.changed`; absent from older catalogues until they
are written to, and null for their rows."""

SOUNDS = "status = 'ok'"
"""Filter: pieces that have an emotion."""

WITH_VECTOR = f"{SOUNDS} AND {ENCODED} IS NOT NULL"
WITHOUT_VECTOR = f"{SOUNDS} AND {ENCODED} IS NULL"
"""Filters, if the column exists: pieces that can be compared with a text, and those that cannot."""

Row = dict[str, Any]


def schema(table: str, header: Header) -> pa.Schema:
    """The columns of a table.

    Those of a piece are: ``id``, the digest of the file's content; ``path``, absolute; ``name``,
    the path below the folder that was indexed; ``size`` in bytes and ``mtime`` in nanoseconds;
    ``duration`` in seconds; ``valence``, ``arousal``, ``tension`` and the ends of their intervals
    on the unit scale, and ``emotion_anger`` and the other basic emotions likewise in [0, 1];
    ``quadrant``, Q1 to Q4; ``key`` such as ``A minor``, ``key_mode``, ``major`` or ``minor``,
    ``mode`` such as ``dorian``, and ``key_candidates``, the keys that it may be in, the most
    probable first; ``tempo`` in beats per minute; ``familiarity`` in [0, 1]; ``sounds_like``, the
    most likely kind of music; ``tags``, those present, the strongest first; ``status``, ``ok``,
    ``silent``, ``no_music`` or ``failed``, and ``cause`` of the last two; ``vector`` for the first
    stage of a search and ``place``, the three arrays of the space's points one after the other, for
    the second; ``curve``, the course of valence, then of arousal. What is not known is null. A
    moment has the ``piece`` it belongs to, ``start`` and ``end`` in seconds.

    Pieces have two columns more: `CHANGED` from the first writing on, and `ENCODED` once they are
    encoded for searches by text (`Table.add_encoded`), the mean of the vectors of their windows,
    brought to length 1.
    """
    number, text = pa.float32(), pa.string()
    vector = pa.list_(pa.float32(), header.vector)
    place = pa.list_(pa.float32(), header.correlated + 2 * header.gaussian)
    if table == MOMENTS:
        numbers = [(name, number) for name in ("start", "end", *ESTIMATES)]
        return pa.schema([("piece", text), *numbers, ("vector", vector), ("place", place)])
    return pa.schema(
        [
            *((name, text) for name in ("id", "path", "name")),
            *((name, pa.int64()) for name in ("size", "mtime")),
            *((name, number) for name in ("duration", *ESTIMATE_COLUMNS)),
            *((name, text) for name in ("quadrant", "key", "key_mode", "mode", "sounds_like")),
            *((name, number) for name in ("tempo", "familiarity")),
            *((name, pa.list_(text)) for name in ("tags", "key_candidates")),
            *((name, text) for name in ("status", "cause")),
            ("vector", vector),
            ("place", place),
            ("curve", pa.list_(pa.float16(), 16)),
        ]
    )


class Table:
    """The table `PIECES` or `MOMENTS` of a catalogue, of a version, or the newest.

    Raises
    ------
    CatalogError
        If it is missing or damaged. All methods raise it too, and those that write `OutputError`.
    """

    def __init__(self, folder: Path, name: str, header: Header, version: int | None = None) -> None:
        self.name = name
        self.schema = schema(name, header)
        self.path = folder / f"{name}.lance"
        self._folder = folder
        self._header = header
        if not self.path.is_dir():
            raise self._damaged("the table is missing")
        with self._clear_errors():
            self._table = lancedb.connect(folder).open_table(name)
            if version is not None and version != self._table.version:
                self._table.checkout(version)
            found = self._table.schema
        if set(_without_optional(found)) != set(self.schema):
            raise self._damaged("the table has other columns than its header says")
        self.schema = found

    @property
    def version(self) -> int:
        """Number of the version that is looked at."""
        with self._clear_errors():
            return int(self._table.version)

    @property
    def stamp_columns(self) -> tuple[str, ...]:
        """Columns that `hevner.catalog.file_identity.Stamp` is made of."""
        return ("size", "mtime", CHANGED) if CHANGED in self.schema.names else ("size", "mtime")

    def refresh(self) -> None:
        """Look at the newest version."""
        with self._clear_errors():
            self._table.checkout_latest()  # type: ignore[no-untyped-call]
            self.schema = self._table.schema

    def count(self, where: str | None = None) -> int:
        """Number of rows."""
        with self._clear_errors(where):
            return int(self._table.count_rows(where))

    def scan(
        self, columns: Sequence[str], where: str | None = None, at_once: int = BATCH
    ) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows that pass a filter, so many rows at a time."""
        with self._clear_errors(where):
            query = self._table.search().select(list(columns))
            yield from (query.where(where) if where else query).to_batches(at_once)

    def nearest(
        self,
        vector: NDArray[np.float32],
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

    def add(self, rows: list[Row] | pa.Table, key: str = "") -> None:
        """Add rows in one step; with a key column, replace the rows that have the same value."""
        data = pa.Table.from_pylist(rows, schema=self.schema) if isinstance(rows, list) else rows
        with self._clear_errors():
            if key:
                merge = self._table.merge_insert(key)
                merge.when_matched_update_all().when_not_matched_insert_all()
                # Silent pieces have no vector.
                merge.execute(data, on_bad_vectors="null")
            else:
                self._table.add(data)

    def add_encoded(self, width: int) -> None:
        """Add the column `ENCODED` of so many numbers, if it is not there."""
        self._add_column(pa.field(ENCODED, pa.list_(pa.float16(), width)))

    def add_changed(self) -> None:
        """Add the column `CHANGED`, if it is not there."""
        self._add_column(pa.field(CHANGED, pa.int64()))

    def _add_column(self, field: pa.Field) -> None:
        if field.name not in self.schema.names:
            with self._clear_errors():
                self._table.add_columns(field)
                self.schema = self._table.schema

    def put_encoded(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Fill the column `ENCODED` of all rows with these ids in one step."""
        flat = np.stack(list(vectors.values())).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
        with self._clear_errors():
            merge = self._table.merge_insert("id").when_matched_update_all()
            merge.execute(pa.table({"id": list(vectors), ENCODED: column}))

    def delete(self, column: str, values: Iterable[str]) -> None:
        """Remove the rows that have one of these values."""
        for some in in_lists(column, values):
            with self._clear_errors():
                self._table.delete(some)

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
            self._table.optimize(cleanup_older_than=KEPT)

    @contextmanager
    def _clear_errors(self, where: str | None = None) -> Iterator[None]:
        """Turn errors of LanceDB into errors that name the table and the remedy."""
        terms = len(_TERM.findall(_QUOTED.sub("", where or "")))
        if where is not None and terms > MOST_TERMS:
            raise self._misunderstood(where, f"it has {terms} terms of {MOST_TERMS} at most")
        try:
            yield
        except HevnerError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            text = str(error)
            if (full := _system_error(text)) is not None:
                raise cannot_write(self.path, full) from error
            if where is not None and (isinstance(error, ValueError) or "filter expr" in text):
                raise self._misunderstood(where, text) from error
            raise self._damaged(_first_clause(text)) from error

    def _misunderstood(self, where: str, text: str) -> CatalogError:
        hidden = ("vector", "place", "curve", ENCODED, CHANGED)
        names = ", ".join(name for name in self.schema.names if name not in hidden)
        return CatalogError(
            f"the filter {_shortened(where)!r} is not understood: {_first_clause(text)}",
            remedy=f'Compare columns with values, as in "duration < 300"; there are {names}',
            stage="filter",
            code="bad_filter",
        )

    def _damaged(self, why: str) -> CatalogError:
        cause = f"the table cannot be read: {why}"
        return damaged(self.path, cause, self._folder, self._header)


def create_tables(folder: Path, header: Header) -> None:
    """Make both tables, empty, in place of those that are there; raises `OutputError`."""
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


def remove_tables(folder: Path) -> None:
    """Remove both tables, as far as that is possible."""
    for name in (PIECES, MOMENTS):
        shutil.rmtree(folder / f"{name}.lance", ignore_errors=True)


def any_rows(folder: Path) -> bool:
    """Whether a folder holds tables of which one has rows or cannot be read."""
    for name in (PIECES, MOMENTS):
        table = folder / f"{name}.lance"
        # A process that is killed, or has no room, while it makes a table leaves one without data.
        if any(table.glob("data/*")):
            try:
                if lancedb.connect(folder).open_table(name).count_rows():
                    return True
            except (OSError, RuntimeError, ValueError):
                return True
    return False


def in_lists(column: str, values: Iterable[str]) -> Iterator[str]:
    """Filters that together pass the rows whose column has one of the values."""
    left = iter(values)
    while some := list(islice(left, AT_A_TIME)):
        quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in some)
        yield f"{column} IN ({quoted})"


def _without_optional(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if field.name not in (ENCODED, CHANGED)])


def _system_error(text: str) -> OSError | None:
    """The operating system's error that LanceDB quotes, if it was about room."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if f"os error {number}" in text or os.strerror(number) in text:
            return OSError(number, os.strerror(number))
    return None


def _shortened(where: str) -> str:
    return where if len(where) <= SHOWN else f"{where[:SHOWN]}..."


def _first_clause(text: str) -> str:
    """An error message of LanceDB without the place in its source code."""
    text = re.sub(r", /\S+\.rs:\d+:\d+.*", "", text, flags=re.DOTALL)
    text = re.sub(r"^.*Error applying filter expression to batch: (Arrow error: )?", "", text)
    return text.removeprefix("lance error: ").removeprefix("Invalid input, ").rstrip(". ")
