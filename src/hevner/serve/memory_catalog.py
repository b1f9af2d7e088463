"""A catalogue whose pieces are held in memory, so that many can search it at once.

LanceDB looks into a part of its index and reads what is shown of the hits from disk, which takes
about 25 ms of a processor for a search. For as many pieces as people have, comparing with all of
them in memory takes a fifth of that, and misses none.

Conventions
-----------
Holds one version. Moments, filters and whatever is not held are left to LanceDB. Everything here
blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hevner.catalog.catalog import CANDIDATES, Catalog, TableName
from hevner.catalog.filters import SOUNDS
from hevner.catalog.header import Header
from hevner.catalog.tables import DISTANCE, PIECES, ROW

SHOWN = (
    *("id", "path", "name", "duration", "valence", "arousal", "quadrant", "key", "tempo", "tags"),
)
"""Columns that are held of every piece."""

SEARCHED = ("vector", "place", "curve")
"""Columns that are held of as many pieces as `MOST`."""

MOST = 250_000
"""Pieces that are compared in memory, at some 500 bytes each; with more, the index is quicker."""


class Held(Catalog):
    """A catalogue, partly in memory.

    Parameters
    ----------
    folder, wanted
        As for `hevner.catalog.catalog.Catalog`, which raises what this raises.

    Attributes
    ----------
    rows
        The pieces that sound, by name: `SHOWN` and `ROW`, and `SEARCHED` but the vectors.
    """

    def __init__(self, folder: Path, wanted: Header) -> None:
        super().__init__(folder, wanted)
        passing = f"{SOUNDS} AND vector IS NOT NULL"
        searched = SEARCHED if self.pieces.count(passing) <= MOST else ()
        columns = [ROW, *SHOWN, *searched]
        batches = list(self.pieces.scan(columns, passing))
        fields = [pa.field(ROW, pa.uint64()), *map(self.pieces.schema.field, columns[1:])]
        rows = pa.Table.from_batches(batches, None if batches else pa.schema(fields))
        rows = rows.take(pa.compute.sort_indices(rows["name"])).combine_chunks()
        self._vectors: NDArray[np.float32] | None = None
        if searched:
            # By columns: a product with one vector is then twice as quick.
            self._vectors = np.asfortranarray(_matrix(rows["vector"], self.header.vector))
            rows = rows.drop_columns(["vector"])
        self.rows = rows
        numbers = rows[ROW].to_numpy().astype(np.int64)
        self._order = np.argsort(numbers)
        self._numbers = numbers[self._order]

    def candidates(
        self,
        query_vector: NDArray[np.float32],
        count: int = CANDIDATES,
        where: str | None = None,
        table: TableName = "pieces",
        columns: Sequence[str] = (),
    ) -> pa.Table:
        """The first stage of a search, exact where vectors are held."""
        wanted = list(dict.fromkeys((ROW, "place", *columns)))
        if table != PIECES or self._vectors is None or not self._holds(wanted):
            return super().candidates(query_vector, count, where, table, columns)
        distances = -(self._vectors @ np.asarray(query_vector, np.float32))
        among = np.arange(len(distances)) if where is None else self._passing(where)
        count = min(count, len(among))
        best = among
        if count < len(among):
            best = among[np.argpartition(distances[among], count)[:count]]
        best = best[np.argsort(distances[best], kind="stable")]
        found = self.rows.select(wanted).take(pa.array(best))
        return found.append_column(DISTANCE, pa.array(distances[best]))

    def fetch(
        self, rows: Sequence[int], columns: Sequence[str], table: TableName = "pieces"
    ) -> pa.Table:
        """Columns of rows by their `ROW`, in that order."""
        if table != PIECES or not self._holds(columns):
            return super().fetch(rows, columns, table)
        return self.rows.select(list(columns)).take(
            pa.array(self._places(np.array(rows, np.int64)))
        )

    def _holds(self, columns: Sequence[str]) -> bool:
        return set(columns) <= set(self.rows.column_names)

    def _passing(self, where: str) -> NDArray[np.intp]:
        """Where the held rows that pass a filter are."""
        numbers = [batch[ROW].to_numpy() for batch in self.pieces.scan([ROW], where)]
        found = np.concatenate([np.zeros(0, np.int64), *numbers]).astype(np.int64)
        return self._places(found[np.isin(found, self._numbers, assume_unique=True)])

    def _places(self, numbers: NDArray[np.int64]) -> NDArray[np.intp]:
        """Where held rows of these numbers are."""
        return np.asarray(self._order[np.searchsorted(self._numbers, numbers)])


def _matrix(column: pa.ChunkedArray, width: int) -> NDArray[np.float32]:
    """A column of vectors as an array."""
    flat = column.combine_chunks().flatten().to_numpy()
    return np.asarray(flat, np.float32).reshape(-1, width)
