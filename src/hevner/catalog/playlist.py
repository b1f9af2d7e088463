"""A playlist that leads from one emotion to another in a given time.

The pieces follow the straight line between the two emotions in the common space. Pieces near it are
gathered at `STATIONS` points along the line; then pieces are chosen one after the other by a beam
search, so that each fits the point of the line that its middle falls on, neighbours sound alike, no
piece comes twice and the time is met.

Conventions
-----------
Times are in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.catalog.catalog import Catalog
from hevner.catalog.query import check_time
from hevner.catalog.search import EMOTION, PIECE, Hits
from hevner.errors import CatalogError
from hevner.hits import Hit
from hevner.model.space import Points

Array = NDArray[np.floating]

STATIONS = 32
"""Points along the line at which pieces are looked for and compared."""

GATHERED = (32, 96)
"""Least and most pieces that are gathered at a station."""

SPARE = 8
"""Pieces gathered for each that is needed."""

SHORT = 120.0
"""Length of a short piece, to estimate how many may be needed."""

SMOOTH = 0.5
"""Weight of being unlike the piece before, against that of not fitting the line."""

BEAM = 48
"""Beginnings of a playlist that are kept at every length."""

BRANCHES = 12
"""Pieces tried after each beginning."""

TIME = 1.0
"""Cost of missing the time by all of it; a playlist of pieces as far from the line as half of those
gathered costs 1."""


def make_playlist(
    catalog: Catalog, start: Points, end: Points, seconds: float, where: str = ""
) -> Hits:
    """Choose pieces that lead from one emotion to another.

    Parameters
    ----------
    catalog
        Where to choose from.
    start, end
        Place of an emotion, one row each.
    seconds
        Time to fill; it is met within half the length of a piece.
    where
        A condition on the columns of the catalogue, in SQL; empty for none.

    Returns
    -------
    Hits
        In the order of playing; each is compared with the point of the line that its middle falls
        on.

    Raises
    ------
    HevnerError
        If there is too little music, or the filter is not understood.
    """
    check_time(seconds)
    space, line = catalog.space, between(start, end)
    rows, places = _gather(catalog, line, seconds, where)
    durations = [row["duration"] for row in rows]
    order: list[int] = []
    if rows:
        divergences = space.find(line, places)
        unlike = space.alike(places, places)
        order = plan(
            relative(divergences), unlike / (float(np.median(unlike)) or 1.0), durations, seconds
        )
    if not order:
        raise CatalogError(
            f"there is too little music for {seconds / 60:g} minutes: the pieces near the way last "
            f"{sum(durations) / 60:.0f} minutes in all",
            remedy="Ask for less time, leave out the filter or index more music",
            code="too_little_music",
        )
    times = np.cumsum([0.0, *(durations[piece] for piece in order)])
    points = _points((times[:-1] + times[1:]) / 2 / seconds, len(line))
    fits = space.fit(divergences[points][:, order], line.where(points)).diagonal()
    return Hits(
        Hit(
            **{name: rows[piece][name] for name in (*PIECE[1:], *EMOTION)},
            divergence=float(divergences[point, piece]),
            fit=float(fit),
        )
        for piece, point, fit in zip(order, points, fits, strict=True)
    )


def _gather(
    catalog: Catalog, line: Points, seconds: float, where: str
) -> tuple[list[dict[str, Any]], Points]:
    """Pieces near the line, each content once, and their places."""
    least, most = GATHERED
    each = min(max(math.ceil(SPARE * seconds / SHORT / len(line)), least), most)
    vectors = catalog.space.query_vectors(line)
    near = [catalog.candidates(one, each, where or None).rows for one in vectors]
    found = catalog.at(np.unique(np.concatenate(near)))
    rows = catalog.fetch(found.rows.tolist(), (*PIECE, *EMOTION))
    first: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row["duration"] > 0:
            first.setdefault(row["id"], number)
    chosen = np.array(list(first.values()), np.intp)
    return [rows[number] for number in chosen], found.points.where(chosen)


def _points(shares: Array, count: int) -> NDArray[np.intp]:
    """The points of the line that shares of the time fall on."""
    return np.clip(np.rint(shares * (count - 1)), 0, count - 1).astype(np.intp)


@dataclass(frozen=True)
class _Start:
    """The beginning of a playlist: pieces by number, their time and what they cost."""

    pieces: tuple[int, ...] = ()
    seconds: float = 0.0
    cost: float = 0.0

    @property
    def mean(self) -> float:
        """Cost per second."""
        return self.cost / self.seconds if self.seconds else 0.0


def between(start: Points, end: Points, count: int = STATIONS) -> Points:
    """Places at equal steps along the straight line between two, both ends included."""
    share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    places = {
        name: (1 - share) * getattr(start, name) + share * getattr(end, name)
        for name in ("correlated", "mean", "variance")
    }
    return Points(**places)


def relative(distances: Array) -> Array:
    """Distances, a row per point, over the median of their row; the least becomes 0."""
    least = distances.min(axis=1, keepdims=True)
    middle = np.median(distances - least, axis=1, keepdims=True)
    return np.asarray((distances - least) / np.maximum(middle, np.finfo(np.float32).tiny))


def plan(misfit: Array, unlike: Array, durations: Sequence[float], total: float) -> list[int]:
    """Choose pieces that follow a line.

    Parameters
    ----------
    misfit
        How little each piece fits each point of the line, shape ``(points, pieces)``.
    unlike
        How little pieces are alike, shape ``(pieces, pieces)``.
    durations
        Lengths of the pieces, above 0.
    total
        Time to fill.

    Returns
    -------
    list of int
        Numbers of the pieces in order; their time differs from ``total`` by at most half the
        length of the last one, or of any piece left over. Empty if there is too little music.
    """
    lengths = np.asarray(durations, np.float64)
    beam, finished = [_Start()], list[_Start]()
    while beam:
        longer: list[_Start] = []
        for start in beam:
            nexts = _continued(start, misfit, unlike, lengths, total)
            longer += nexts
            if start.pieces and (
                abs(total - start.seconds) <= lengths[start.pieces[-1]] / 2
                # Nothing fits into the rest, though there is music left.
                or (not nexts and len(start.pieces) < len(lengths))
            ):
                finished.append(start)
        beam = sorted(longer, key=lambda start: start.mean)[:BEAM]
    if not finished:
        return []

    def cost(start: _Start) -> float:
        return start.mean + TIME * abs(total - start.seconds) / total

    return list(min(finished, key=cost).pieces)


def _continued(
    start: _Start, misfit: Array, unlike: Array, lengths: Array, total: float
) -> list[_Start]:
    """The beginning with one more piece, for the best pieces whose middle is within the time."""
    middles = (start.seconds + lengths / 2) / total
    possible = middles <= 1
    possible[list(start.pieces)] = False
    pieces = np.flatnonzero(possible)
    if not len(pieces):
        return []
    cost = misfit[_points(middles[pieces], len(misfit)), pieces].astype(np.float64)
    if start.pieces:
        cost += SMOOTH * unlike[start.pieces[-1], pieces]
    best = np.argsort(cost, kind="stable")[:BRANCHES]
    return [
        _Start(
            (*start.pieces, int(pieces[one])),
            start.seconds + float(lengths[pieces[one]]),
            start.cost + float(cost[one] * lengths[pieces[one]]),
        )
        for one in best
    ]
