"""Ridge regression of a few labels on two blocks of columns; its penalties are chosen by folds.

Conventions
-----------
Rows are labelled tracks. Everything is fitted to these rows alone. A row that is left out is
predicted from rows of other groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from hevner.arrays import Doubles, Integers, Mask, Names
from hevner.errors import DataError
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.regression.ridge import NormalEquations

FEWEST = 10
"""Labels of a kind below which nothing is fitted: an interval that holds 90 % needs about as
many."""

LEAST_ODDS = 0.01
"""Odds against the best pair of penalties below which another one does not count."""

Pair = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Fit:
    """A linear function of readings and features, for ``k`` outputs.

    Attributes
    ----------
    weights, offset
        Shapes ``(readings + features, k)`` and ``(k,)``.
    unseen
        Values of each row by functions that were fitted without its group, shape ``(n, k)``.
    penalties
        Those of readings and features that fit best; the functions are means over pairs.
    """

    weights: Doubles
    offset: Doubles
    unseen: Doubles
    penalties: Pair


def folds(group: Names, count: int, seed: int) -> Integers:
    """A fold for each row; groups stay together.

    Raises
    ------
    DataError
        If all rows are of one group, or there are fewer than `FEWEST`.
    """
    names = np.unique(group)
    if len(group) < FEWEST or len(names) < 2:
        raise DataError(
            f"{len(group)} labels of {len(names)} groups are too few",
            remedy=f"Label at least {FEWEST} tracks of 2 groups (artists, albums), better 30 or "
            "more; tracks without a group or artist are a group each",
            code="too_few_labels",
        )
    fold = np.random.default_rng(seed).permutation(len(names)) % count
    return np.asarray(fold[np.searchsorted(names, group)], np.int64)


def fit(
    columns: Doubles, first: int, values: Doubles, group: Names, recipe: OwnRecipe,
    line: int | None = None,
) -> Fit:  # fmt: skip
    """Fit outputs that share their penalties.

    Parameters
    ----------
    columns
        Readings and features, shape ``(n, d)``.
    first
        Number of readings, which come first.
    values
        What is to be predicted, shape ``(n, k)``.
    group
        Names of groups, shape ``(n,)``.
    recipe
        Folds and penalties.
    line
        Number of the reading that counts for itself too, with the penalty ``line`` of the recipe.

    Raises
    ------
    DataError
        If there are too few labels or groups.
    """
    fold = folds(group, recipe.folds, recipe.seed)
    own = [] if line is None else [line]
    centre = columns.mean(axis=0)
    spread = np.maximum(columns[:, :first].std(axis=0), 1e-6)
    moved = columns - centre
    turned = [_turned(moved[:, :first] / spread), _turned(moved[:, first:])]
    rows = np.concatenate([moved[:, own], *(scores for scores, _ in turned)], axis=1)
    widths = [len(own), *(len(axes) for _, axes in turned)]
    parts = [(fold == k, _sums(rows, values, fold == k)) for k in np.unique(fold)]
    whole = _sums(rows, values, fold >= 0)
    found: dict[Pair, Doubles] = {}
    for pair in product(recipe.readings, recipe.features):
        penalty = np.repeat([recipe.line, *pair], widths)
        found[pair] = np.empty_like(values)
        for mine, part in parts:
            slopes, offset = (whole - part).solve(penalty)
            found[pair][mine] = rows[mine] @ slopes + offset
    errors = {pair: float(((one - values) ** 2).mean()) for pair, one in found.items()}
    trust = _trust(errors, len(np.unique(group)))
    unseen = sum(share * found[pair] for pair, share in trust.items())
    slopes, offset = np.zeros((rows.shape[1], values.shape[1])), np.zeros(values.shape[1])
    for pair, share in trust.items():
        solved = whole.solve(np.repeat([recipe.line, *pair], widths))
        slopes, offset = slopes + share * solved[0], offset + share * solved[1]
    result = np.zeros((columns.shape[1], values.shape[1]))
    result[own] += slopes[: widths[0]]
    readings, features = np.split(slopes[widths[0] :], [widths[1]])
    result[:first] += (turned[0][1].T @ readings) / spread[:, None]
    result[first:] += turned[1][1].T @ features
    best = max(trust, key=trust.__getitem__)
    return Fit(result, offset - centre @ result, np.asarray(unseen), best)


def _trust(errors: Mapping[Pair, float], count: int) -> dict[Pair, float]:
    """Shares of pairs of penalties, by their likelihood given errors of ``count`` groups.

    A few labels do not know which is best: the mean over those that are about as good is steadier.
    """
    least = max(min(errors.values()), 1e-12)
    odds = {pair: (max(error, least) / least) ** (-count / 2) for pair, error in errors.items()}
    odds = {pair: one for pair, one in odds.items() if one > LEAST_ODDS}
    return {pair: one / sum(odds.values()) for pair, one in odds.items()}


def _sums(rows: Doubles, values: Doubles, mine: Mask) -> NormalEquations:
    return NormalEquations.of(rows[mine], values[mine], np.ones(int(mine.sum())))


def _turned(columns: Doubles) -> tuple[Doubles, Doubles]:
    """Columns in their principal axes, of which there are no more than rows, and the axes.

    A ridge penalty that is the same for all columns stays what it is.
    """
    left, size, axes = np.linalg.svd(columns, full_matrices=False)
    return left * size, axes
