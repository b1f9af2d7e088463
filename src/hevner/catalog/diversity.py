"""Hits that differ from each other: maximal marginal relevance (Carbonell and Goldstein, 1998).

Conventions
-----------
Both what is relevant and what is alike are brought to [0, 1] by ``exp(-distance / typical)``, where
the typical distance is the median of those at hand, so that no unit has to be known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

RELEVANCE = 0.5
"""Weight of fitting what is wanted, against that of being unlike the hits before."""


def diverse(divergences: Array, unlike: Array, count: int) -> list[int]:
    """Choose items that fit and differ, the best first.

    Parameters
    ----------
    divergences
        From what is wanted, shape ``(n,)``.
    unlike
        Between the items, shape ``(n, n)``, 0 for those that are the same.
    count
        How many to choose, at most ``n``.

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
    while len(chosen) < min(count, len(divergences)):
        value = RELEVANCE * relevance - (1 - RELEVANCE) * nearest
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
        nearest = np.maximum(nearest, likeness[:, chosen[-1]])
    return chosen


def _nearness(distances: Array) -> NDArray[np.float64]:
    positive = np.maximum(np.asarray(distances, np.float64), 0)
    typical = float(np.median(positive)) or float(positive.max()) or 1.0
    return np.asarray(np.exp(-positive / typical))
