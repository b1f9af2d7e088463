"""Linear canonical correlation analysis of two views of the same things.

Conventions
-----------
Two views of n things are tables ``(n, p)`` and ``(n, q)``, row i of both the same thing. There are
``min(p, q)`` pairs of *variates*, most correlated pair first; variates of the training rows have
mean 0 and, with the ridge added, variance 1. All is float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles
from hevner.errors import DataError

RIDGE = 1e-4
"""Added to the variances, as published with the composite loss (Takashima et al., 2023)."""

NO_VARIANCE = 1e-9
"""Share of the variance 1 below which a variate is rounding error."""


@dataclass(frozen=True, eq=False)
class LinearCCA:
    """Fitted projections of two views.

    Attributes
    ----------
    first_mean, second_mean
        Means of the training rows, shapes ``(p,)`` and ``(q,)``.
    first_weights, second_weights
        Shapes ``(p, k)`` and ``(q, k)``, with ``k = min(p, q)``.
    correlations
        Canonical correlations, falling, in [0, 1], shape ``(k,)``. The ridge counts as variance
        that is not shared, so directions of little variance come last.
    training_correlations
        Correlation of each pair of variates over the training rows, in [0, 1], shape ``(k,)``; the
        weights of the published scorer. Without a ridge the same; with one, larger, most so where
        there is little variance, and near 1 whatever the views if dimensions are as many as rows. 0
        where a variate does not vary.
    slopes_to_second, slopes_to_first
        Slopes of the straight lines that predict one variate from the other with the least squared
        error, shape ``(k,)``. They pass through 0, the mean of both.
    """

    first_mean: Doubles
    second_mean: Doubles
    first_weights: Doubles
    second_weights: Doubles
    correlations: Doubles
    training_correlations: Doubles
    slopes_to_second: Doubles
    slopes_to_first: Doubles

    @classmethod
    def fit(
        cls, first: ArrayLike, second: ArrayLike, ridge: float = RIDGE, *, relative: bool = False
    ) -> LinearCCA:
        """Fit to the two views of training rows.

        Parameters
        ----------
        first, second
            Shapes ``(n, p)`` and ``(n, q)``, at least two rows.
        ridge
            Added to the variance of every dimension.
        relative
            Whether the ridge is in units of the mean variance of its view. Views of any scale are
            then treated alike, and with a ridge near 1 a few rows suffice.

        Raises
        ------
        DataError
            If the views differ in rows, hold NaN, or a covariance cannot be inverted.
        """
        one, two = _table("first", first), _table("second", second)
        if len(one) != len(two) or len(one) < 2:
            raise DataError(
                f"views of {len(one)} and {len(two)} rows",
                remedy="Give the same rows of both, at least two",
                code="views_differ",
            )
        first_mean, second_mean = one.mean(axis=0), two.mean(axis=0)
        one, two = one - first_mean, two - second_mean
        degrees = len(one) - 1
        first_covariance, second_covariance = one.T @ one / degrees, two.T @ two / degrees
        first_root = _inverse_root(first_covariance, ridge, relative)
        second_root = _inverse_root(second_covariance, ridge, relative)
        # Singular values fall from 1 at most; they are also the covariances of the variates.
        left, shared, right = np.linalg.svd(
            first_root @ (one.T @ two / degrees) @ second_root, full_matrices=False
        )
        first_weights, second_weights = first_root @ left, second_root @ right.T
        first_variances = _variances(first_covariance, first_weights)
        second_variances = _variances(second_covariance, second_weights)
        return cls(
            first_mean=first_mean,
            second_mean=second_mean,
            first_weights=first_weights,
            second_weights=second_weights,
            correlations=np.minimum(shared, 1),
            training_correlations=np.minimum(
                shared / np.sqrt(first_variances * second_variances), 1
            ),
            slopes_to_second=shared / first_variances,
            slopes_to_first=shared / second_variances,
        )

    def first(self, rows: ArrayLike) -> Doubles:
        """Variates of rows of the first view, shape ``(n, k)``."""
        return np.asarray((_table("first", rows) - self.first_mean) @ self.first_weights)

    def second(self, rows: ArrayLike) -> Doubles:
        """Variates of rows of the second view, shape ``(n, k)``."""
        return np.asarray((_table("second", rows) - self.second_mean) @ self.second_weights)

    def recalibrated(self, first: ArrayLike, second: ArrayLike) -> LinearCCA:
        """The same pairs, with mean 0, variance 1, correlations and lines of other rows.

        Rows that were not fitted, at least two, show how much the pairs are worth. A pair that
        correlates negatively there has the correlation 0. Pairs keep their order.
        """
        one, two = _table("first", first), _table("second", second)
        means = one.mean(axis=0), two.mean(axis=0)
        variates = (one - means[0]) @ self.first_weights, (two - means[1]) @ self.second_weights
        # A pair that does not vary keeps its scale and correlates with nothing.
        scales = [side.std(axis=0) for side in variates]
        scales = [np.where(scale > NO_VARIANCE, scale, 1.0) for scale in scales]
        products = (variates[0] * variates[1]).mean(axis=0) / (scales[0] * scales[1])
        correlations = np.clip(products, 0, 1)
        return replace(
            self,
            first_mean=means[0],
            second_mean=means[1],
            first_weights=self.first_weights / scales[0],
            second_weights=self.second_weights / scales[1],
            correlations=correlations,
            slopes_to_second=correlations,
            slopes_to_first=correlations,
        )


def _table(name: str, rows: ArrayLike) -> Doubles:
    table = np.asarray(rows, np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise DataError(
            f"the {name} view of shape {table.shape} is no table of finite numbers",
            remedy="Give a row per thing",
            code="wrong_shape",
        )
    return table


def _inverse_root(covariance: Doubles, ridge: float, relative: bool) -> Doubles:
    """The inverse of the square root of a covariance with its ridge, symmetric."""
    unit = float(np.trace(covariance)) / len(covariance) if relative else 1.0
    values, vectors = np.linalg.eigh(covariance + ridge * unit * np.eye(len(covariance)))
    if not values[0] > len(values) * np.finfo(np.float64).eps * values[-1]:
        raise DataError(
            "dimensions depend on each other, or do not vary",
            remedy="Give a larger ridge",
            code="dependent_dimensions",
        )
    return np.asarray(vectors / np.sqrt(values) @ vectors.T)


def _variances(covariance: Doubles, weights: Doubles) -> Doubles:
    """Variances of variates over the training rows; infinite for one that does not vary.

    An infinite variance makes correlation and slope 0: such a variate predicts nothing.
    """
    variances = np.einsum("pk,pq,qk->k", weights, covariance, weights, optimize=True)
    return np.where(variances > NO_VARIANCE, variances, np.inf)
