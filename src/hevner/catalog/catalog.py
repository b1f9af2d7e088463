"""A catalogue of music on disk: pieces and their moments, with their places in the common space.

A catalogue is one folder::

    catalog.json     what it was made with (`hevner.catalog.header`)
    pieces.lance     a row for each file, also for those that are silent or could not be read
    moments.lance    a row for each span of some seconds in the pieces that sound
    lock, holder.json  held by the one process that may write
    change.json      there while a change is written

Conventions
-----------
The row of a piece is found by its path. Two files of the same content have the same ``id`` and a
row each, and share their moments. Whoever searches a catalogue looks at one version of it until
`Catalog.refresh`, while another process may write; versions stay readable for an hour.

A change is safe against a stop at any point: its ids are noted first, then moments are added, then
pieces in one step. Moments whose piece never came are removed before the next change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hevner.catalog import header, tables
from hevner.catalog.header import Header
from hevner.catalog.tables import DISTANCE, MOMENTS, PIECES, ROW, Table
from hevner.catalog.writer import CHANGE, HOLDER, LOCK, Writer, locked
from hevner.errors import CatalogError
from hevner.files import cannot_write, display_name

if TYPE_CHECKING:
    import pyarrow as pa

    from hevner.catalog.hits import Hits
    from hevner.model.space import Points

__all__ = ["CANDIDATES", "DISTANCE", "ROW", "Catalog"]

CANDIDATES = 120
"""Rows that the first stage of a search hands to the second."""

PROBES = 48
"""Parts of the vector index that a search looks into."""

OWN = {header.NAME, LOCK, HOLDER, CHANGE, f"{PIECES}.lance", f"{MOMENTS}.lance"}
"""What may lie in a catalogue's folder."""

TableName = Literal["pieces", "moments"]


class Catalog:
    """A catalogue, open for searching.

    Parameters
    ----------
    folder
        The catalogue's folder.
    wanted
        The header that this installation writes, `hevner.catalog.header.current`; None to open a
        catalogue whatever it was made with.

    Attributes
    ----------
    header
        What it was made with.
    pieces, moments
        Its tables.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made with something else.
    """

    def __init__(self, folder: str | Path, wanted: Header | None) -> None:
        self.folder = Path(folder).absolute()
        self.header = header.read(self.folder)
        if wanted is not None:
            header.check(self.folder, self.header, wanted)
        # The moments second: there is one then for every piece that is seen.
        self.pieces = Table(self.folder, PIECES, self.header)
        self.moments = Table(self.folder, MOMENTS, self.header)

    @classmethod
    def create(cls, folder: str | Path, made_with: Header) -> Catalog:
        """Make an empty catalogue, in the place of one that is there.

        Raises
        ------
        CatalogError
            If the folder holds anything else, or another process is writing there.
        OutputError
            If it cannot be written.
        """
        folder = Path(folder).absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            strange = {path.name for path in folder.iterdir()} - OWN
            if strange:
                raise CatalogError(
                    f"the folder holds other things ({display_name(min(strange))})",
                    subject=display_name(folder),
                    remedy="Name an empty or a new folder",
                )
            with locked(folder):
                # Without a header there is no catalogue: a stop in between leaves none.
                for name in (header.NAME, CHANGE):
                    (folder / name).unlink(missing_ok=True)
                tables.make(folder, made_with)
                header.write(folder, made_with)
        except OSError as error:
            raise cannot_write(folder, error) from error
        return cls(folder, made_with)

    @classmethod
    def open_or_create(cls, folder: str | Path, wanted: Header) -> Catalog:
        """Open a catalogue, or make one where there is none; raises what both raise."""
        folder = Path(folder).absolute()
        begun = not (folder / header.NAME).exists() and not tables.any_rows(folder)
        return cls.create(folder, wanted) if begun else cls(folder, wanted)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the lock and write.

        Raises
        ------
        CatalogError
            If another process is writing.
        OutputError
            If the folder is closed to writing.
        """
        with locked(self.folder):
            yield Writer(self)

    def refresh(self) -> None:
        """Look at the newest version."""
        found = header.read(self.folder)
        header.check(self.folder, found, self.header)
        self.header = found
        self.pieces.refresh()
        self.moments.refresh()

    def candidates(
        self,
        query_vector: NDArray[np.float32],
        count: int = CANDIDATES,
        where: str | None = None,
        table: TableName = "pieces",
        columns: Sequence[str] = (),
    ) -> pa.Table:
        """The first stage of a search: rows whose vectors are near one.

        Parameters
        ----------
        query_vector
            Of `hevner.model.space.Space.query_vectors` or ``music_vectors``, shape ``(W,)``.
        count
            Number of rows; fewer if the table or the filter has fewer.
        where
            A filter in SQL over the columns (`hevner.catalog.tables.schema`), applied first.
        table
            Whole pieces or moments.
        columns
            To fetch besides `ROW`, `DISTANCE` and ``place``. Each costs about as much as the
            search itself: fetch what is shown of the best few with `fetch`.

        Returns
        -------
        pyarrow.Table
            The nearest first. Only what has a place in the space: no silent or failed pieces.

        Raises
        ------
        CatalogError
            If the filter is not understood or the table is damaged.
        """
        wanted = list(dict.fromkeys(("place", *columns)))
        return self._table(table).nearest(query_vector, count, PROBES, where, wanted)

    def fetch(
        self, rows: Sequence[int], columns: Sequence[str], table: TableName = "pieces"
    ) -> pa.Table:
        """Columns of rows by their `ROW`, in that order; they hold until the next `refresh`."""
        return self._table(table).take(rows, columns)

    def points(self, rows: pa.Table) -> Points:
        """Places in the space of rows that have the column ``place``."""
        from hevner.model.space import Points

        flat = rows["place"].combine_chunks().flatten().to_numpy()
        k, d = self.header.correlated, self.header.gaussian
        place = np.asarray(flat, np.float32).reshape(-1, k + 2 * d)
        return Points(place[:, :k], place[:, k : k + d], place[:, k + d :])

    def listing(self, columns: Sequence[str], where: str | None = None) -> Iterator[dict[str, Any]]:
        """Columns of all pieces that pass a filter, in no order."""
        for batch in self.pieces.scan(columns, where):
            yield from batch.to_pylist()

    def search(self, **wanted: Any) -> Hits:
        """Find music in a catalogue of the shipped space, the best first.

        Parameters
        ----------
        wanted
            See `hevner.catalog.query.Query.of`, such as ``mood="calm, slightly nostalgic"``.
        """
        from hevner.catalog.query import Query
        from hevner.catalog.search import search
        from hevner.model.space import load

        return search(self, load(), Query.of(**wanted))

    def _table(self, name: TableName) -> Table:
        return self.pieces if name == PIECES else self.moments
