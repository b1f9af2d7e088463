"""One version of a catalogue in the memory of the server, searched and listed by many at once.

Conventions
-----------
A snapshot never changes; the server replaces it by `CatalogSnapshot.newest`. What is listed is held
in memory. Pieces of the same content are listed once, those that are silent or could not be read
are not. Everything here blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hevner.catalog import header, search_index
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import PIECES, SOUNDS, TABLES, Row, noted
from hevner.catalog.file_identity import Stamp
from hevner.catalog.packages import pa
from hevner.catalog.tables import in_lists
from hevner.emotion import AXES, Scale
from hevner.files import file_named
from hevner.heads import ESTIMATE_COLUMNS, ESTIMATES
from hevner.metadata import IDS
from hevner.metadata import SHOWN as SHOWN_METADATA
from hevner.model.description import CURVE_POINTS
from hevner.model.space import Points, Space
from hevner.object_path import Location, ObjectPath
from hevner.serve.problems import ServiceError, not_found

if TYPE_CHECKING:
    from hevner.analysis import Analyzer

SHOWN = [
    *("id", "path", "name", "duration", *ESTIMATES, "quadrant", "key", "mode"),
    *("tempo", "tags", *SHOWN_METADATA),
]
"""Columns of every piece in memory."""

DETAILS = (
    *(name for name in ESTIMATE_COLUMNS if name not in SHOWN),
    *("key_mode", "key_candidates", "familiarity", "sounds_like", *IDS),
)
"""Columns that are read when a single piece is shown."""


class CatalogSnapshot(Catalog):
    """A version of a catalogue.

    The ids of its pieces that are not silent are ``ids``, by path.
    """

    def __init__(self, folder: Location, space: Space) -> None:
        self._version = _version(folder)
        super().__init__(folder, space, most=None)
        passing = f"{SOUNDS} AND vector IS NOT NULL"
        batches = list(self.pieces.scan([*SHOWN, "curve"], passing))
        columns = pa.unify_schemas([self.pieces.schema, noted(PIECES)])
        fields = [columns.field(name) for name in (*SHOWN, "curve")]
        rows = pa.Table.from_batches(batches, None if batches else pa.schema(fields))
        rows = rows.take(pa.compute.sort_indices(rows["name"])).combine_chunks()
        ids = rows["id"].to_pylist()
        self.ids: dict[str, str] = dict(zip(rows["path"].to_pylist(), ids, strict=True))
        first: dict[str, int] = {}
        for number, id in enumerate(ids):
            first.setdefault(id, number)
        listed = rows.take(pa.array(list(first.values()), pa.int64()))
        self._listed = listed.select(SHOWN)
        self._courses = _courses(listed)
        self._by_id = {id: number for number, id in enumerate(first)}
        self._packed: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def version(self) -> str:
        """A name for this version of the catalogue."""
        return hashlib.blake2b(repr(self._version).encode(), digest_size=8).hexdigest()

    def newest(self) -> CatalogSnapshot:
        """The newest version of the catalogue: this one if it has not changed."""
        changed = _version(self.folder) != self._version
        return CatalogSnapshot(self.folder, self.space) if changed else self

    def course(self, id: str, scale: Scale) -> list[list[float]] | None:
        """Valence and arousal over equal parts of a piece, on a scale; None if not known."""
        unit = self._courses[self._by_id[id]].astype(np.float64)
        if np.isnan(unit[0, 0]):
            return None
        found: list[list[float]] = (
            np.interp(unit, (-1, 1), (scale.low, scale.high)).round(3).tolist()
        )
        return found

    # --- listing ---

    @cached_property
    def moment_count(self) -> int:
        """Number of moments."""
        return self.moments.count()

    @cached_property
    def id_by_name(self) -> dict[str, str]:
        """Ids of all pieces by name; of two with one name that of the last."""
        columns = (self._listed[name].to_pylist() for name in ("name", "id"))
        return dict(zip(*columns, strict=True))

    def page(self, offset: int, limit: int) -> list[Row]:
        """Pieces in the order of their names."""
        rows: list[Row] = self.slice(offset, limit).to_pylist()
        return rows

    def slice(self, offset: int, limit: int) -> pa.Table:
        """The columns `SHOWN` of pieces, in the order of their names."""
        return self._listed.slice(offset, limit)

    def packed(self, page: int, pack: Callable[[CatalogSnapshot, int], bytes]) -> bytes:
        """A page of the listing, which ``pack`` makes if it is asked for the first time."""
        if page not in self._packed:
            self._packed[page] = pack(self, page)
        return self._packed[page]

    def points_on_plane(self, most: int) -> dict[str, list[Any]]:
        """Columns ``ids``, ``names``, ``valence``, ``arousal``; of more pieces, every n-th."""
        step = max(1, -(-len(self) // most))
        some = self._listed.take(pa.array(range(0, len(self), step), pa.int64()))
        columns = {f"{name}s": some[name].to_pylist() for name in ("id", "name")}
        for axis in ("valence", "arousal"):
            columns[axis] = np.round(some[axis].to_numpy().astype(np.float64), 4).tolist()
        return columns

    def piece(self, id: str) -> Row:
        """The columns `SHOWN` of a piece; raises a `ServiceError` if there is none of that id."""
        if id not in self._by_id:
            raise not_found("piece")
        return self.page(self._by_id[id], 1)[0]

    def details(self, id: str) -> Row:
        """The columns `SHOWN` and `DETAILS` of a piece."""
        return self.piece(id) | self._read(id, DETAILS)

    def curve(self, id: str) -> list[Row]:
        """Moments of a piece: ``start``, ``end``, ``valence``, ``arousal``, ``tension``."""
        self.piece(id)
        (same,) = in_lists("piece", [id])
        columns = ("start", "end", *ESTIMATES)
        rows = [row for b in self.moments.scan(columns, same) for row in b.to_pylist()]
        return sorted(rows, key=lambda row: float(row["start"]))

    def analysis(self, id: str) -> Row:
        """The analysis of a piece, under its name; raises a `ServiceError` if none is kept."""
        name, kept = self.piece(id)["name"], self.kept.get(id)
        if kept is None:
            cause = "the catalogue keeps too little of the piece to analyse it again"
            raise ServiceError(404, "not_kept", cause, "Analyse its file")
        found = _analyzer(self.model).read_pooled(kept.pooled).analysis
        return replace(found, path=name).to_dict()

    def place(self, id: str) -> Points:
        """The place of a piece in the space, one row."""
        return self.points(np.array([self._read(id, ["place"])["place"]]))

    def unchanged_file(self, id: str) -> Location:
        """The file of a piece; raises a `ServiceError` if it has changed since it was indexed."""
        path = file_named(self.piece(id)["path"])
        if not Stamp(**self._read(id, self.pieces.stamp_columns)).still_holds(path):
            cause = "the piece has changed since it was indexed"
            raise ServiceError(409, "changed", cause, "Bring the catalogue up to date")
        return path

    def quadrant_counts(self) -> dict[str, int]:
        """Number of pieces in each quadrant."""
        counts = self._listed["quadrant"].drop_null().value_counts().to_pylist()
        return {one["values"]: one["counts"] for one in sorted(counts, key=lambda c: c["values"])}

    def _read(self, id: str, columns: Sequence[str]) -> Row:
        """Columns of a piece that are not in memory."""
        (same,) = in_lists("path", [self.piece(id)["path"]])
        return {name: row[name] for row in self.pieces.records(same) for name in columns}


def _courses(listed: pa.Table) -> NDArray[np.float16]:
    """Valence and arousal over parts of each piece, ``(n, 2, CURVE_POINTS)``; NaN for none."""
    curves = listed["curve"].combine_chunks()
    known = curves.is_valid().to_numpy(zero_copy_only=False)
    means = np.stack([listed[axis].to_numpy()[known] for axis in AXES], axis=1)
    around = curves.drop_null().flatten().to_numpy().reshape(-1, 2, CURVE_POINTS)
    found = np.full((len(listed), 2, CURVE_POINTS), np.nan, np.float16)
    found[known] = np.clip(means[:, :, None] + around, -1, 1)
    return found


@lru_cache(maxsize=1)
def _analyzer(model: Path) -> Analyzer:
    from hevner.analysis import Analyzer

    return Analyzer(model=model)


def _version(folder: Location) -> tuple[object, ...]:
    """A value that changes whenever another process writes a version of a table."""
    home = folder / header.read(folder).tables
    if isinstance(home, ObjectPath):
        return home, *(search_index.newest_version(home / f"{name}.lance") for name in TABLES)
    places = [home / f"{name}.lance" / "_versions" for name in TABLES]
    return tuple(place.stat().st_mtime_ns for place in places if place.is_dir())
