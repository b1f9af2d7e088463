"""Scores of predicted valence or arousal against ratings.

Conventions
-----------
``truth`` holds the ratings and ``guess`` the predictions of one axis, shape ``(n,)``, one value
per clip (or per moment), both on one scale. Order of rows does not matter.

==============  ================  ==============================================================
Metric          Range             Meaning
==============  ================  ==============================================================
``r2``          (-inf, 1]         share of the variance of the ratings that is explained
``rmse``        [0, inf)          root of the mean squared error, in units of the scale
``mae``         [0, inf)          mean absolute error, in units of the scale
``pearson``     [-1, 1]           linear correlation
``spearman``    [-1, 1]           correlation of ranks, ties at their mean rank
``ccc``         [-1, 1]           concordance (Lin 1989): correlation, level and spread at once
``r2_affine``   [0, 1]            ``r2`` after the best straight line, the square of ``pearson``
==============  ================  ==============================================================

Constant values
---------------
With constant ratings every score but ``rmse`` and ``mae`` is NaN: such labels cannot distinguish a
good prediction from a bad one. With varied ratings and a constant guess ``pearson``, ``spearman``,
``ccc`` and ``r2_affine`` are 0: such a guess has no information, and a NaN would let a collapsed
model drop out of an average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Mask
from hevner.errors import DataError


def validate(truth: ArrayLike, guess: ArrayLike) -> tuple[Doubles, Doubles]:
    """Both as float64, or a `DataError` for other shapes, no rows, NaN or infinity."""
    ratings, guesses = numbers("truth", truth), numbers("guess", guess)
    same_shape(truth=ratings, guess=guesses)
    return ratings, guesses


def r2(truth: ArrayLike, guess: ArrayLike) -> float:
    """Coefficient of determination; 0 for guessing the mean, NaN for constant ratings."""
    ratings, guesses = validate(truth, guess)
    if _constant(ratings):
        return np.nan
    residual = ((ratings - guesses) ** 2).sum()
    return 1 - float(residual / ((ratings - ratings.mean()) ** 2).sum())


def rmse(truth: ArrayLike, guess: ArrayLike) -> float:
    """Root mean squared error, in units of the scale."""
    ratings, guesses = validate(truth, guess)
    return float(np.sqrt(np.mean((ratings - guesses) ** 2)))


def mae(truth: ArrayLike, guess: ArrayLike) -> float:
    """Mean absolute error, in units of the scale."""
    ratings, guesses = validate(truth, guess)
    return float(np.mean(np.abs(ratings - guesses)))


def pearson(truth: ArrayLike, guess: ArrayLike) -> float:
    """Linear correlation; NaN for constant ratings, 0 for a constant guess."""
    ratings, guesses = validate(truth, guess)
    if _constant(ratings):
        return np.nan
    if _constant(guesses):
        return 0.0
    ratings, guesses = ratings - ratings.mean(), guesses - guesses.mean()
    r = ratings @ guesses / np.sqrt((ratings @ ratings) * (guesses @ guesses))
    return float(min(1.0, max(-1.0, r)))


def spearman(truth: ArrayLike, guess: ArrayLike) -> float:
    """Correlation of ranks; NaN for constant ratings, 0 for a constant guess."""
    from scipy.stats import rankdata

    ratings, guesses = validate(truth, guess)
    return pearson(rankdata(ratings), rankdata(guesses))


def ccc(truth: ArrayLike, guess: ArrayLike) -> float:
    """Lin's concordance correlation coefficient; NaN for constant ratings.

    ``2 cov / (var(truth) + var(guess) + (mean(truth) - mean(guess))²)`` with moments over n; its
    size is at most that of ``pearson``.
    """
    ratings, guesses = validate(truth, guess)
    if _constant(ratings):
        return np.nan
    covariance = np.mean((ratings - ratings.mean()) * (guesses - guesses.mean()))
    shift = ratings.mean() - guesses.mean()
    return float(2 * covariance / (ratings.var() + guesses.var() + shift**2))


def r2_affine(truth: ArrayLike, guess: ArrayLike) -> float:
    """R2 after the best line from guess to truth, fitted on these very rows.

    It forgives level, spread and sign. NaN for constant ratings, 0 for a constant guess.
    """
    return pearson(truth, guess) ** 2


def _constant(values: Doubles) -> bool:
    return bool((values == values[0]).all())


AXES_OF = {1: "a list of numbers", 2: "a table"}


def numbers(name: str, values: ArrayLike, axes: int = 1) -> Doubles:
    """Finite numbers as float64, not empty, with the given number of axes."""
    array = np.asarray(values, np.float64)
    if array.ndim != axes:
        raise DataError(
            f"{name} has shape {array.shape}", remedy=f"Give {AXES_OF[axes]}", code="wrong_shape"
        )
    if array.size == 0:
        raise DataError(f"{name} is empty", remedy="Give at least one value", code="empty")
    if not np.isfinite(array).all():
        raise DataError(
            f"{name} holds NaN or infinity at {_first(~np.isfinite(array))}",
            remedy="Drop the rows without a value",
            code="not_finite",
        )
    return array


def flags(name: str, values: ArrayLike, axes: int = 1) -> Mask:
    """Zeros and ones, or booleans, as bool."""
    array = numbers(name, values, axes)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        raise DataError(
            f"{name} is neither 0 nor 1 at {_first(wrong)}",
            remedy="Give 0 or 1 for each item",
            code="not_binary",
        )
    return array.astype(bool)


def same_shape(**arrays: Doubles | Mask) -> None:
    """Refuse arrays of different shapes, by name."""
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"shapes differ: {shapes}",
            remedy="Give one value of each per item",
            code="shapes_differ",
        )


def _first(wrong: Mask) -> str:
    return str(tuple(int(i) for i in np.argwhere(wrong)[0]))
