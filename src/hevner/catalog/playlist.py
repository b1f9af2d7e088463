"""A playlist that leads from one emotion to another in a given time.

The pieces follow the straight line between the two emotions in the common space, or the lines past
those between. Pieces near it are
gathered at `STATIONS` points along the line; then pieces are chosen one after the other by a beam
search, so that each fits the point of the line that its middle falls on, neighbours sound alike, no
piece comes twice and the time is met. At last they are put in the order in which the course on the
plane of valence and arousal is shortest, so that it does not go back and forth.

No artist comes twice in a row while there is another one. Pieces of one content are one: copies,
files that differ in their tags alone, and those of the same artist and title.

Conventions
-----------
Times are in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.catalog.catalog import Catalog
from hevner.catalog.faults import enclosed
from hevner.catalog.query import check_time
from hevner.catalog.search import EMOTION, PIECE, Hits
from hevner.catalog.tables import in_lists
from hevner.catalog.tour import TINY, shortest
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

LEAST = 30.0
"""Length of the shortest pieces, unless another one is given."""

AMPLE = 4
"""Times the wanted time that the pieces near the line must last, or more are looked for."""

AGAIN = 1_000.0
"""Cost of an artist twice in a row, or distance between the pieces: more than all else."""

TIME = 1.0
"""Cost of missing the time by all of it; a playlist of pieces as far from the line as half of those
gathered costs 1."""


def make_playlist(
    catalog: Catalog,
    start: Points,
    end: Points,
    seconds: float,
    where: str = "",
    least: float = LEAST,
    before: Sequence[tuple[str, str]] = (),
    via: Sequence[Points] = (),
    count: int | None = None,
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
    least
        Length of the shortest pieces that are taken, in seconds.
    before
        Pieces that are played before, in their order: path, and artist and title as in
        `hevner.hits.Hit.label`. They do not come again, nor does the artist of the last one first.
    via
        Emotions between the two, in the order in which the way leads past them.
    count
        Number of pieces, whatever their time; None to fill the time.

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
    if count is not None:
        seconds = count * SHORT
    space, (line, corners) = catalog.space, through([start, *via, end])
    played = _played(catalog, before)
    rows, places = _gather(catalog, line, seconds, where, least, played)
    if sum(row["duration"] for row in rows) < AMPLE * seconds:
        long = f"duration >= {least!r}" + (f" AND {enclosed(where)}" if where else "")
        rows, places = _gather(catalog, line, seconds, long, least, played)
    durations = [row["duration"] for row in rows]
    divergences = space.find(line, places) if rows else np.zeros((len(line), 0), np.float32)
    unlike = space.alike(places, places) if rows else np.zeros((0, 0), np.float32)
    last = _artist(played[-1]) if played else ""
    # A playlist of so many pieces takes each for a unit of time.
    lengths, total = (durations, seconds) if count is None else ([1.0] * len(rows), float(count))
    order = _order(rows, divergences, unlike, lengths, total, last, corners) if rows else []
    if not order:
        raise _too_little(durations, seconds, count)
    points = _points(_middles(order, lengths) / total, len(line))
    fits = space.fit(divergences[points][:, order], line.where(points)).diagonal()
    return Hits(
        Hit(
            **{name: rows[piece][name] for name in (*PIECE[1:], *EMOTION)},
            divergence=float(divergences[point, piece]),
            fit=float(fit),
        )
        for piece, point, fit in zip(order, points, fits, strict=True)
    )


def _too_little(durations: Sequence[float], seconds: float, count: int | None) -> CatalogError:
    wanted = f"{seconds / 60:g} minutes" if count is None else f"{count} pieces"
    there = f"last {sum(durations) / 60:.0f} minutes" if count is None else f"are {len(durations)}"
    return CatalogError(
        f"there is too little music for {wanted}: the pieces near the way {there} in all",
        remedy="Ask for less, leave out the filter or index more music",
        code="too_little_music",
    )


def _middles(order: Sequence[int], lengths: Sequence[float]) -> Array:
    """Times of the middles of pieces in their order."""
    times = np.cumsum([0.0, *(lengths[piece] for piece in order)])
    return np.asarray((times[:-1] + times[1:]) / 2)


def _order(
    rows: Sequence[Mapping[str, Any]],
    divergences: Array,
    unlike: Array,
    lengths: Sequence[float],
    total: float,
    last: str,
    corners: Array,
) -> list[int]:
    """Numbers of pieces in the order of playing, after a piece of the artist ``last``.

    Between the pieces nearest to the corners of the way, they go the shortest way.
    """
    artists = np.array([_artist(row) for row in rows])
    again = AGAIN * ((artists[:, None] == artists) & (artists != ""))
    order = plan(
        relative(divergences),
        unlike / (float(np.median(unlike)) or 1.0) + again / SMOOTH,
        lengths,
        total,
        AGAIN * ((artists == last) & (artists != "")),
    )
    if not order:
        return []
    plane = np.array([[row[axis] for axis in EMOTION] for row in rows])
    steps = np.linalg.norm(plane[:, None] - plane, axis=2) + again
    shares = _middles(order, lengths) / total
    turns = {int(np.abs(shares - corner).argmin()) for corner in corners}
    for first, end in pairwise(sorted({0, len(order) - 1} | turns)):
        order[first : end + 1] = shortest(order[first : end + 1], steps)
    return order


def _played(catalog: Catalog, before: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """What the catalogue knows of pieces by their path, or else their artist and title alone."""
    known: dict[str, dict[str, Any]] = {}
    for some in in_lists("path", [path for path, _ in before]):
        known |= {row["path"]: row for row in catalog.pieces.records(some)}
    rows = []
    for path, label in before:
        artist, dash, title = label.partition(" - ")
        said = {"artist": artist, "title": title} if dash else {"artist": None, "title": None}
        rows.append(known.get(path, {"id": path, "place": None, **said}))
    return rows


def _artist(row: Mapping[str, Any]) -> str:
    return (row["artist"] or "").casefold()


def _contents(row: Mapping[str, Any], place: Any) -> set[object]:
    """What two pieces of one content have in common, at least one of it."""
    same: set[object] = {row["id"]}
    if place is not None:
        same.add(np.asarray(place, np.float32).tobytes())
    if row["artist"] and row["title"]:
        same.add((_artist(row), row["title"].casefold()))
    return same


def _gather(
    catalog: Catalog,
    line: Points,
    seconds: float,
    where: str,
    least: float,
    played: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], Points]:
    """Pieces near the line that are long enough, each content once, and their places."""
    fewest, most = GATHERED
    each = min(max(math.ceil(SPARE * seconds / SHORT / len(line)), fewest), most)
    vectors = catalog.space.query_vectors(line)
    near = [catalog.candidates(one, each, where or None).rows for one in vectors]
    found = catalog.at(np.unique(np.concatenate(near)))
    rows = catalog.fetch(found.rows.tolist(), (*PIECE, *EMOTION))
    seen = {one for row in played for one in _contents(row, row["place"])}
    places = np.hstack([found.points.correlated, found.points.mean, found.points.variance])
    chosen = []
    for number, row in enumerate(rows):
        contents = _contents(row, places[number])
        if row["duration"] >= max(least, np.finfo(float).tiny) and not contents & seen:
            chosen.append(number)
            seen |= contents
    return [rows[number] for number in chosen], found.points.where(np.array(chosen, np.intp))


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
    return through([start, end], count)[0]


def through(places: Sequence[Points], count: int = STATIONS) -> tuple[Points, Array]:
    """Places at equal steps along straight lines from one to the next, both ends included.

    Also returned is where the corners between the lines are, as shares of the whole way.
    """
    names = ("correlated", "mean", "variance")
    joined = {name: np.concatenate([getattr(one, name) for one in places]) for name in names}
    # Places that are the same are a tiny step apart, so that there is a way.
    steps = np.linalg.norm(np.diff(joined["mean"], axis=0), axis=1) + TINY
    at = np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
    shares = np.linspace(0, 1, count)
    leg = np.clip(np.searchsorted(at, shares, "right") - 1, 0, len(steps) - 1)
    share = ((shares - at[leg]) / (at[leg + 1] - at[leg])).astype(np.float32)[:, None]
    way = {name: (1 - share) * one[leg] + share * one[leg + 1] for name, one in joined.items()}
    return Points(**way), at[1:-1]


def relative(distances: Array) -> Array:
    """Distances, a row per point, over the median of their row; the least becomes 0."""
    least = distances.min(axis=1, keepdims=True)
    middle = np.median(distances - least, axis=1, keepdims=True)
    return np.asarray((distances - least) / np.maximum(middle, np.finfo(np.float32).tiny))


def plan(
    misfit: Array,
    unlike: Array,
    durations: Sequence[float],
    total: float,
    opening: Array | float = 0.0,
) -> list[int]:
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
    opening
        What it costs to begin with each piece, shape ``(pieces,)``.

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
            nexts = _continued(start, misfit, unlike, lengths, total, opening)
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
    start: _Start,
    misfit: Array,
    unlike: Array,
    lengths: Array,
    total: float,
    opening: Array | float,
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
    else:
        cost += np.broadcast_to(opening, len(lengths))[pieces]
    best = np.argsort(cost, kind="stable")[:BRANCHES]
    return [
        _Start(
            (*start.pieces, int(pieces[one])),
            start.seconds + float(lengths[pieces[one]]),
            start.cost + float(cost[one] * lengths[pieces[one]]),
        )
        for one in best
    ]
