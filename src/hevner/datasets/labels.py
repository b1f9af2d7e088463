"""The labels of any tracks as arrays, by kind: ratings, classes, shares of listeners, tags.

This is what training and scoring on a dataset of one's own start from. A dataset may have several
kinds at once, and some tracks may lack some of them.

Conventions
-----------
Rows are tracks, in their order. A missing number is NaN, a missing class -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Integers
from hevner.datasets.track import Track
from hevner.emotion import BASIC, GEMS, Quadrant
from hevner.heads import BY_NAME

NAN = float("nan")

RATINGS: dict[str, Callable[[Track], float | None]] = {
    "valence": lambda track: track.valence,
    "arousal": lambda track: track.arousal,
    "tension": lambda track: track.tension,
    **{
        name: lambda track, k=k: None if track.emotions is None else track.emotions[k]  # type: ignore[misc]
        for k, name in enumerate(BASIC)
    },
}
"""Every kind of rating by its name in tables and results: valence, arousal, tension, basic
emotions."""

FELT: dict[str, Callable[[Track], float | None]] = {
    name: lambda track, k=k: None if track.gems is None else track.gems[k]  # type: ignore[misc]
    for k, name in enumerate(BY_NAME["gems"].columns)
}
"""Shares of listeners who feel the emotions of GEMS, or how much one of them does, in [0, 1]."""

CLASSES: dict[str, Callable[[Track], str | None]] = {
    "quadrant": lambda track: None if track.quadrant is None else track.quadrant.name,
    "cluster": lambda track: None if track.cluster is None else str(track.cluster),
    "category": lambda track: track.category,
}
"""Every kind of class: quadrants and the mood clusters of MIREX have fixed names, a category those
of its dataset."""

FIXED = {"quadrant": tuple(one.name for one in Quadrant), "cluster": tuple("12345")}
"""Classes whose names are known beforehand."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Classes, of which each track has one.

    Attributes
    ----------
    names
        All classes, in order.
    number
        Index into the names, -1 where it is missing, shape ``(n,)``.
    """

    names: tuple[str, ...]
    number: Integers


@dataclass(frozen=True, eq=False)
class Tags:
    """Tags, of which each track may have several.

    Attributes
    ----------
    names
        All tags that occur, sorted.
    has
        1 where a track has a tag, else 0; NaN in rows of tracks without this label, shape
        ``(n, tags)``.
    """

    names: tuple[str, ...]
    has: Doubles


@dataclass(frozen=True, eq=False)
class LabelTable:
    """All labels of some tracks; what no track has is not there.

    Attributes
    ----------
    ratings
        By name, any of `RATINGS`, on the unit scale, shape ``(n,)`` each.
    classes
        By kind, any of `CLASSES`.
    shares
        Shares of listeners by emotion, any of `hevner.emotion.GEMS`, in [0, 1], ``(n,)`` each.
    tags
        None if no track has this label.
    """

    ratings: dict[str, Doubles]
    classes: dict[str, Classes]
    shares: dict[str, Doubles]
    tags: Tags | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of all labels that are there."""
        return (*self.ratings, *self.classes, *self.shares, *(["tags"] if self.tags else []))


def label_table(tracks: Sequence[Track]) -> LabelTable:
    """The labels of tracks as arrays."""
    ratings = {name: _numbers(map(get, tracks)) for name, get in RATINGS.items()}
    shares = {
        name: _numbers(map(get, tracks)) for name, get in zip(GEMS, FELT.values(), strict=True)
    }
    classes = {kind: _classes(kind, list(map(get, tracks))) for kind, get in CLASSES.items()}
    return LabelTable(
        {name: one for name, one in ratings.items() if np.isfinite(one).any()},
        {kind: one for kind, one in classes.items() if (one.number >= 0).any()},
        {name: one for name, one in shares.items() if np.isfinite(one).any()},
        _tags([track.tags for track in tracks]),
    )


def _numbers(values: Iterable[float | None]) -> Doubles:
    return np.array([NAN if value is None else value for value in values], float)


def _classes(kind: str, values: list[str | None]) -> Classes:
    names = FIXED.get(kind) or tuple(sorted({value for value in values if value is not None}))
    place = {name: k for k, name in enumerate(names)}
    return Classes(names, np.array([-1 if v is None else place[v] for v in values], np.int64))


def _tags(values: list[tuple[str, ...] | None]) -> Tags | None:
    if all(value is None for value in values):
        return None
    names = tuple(sorted({tag for value in values for tag in value or ()}))
    has = [[NAN if v is None else float(name in v) for name in names] for v in values]
    return Tags(names, np.array(has, float).reshape(len(values), len(names)))
