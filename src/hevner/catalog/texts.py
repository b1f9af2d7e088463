"""Texts in free words: which pieces of a catalogue match one.

Conventions
-----------
A text and the pieces are vectors of length 1 in the space of an encoder that knows both; a text
matches a piece the better, the larger the cosine of the two. A text is compared with every piece:
in such a space texts lie apart from all music, where an index of neighbours may miss many. Bare
cosines mean nothing to a person; the share of the catalogue that matches less does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hevner import encoders
from hevner.catalog.filters import HEARD, UNHEARD
from hevner.catalog.header import check_encoder, indexing
from hevner.catalog.tables import DISTANCE, ENCODED, ROW
from hevner.encoders.base import Encoder
from hevner.errors import CatalogError, ModelError
from hevner.files import display_name

if TYPE_CHECKING:
    from hevner.catalog.catalog import Catalog

Array = NDArray[np.float32]

SUGGESTED = "clap-general"
"""Encoder to name to those who have none: its text tower is reported to work as published, that of
clap-music not to (`hevner.encoders.clap`)."""


class TextEncoder(Encoder, Protocol):
    """An encoder that brings music and texts into one space."""

    def text(self, sentences: Sequence[str]) -> Array:
        """Return one vector of length 1 per sentence, shape ``(n, card.dimension)``."""


@lru_cache(maxsize=1)
def text_encoder(name: str) -> TextEncoder:
    """An encoder that knows texts, kept since it takes long to load.

    Raises
    ------
    ModelError
        If there is none of that name, it knows no texts, or its weights have not been added.
    MissingDependencyError
        If a package that it needs is not installed.
    """
    facts = encoders.card(name)
    encoder = encoders.create(name)
    if facts.chosen or not hasattr(encoder, "text"):
        raise ModelError(f"the encoder {name} knows no texts", remedy=f"Choose {SUGGESTED}")
    return cast(TextEncoder, encoder)


@dataclass(frozen=True, eq=False)
class Matches:
    """Pieces by how well they match a text.

    Attributes
    ----------
    catalog
        Where they are.
    rows, distances
        Of those that pass the filter, the best first, shape ``(n,)`` each; a distance is 1 less the
        cosine.
    rising
        Distances of all pieces of the catalogue in rising order.
    """

    catalog: Catalog
    rows: NDArray[np.int64]
    distances: Array
    rising: Array

    def candidates(self, depth: int) -> pa.Table:
        """The best so many, with the columns `ROW`, `DISTANCE` and ``place``."""
        rows = self.rows[:depth]
        found = self.catalog.fetch(rows.tolist(), ["place"])
        found = found.append_column(ROW, pa.array(rows))
        return found.append_column(DISTANCE, pa.array(self.distances[:depth]))

    def fit(self, distances: Array) -> Array:
        """The share of the catalogue that matches less, for each distance."""
        closer = np.searchsorted(self.rising, distances, side="right")
        return np.asarray(1 - closer / max(len(self.rising), 1), np.float32)


def match(catalog: Catalog, text: str, where: str | None) -> Matches:
    """Compare a text with the pieces of a catalogue that pass a filter.

    Raises
    ------
    CatalogError
        If the encoder that knows texts has not heard the catalogue, or another version of it has;
        or if the filter is not understood.
    ModelError, MissingDependencyError
        If the encoder cannot be used.
    """
    vector = _vector(catalog, text)
    # Those without a vector are a chunk of none: so there is one, whatever the catalogue holds.
    rows, distances = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for batch in catalog.pieces.scan([ROW, ENCODED], HEARD):
        music = batch[ENCODED].flatten().to_numpy().reshape(-1, len(vector))
        rows.append(batch[ROW].to_numpy().astype(np.int64))
        distances.append(1 - music.astype(np.float32) @ vector)
    row, distance = np.concatenate(rows), np.concatenate(distances)
    order = np.argsort(distance, kind="stable")
    rising = distance[order]
    if where is not None:
        passing = [batch[ROW].to_numpy() for batch in catalog.pieces.scan([ROW], where)]
        order = order[np.isin(row[order], np.concatenate(passing or rows[:1]))]
    return Matches(catalog, row[order], distance[order], rising)


def unheard(catalog: Catalog) -> int:
    """Number of pieces that texts cannot find, though they find others of the catalogue."""
    if not _is_heard(catalog):
        return 0
    return catalog.pieces.count(UNHEARD)


def _vector(catalog: Catalog, text: str) -> Array:
    name = catalog.header.encoder
    if not _is_heard(catalog):
        raise CatalogError(
            "the catalogue cannot be searched by text: no encoder that knows texts has heard it",
            subject=display_name(catalog.folder),
            remedy="To let one hear it, "
            + indexing(catalog.folder, catalog.header.folders, name or SUGGESTED),
        )
    encoder = text_encoder(name)
    check_encoder(catalog.folder, catalog.header, encoder.card)
    return np.asarray(encoder.text([text])[0], np.float32)


def _is_heard(catalog: Catalog) -> bool:
    return bool(catalog.header.encoder) and ENCODED in catalog.pieces.schema.names
