"""Putting pieces in an order of small steps, so that a playlist does not go back and forth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

TINY = 1e-9
"""Least shortening of a way that is worth a change."""


def shortest(order: Sequence[int], steps: Array) -> list[int]:
    """The same pieces in an order of fewer and smaller steps; the first and the last one stay.

    The best part is turned round (2-opt), or where that helps no more up to three pieces are moved
    (Or-opt), until nothing helps.

    Parameters
    ----------
    order
        Numbers of the pieces.
    steps
        Distance of each piece to each, symmetric, shape ``(pieces, pieces)``.
    """
    found = np.array(order, np.intp)
    while len(found) > 3:
        apart = steps[np.ix_(found, found)]
        change, places = _turned(apart)
        if change > -TINY:
            moves = (_moved(apart, size) for size in range(1, min(4, len(found) - 2)))
            change, places = min(moves, key=lambda move: move[0])
        if change > -TINY:
            break
        found = found[places]
    return [int(piece) for piece in found]


def _turned(apart: Array) -> tuple[float, NDArray[np.intp]]:
    """What turning round the best part of a way adds to it, and the places in the new order."""
    step = apart.diagonal(1)
    change = apart[:-2, 1:-1] + apart[1:-1, 2:] - step[:-1, None] - step[1:]
    change = np.where(np.triu(np.ones_like(change), 1) > 0, change, np.inf)
    first, last = np.unravel_index(change.argmin(), change.shape)
    places = np.arange(len(apart))
    places[first + 1 : last + 2] = places[first + 1 : last + 2][::-1]
    return float(change[first, last]), places


def _moved(apart: Array, size: int) -> tuple[float, NDArray[np.intp]]:
    """Likewise for moving the best part of so many pieces to the best other place."""
    best, places = np.inf, np.arange(len(apart))
    step = apart.diagonal(1)
    for first in range(1, len(apart) - size):
        last = first + size - 1
        change = apart[:-1, first] + apart[last, 1:] - step
        change[first - 1 : last + 1] = np.inf
        change += apart[first - 1, last + 1] - step[first - 1] - step[last]
        after = int(change.argmin())
        if change[after] < best:
            best = float(change[after])
            rest = np.delete(np.arange(len(apart)), slice(first, last + 1))
            places = np.insert(rest, int((rest <= after).sum()), np.arange(first, last + 1))
    return best, places
