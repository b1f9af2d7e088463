"""Fit the transfer head: the part of the model for music unlike any rated domain.

It learns what holds in every dataset: a stiff ridge regression in standard units of each set, with
sets that were only sorted into quadrants or rated by GEMS emotions taking part through signs and
proxies (`hevner.lab.data.labels`). It is the mean of the regressions on every choice of feature
blocks, so that no block can carry a prediction alone. The mean of linear models is linear.

The line from a score to the unit scale comes from the ratings of a domain, or, for music unlike any
rated domain, from the spread of ratings at large: see `Transfer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats, Mask, Names, Rows
from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.lab.data.labels import QUADRANT_SIGNS, gems_axes
from hevner.lab.default.basis import INNER_FOLDS, Basis, folds, weights
from hevner.lab.default.recipe import DefaultRecipe, Spread, per_dimension
from hevner.lab.default.table import Table
from hevner.lab.regression.ridge import NormalEquations

FEWEST_RATED = 10
"""Rated clips below which no line is drawn through them."""


@dataclass(frozen=True)
class Transfer:
    """Coefficients ``(dim,)`` and intercept of the score of one axis.

    ``unseen`` are the scores of all rows by a model that was not trained on their group, ``(n,)``;
    ``outside`` slope and offset from the score to the unit scale for music unlike any rated domain.
    With every dataset left out in turn, the scores of unseen sets have a mean, a spread and a
    correlation with their labels; the line gives a typical unseen set the mean of ratings at
    large, and their spread times that correlation.
    """

    coefficients: Doubles
    intercept: float
    unseen: Doubles
    outside: tuple[float, float]

    def __call__(self, x: Floats) -> Doubles:
        """Scores ``(n,)`` of standardised vectors ``(n, dim)``."""
        return np.asarray(x @ self.coefficients + self.intercept)


def targets(table: Table, axis: int) -> Doubles:
    """Ratings, else signs of quadrants, else proxies from GEMS; in standard units of each set."""
    scores = table.emotion[:, axis].copy()
    for dataset in set(table.dataset):
        mine = table.dataset == dataset
        if not np.isfinite(scores[mine]).any():
            quadrant = table.quadrant[mine]
            signs = np.where(quadrant >= 0, QUADRANT_SIGNS[quadrant, axis], np.nan)
            scores[mine] = signs if (quadrant >= 0).any() else gems_axes(table.gems[mine])[:, axis]
        whole = mine & ~table.window & np.isfinite(scores)
        if whole.any():
            scores[mine] = (scores[mine] - scores[whole].mean()) / scores[whole].std()
    return scores


def fit(table: Table, basis: Basis, recipe: DefaultRecipe, axis: int) -> Transfer:
    """Fit valence (axis 0) or arousal (1); a table without a label of it raises `DataError`."""
    row_weights = weights(table, recipe.transfer.weights)
    fold = folds(table, INNER_FOLDS, recipe.seed)
    penalty = per_dimension(getattr(recipe.transfer, AXES[axis]))
    columns = choices(recipe.widths)
    truth = targets(table, axis)
    known = np.isfinite(truth)
    if not known.any():
        raise DataError(
            "no clip has a rating, a quadrant or GEMS emotions",
            remedy="Add a labelled dataset to the recipe",
            code="no_labels",
        )
    rows = basis.x.astype(np.float64)

    def left_out(label: NDArray[np.generic]) -> Doubles:
        """Scores of all rows, by models without the rows of the same label."""
        parts = {
            one: NormalEquations.of(
                *(array[known & (label == one)] for array in (rows, column, row_weights))
            )
            for one in np.unique(label[known])
        }
        scores = np.empty(len(rows))
        for one in np.unique(label):
            rest = [part for other, part in parts.items() if other != one]
            coefficients, intercept = solve(sum(rest[1:], start=rest[0]), penalty, columns)
            scores[label == one] = rows[label == one] @ coefficients + intercept
        return scores

    column = truth[:, None]
    everything = NormalEquations.of(rows[known], column[known], row_weights[known])
    coefficients, intercept = solve(everything, penalty, columns)
    unseen = left_out(fold)
    several = len(set(table.dataset[known])) > 1
    strange = left_out(table.dataset) if several else unseen
    whole = known & table.clean
    line = _outside_line(strange, truth, table.dataset, whole, recipe.ratings[AXES[axis]])
    return Transfer(coefficients, intercept, unseen, line)


def _outside_line(
    scores: Doubles, truth: Doubles, dataset: Names, rows: Mask, ratings: Spread
) -> tuple[float, float]:
    """Slope and offset for music unlike any rated domain; see `Transfer`."""
    sets = [rows & (dataset == name) for name in sorted(set(dataset[rows]))]
    mean = np.mean([scores[mine].mean() for mine in sets])
    spread = np.mean([scores[mine].std() for mine in sets])
    agreement = np.mean([np.corrcoef(scores[mine], truth[mine])[0, 1] for mine in sets])
    slope = ratings.std * max(float(agreement), 0.0) / float(spread)
    return slope, ratings.mean - slope * float(mean)


def choices(widths: Sequence[int]) -> list[Rows]:
    """Columns of every choice of one or more blocks of those widths."""
    blocks = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])
    return [
        np.concatenate(chosen)
        for count in range(1, len(blocks) + 1)
        for chosen in combinations(blocks, count)
    ]


def solve(
    moments: NormalEquations, penalty: Doubles, columns: Sequence[Rows]
) -> tuple[Doubles, float]:
    """Mean of the ridge solutions on several choices of columns: coefficients and intercept."""
    centre = moments.row_sum / moments.weight
    target = float(moments.target_sum[0]) / moments.weight
    gram = moments.gram - np.outer(moments.row_sum, centre)
    cross = moments.cross[:, 0] - moments.row_sum * target
    coefficients = np.zeros(len(cross))
    for chosen in columns:
        block = gram[np.ix_(chosen, chosen)] + np.diag(penalty[chosen])
        coefficients[chosen] += np.linalg.solve(block, cross[chosen]) / len(columns)
    return coefficients, target - float(centre @ coefficients)
