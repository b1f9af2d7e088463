"""Degrees inside a category: much, moderate or little of an emotion.

Conventions
-----------
Every item has a *category* from its listeners and two *degrees* inside it, shape ``(n,)``: the
rated one and the predicted one. Only the order of degrees counts, and only within a category, so
that separating the categories earns nothing. The score is Kendall's tau-b, in [-1, 1]: the share of
pairs of items in the right order less that in the wrong order, with ties taken into account; chance
is 0.

Degrees of a quadrant
    How far a point lies along the diagonal of the quadrant, from neutral: ``(±valence ± arousal) /
    √2`` with the signs of the quadrant the *listeners* put the item in. A predicted degree is
    negative if the point is on the other side of neutral.
Degrees of a GEMS emotion
    The share of listeners who chose it, among items for which it is the strongest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Integers
from hevner.lab.data.labels import QUADRANT_SIGNS
from hevner.lab.metrics.regression import numbers, same_shape


def along_diagonal(points: ArrayLike, category: ArrayLike) -> Doubles:
    """Degree of each point, rated or predicted, in units of the plane, shape ``(n,)``.

    The category is the quadrant of each item (`quadrants_of` the ratings), ``(n,)``.
    """
    signs = QUADRANT_SIGNS[np.asarray(category, np.int64)]
    return np.asarray((numbers("points", points, 2) * signs).sum(axis=1) / np.sqrt(2))


def strongest(shares: ArrayLike) -> Integers:
    """The column of the largest share of each item, shape ``(n,)``; the first in a tie."""
    return np.asarray(numbers("shares", shares, 2).argmax(axis=1))


def own_share(shares: ArrayLike, category: ArrayLike) -> Doubles:
    """The share, rated or predicted, of each item's category, shape ``(n,)``.

    The category is a column for each item (`strongest` of the listeners' shares), ``(n,)``.
    """
    columns = np.asarray(category, np.int64)[:, None]
    return np.take_along_axis(numbers("shares", shares, 2), columns, axis=1)[:, 0]


def kendall(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Kendall's tau-b of two lists of degrees.

    NaN if the true degrees are all the same or fewer than two; 0 if only the predicted ones are the
    same: a model without degrees earns nothing.
    """
    one, two = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    same_shape(truth=one, predicted=two)
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


def within(category: ArrayLike, truth: ArrayLike, predicted: ArrayLike) -> float:
    """Mean of `kendall` over categories, weighted by their items; NaN if none has an order."""
    kinds, one, two = np.asarray(category), np.asarray(truth), np.asarray(predicted)
    taus, sizes = [], []
    for kind in np.unique(kinds):
        rows = kinds == kind
        taus.append(kendall(one[rows], two[rows]))
        sizes.append(int(rows.sum()))
    values, weights = np.array(taus), np.array(sizes)
    defined = np.isfinite(values)
    return float(np.average(values[defined], weights=weights[defined])) if defined.any() else np.nan
