"""Comparing texts in free words with the pieces of a catalogue.

Conventions
-----------
A text and the pieces are vectors of length 1 in the space of an encoder of music and texts; the
larger the cosine of the two, the better the match. A text is compared with every piece: in such a
space texts lie apart from all music, where an index of neighbours may miss many. Bare cosines mean
nothing to a person; the share of the catalogue that matches less does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np

from hevner import encoders
from hevner.arrays import Floats, Integers
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import ENCODED, ROW, WITH_VECTOR, WITHOUT_VECTOR
from hevner.catalog.header import check_encoder, command, refused
from hevner.errors import ModelError

if TYPE_CHECKING:
    from hevner.encoders.clap.encoder import Clap

SUGGESTED = "clap-general"
"""Encoder to suggest where there is none: its text tower is reported to work as published, that of
clap-music not to (`hevner.encoders.clap`)."""


@lru_cache(maxsize=1)
def text_encoder(name: str) -> Clap:
    """An encoder of music and texts, kept since it takes long to load.

    Raises `ModelError` if there is none of that name, it has no texts, or its weights have not been
    added, and `MissingDependencyError` if a package that it needs is not installed.
    """
    card = encoders.card(name)
    encoder = encoders.create(name)
    if card.chosen or not hasattr(encoder, "text"):
        raise ModelError(
            f"the encoder {name} knows no texts", remedy=f"Choose {SUGGESTED}", code="no_texts"
        )
    return cast("Clap", encoder)


@dataclass(frozen=True, eq=False)
class Matches:
    """Pieces of a catalogue by how well they match a text.

    ``rows`` are the numbers of those that pass the filter, the best first, and ``distances`` one
    minus the cosine of each; ``rising`` are the distances of all pieces in rising order.
    """

    rows: Integers
    distances: Floats
    rising: Floats


def match(catalog: Catalog, text: str, where: str | None) -> Matches:
    """Compare a text with the pieces of a catalogue that pass a filter.

    Raises `CatalogError` if the pieces have no vectors of this version of the encoder or the filter
    is not understood, and what `text_encoder` raises.
    """
    vector = _vector(catalog, text)
    # The empty arrays are for catalogues in which no piece has a vector.
    rows, distances = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for batch in catalog.pieces.scan([ROW, ENCODED], WITH_VECTOR):
        music = batch[ENCODED].flatten().to_numpy().reshape(-1, len(vector))
        rows.append(batch[ROW].to_numpy().astype(np.int64))
        distances.append(1 - music.astype(np.float32) @ vector)
    row, distance = np.concatenate(rows), np.concatenate(distances)
    order = np.argsort(distance, kind="stable")
    rising = distance[order]
    if where is not None:
        passing = [batch[ROW].to_numpy() for batch in catalog.pieces.scan([ROW], where)]
        order = order[np.isin(row[order], np.concatenate(passing or rows[:1]))]
    return Matches(row[order], distance[order], rising)


def count_without_vector(catalog: Catalog) -> int:
    """Number of pieces that texts cannot find, though they can find others of the catalogue."""
    return catalog.pieces.count(WITHOUT_VECTOR) if _has_vectors(catalog) else 0


def _vector(catalog: Catalog, text: str) -> Floats:
    name = catalog.header.encoder
    if not _has_vectors(catalog):
        cause = (
            "the catalogue cannot be searched by text: no encoder of texts was run on its pieces"
        )
        remedy = command(catalog.folder, catalog.header.folders, name or SUGGESTED)
        raise refused("not_encoded", catalog.folder, cause, f"To run one: {remedy}")
    encoder = text_encoder(name)
    check_encoder(catalog.folder, catalog.header, encoder.card)
    return np.asarray(encoder.text([text])[0], np.float32)


def _has_vectors(catalog: Catalog) -> bool:
    return bool(catalog.header.encoder) and ENCODED in catalog.pieces.schema.names
