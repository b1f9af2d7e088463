"""Shades inside a category: much, moderate or little of an emotion.

Conventions
-----------
Every item has a *category* from its listeners and two *degrees* inside it, shape ``(n,)``: what
listeners say and what a model tells. Only the order of degrees counts, and only within a category,
so that telling the categories apart earns nothing. The score is Kendall's tau-b, in [-1, 1]: the
share of pairs of items in the right order less that in the wrong order, with ties taken into
account; chance is 0.

Degrees of a quadrant
    How far a point lies along the diagonal of the quadrant, from neutral: ``(±valence ± arousal) /
    √2`` with the signs of the quadrant the *listeners* put the item in. What a model tells can thus
    be negative, where it is on the other side.
Degrees of a GEMS emotion
    The share of listeners who chose it, among items for which it is the strongest.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.arrays import Doubles as Array
from hevner.emotion import Quadrant
from hevner.errors import DataError
from hevner.lab.metrics.statistics import RESAMPLES, Interval, bootstrap
from hevner.lab.metrics.validation import numbers, same_shape

Numbers = NDArray[np.int64]

QUADRANTS = tuple(Quadrant)
"""Order of the quadrants' numbers."""

_SIGNS = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
"""Of valence and arousal in each quadrant."""


@dataclass(frozen=True)
class Degrees:
    """How well the order of degrees is told.

    Attributes
    ----------
    tau
        Mean over categories, weighted by their items; NaN if no category has an order.
    interval
        Of the mean, over resamples of whole groups.
    by_category
        Tau of each category; NaN where the listeners' degrees do not differ.
    items
        Number of items in each category.
    """

    tau: float
    interval: Interval
    by_category: dict[Hashable, float]
    items: dict[Hashable, int]


def quadrants(points: ArrayLike) -> Numbers:
    """The quadrant of each point, as its index in `QUADRANTS`, shape ``(n,)``."""
    of = [QUADRANTS.index(Quadrant.of(v, a)) for v, a in numbers("points", points, 2)]
    return np.array(of, np.int64)


def along_diagonal(points: ArrayLike, category: ArrayLike) -> Array:
    """Degree of each point in a quadrant, in units of the plane, shape ``(n,)``.

    Parameters
    ----------
    points
        Valence and arousal, rated or told, ``(n, 2)``.
    category
        The quadrant each item is of (`quadrants` of the ratings), ``(n,)``.
    """
    signs = _SIGNS[np.asarray(category, np.int64)]
    return np.asarray((numbers("points", points, 2) * signs).sum(axis=1) / np.sqrt(2))


def strongest(shares: ArrayLike) -> Numbers:
    """The column of the largest share of each item, shape ``(n,)``; the first in a tie."""
    return np.asarray(numbers("shares", shares, 2).argmax(axis=1))


def own_share(shares: ArrayLike, category: ArrayLike) -> Array:
    """The share of each item's category, shape ``(n,)``.

    Parameters
    ----------
    shares
        Shares of listeners or what a model tells, ``(n, categories)``.
    category
        A column for each item (`strongest` of the listeners' shares), ``(n,)``.
    """
    columns = np.asarray(category, np.int64)[:, None]
    return np.take_along_axis(numbers("shares", shares, 2), columns, axis=1)[:, 0]


def kendall(truth: ArrayLike, told: ArrayLike) -> float:
    """Kendall's tau-b of two lists of degrees.

    NaN if the true degrees are all the same or fewer than two; 0 if only those told are: a model
    that tells no degrees earns nothing.
    """
    one, two = np.asarray(truth, np.float64), np.asarray(told, np.float64)
    same_shape(truth=one, told=two)
    if len(one) < 2 or np.ptp(one) == 0:
        return np.nan
    if np.ptp(two) == 0:
        return 0.0
    # Which item of each two is above the other; neither in a tie. The function of scipy also works
    # out a p-value, which makes a bootstrap slow.
    first, second = one[:, None] > one, two[:, None] > two
    right, wrong = np.count_nonzero(first & second), np.count_nonzero(first & second.T)
    differ = float(np.count_nonzero(first)) * float(np.count_nonzero(second))
    return float((right - wrong) / np.sqrt(differ))


def within(category: ArrayLike, truth: ArrayLike, told: ArrayLike) -> float:
    """Mean of `kendall` over categories, weighted by their items; NaN if none has an order."""
    kinds, one, two = np.asarray(category), np.asarray(truth), np.asarray(told)
    taus, sizes = [], []
    for kind in np.unique(kinds):
        rows = kinds == kind
        taus.append(kendall(one[rows], two[rows]))
        sizes.append(int(rows.sum()))
    values, weights = np.array(taus), np.array(sizes)
    defined = np.isfinite(values)
    return float(np.average(values[defined], weights=weights[defined])) if defined.any() else np.nan


def evaluate(
    category: ArrayLike,
    truth: ArrayLike,
    told: ArrayLike,
    groups: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Degrees:
    """Tau of degrees inside categories, with its interval.

    Parameters
    ----------
    category, truth, told
        See the module.
    groups
        Songs, games or artists that stand or fall together, ``(n,)``.
    resamples, seed
        See `hevner.lab.metrics.statistics.bootstrap`.

    Raises
    ------
    DataError
        If lengths differ, degrees hold NaN, or there are fewer than two groups.
    """
    kinds, names = np.asarray(category), np.asarray(groups)
    one, two = numbers("truth", truth), numbers("told", told)
    same_shape(truth=one, told=two)
    if not kinds.shape == names.shape == one.shape:
        raise DataError(
            f"{len(one)} degrees, categories {kinds.shape}, groups {names.shape}",
            remedy="Give one of each per item",
        )

    def score(rows: NDArray[np.intp]) -> float:
        return within(kinds[rows], one[rows], two[rows])

    members = {kind: kinds == kind for kind in np.unique(kinds).tolist()}
    return Degrees(
        tau=within(kinds, one, two),
        interval=bootstrap(score, names, resamples=resamples, seed=seed),
        by_category={kind: kendall(one[rows], two[rows]) for kind, rows in members.items()},
        items={kind: int(rows.sum()) for kind, rows in members.items()},
    )
