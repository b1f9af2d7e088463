"""Familiarity: how near music lies to the music that a model was trained on.

Conventions
-----------
Vectors are standardised pooled vectors, shape ``(n, dim)``; *domains* are kinds of training music.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

NEIGHBOURS = 5
"""Training pieces whose mean distance counts."""


def familiarity(
    x: Array, axes_of_sound: Array, known: Array, known_domain: Array, distances: Array
) -> Array:
    """Share of each domain's training pieces that lie further from its others than these vectors.

    Parameters
    ----------
    x
        Vectors.
    axes_of_sound
        Projection of vectors, shape ``(dim, p)``.
    known, known_domain
        Projected training pieces ``(m, p)``, and the number of each one's domain ``(m,)``.
    distances
        Rising distances of the pieces of a domain to its others, shape ``(domains, q)``.

    Returns
    -------
    Array
        In [0, 1], one column per domain, shape ``(n, domains)``.
    """
    points = x @ axes_of_sound
    result = np.zeros((len(x), len(distances)), np.float32)
    for domain, rising in enumerate(distances):
        members = known_domain == domain
        if members.any():
            distance = neighbour_distance(points, known[members])
            result[:, domain] = 1 - np.searchsorted(rising, distance) / len(rising)
    return result


def neighbour_distance(points: Array, known: Array) -> Array:
    """Mean distance of each point to its `NEIGHBOURS` nearest known ones, shape ``(n,)``."""
    squares = (points**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * points @ known.T
    count = min(NEIGHBOURS, len(known))
    nearest = np.partition(squares, count - 1, axis=1)[:, :count]
    return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=1), np.float32)
