"""A wanted course of emotion through a piece, in words or drawn.

Conventions
-----------
Valence and arousal are on the unit scale. A course has no length: it is stretched over a piece.

Courses are *compared* by level and by movement: `compared` keeps the mean and enlarges what is
around it by `MOVEMENT`, since pieces differ far less in how they move than in where they lie.
People draw larger movements than a model reads in any music, so those wanted are first made as
small as the largest of music (`LARGEST`). What stays where a course moves is no answer (`STILL`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.emotion import UNIT, Scale
from hevner.errors import DataError, HevnerError
from hevner.files import display_name
from hevner.model import description
from hevner.words import Lexicon
from hevner.words.describing import describe

ARROW = "->"
"""Between the words of a course; ``→`` will do as well."""

COLUMNS = ("time", "valence", "arousal")
"""Columns of a file with a drawn course."""


MOVEMENT = 5.0
"""Weight of movement: how much more widely the levels of pieces are spread than their movements are
large. A search index that was made with another weight is not used."""

LARGEST = 0.12
"""Root mean square, over parts and both axes, of the movement of the most moving music."""

STILL = 0.2
"""Share of the wanted movement below which a piece is left out."""


@dataclass(frozen=True, eq=False)
class Course:
    """How valence and arousal move through a piece.

    Attributes
    ----------
    points
        Means of valence and arousal over equal parts of the piece, shape ``(2, CURVE_POINTS)``.
    """

    points: NDArray[np.float32]

    @classmethod
    def through(cls, times: ArrayLike, valence: ArrayLike, arousal: ArrayLike) -> Course:
        """The course along straight lines between points in time.

        Parameters
        ----------
        times
            Rising, at least two, in any unit: the piece lasts from the first to the last.
        valence, arousal
            Values at these times.
        """
        moments = np.asarray(times, np.float64)
        values = np.stack([np.asarray(valence, np.float64), np.asarray(arousal, np.float64)])
        steps = np.diff(moments)
        mean = (values[:, 1:] + values[:, :-1]) / 2 @ steps / steps.sum()
        around = description.course(moments, *values)
        return cls(np.asarray(mean[:, None] + around, np.float32))

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean valence and arousal over the whole piece, shape ``(2,)``."""
        return np.asarray(self.points.mean(axis=1))

    @property
    def wanted(self) -> NDArray[np.float32]:
        """The course as it is compared with those of pieces, shape ``(2, CURVE_POINTS)``."""
        around = self.points - self.mean[:, None]
        share = min(1.0, LARGEST / max(float(np.sqrt((around**2).mean())), 1e-9))
        return compared(self.mean, share * around)

    def are_moving(self, courses: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of some courses, as `compared`, move at all where this one does."""
        least = STILL**2 * self.wanted.var(axis=1).sum()
        return np.asarray(courses.var(axis=2).sum(axis=1) >= least)


def compared(means: NDArray[np.floating], around: NDArray[np.floating]) -> NDArray[np.float32]:
    """Courses as they are compared, from their means and what is around these.

    Shapes are ``(..., 2)`` and ``(..., 2, CURVE_POINTS)``; distances between results are Euclidean.
    """
    return np.asarray(means[..., None] + MOVEMENT * around, np.float32)


def refused(code: str, cause: str, remedy: str = "", stage: str = "query") -> HevnerError:
    """The error for a query that makes no sense."""
    return HevnerError(cause, remedy=remedy, stage=stage, code=code)


def is_words(text: str) -> bool:
    """Whether a text is a course in words rather than the name of a file."""
    return ARROW in text.replace("→", ARROW)


def parse(text: str, lexicon: Lexicon) -> Course:
    """Read words with arrows between them, such as ``tense->calm``.

    Raises `HevnerError` if there are fewer than two, or one is unknown or has no place.
    """
    steps = [lexicon.feeling(step) for step in text.replace("→", ARROW).split(ARROW)]
    if len(steps) < 2:
        cause = "a course needs a beginning and an end"
        raise refused("incomplete", cause, "Write it as 'tense->calm'")
    for step in steps:
        if step.word.valence is None:
            cause = f"'{step.word.name}' has no place on the plane, so no course leads there"
            raise refused("word_without_place", cause, "Name a feeling, such as 'calm'")
    valence, arousal = describe(steps).point.T
    return Course.through(range(len(steps)), valence, arousal)


def read(path: Path, scale: Scale = UNIT) -> Course:
    """Read a drawn course from a CSV file with the columns `COLUMNS`, on a scale.

    Its times rise, in any unit.

    Raises
    ------
    DataError
        If the file is missing or does not hold such columns.
    """
    from hevner.datasets.rows import read_rows

    name = display_name(path)
    remedy = f"Give a CSV file with the columns {', '.join(COLUMNS)}, or words as 'tense->calm'"
    if not path.is_file():
        raise DataError("there is no such file", subject=name, remedy=remedy, code="file_missing")
    rows = read_rows(path, COLUMNS, missing=remedy)
    times = [row.number("time") for row in rows]
    if len(times) < 2 or any(later <= earlier for earlier, later in pairwise(times)):
        cause, remedy = "its times do not rise", "Sort the rows by time"
        raise DataError(cause, subject=name, remedy=remedy, code="times_not_rising")
    values = [[row.rating(axis, scale) for row in rows] for axis in COLUMNS[1:]]
    return Course.through(times, *values)
