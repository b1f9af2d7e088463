"""What a query means in the joint space: a vector to look near, and how exact scores are told.

Conventions
-----------
Shapes: ``(W,)`` for first-stage vectors, ``(m,)`` for divergences of ``m`` pieces or moments;
lower is better.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hevner.errors import AudioError
from hevner.files import display_name
from hevner.lexicon.describing import describe
from hevner.models.description import CURVE_POINTS, Description, join
from hevner.retrieval.listening import Listener
from hevner.retrieval.tables import in_lists

if TYPE_CHECKING:
    from hevner.models.space import Points, Space
    from hevner.retrieval.catalog import Catalog
    from hevner.retrieval.course import Course
    from hevner.retrieval.query import Place, Query

Array = NDArray[np.float32]

COURSE_COLUMNS = ("valence", "arousal", "curve")
"""Of the catalogue, that a course is compared with."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What is looked for.

    Attributes
    ----------
    vector
        The first stage takes what lies near it.
    score
        Divergences of rows of the catalogue from what is wanted.
    fit
        From divergences to the share of music at large that fits worse; None where the space does
        not tell.
    columns
        That ``score`` needs besides ``place``.
    itself
        Id of the piece that others shall be like, which is no hit; empty if there is none.
    """

    vector: Array
    score: Callable[[Points, pa.Table], Array]
    fit: Callable[[Array], Array] | None = None
    columns: tuple[str, ...] = ()
    itself: str = ""


def goal(catalog: Catalog, space: Space, query: Query) -> Goal:
    """What a query looks for."""
    if query.course is not None:
        return _course_goal(space, query.course)
    if query.like is not None:
        return _like_goal(catalog, space, query.like)
    return emotion_goal(space, wanted(space, query))


def wanted(space: Space, query: Query) -> Points:
    """The emotion that a query names, as one place."""
    parts = [] if query.place is None else [_point(query.place)]
    parts += [describe(query.feelings)] if query.feelings else []
    places = space.emotion(join(parts))
    return places if len(places) == 1 else space.merge(places)


def _point(place: Place) -> Description:
    return Description.of(point=[[place.valence, place.arousal]])


def emotion_goal(space: Space, emotion: Points) -> Goal:
    """Music that fits an emotion, one place."""
    return Goal(
        space.query_vectors(emotion)[0],
        lambda music, _rows: space.find(emotion, music)[0],
        lambda divergences: space.fit(divergences[None], emotion)[0],
    )


def _like_goal(catalog: Catalog, space: Space, path: Path) -> Goal:
    """Music that is like a piece."""
    music, itself = whereabouts(catalog, space, path)
    rising = np.sort(space.alike(music, space.at_large)[0])

    def fit(divergences: Array) -> Array:
        closer = np.searchsorted(rising, divergences, side="right")
        return np.asarray(1 - closer / len(rising), np.float32)

    return Goal(
        space.like_vectors(music)[0],
        lambda others, _rows: space.alike(music, others)[0],
        fit,
        itself=itself,
    )


def _course_goal(space: Space, course: Course) -> Goal:
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

    return Goal(space.query_vectors(emotion)[0], distance, columns=COURSE_COLUMNS)


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
