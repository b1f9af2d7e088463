"""The emotion word of points in the plane, rightly and as published.

Conventions
-----------
Points are rows of valence and arousal on the unit scale, shape ``(n, 2)``. A word is its index in
`hevner.circumplex.WORDS`, a class its index in `hevner.circumplex.CLASSES`.

``repaired`` takes the bin of 9 degrees that a point lies in, see `hevner.circumplex.of`.
``as_published`` repeats the code published with the composite loss (Takashima et al., 2023), which
errs three times: degrees lose their fraction towards 0; those that are then no multiple of 9 fall
one bin too far; and angles that fall to -180 or below are turned by half a circle instead of a
whole one, so that creepy music is fun. It also leaves ratings on 0..1 as they are, all of them in
the first quadrant; to repeat that, give it such ratings.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.circumplex import CLASSES, STEP, WORDS, of
from hevner.errors import DataError
from hevner.evaluation.metrics.validation import numbers

Numbers = NDArray[np.int64]
Mode = Literal["repaired", "as_published"]

_AT_ANGLE = {word.angle: number for number, word in enumerate(WORDS)}
_OF_NAME = {word.name: number for number, word in enumerate(WORDS)}


def words(points: ArrayLike, mode: Mode = "repaired") -> Numbers:
    """The word of each point, shape ``(n,)``.

    Raises
    ------
    DataError
        If points are not rows of two finite numbers.
    """
    table = numbers("points", points, 2)
    if table.shape[1] != 2:
        raise DataError(f"points have shape {table.shape}", remedy="Give valence and arousal")
    find = _repaired if mode == "repaired" else _as_published
    return np.array([find(float(valence), float(arousal)) for valence, arousal in table])


def classes(points: ArrayLike, mode: Mode = "repaired") -> Numbers:
    """The class of each point's word, in 0..4, shape ``(n,)``."""
    # Eight words a class.
    return words(points, mode) // (len(WORDS) // len(CLASSES))


def _repaired(valence: float, arousal: float) -> int:
    return _OF_NAME[of(valence, arousal).name]


def _as_published(valence: float, arousal: float) -> int:
    angle = int(math.degrees(math.atan2(arousal, valence)))
    if angle not in _AT_ANGLE:
        angle -= angle % STEP + STEP
        if angle <= -180:
            angle += 180
    return _AT_ANGLE[angle]
