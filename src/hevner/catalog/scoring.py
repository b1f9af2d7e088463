"""What a query means: which rows may be it, and how exact scores of them are told.

Conventions
-----------
Divergences have the shape ``(m,)`` for ``m`` pieces or moments; lower is better.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hevner.catalog import filters
from hevner.catalog.analyze_file import Listener
from hevner.catalog.catalog import CANDIDATES
from hevner.catalog.tables import DISTANCE, in_lists
from hevner.catalog.texts import Matches, match
from hevner.errors import AudioError
from hevner.files import display_name
from hevner.model.description import CURVE_POINTS, Description, join
from hevner.words.describing import describe

if TYPE_CHECKING:
    from hevner.catalog.catalog import Catalog, TableName
    from hevner.catalog.course import Course
    from hevner.catalog.query import Place, Query
    from hevner.model.space import Points, Space

Array = NDArray[np.float32]

COURSE_COLUMNS = ("valence", "arousal", "curve")
"""Of the catalogue, that a course is compared with."""

MANY = 2_000
"""Fewest candidates where the first stage knows little of what is wanted: for a course, how a piece
moves; for a text with an emotion, the emotion."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What is looked for.

    Attributes
    ----------
    candidates
        The first stage: so many rows of the catalogue that may be it, with `ROW`, ``place`` and
        what ``score`` needs.
    score
        Divergences of such rows from what is wanted.
    fit
        From divergences to the share that fits worse, of music at large or of the catalogue; None
        where it is not known.
    itself
        Id of the piece that others shall be like, which is no hit; empty if there is none.
    least
        Fewest candidates to take.
    """

    candidates: Callable[[int], pa.Table]
    score: Callable[[Points, pa.Table], Array]
    fit: Callable[[Array], Array] | None = None
    itself: str = ""
    least: int = 0


def goal(catalog: Catalog, space: Space, query: Query) -> Goal:
    """What a query looks for.

    Raises
    ------
    HevnerError
        If a file or the encoder that texts need cannot be used.
    """
    if query.course is not None:
        return _course_goal(catalog, space, query, query.course)
    feeling = None
    if query.like is not None:
        feeling = _like_goal(catalog, space, query, query.like)
    elif query.place is not None or query.feelings:
        feeling = _emotion_goal(catalog, space, query)
    if feeling is not None and not query.text:
        return feeling
    matches = match(catalog, query.text, filters.first_stage(query))
    return _text_goal(matches) if feeling is None else _both(matches, feeling)


def _near(
    catalog: Catalog, query: Query, vector: Array, columns: Sequence[str] = ()
) -> Callable[[int], pa.Table]:
    """The first stage of what lies in the space: near a vector in the index."""
    where = filters.first_stage(query)

    def candidates(depth: int) -> pa.Table:
        # With a filter, the whole index is looked through until there are enough.
        passing = "vector IS NOT NULL" if where is None and depth > CANDIDATES else where
        table: TableName = "moments" if query.moments else "pieces"
        return catalog.candidates(vector, depth, passing, table, columns)

    return candidates


def wanted(space: Space, query: Query) -> Points:
    """The emotion that a query names, as one place."""
    parts = [] if query.place is None else [_point(query.place)]
    parts += [describe(query.feelings)] if query.feelings else []
    places = space.emotion(join(parts))
    return places if len(places) == 1 else space.merge(places)


def _point(place: Place) -> Description:
    return Description.of(point=[[place.valence, place.arousal]])


def _emotion_goal(catalog: Catalog, space: Space, query: Query) -> Goal:
    """Music that fits an emotion."""
    emotion = wanted(space, query)
    return Goal(
        _near(catalog, query, space.query_vectors(emotion)[0]),
        lambda music, _rows: space.find(emotion, music)[0],
        lambda divergences: space.fit(divergences[None], emotion)[0],
    )


def _text_goal(matches: Matches) -> Goal:
    """Music that matches a text."""
    return Goal(matches.candidates, lambda _music, rows: _distances(rows), matches.fit)


def _both(matches: Matches, feeling: Goal) -> Goal:
    """Music that matches a text and fits an emotion or a piece: both, so the worse fit counts."""
    fit = feeling.fit
    assert fit is not None  # only a course has none, and goes with no text

    def score(music: Points, rows: pa.Table) -> Array:
        return 1 - np.minimum(matches.fit(_distances(rows)), fit(feeling.score(music, rows)))

    return Goal(
        matches.candidates, score, lambda divergences: 1 - divergences, feeling.itself, MANY
    )


def _distances(rows: pa.Table) -> Array:
    return np.asarray(rows[DISTANCE].to_numpy(), np.float32)


def _like_goal(catalog: Catalog, space: Space, query: Query, path: Path) -> Goal:
    """Music that is like a piece."""
    music, itself = whereabouts(catalog, space, path)
    rising = np.sort(space.alike(music, space.at_large)[0])

    def fit(divergences: Array) -> Array:
        closer = np.searchsorted(rising, divergences, side="right")
        return np.asarray(1 - closer / len(rising), np.float32)

    return Goal(
        _near(catalog, query, space.like_vectors(music)[0]),
        lambda others, _rows: space.alike(music, others)[0],
        fit,
        itself=itself,
    )


def _course_goal(catalog: Catalog, space: Space, query: Query, course: Course) -> Goal:
    """Music whose valence and arousal move in the way that is wanted.

    The divergence is the root mean square distance on the plane, over equal parts of the piece.
    """
    around = course.points - course.mean[:, None]
    emotion = space.emotion(Description.of(point=course.mean[None], curve=around[None]))

    def distance(_music: Points, rows: pa.Table) -> Array:
        means = np.stack([rows[axis].to_numpy() for axis in COURSE_COLUMNS[:2]], axis=1)
        curves = rows["curve"].combine_chunks().flatten().to_numpy().reshape(-1, 2, CURVE_POINTS)
        points = means[:, :, None] + curves.astype(np.float32)
        squares = ((points - course.points) ** 2).sum(axis=1)
        return np.asarray(np.sqrt(squares.mean(axis=1)), np.float32)

    near = _near(catalog, query, space.query_vectors(emotion)[0], COURSE_COLUMNS)
    return Goal(near, distance, least=MANY)


def whereabouts(catalog: Catalog, space: Space, path: Path) -> tuple[Points, str]:
    """Where a piece lies in the space.

    A piece that the catalogue holds unchanged is not analysed again.

    Returns
    -------
    Points
        One place.
    str
        Its id in the catalogue; empty if it is not there.

    Raises
    ------
    AudioError
        If it cannot be read, or is silent.
    """
    # As the catalogue writes paths: links are not resolved.
    (same,) = in_lists("path", [display_name(os.path.abspath(path))])  # noqa: PTH100
    columns = ("id", "size", "mtime", "status")
    for row in catalog.listing(columns, same):
        if row["status"] == "ok" and _is_unchanged(path, row["size"], row["mtime"]):
            rows = pa.Table.from_batches(list(catalog.pieces.scan(["place"], same)))
            return catalog.points(rows), row["id"]
    piece = _listener(space).listen(path).piece
    if piece["status"] != "ok":
        raise AudioError(
            "nothing sounds in it, so it has no place in the space",
            subject=display_name(path),
            remedy="Name another piece",
        )
    return catalog.points(pa.table({"place": [piece["place"]]})), ""


def _is_unchanged(path: Path, size: int, mtime: int) -> bool:
    """Whether a file is the one that was indexed; one that is gone now is taken for it."""
    try:
        found = path.stat()
    except OSError:
        return True
    return found.st_size == size and found.st_mtime_ns == mtime


@lru_cache(maxsize=1)
def _listener(space: Space) -> Listener:
    from hevner.analysis import Analyzer

    return Listener(Analyzer(), space)
