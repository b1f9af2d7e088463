"""Blocks of features made ready for a regression: checked, standardised, scaled.

Conventions
-----------
A block is one representation, shape ``(n, width)``, by its name. Everything is fitted to training
rows and applied to others unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.model.predict import CLIP

Array = NDArray[np.float64]
Blocks = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Block:
    """How a block is prepared.

    Attributes
    ----------
    mean, spread
        Of the training rows, shape ``(width,)``; the spread of a constant number is 1.
    rotation
        To main axes, shape ``(width, k)``; None for none.
    scale
        What the result is multiplied by.
    """

    mean: Array
    spread: Array
    rotation: Array | None
    scale: float

    @classmethod
    def fit(
        cls, x: Array, weights: Array, *, components: int | None = None, weight: float = 1.0
    ) -> Block:
        """Prepare for rows like these, with variances that add up to the square of a weight.

        A block keeps so many main axes, or all. Where there are more of them than rows, the rest
        are constant and are rotated away.
        """
        mean = np.average(x, axis=0, weights=weights)
        spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
        spread = np.where(spread > 1e-7 * np.maximum(1, np.abs(mean)), spread, 1.0)
        z = standardise(x, mean, spread) * np.sqrt(weights / weights.sum())[:, None]
        most = min(components or z.shape[1], len(z))
        rotation = _main_axes(z, most) if most < z.shape[1] else None
        variance = float(((z if rotation is None else z @ rotation) ** 2).sum())
        return cls(mean, spread, rotation, weight / float(np.sqrt(variance or 1.0)))

    def __call__(self, rows: NDArray[Any]) -> Array:
        """Prepared rows, shape ``(n, width)`` or ``(n, k)``."""
        x = standardise(rows, self.mean, self.spread)
        return (x if self.rotation is None else x @ self.rotation) * self.scale

    def expand(self, x: Array) -> Array:
        """Prepared rows back in standard units, shape ``(n, width)``."""
        z = x / self.scale
        return z if self.rotation is None else z @ self.rotation.T


def standardise(rows: NDArray[Any], mean: Array, spread: Array) -> Array:
    """Rows in units of the spread, limited to `CLIP`."""
    return np.asarray(np.clip((rows - mean) / spread, -CLIP, CLIP), np.float64)


def _main_axes(z: Array, count: int) -> Array:
    """Main axes of rows, shape ``(width, count)`` or fewer; all of them lose nothing."""
    # The smaller of the two products has the same eigenvalues.
    wide = z.shape[1] > len(z)
    values, vectors = np.linalg.eigh(z @ z.T if wide else z.T @ z)
    kept = np.flatnonzero(values > 1e-12 * values[-1])[::-1][:count]
    axes = z.T @ vectors[:, kept] / np.sqrt(values[kept]) if wide else vectors[:, kept]
    return np.asarray(axes)


@dataclass(frozen=True)
class Rows:
    """Checked training rows; weights have the mean 1."""

    blocks: dict[str, Array]
    emotion: Array
    groups: NDArray[Any]
    weights: Array

    @classmethod
    def of(
        cls, blocks: Blocks, emotion: ArrayLike, groups: Any, sample_weight: ArrayLike | None
    ) -> Rows:
        """Check what a regression is fitted to.

        Raises
        ------
        DataError
            If shapes do not fit, or a feature or weight is out of its range.
        """
        labels = np.asarray(emotion, float)
        count = len(labels)
        names = np.arange(count) if groups is None else np.asarray(groups)
        weights = np.ones(count) if sample_weight is None else np.asarray(sample_weight, float)
        checked = {name: check(name, block) for name, block in blocks.items()}
        shapes = [labels.shape == (count, len(AXES)), names.shape == weights.shape == (count,)]
        if not checked or not all(shapes) or any(len(x) != count for x in checked.values()):
            raise DataError(
                "features, labels, groups and weights differ in rows, or there are no features",
                remedy="Give one row of each per clip, labels of shape (n, 2)",
            )
        if not (np.isfinite(weights) & (weights > 0)).all():
            raise DataError("a weight is not positive", remedy="Leave out rows that do not count")
        return cls(checked, labels, names, weights / weights.mean())


def check(name: str, block: NDArray[Any]) -> Array:
    """The block as float64, or a `DataError` unless it is a matrix of finite numbers."""
    x = np.asarray(block, float)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise DataError(
            f"block {name} of shape {x.shape} is no matrix of finite numbers",
            remedy="Give one vector per clip",
        )
    return x


def grouped_folds(groups: NDArray[Any], count: int, seed: int) -> NDArray[np.int64]:
    """A fold number for every row; groups stay together, and folds are about equally large.

    Parameters
    ----------
    groups
        Shape ``(n,)``, at least two different ones.
    count
        Folds at most, at least 2; never more than there are groups.
    seed
        Decides which groups of one size go where.
    """
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    loads = np.zeros(min(max(count, 2), len(sizes)), np.int64)
    fold_of = np.empty(len(sizes), np.int64)
    for group in order:
        fold_of[group] = loads.argmin()
        loads[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[number])
