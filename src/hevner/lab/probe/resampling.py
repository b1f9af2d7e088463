"""Scores of many systems on the same resamples of groups and seeds, all at once.

Conventions
-----------
The numbers are those of `hevner.lab.metrics.statistics.over_seeds` with the metrics of
`hevner.lab.metrics`, which take minutes for an encoder of many states. Row 0 of everything is the
sample itself, the others are resamples: ``counts`` holds how often each track was drawn, shape
``(1 + resamples, n)``; ``shares`` the weight of each seed, shape ``(1 + resamples, seeds)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hevner.lab.metrics.statistics import LEVEL, RESAMPLES
from hevner.lab.probe.ridge import Array


class Estimate(NamedTuple):
    """A score with its interval."""

    value: float
    low: float
    high: float


class Resamples:
    """Draws of whole groups of tracks, and of the seeds of an experiment."""

    def __init__(self, groups: Sequence[str], seeds: int) -> None:
        names, index = np.unique(groups, return_inverse=True)
        rng = np.random.default_rng(0)
        counts, shares = [np.ones(len(index))], [np.full(seeds, 1 / seeds)]
        for _ in range(RESAMPLES):
            drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
            counts.append(drawn[index].astype(float))
            shares.append(np.bincount(rng.integers(seeds, size=seeds), minlength=seeds) / seeds)
        self._counts, self._shares = np.stack(counts), np.stack(shares)

    def regression(self, truth: Array, guesses: Array) -> dict[str, Array]:
        """R2, R2 after the best line, Pearson's r and CCC, shape ``(1 + resamples,)`` each.

        Truth and guesses have shapes ``(n,)`` and ``(seeds, n)``.
        """
        total = self._counts.sum(axis=1, keepdims=True)
        t, g = truth - truth.mean(), (guesses - truth.mean()).T
        mean_t, mean_g = self._counts @ t[:, None] / total, self._counts @ g / total
        var_t = self._counts @ (t**2)[:, None] / total - mean_t**2
        var_g = self._counts @ g**2 / total - mean_g**2
        shared = self._counts @ (t[:, None] * g) / total - mean_t * mean_g
        missed = self._counts @ (t[:, None] - g) ** 2 / total
        known = var_g > 1e-12 * truth.var()
        with np.errstate(invalid="ignore", divide="ignore"):
            pearson = np.where(known, shared / np.sqrt(var_t * var_g), 0)
            found = {
                "r2": 1 - missed / var_t,
                "r2_affine": pearson**2,
                "pearson": pearson,
                "ccc": 2 * shared / (var_t + var_g + (mean_t - mean_g) ** 2),
            }
        varied = var_t > 1e-12 * truth.var()
        return {name: self._mean(np.where(varied, one, np.nan)) for name, one in found.items()}

    def auc(self, high: Array, guesses: Array) -> Array:
        """Area under the ROC curve of rows with ``high`` above 0, shape ``(1 + resamples,)``."""
        return self._mean(np.stack([self._auc(high > 0, one) for one in guesses], axis=1))

    def _auc(self, positive: NDArray[np.bool_], guess: Array) -> Array:
        """Share of pairs in the right order, ties by half."""
        order = np.argsort(guess, kind="stable")
        levels = np.flatnonzero(np.diff(guess[order], prepend=-np.inf) > 0)
        low, high = (
            np.add.reduceat(np.where(mine, self._counts, 0)[:, order], levels, axis=1)
            for mine in (~positive, positive)
        )
        below = np.cumsum(low, axis=1) - low / 2
        with np.errstate(invalid="ignore"):
            return np.asarray((high * below).sum(axis=1) / (high.sum(axis=1) * low.sum(axis=1)))

    def _mean(self, scores: Array) -> Array:
        """Over the drawn seeds."""
        return np.asarray((scores * self._shares).sum(axis=1))


def estimate(scores: Array) -> Estimate:
    """The score of the sample, and the 95 % interval of those of resamples."""
    if np.isnan(scores[1:]).all():
        return Estimate(float(scores[0]), np.nan, np.nan)
    low, high = np.nanquantile(scores[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(scores[0]), float(low), float(high))
