"""Weighted ridge regression, solved from sums over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles


@dataclass(frozen=True)
class NormalEquations:
    """Sums over rows from which a ridge regression is solved; sums of disjoint rows add up.

    Attributes
    ----------
    gram, cross
        ``Z' W Z`` and ``Z' W T``.
    row_sum, target_sum, weight
        ``Z' w``, ``T' w`` and the sum of ``w``.
    """

    gram: Doubles
    cross: Doubles
    row_sum: Doubles
    target_sum: Doubles
    weight: float

    @classmethod
    def of(cls, rows: Doubles, targets: Doubles, weights: Doubles) -> NormalEquations:
        """Sums over rows ``(n, p)`` with targets ``(n, k)``."""
        weighted = rows * weights[:, None]
        return cls(
            weighted.T @ rows, weighted.T @ targets, weighted.sum(axis=0),
            weights @ targets, float(weights.sum()),
        )  # fmt: skip

    def __add__(self, other: NormalEquations) -> NormalEquations:
        return NormalEquations(
            self.gram + other.gram, self.cross + other.cross, self.row_sum + other.row_sum,
            self.target_sum + other.target_sum, self.weight + other.weight,
        )  # fmt: skip

    def __sub__(self, other: NormalEquations) -> NormalEquations:
        return NormalEquations(
            self.gram - other.gram, self.cross - other.cross, self.row_sum - other.row_sum,
            self.target_sum - other.target_sum, self.weight - other.weight,
        )  # fmt: skip

    def solve(self, penalty: Doubles) -> tuple[Doubles, Doubles]:
        """Coefficients ``(p, k)`` and intercept ``(k,)``; the intercept is not penalised."""
        centre, target = self.row_sum / self.weight, self.target_sum / self.weight
        gram = self.gram - np.outer(self.row_sum, centre)
        cross = self.cross - np.outer(self.row_sum, target)
        coefficients = np.asarray(np.linalg.solve(gram + np.diag(penalty), cross), np.float64)
        return coefficients, target - centre @ coefficients
