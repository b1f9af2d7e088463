"""Searching a catalogue: candidates from the vector index, then exact scores.

Conventions
-----------
Lower divergences are better. If what a query leaves out takes too many of the candidates of the
first stage, it is asked for more, up to `DEEPEST`.

What is not wanted is left out: a piece is *typical* of a feeling if it fits it better than the
share `TYPICAL` of music at large does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hevner.catalog import filters
from hevner.catalog.catalog import CANDIDATES, ROW
from hevner.catalog.diversity import diverse
from hevner.catalog.hits import Hit, Hits
from hevner.catalog.query import Query
from hevner.catalog.scoring import Goal, goal
from hevner.catalog.tables import in_lists
from hevner.words.describing import describe

if TYPE_CHECKING:
    from hevner.catalog.catalog import Catalog
    from hevner.model.space import Points, Space

TYPICAL = 0.8
"""Fit from which music is typical of a feeling: the fifth of music at large that fits it best."""

DEPTH = 10
"""Candidates for each hit; at least `CANDIDATES` in all."""

DEEPER = 8
"""How many times more candidates are taken if too few are left."""

DEEPEST = 100_000
"""Most candidates."""

DIVERSE = (5, 100, 2_000)
"""Candidates for each of the hits that shall differ; least and most in all."""

PIECE = ("id", "path", "name", "duration", "key")
EMOTION = ("valence", "arousal")
MOMENT = ("piece", "start", "end")
"""Columns that are shown."""


def search(catalog: Catalog, space: Space, query: Query) -> Hits:
    """Find what a query wants.

    Parameters
    ----------
    catalog
        Made with this space.
    space
        The joint space.
    query
        What is wanted.

    Returns
    -------
    Hits
        The best first, at most ``query.count``, and of files with the same content one;
        `hevner.catalog.filters.why_nothing` says why there are none.

    Raises
    ------
    HevnerError
        If a file cannot be analysed, a filter is not understood, or the catalogue is damaged.
    """
    aim = goal(catalog, space, query)
    unwanted = space.emotion(describe(query.unwanted)) if query.unwanted else None
    table = catalog.moments if query.moments else catalog.pieces
    depth = max(CANDIDATES, DEPTH * query.count, aim.least)
    while True:
        depth = min(depth, DEEPEST)
        ranked = _ranked(catalog, space, query, aim, unwanted, depth)
        hits = Hits(islice(_hits(catalog, query, aim, ranked), query.count))
        if len(hits) == query.count or depth == DEEPEST or depth >= table.count():
            return hits
        depth *= DEEPER


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Rows of a table, the best first, with their divergences and fits."""

    rows: NDArray[np.int64]
    divergences: NDArray[np.float32]
    fits: NDArray[np.float32] | None


def _ranked(
    catalog: Catalog,
    space: Space,
    query: Query,
    aim: Goal,
    unwanted: Points | None,
    depth: int,
) -> _Ranked:
    """Candidates by their exact divergence, without those that are typical of what is unwanted."""
    found = aim.candidates(depth)
    places = catalog.points(found)
    divergences = aim.score(places, found)
    order = np.argsort(divergences, kind="stable")
    if unwanted is not None and len(order):
        fits = space.fit(space.find(unwanted, places), unwanted)
        typical = np.asarray(np.any(fits >= TYPICAL, axis=0))
        order = order[~typical[order]]
    if query.diverse:
        order = _spread(space, places, divergences, order, query.count)
    divergences = divergences[order]
    fitting = None if aim.fit is None else aim.fit(divergences)
    return _Ranked(found[ROW].to_numpy()[order], divergences, fitting)


def _spread(
    space: Space,
    places: Points,
    divergences: NDArray[np.float32],
    order: NDArray[np.intp],
    count: int,
) -> NDArray[np.intp]:
    """The best candidates in an order in which each differs from those before."""
    each, least, most = DIVERSE
    depth = min(max(each * count, least), most)
    best, rest = order[:depth], order[depth:]
    unlike = space.alike(places.where(best), places.where(best))
    return np.concatenate([best[diverse(divergences[best], unlike, len(best))], rest])


def _hits(catalog: Catalog, query: Query, aim: Goal, ranked: _Ranked) -> Iterator[Hit]:
    """Hits in the order of their rows, each content once; rows are fetched as they are needed."""
    seen = {aim.itself}
    step = query.count + 8
    for begin in range(0, len(ranked.rows), step):
        some = slice(begin, begin + step)
        for number, row in enumerate(_shown(catalog, query, ranked.rows[some]), begin):
            if row is None or row["id"] in seen:
                continue
            seen.add(row["id"])
            yield Hit(
                path=row["path"],
                name=row["name"],
                duration=row["duration"],
                valence=row["valence"],
                arousal=row["arousal"],
                key=row["key"],
                divergence=float(ranked.divergences[number]),
                fit=None if ranked.fits is None else float(ranked.fits[number]),
                start=row.get("start"),
                end=row.get("end"),
            )


def _shown(
    catalog: Catalog, query: Query, rows: NDArray[np.int64]
) -> list[dict[str, Any]] | list[dict[str, Any] | None]:
    """What is shown of rows; None for moments of pieces that do not pass the filter."""
    if not query.moments:
        fetched: list[dict[str, Any]] = catalog.fetch(
            rows.tolist(), (*PIECE, *EMOTION), "pieces"
        ).to_pylist()
        return fetched
    moments = catalog.fetch(rows.tolist(), (*MOMENT, *EMOTION), "moments").to_pylist()
    pieces: dict[str, dict[str, Any]] = {}
    for condition in in_lists("id", sorted({moment["piece"] for moment in moments})):
        for piece in catalog.listing(PIECE, filters.also(condition, query.where)):
            if piece["path"] < pieces.get(piece["id"], piece)["path"] or piece["id"] not in pieces:
                pieces[piece["id"]] = piece
    return [
        {**moment, **pieces[moment["piece"]]} if moment["piece"] in pieces else None
        for moment in moments
    ]
