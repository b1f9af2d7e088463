"""Intervals of a score by drawing whole groups of rows.

Conventions
-----------
``groups`` names the song, piece, game or artist of each row, shape ``(n,)``; rows of a group are
drawn together, since clips of one song are not independent. A *score* is a function of row
numbers (with repeats) to a float. Every random draw comes from ``seed``. Fewer than two groups
raise `hevner.errors.DataError`. Resamples on which the score is not defined are left out of an
interval, which is NaN if none is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.arrays import Rows
from hevner.errors import DataError

Score = Callable[[Rows], float]

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def bootstrap(
    score: Score, groups: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Percentile interval of a score, drawing as many whole groups as there are, with repeats."""
    rng = np.random.default_rng(seed)
    members = Groups(groups)
    return percentiles([score(members.draw(rng)) for _ in range(resamples)])


class Groups:
    """Rows by group, for drawing whole groups quickly."""

    def __init__(self, groups: ArrayLike) -> None:
        _, index = group_index(groups)
        self.order: Rows = np.argsort(index, kind="stable")
        self.sizes = np.bincount(index)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def draw(self, rng: np.random.Generator) -> Rows:
        """Rows of as many groups as there are, drawn with repeats, group after group."""
        drawn = rng.integers(len(self.sizes), size=len(self.sizes))
        sizes = self.sizes[drawn]
        before = np.cumsum(sizes) - sizes
        places = np.repeat(self.starts[drawn] - before, sizes) + np.arange(sizes.sum())
        return np.asarray(self.order[places])


def group_index(groups: ArrayLike) -> tuple[NDArray[Any], Rows]:
    """Distinct groups, at least two, and the number of the group of each row."""
    array = np.asarray(groups)
    if array.ndim != 1:
        raise DataError(
            f"groups have shape {array.shape}", remedy="Give one group per row", code="wrong_shape"
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise DataError(
            "groups hold NaN",
            remedy="Give every row a group of its own or a shared one",
            code="not_finite",
        )
    names, index = np.unique(array, return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"too few groups: {len(names)}",
            remedy="Give rows of at least two groups",
            code="too_few_groups",
        )
    return names, index


def percentiles(values: Sequence[float]) -> Interval:
    """The interval that holds `LEVEL` of some values, NaN left out."""
    if np.isnan(values).all():
        return Interval(np.nan, np.nan)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))
