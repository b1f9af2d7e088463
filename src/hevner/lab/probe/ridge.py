"""Ridge regression from products of rows, with predictions for groups that were left out.

Conventions
-----------
A *kernel* holds the products of all rows with each other, shape ``(n, n)``, divided so that those
of training rows with themselves are 1 on average. Targets have shape ``(n, k)`` and their own
penalty each. With more numbers than rows this is cheaper than a regression on the numbers, and it
is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

PENALTIES = 10.0 ** np.arange(1.0, -6.5, -0.5)
"""Penalties that are tried, as a share of the sum of the training rows' products with themselves:
from little more than the mean to nearly none."""


@dataclass(frozen=True)
class Fit:
    """Predictions ``(m, k)`` of a ridge regression, and the penalty of each target.

    The penalty is the one with the best ``inside``: R2 over the training rows, each predicted
    without its fold. Both have shape ``(k,)``.
    """

    guesses: Array
    inside: Array
    penalty: Array


def standard(numbers: NDArray[np.float32], train: Rows) -> NDArray[np.float32]:
    """Numbers ``(n, width)`` less their mean over training rows, in units of their spread there."""
    mean, spread = numbers[train].mean(axis=0), numbers[train].std(axis=0)
    still = spread <= 1e-6 * np.maximum(1, np.abs(mean))
    return np.asarray((numbers - mean) / np.where(still, 1, spread), np.float32)


def kernel(numbers: NDArray[np.float32], train: Rows) -> Array:
    """Products of rows ``(n, width)`` with each other; see the module."""
    wide = numbers.astype(np.float64)
    products = wide @ wide.T
    return np.asarray(products / (np.diag(products)[train].mean() or 1.0))


def fit(products: Array, train: Rows, test: Rows, targets: Array, fold: NDArray[np.int64]) -> Fit:
    """Fit to training rows with the penalty that predicts their folds best, and predict others.

    Targets ``(n, k)`` and numbers of folds are those of the training rows.
    """
    inner = products[np.ix_(train, train)]
    level = inner.mean(axis=0)
    centred = inner - level - level[:, None] + level.mean()
    values, vectors = np.linalg.eigh(centred)
    values = np.maximum(values, 0)
    penalties = PENALTIES * (values.sum() or 1.0)
    mean = targets.mean(axis=0)
    projected = vectors.T @ (targets - mean)
    left = np.stack([_left_out(vectors, values / (values + p), projected, targets - mean, fold)
                     for p in penalties])  # fmt: skip
    inside = 1 - left / ((targets - mean) ** 2).sum(axis=0)
    best = inside.argmax(axis=0)
    dual = vectors @ (projected / (values[:, None] + penalties[best]))
    guesses = mean + (products[np.ix_(test, train)] - level) @ dual
    return Fit(guesses, inside.max(axis=0), PENALTIES[best])


def _left_out(
    vectors: Array, kept: Array, projected: Array, targets: Array, fold: NDArray[np.int64]
) -> Array:
    """Sums of squared errors for rows, each predicted by a fit without its fold, shape ``(k,)``.

    The errors of such a fit are those of the fit to all rows, multiplied by the inverse of the
    identity less the fold's part of the matrix that turns targets into predictions; no fit needs
    to be done again.
    """
    errors = targets - vectors @ (kept[:, None] * projected)
    total = np.zeros(targets.shape[1])
    for number in range(fold.max() + 1):
        mine = fold == number
        own = vectors[mine]
        smoother = (own * kept) @ own.T + 1 / len(targets)
        missed = np.linalg.solve(np.eye(len(own)) - smoother, errors[mine])
        total += (missed**2).sum(axis=0)
    return total
