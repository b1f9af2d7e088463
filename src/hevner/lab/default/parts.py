"""The ridge regressions of the model: a part for all music, and what each kind adds to it.

Conventions
-----------
Scores and targets have one column per output, as `hevner.lab.default.targets.Targets.values`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.lab.default.basis import Basis, kind_of_rows, row_weights
from hevner.lab.default.recipe import DefaultRecipe, per_dimension
from hevner.lab.default.table import Table
from hevner.lab.default.targets import Targets

OWN_INTERCEPT = 5.0
"""Penalty of the intercept of a kind's part, in clips."""


@dataclass(frozen=True)
class Parts:
    """Coefficients for ``m`` outputs.

    Attributes
    ----------
    general
        Of the part for all music, shape ``(width, m)``, one row for each column of `Basis.rows`.
    own
        Of the parts of kinds, shape ``(kinds, width, m)``.
    """

    general: Doubles
    own: Doubles

    @classmethod
    def fit(cls, table: Table, targets: Targets, basis: Basis, recipe: DefaultRecipe) -> Parts:
        """Fit to the rows of a table: first the general part, then what it leaves, by kind."""
        rows = basis.rows(basis.x(table.vectors))
        kind, values = kind_of_rows(table, recipe), targets.values
        general = np.zeros((rows.shape[1], values.shape[1]))
        own = np.zeros((len(recipe.all_kinds), *general.shape))
        sets = recipe.sets.items()
        weights = row_weights(table, {name: one.weight for name, one in sets})
        own_weights = row_weights(table, {name: one.own_weight for name, one in sets})
        for head, columns in targets.columns.items():
            plan = recipe.penalties[head]
            kernel = np.full(len(basis.kernel.pieces), plan.kernel)
            penalty = np.concatenate([per_dimension(plan.blocks), kernel, [1e-3]])
            own_penalty = np.append(plan.own * penalty[:-1], OWN_INTERCEPT)
            for some in _alike(values, columns):
                known = np.isfinite(values[:, some[0]])
                if not known.any():
                    continue
                general[:, some] = _ridge(rows, values[:, some], weights * known, penalty)
                rest = values[:, some] - rows @ general[:, some]
                for number in range(len(own)) if plan.own else ():
                    mine = own_weights * known * (kind == number)
                    if mine.any():
                        own[number][:, some] = _ridge(rows, rest, mine, own_penalty)
        return cls(general, own)

    def __call__(self, rows: Floats, shares: Floats) -> Doubles:
        """Scores ``(n, m)`` of rows of `Basis.rows`, with their shares of kinds."""
        scores = rows @ self.general
        for number, part in enumerate(self.own):
            scores += shares[:, [number]] * (rows @ part)
        return scores


def _ridge(rows: Floats, values: Doubles, weights: Doubles, penalty: Doubles) -> Doubles:
    used = weights > 0
    # Sums over rows in single precision take half the time; what is solved is double.
    weighted = (rows[used] * weights[used, None]).astype(np.float32)
    gram = (weighted.T @ rows[used]).astype(np.float64) + np.diag(penalty)
    return np.asarray(np.linalg.solve(gram, weighted.T @ values[used].astype(np.float32)))


def _alike(values: Doubles, columns: slice) -> Iterable[list[int]]:
    """Columns that are known for the same rows, together."""
    groups: dict[bytes, list[int]] = {}
    for column in range(columns.start, columns.stop):
        groups.setdefault(np.isfinite(values[:, column]).tobytes(), []).append(column)
    return groups.values()


def held_out(
    table: Table, targets: Targets, recipe: DefaultRecipe, fold: Integers
) -> tuple[Doubles, Doubles]:
    """Scores and shares of kinds of every row, by parts that were fitted without its fold."""
    scores = np.full(targets.values.shape, np.nan)
    shares = np.full((len(table), len(recipe.all_kinds)), np.nan)
    for number in np.unique(fold):
        test: Mask = fold == number
        rest = Targets(targets.values[~test], targets.columns)
        basis = Basis.fit(table.where(~test), recipe)
        parts = Parts.fit(table.where(~test), rest, basis, recipe)
        x = basis.x(table.vectors[test])
        shares[test] = basis.shares(x, table.seconds[test])
        scores[test] = parts(basis.rows(x), np.asarray(shares[test], np.float32))
    return scores, shares
