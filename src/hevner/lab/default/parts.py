"""The ridge regressions of the model: a part for all music, and what each kind adds to it.

Conventions
-----------
Scores and targets have one column per output, as `hevner.lab.default.targets.Targets.values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.lab.default.basis import Basis, row_weights
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
        rows = basis.rows(basis.x(table.vectors)).astype(np.float64)
        sums = list(_sums(table, rows, targets.values))
        kinds = [[n for n, one in recipe.sets.items() if one.kind == k] for k in recipe.all_kinds]
        general = np.zeros((rows.shape[1], targets.values.shape[1]))
        own = np.zeros((len(kinds), *general.shape))
        for head, columns in targets.columns.items():
            plan = recipe.penalties[head]
            kernel = np.full(len(basis.kernel.pieces), plan.kernel)
            penalty = np.concatenate([per_dimension(plan.blocks), kernel, [1e-3]])
            own_penalty = np.append(plan.own * penalty[:-1], OWN_INTERCEPT)
            for some in _alike(targets.values, columns):
                known = [one for one in sums if one.known[some[0]]]
                if not known:
                    continue
                weights = {name: one.weight for name, one in recipe.sets.items()}
                general[:, some] = _ridge(*_total(known, weights, some), penalty)
                for number, names in enumerate(kinds) if plan.own else ():
                    if not {one.dataset for one in known} & set(names):
                        continue
                    weights = {name: recipe.sets[name].own_weight for name in names}
                    gram, cross = _total(known, weights, some)
                    left = cross - gram @ general[:, some]
                    own[number][:, some] = _ridge(gram, left, own_penalty)
        return cls(general, own)

    def __call__(self, rows: Floats, shares: Floats) -> Doubles:
        """Scores ``(n, m)`` of rows of `Basis.rows`, with their shares of kinds."""
        scores = rows @ self.general
        for number, part in enumerate(self.own):
            scores += shares[:, [number]] * (rows @ part)
        return scores


@dataclass(frozen=True)
class _Sums:
    """Weighted sums over rows of one set that have the same labels.

    Attributes
    ----------
    dataset
        Name of the set, of whose weight this is a share.
    known
        Which of the ``m`` outputs have labels.
    gram, cross
        Products of the rows with themselves, ``(width, width)``, and with the labels,
        ``(width, m)``.
    """

    dataset: str
    known: Mask
    gram: Doubles
    cross: Doubles


def _sums(table: Table, rows: Doubles, values: Doubles) -> Iterator[_Sums]:
    """Sums of all rows, by set and by what is known; they serve every head and kind."""
    weights = row_weights(table, dict.fromkeys(set(table.dataset), 1.0))
    names, number = np.unique(table.dataset, return_inverse=True)
    marks = np.column_stack([number, np.isfinite(values)])
    patterns, place = np.unique(marks, axis=0, return_inverse=True)
    for count, (name, *known) in enumerate(patterns):
        mine = place.ravel() == count
        weighted = (rows[mine] * weights[mine, None]).T
        labels = np.nan_to_num(values[mine])
        yield _Sums(names[name], np.array(known, bool), weighted @ rows[mine], weighted @ labels)


def _total(
    sums: Sequence[_Sums], weights: Mapping[str, float], columns: list[int]
) -> tuple[Doubles, Doubles]:
    """Products of all rows and of some labels, each set with its weight."""
    gram, cross = np.zeros_like(sums[0].gram), np.zeros((len(sums[0].gram), len(columns)))
    for one in sums:
        if one.dataset in weights:
            gram += weights[one.dataset] * one.gram
            cross += weights[one.dataset] * one.cross[:, columns]
    return gram, cross


def _ridge(gram: Doubles, cross: Doubles, penalty: Doubles) -> Doubles:
    return np.asarray(np.linalg.solve(gram + np.diag(penalty), cross))


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
