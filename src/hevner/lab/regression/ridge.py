"""Weighted ridge regression, solved from sums over rows."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Integers


@dataclass(frozen=True)
class NormalEquations:
    """Sums over rows from which a ridge regression is solved; sums of disjoint rows add up.

    In order ``Z' W Z``, ``Z' W T``, ``Z' w``, ``T' w`` and the sum of ``w``.
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
        return NormalEquations(*map(operator.add, vars(self).values(), vars(other).values()))

    def __sub__(self, other: NormalEquations) -> NormalEquations:
        return NormalEquations(*map(operator.sub, vars(self).values(), vars(other).values()))

    def solve(self, penalty: Doubles) -> tuple[Doubles, Doubles]:
        """Coefficients ``(p, k)`` and intercept ``(k,)``; the intercept is not penalised."""
        centre, target = self.row_sum / self.weight, self.target_sum / self.weight
        gram = self.gram - np.outer(self.row_sum, centre)
        cross = self.cross - np.outer(self.row_sum, target)
        coefficients = np.asarray(np.linalg.solve(gram + np.diag(penalty), cross), np.float64)
        return coefficients, target - centre @ coefficients


def sums_by_fold(
    rows: Doubles, targets: Doubles, weights: Doubles, fold: Integers
) -> tuple[NormalEquations, list[NormalEquations]]:
    """Sums over all rows, and over those of each fold ``0, 1, ...``."""
    parts = [
        NormalEquations.of(rows[fold == k], targets[fold == k], weights[fold == k])
        for k in range(fold.max() + 1)
    ]
    return sum(parts[1:], start=parts[0]), parts
