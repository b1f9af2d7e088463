"""Ranking the pieces or moments of a catalogue for a query.

Conventions
-----------
A query becomes a `Target`, in the numbers of the common space. The first stage takes rows that may
fit from the vector index, or all that match a text; the second stage computes their exact
divergences, shape ``(m,)`` for ``m`` rows. Lower divergences are better. If a query leaves out too
many candidates, more are taken, up to `DEEPEST`.

Pieces that do not move are no answer to a course. Unwanted music is left out: a piece is *typical*
of a feeling if it fits it better than the share `TYPICAL` of music at large does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hevner.arrays import Doubles, Floats, Integers
from hevner.catalog import texts
from hevner.catalog.catalog import CANDIDATES, Catalog, Found, TableName
from hevner.catalog.columns import CHANGED, Row
from hevner.catalog.course import Course
from hevner.catalog.file_identity import Stamp, row_path
from hevner.catalog.query import Query
from hevner.catalog.tables import in_lists
from hevner.errors import AudioError
from hevner.files import display_name
from hevner.model.description import Description, join
from hevner.model.space import Points, Space
from hevner.object_path import Location
from hevner.words.describing import describe

if TYPE_CHECKING:
    from hevner.catalog.analyze_file import FileAnalyzer

TYPICAL = 0.8
"""Fit from which music is typical of a feeling: the fifth of music at large that fits it best."""

MANY = 2_000
"""Fewest candidates where the first stage knows only a part of what is wanted: of a text with an
emotion, the text."""

DEPTH = 10
"""Candidates for each hit; `CANDIDATES` or more in all."""

DEEPER = 8
"""How many times more candidates are taken if too few are left."""

DEEPEST = 100_000
"""Most candidates."""

DIVERSE = (5, 100, 2_000)
"""Candidates for each hit where hits shall differ; least and most in all."""

RELEVANCE = 0.5
"""Weight of fitting the query, against that of differing from the hits before."""


@dataclass(frozen=True, eq=False)
class Target:
    """What to compare music with.

    The places of the wanted emotion and of a piece that others shall be like have one row; that
    piece is no hit, and its id is empty if the catalogue does not hold it. No hit may be typical of
    an emotion at one of the unwanted places.
    """

    emotion: Points | None
    music: Points | None
    id: str
    course: Course | None
    matches: texts.Matches | None
    unwanted: Points | None


@dataclass(frozen=True, eq=False)
class Ranked:
    """Numbers of rows of a table, the best first.

    Each has its divergence and its fit, if that is known. ``left_out`` is the id of a piece that is
    no hit; empty for none.
    """

    rows: Integers
    divergences: Floats
    fits: Floats | None
    left_out: str


def rankings(catalog: Catalog, query: Query) -> Iterator[Ranked]:
    """Candidates in the order of their exact divergences, without unwanted ones.

    Yields
    ------
    Ranked
        First of as many candidates as a search usually needs, then of more and more of them.

    Raises
    ------
    HevnerError
        If a file or the encoder of texts cannot be used, the filter is not understood, or the
        catalogue is damaged.
    """
    target = _target(catalog, query)
    both = target.matches is not None and (target.emotion is not None or target.music is not None)
    least = MANY if both else CANDIDATES
    depth = min(max(least, DEPTH * query.count), DEEPEST)
    while True:
        yield _rank(catalog, query, target, depth)
        if depth == DEEPEST or depth >= catalog.count("moments" if query.moments else "pieces"):
            return
        depth = min(DEEPER * depth, DEEPEST)


def locate(catalog: Catalog, path: Location) -> tuple[Points, Row]:
    """The place of a piece in the space, one row, and its valence and arousal with their intervals.

    The record has its ``id`` too, empty if it is not in the catalogue.

    A piece that the catalogue holds unchanged is not analysed again.

    Raises
    ------
    AudioError
        If the file cannot be read, is silent or is no music.
    """
    (same,) = in_lists("path", [row_path(path)])
    for row in catalog.pieces.records(same):  # at most one
        stamp = Stamp(*(row[name] for name in catalog.pieces.stamp_columns))
        if row["status"] == "ok" and stamp.still_holds(path):
            return catalog.points(np.array([row["place"]])), row
    analyzer = _file_analyzer(catalog.space, catalog.model)
    with nullcontext(path) if isinstance(path, Path) else path.copied() as file:
        piece = analyzer.analyze(file).piece
    if piece["status"] != "ok":
        reason = "the file is silent" if piece["status"] == "silent" else piece["cause"]
        raise AudioError(
            f"{reason}: it has no place in the space",
            subject=display_name(path),
            remedy="Name another piece",
            code=piece["status"],
        )
    return catalog.points(np.array([piece["place"]])), piece | {"id": ""}


def diverse(divergences: Floats, unlike: Floats) -> list[int]:
    """Order items so that they fit the query and differ from those before.

    This is maximal marginal relevance (Carbonell and Goldstein, 1998). Relevance and likeness are
    brought to [0, 1] by ``exp(-distance / typical)`` with the median distance, so that no unit has
    to be known.

    ``unlike`` are divergences between the items, shape ``(n, n)``, 0 for those that are the same.

    Returns
    -------
    list of int
        The item that fits best, then in each step the one with the largest
        ``RELEVANCE * relevance - (1 - RELEVANCE) * (likeness to the most alike chosen one)``.
    """
    if not len(divergences):
        return []
    relevance = _nearness(divergences - divergences.min())
    likeness = _nearness(unlike)
    chosen = [int(relevance.argmax())]
    nearest = likeness[:, chosen[0]].copy()
    while len(chosen) < len(divergences):
        value = RELEVANCE * relevance - (1 - RELEVANCE) * nearest
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
        nearest = np.maximum(nearest, likeness[:, chosen[-1]])
    return chosen


def _like(catalog: Catalog, path: Location) -> tuple[Points, Row]:
    """As `locate`, without more than the id of a piece that the index has."""
    if (number := catalog.row_of(row_path(path))) is not None:
        (row,) = catalog.fetch([number], ("id", "size", "mtime", CHANGED))
        if Stamp(row["size"], row["mtime"], row[CHANGED]).still_holds(path):
            return catalog.at([number]).points, row
    return locate(catalog, path)


def _target(catalog: Catalog, query: Query) -> Target:
    music, row = (None, {"id": ""}) if query.like is None else _like(catalog, query.like)
    return Target(
        emotion=_emotion(catalog.space, query),
        music=music,
        id=row["id"],
        course=query.course,
        matches=texts.match(catalog, query.text, query.condition) if query.text else None,
        unwanted=catalog.space.emotion(describe(query.unwanted)) if query.unwanted else None,
    )


def _rank(catalog: Catalog, query: Query, target: Target, depth: int) -> Ranked:
    space = catalog.space
    found = _candidates(catalog, query, target, depth)
    places = found.points
    divergences, fits = _scores(space, target, found)
    order = np.argsort(divergences, kind="stable")
    if found.courses is not None and target.course is not None:
        order = order[target.course.are_moving(found.courses[order])]
    if target.unwanted is not None and len(order):
        fitting = space.fit(space.find(target.unwanted, places), target.unwanted)
        order = order[~np.any(fitting >= TYPICAL, axis=0)[order]]
    if query.diverse:
        each, least, most = DIVERSE
        count = min(max(each * query.count, least), most)
        best, rest = order[:count], order[count:]
        unlike = space.alike(places.where(best), places.where(best))
        order = np.concatenate([best[diverse(divergences[best], unlike)], rest])
    fits = None if fits is None else fits[order]
    return Ranked(found.rows[order], divergences[order], fits, target.id)


def _emotion(space: Space, query: Query) -> Points | None:
    """The emotion that a query names, as one place; for a course, that of its mean."""
    if query.course is not None:
        mean = query.course.mean
        around = query.course.points - mean[:, None]
        return space.emotion(Description.of(point=mean[None], curve=around[None]))
    parts = []
    if query.place is not None:
        parts.append(Description.of(point=[[query.place.valence, query.place.arousal]]))
    if query.feelings:
        parts.append(describe(query.feelings))
    if not parts:
        return None
    places = space.emotion(join(parts))
    return places if len(places) == 1 else space.merge(places)


def _candidates(catalog: Catalog, query: Query, target: Target, depth: int) -> Found:
    """Rows that may fit."""
    if target.matches is not None:
        return catalog.at(target.matches.rows[:depth])
    if target.emotion is not None:
        vector = catalog.space.query_vectors(target.emotion)[0]
    else:
        assert target.music is not None  # a query is for an emotion, a piece, a course or a text
        vector = catalog.space.like_vectors(target.music)[0]
    table: TableName = "moments" if query.moments else "pieces"
    course = None if target.course is None else target.course.wanted
    return catalog.candidates(vector, depth, query.condition, table, course)


def _scores(space: Space, target: Target, found: Found) -> tuple[Floats, Floats | None]:
    """Divergences of rows, and the share of music or of the catalogue that fits worse."""
    if found.courses is not None and target.course is not None:
        return _course_distances(target.course, found.courses), None
    places = found.points
    divergences = fits = np.zeros(0, np.float32)
    if target.emotion is not None:
        divergences = space.find(target.emotion, places)[0]
        fits = space.fit(divergences[None], target.emotion)[0]
    elif target.music is not None:
        divergences = space.alike(target.music, places)[0]
        fits = _share_above(np.sort(space.alike(target.music, space.at_large)[0]), divergences)
    if target.matches is None:
        return divergences, fits
    distances = target.matches.distances[: len(places)]
    matching = _share_above(target.matches.rising, distances)
    if target.emotion is None and target.music is None:
        return distances, matching
    # Both shall fit, so the worse fit counts.
    worse = np.minimum(matching, fits)
    return 1 - worse, worse


def _course_distances(course: Course, courses: Floats) -> Floats:
    """Root mean square distances of courses as they are compared, over equal parts of the piece."""
    squares = ((courses - course.wanted) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(squares.mean(axis=1)), np.float32)


def _share_above(rising: Floats, values: Floats) -> Floats:
    """The share of sorted values that are larger than each of others."""
    closer = np.searchsorted(rising, values, side="right")
    return np.asarray(1 - closer / max(len(rising), 1), np.float32)


def _nearness(distances: Floats) -> Doubles:
    positive = np.maximum(np.asarray(distances, np.float64), 0)
    typical = float(np.median(positive)) or float(positive.max()) or 1.0
    return np.asarray(np.exp(-positive / typical))


@lru_cache(maxsize=1)
def _file_analyzer(space: Space, model: Path) -> FileAnalyzer:
    # Most searches analyse nothing.
    from hevner.analysis import Analyzer
    from hevner.catalog.analyze_file import FileAnalyzer

    return FileAnalyzer(Analyzer(model=model), space)
