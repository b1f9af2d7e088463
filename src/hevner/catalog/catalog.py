"""A catalogue of music on disk: pieces and their moments, with their places in the common space.

A catalogue is one folder::

    catalog.json     what it was made with (`hevner.catalog.header`)
    pieces.lance     a row for each file, also for those without music or that could not be read
    moments.lance    a row for each span of some seconds in the pieces that have an emotion
    lock, holder.json  held by the one process that may write (`hevner.catalog.writer`)
    change.json      there while a change is written
    seal.json        digests of the files of both tables (`hevner.catalog.seal`)
    features/        of each piece, what a model reads (`hevner.catalog.kept_features`)

A catalogue that was mended or given another model has its tables, ``change.json`` and ``seal.json``
in a folder below, its *home*, which the header names (`hevner.catalog.renewal`).

Conventions
-----------
The row of a piece is found by its path. Two files of the same content have the same ``id`` and a
row each, and share their moments. A reader sees one version of a catalogue until
`Catalog.refresh`, while another process may write; versions stay readable for an hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hevner.catalog import header, seal
from hevner.catalog.kept_features import FEATURES, KeptFeatures
from hevner.catalog.packages import pa
from hevner.catalog.tables import MOMENTS, PIECES, Table
from hevner.model.space import Points, Space

CANDIDATES = 120
"""Rows that the first stage of a search passes to the second."""

PROBES = 48
"""Parts of the vector index that a search looks into."""

TableName = Literal["pieces", "moments"]


class Catalog:
    """A catalogue, open for reading: its header and its tables of pieces and moments.

    It must have been made with the same space, and with a model that is here: its graph is
    ``model``.

    Parameters
    ----------
    folder
        Folder of the catalogue.
    most
        Bytes of tables up to which all files are compared with the seal; None for any.
    features
        Folder of kept features, if it is not that in ``folder``.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made with something else.
    """

    def __init__(
        self,
        folder: str | Path,
        space: Space,
        most: int | None = seal.WHOLE,
        features: Path | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.space = space
        self.header = header.read(self.folder)
        self.model = header.model_of(self.header)
        header.check(self.folder, self.header, header.current(space, self.model))
        self.kept = KeptFeatures(features or self.folder / FEATURES)
        self._most = most
        sealed = self._checked()
        self._open_tables()
        self._check_versions(sealed)

    @property
    def home(self) -> Path:
        """Folder of the tables."""
        return self.folder / self.header.tables

    def refresh(self) -> None:
        """Look at the newest version."""
        found = header.read(self.folder)
        header.check(self.folder, found, self.header)
        old, self.header = self.header, found
        sealed = self._checked()
        if found.tables == old.tables:
            self.pieces.refresh()
            self.moments.refresh()
        else:
            self._open_tables()
        self._check_versions(sealed)

    def _open_tables(self) -> None:
        # Moments are opened second, so that those of all visible pieces are there.
        self.pieces = Table(self.folder, PIECES, self.header)
        self.moments = Table(self.folder, MOMENTS, self.header)

    def _checked(self) -> seal.Seal | None:
        """The seal of the tables, whose files are as they were sealed."""
        if wrong := seal.damaged_file(self.home, self._most):
            raise header.damaged(self.home / wrong, "it is not as it was written", self.folder)
        return seal.read(self.home)

    def _check_versions(self, sealed: seal.Seal | None) -> None:
        for table in (self.pieces, self.moments):
            if sealed is not None and table.version < sealed.versions.get(table.name, 0):
                raise header.damaged(table.path, "its newest version is missing", self.folder)

    def candidates(
        self,
        query_vector: NDArray[np.float32],
        count: int = CANDIDATES,
        where: str | None = None,
        table: TableName = "pieces",
        columns: Sequence[str] = (),
    ) -> pa.Table:
        """Rows whose vectors are near a vector: the first stage of a search.

        Parameters
        ----------
        query_vector
            From `hevner.model.space.Space.query_vectors` or ``like_vectors``, shape ``(W,)``.
        count
            Number of rows; fewer if the table or the filter has fewer.
        where
            A filter in SQL over the columns (`hevner.catalog.tables.schema`), applied first.
        table
            Whole pieces or moments.
        columns
            Columns besides `ROW`, `DISTANCE` and ``place``. Each costs about as much as the search
            itself: get what is shown of the best few with `fetch`.

        Returns
        -------
        pyarrow.Table
            The nearest first, without pieces that have no emotion, as those have no vector.
        """
        wanted = list(dict.fromkeys(("place", *columns)))
        return self._table(table).nearest(query_vector, count, PROBES, where, wanted)

    def fetch(
        self, rows: Sequence[int], columns: Sequence[str], table: TableName = "pieces"
    ) -> pa.Table:
        """Columns of rows by their `ROW`, in that order; valid until the next `refresh`."""
        return self._table(table).take(rows, columns)

    def shown(
        self, rows: Sequence[int], columns: Sequence[str], table: TableName = "pieces"
    ) -> pa.Table:
        """What `fetch` returns, of rows that are checked: damage is an error, not a value."""
        return self._table(table).checked(rows).select(list(columns))

    def points(self, rows: pa.Table) -> Points:
        """Places in the space of rows that have the column ``place``."""
        flat = rows["place"].combine_chunks().flatten().to_numpy()
        k, d = self.header.correlated, self.header.gaussian
        place = np.asarray(flat, np.float32).reshape(-1, k + 2 * d)
        return Points(place[:, :k], place[:, k : k + d], place[:, k + d :])

    def listing(self, columns: Sequence[str], where: str | None = None) -> Iterator[dict[str, Any]]:
        """Columns of all pieces that pass a filter, in no order."""
        for batch in self.pieces.scan(columns, where):
            yield from batch.to_pylist()

    def _table(self, name: TableName) -> Table:
        return self.pieces if name == PIECES else self.moments
