"""Weighted ridge regression in two stages: a part shared by all domains, then one for each.

The shared part is fitted to all rows with a strong penalty, so that it holds what is true of music
in general; each domain's part is fitted to what the shared part leaves unexplained of that
domain's rows, as freely as its data allow. Music from elsewhere is then judged by the shared part
alone. (After Daume, 2007, who fits both at once; then a lenient domain takes over what is common.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Sums over rows from which a ridge regression is solved; sums of disjoint rows add up.

    Attributes
    ----------
    gram, cross
        ``Z' W Z`` and ``Z' W T``.
    row_sum, target_sum, weight
        ``Z' w``, ``T' w`` and the sum of ``w``.
    """

    gram: Array
    cross: Array
    row_sum: Array
    target_sum: Array
    weight: float

    @classmethod
    def of(cls, rows: Array, targets: Array, weights: Array) -> Moments:
        """Moments of rows ``(n, p)`` with targets ``(n, k)``."""
        weighted = rows * weights[:, None]
        return cls(
            weighted.T @ rows, weighted.T @ targets, weighted.sum(axis=0),
            weights @ targets, float(weights.sum()),
        )  # fmt: skip

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.gram + other.gram, self.cross + other.cross, self.row_sum + other.row_sum,
            self.target_sum + other.target_sum, self.weight + other.weight,
        )  # fmt: skip

    def __sub__(self, other: Moments) -> Moments:
        return Moments(
            self.gram - other.gram, self.cross - other.cross, self.row_sum - other.row_sum,
            self.target_sum - other.target_sum, self.weight - other.weight,
        )  # fmt: skip

    def solve(self, penalty: Array) -> tuple[Array, Array]:
        """Coefficients ``(p, k)`` and intercept ``(k,)``; the intercept is not penalised."""
        centre, target = self.row_sum / self.weight, self.target_sum / self.weight
        gram = self.gram - np.outer(self.row_sum, centre)
        cross = self.cross - np.outer(self.row_sum, target)
        coefficients = np.asarray(np.linalg.solve(gram + np.diag(penalty), cross), np.float64)
        return coefficients, target - centre @ coefficients
