"""What the model predicts for a number of pieces or windows, and the arithmetic of its heads.

Conventions
-----------
Valence and arousal are on the unit scale. Half-widths are those of intervals of coverage
`hevner.result.COVERAGE`. Arrays have one row per vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from hevner.arrays import Floats, Mask, Rows

NEIGHBOURS = 5
"""Training pieces whose mean distance counts for familiarity."""

Selection = Mask | Rows | list[int] | slice


@dataclass(frozen=True, eq=False)
class Prediction:
    """Numbers of every head for ``n`` vectors.

    Attributes
    ----------
    outputs
        By name of the head (`hevner.heads.HEADS`), shape ``(n, outputs)``; ``(n, 0)`` where the
        model lacks the head.
    half_widths
        Half-widths of the intervals of the heads that have them, of the same shapes.
    familiarity
        In [0, 1], shape ``(n,)``.
    """

    outputs: dict[str, Floats]
    half_widths: dict[str, Floats]
    familiarity: Floats

    @property
    def values(self) -> Floats:
        """Valence and arousal, shape ``(n, 2)``."""
        return self.outputs["emotion"]

    @property
    def halves(self) -> Floats:
        """Half-widths of the intervals of valence and arousal, shape ``(n, 2)``."""
        return self.half_widths["emotion"]

    def arrays(self) -> dict[str, Floats]:
        """All arrays by a name of their own; the reverse of `from_arrays`."""
        widths = {f"{name}.half": array for name, array in self.half_widths.items()}
        return {**self.outputs, **widths, "familiarity": self.familiarity}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> Self:
        """The prediction of which these are the `arrays`."""
        widths = {n.removesuffix(".half"): a for n, a in arrays.items() if n.endswith(".half")}
        outputs = {n: a for n, a in arrays.items() if n != "familiarity" and "." not in n}
        return cls(outputs, widths, arrays["familiarity"])

    def where(self, rows: Selection) -> Self:
        """Some of the rows."""
        return self.from_arrays({name: array[rows] for name, array in self.arrays().items()})

    @classmethod
    def merged(cls, count: int, parts: Iterable[tuple[Selection, Self]], blank: float = 0) -> Self:
        """One prediction of ``count`` rows: each part fills its rows, ``blank`` the others."""
        whole: dict[str, Floats] = {}
        for rows, part in parts:
            for name, array in part.arrays().items():
                if name not in whole:
                    whole[name] = np.full((count, *array.shape[1:]), blank, np.float32)
                whole[name][rows] = array
        return cls.from_arrays(whole)


@dataclass(frozen=True)
class Linear:
    """A linear head: a part shared by all domains of music, and a part for each.

    Attributes
    ----------
    intercept, shared
        The shared part, shapes ``(k,)`` and ``(dim, k)``.
    constants, parts
        The parts of the domains, shapes ``(domains, k)`` and ``(domains, dim, k)``.
    """

    intercept: Floats
    shared: Floats
    constants: Floats
    parts: Floats

    def __call__(self, x: Floats, membership: Floats) -> Floats:
        """Scores ``(n, k)`` of standardised vectors ``(n, dim)``."""
        score = self.intercept + x @ self.shared + membership @ self.constants
        for domain, part in enumerate(self.parts):
            score = score + membership[:, [domain]] * (x @ part)
        return np.asarray(score, np.float32)


def mixed(linear: Floats, network: Floats | None, weight: float) -> Floats:
    """Mean of linear heads and the network, of that weight; None where the network has no head."""
    if network is None:
        return linear
    return np.asarray((1 - weight) * linear + weight * network, np.float32)


def sigmoid(odds: Floats) -> Floats:
    """Probabilities from log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def softmax(scores: Floats) -> Floats:
    """Positive rows that add up to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def familiarity(
    x: Floats, axes_of_sound: Floats, known: Floats, known_domain: Floats, distances: Floats
) -> Floats:
    """Share of each domain's training pieces that lie further from its others than these vectors.

    Parameters
    ----------
    x
        Standardised pooled vectors, shape ``(n, dim)``.
    axes_of_sound
        Projection of vectors, shape ``(dim, p)``.
    known, known_domain
        Projected training pieces ``(m, p)``, and the number of each one's domain ``(m,)``.
    distances
        Rising distances of the pieces of a domain to its others, shape ``(domains, q)``.

    Returns
    -------
    Floats
        In [0, 1], shape ``(n, domains)``.
    """
    points = x @ axes_of_sound
    result = np.zeros((len(x), len(distances)), np.float32)
    for domain, rising in enumerate(distances):
        members = known_domain == domain
        if members.any():
            distance = neighbour_distance(points, known[members])
            result[:, domain] = 1 - np.searchsorted(rising, distance) / len(rising)
    return result


def neighbour_distance(points: Floats, known: Floats) -> Floats:
    """Mean distance of each point to its `NEIGHBOURS` nearest known ones, shape ``(n,)``."""
    squares = (points**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * points @ known.T
    count = min(NEIGHBOURS, len(known))
    nearest = np.partition(squares, count - 1, axis=1)[:, :count]
    return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=1), np.float32)
