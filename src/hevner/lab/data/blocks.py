"""Blocks of features prepared for a regression: checked, standardised, scaled.

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

from hevner.arrays import Doubles, Integers
from hevner.errors import DataError
from hevner.lab.default.basis import CLIP

Blocks = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Block:
    """Preparation of a block, fitted to training rows.

    Mean and standard deviation have the shape ``(width,)``; the spread of a constant number is 1.
    The rotation to main axes, if any, has the shape ``(width, k)``.
    """

    mean: Doubles
    spread: Doubles
    rotation: Doubles | None
    scale: float

    @classmethod
    def fit(
        cls, x: Doubles, weights: Doubles, *, components: int | None = None, weight: float = 1.0
    ) -> Block:
        """Fit the preparation to rows ``(n, width)`` with weights ``(n,)``.

        ``components`` is the number of main axes to keep, all if None; axes beyond the number of
        rows are constant and are dropped. The variances of the result add up to ``weight`` squared.
        """
        mean = np.average(x, axis=0, weights=weights)
        spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
        spread = np.where(spread > 1e-7 * np.maximum(1, np.abs(mean)), spread, 1.0)
        z = standardise(x, mean, spread) * np.sqrt(weights / weights.sum())[:, None]
        most = min(components or z.shape[1], len(z))
        rotation = _main_axes(z, most) if most < z.shape[1] else None
        variance = float(((z if rotation is None else z @ rotation) ** 2).sum())
        return cls(mean, spread, rotation, weight / float(np.sqrt(variance or 1.0)))

    def __call__(self, rows: NDArray[Any]) -> Doubles:
        """Prepare rows, shape ``(n, width)`` or ``(n, k)``."""
        x = standardise(rows, self.mean, self.spread)
        return (x if self.rotation is None else x @ self.rotation) * self.scale

    def expand(self, x: Doubles) -> Doubles:
        """Bring prepared rows back to standard units, shape ``(n, width)``."""
        z = x / self.scale
        return z if self.rotation is None else z @ self.rotation.T


def standardise(rows: NDArray[Any], mean: Doubles, spread: Doubles) -> Doubles:
    """Rows in units of the spread, limited to `CLIP`."""
    return np.asarray(np.clip((rows - mean) / spread, -CLIP, CLIP), np.float64)


def _main_axes(z: Doubles, count: int) -> Doubles:
    """Main axes of rows, shape ``(width, count)`` or fewer; all of them lose nothing."""
    # The smaller of the two products has the same eigenvalues.
    wide = z.shape[1] > len(z)
    values, vectors = np.linalg.eigh(z @ z.T if wide else z.T @ z)
    kept = np.flatnonzero(values > 1e-12 * values[-1])[::-1][:count]
    axes = z.T @ vectors[:, kept] / np.sqrt(values[kept]) if wide else vectors[:, kept]
    return np.asarray(axes)


@dataclass(frozen=True)
class TrainingRows:
    """Checked training rows; weights have the mean 1."""

    blocks: dict[str, Doubles]
    emotion: Doubles
    groups: NDArray[Any]
    weights: Doubles

    @classmethod
    def of(
        cls, blocks: Blocks, emotion: ArrayLike, groups: Any, sample_weight: ArrayLike | None
    ) -> TrainingRows:
        """Check the training rows of a regression.

        Raises `DataError` if shapes do not fit, or a feature or weight is out of its range.
        """
        labels = np.asarray(emotion, float)
        count = len(labels)
        names = np.arange(count) if groups is None else np.asarray(groups)
        weights = np.ones(count) if sample_weight is None else np.asarray(sample_weight, float)
        checked = {name: check(name, block) for name, block in blocks.items()}
        shapes = [labels.ndim == 2, names.shape == weights.shape == (count,)]
        if not checked or not all(shapes) or any(len(x) != count for x in checked.values()):
            raise DataError(
                "features, labels, groups and weights differ in rows, or there are no features",
                remedy="Give one row of each per clip, labels of shape (n, k)",
                code="shapes_differ",
            )
        if not (np.isfinite(weights) & (weights > 0)).all():
            raise DataError(
                "a weight is not positive",
                remedy="Leave out rows without a weight",
                code="out_of_range",
            )
        return cls(checked, labels, names, weights / weights.mean())


def check(name: str, block: NDArray[Any]) -> Doubles:
    """The block as float64, or a `DataError` unless it is a matrix of finite numbers."""
    x = np.asarray(block, float)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise DataError(
            f"block {name} of shape {x.shape} is no matrix of finite numbers",
            remedy="Give one vector per clip",
            code="not_finite",
        )
    return x


def grouped_folds(groups: NDArray[Any], count: int, seed: int) -> Integers:
    """A fold number for every row; groups stay together, and folds are about equally large.

    There are at least two groups and ``count`` folds, or fewer as there are fewer groups. The seed
    decides among groups of equal size.
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
