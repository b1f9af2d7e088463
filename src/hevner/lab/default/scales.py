"""From scores of unseen music to values on the scale of its raters, and their intervals.

Conventions
-----------
Values are those of an analysis: valence, arousal and tension on the unit scale, basic emotions in
[0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Integers, Mask
from hevner.errors import DataError
from hevner.lab.default.basis import kind_of_rows
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.lab.default.targets import Targets, root
from hevner.result import COVERAGE

FEWEST_RATED = 10
"""Rated clips below which no line is drawn through them."""


@dataclass(frozen=True)
class Scales:
    """Lines and half-widths.

    Attributes
    ----------
    matrix, offset
        Valence and arousal of each kind from the scores of both, shapes ``(kinds, 2, 2)`` and
        ``(kinds, 2)``.
    half, moment
        Half-widths of whole pieces and of moments, by kind, shape ``(kinds, 2)``.
    line
        Slope, offset and half-width of tension and of each basic emotion, shape ``(1 + 5, 3)``;
        NaN where nothing was rated.
    """

    matrix: Doubles
    offset: Doubles
    half: Doubles
    moment: Doubles
    line: Doubles

    @classmethod
    def fit(
        cls,
        table: Table,
        targets: Targets,
        recipe: DefaultRecipe,
        scores: Doubles,
        shares: Doubles,
    ) -> Scales:
        """Fit to the scores and shares of kinds of unseen rows.

        Raises
        ------
        DataError
            If no kind has enough rated clips.
        """
        emotion, kind = targets.columns["emotion"], kind_of_rows(table, recipe)
        z = scores[:, emotion]
        rated = np.isfinite(table.emotion).all(axis=1)
        count = len(recipe.all_kinds)
        enough = np.array([(rated & table.clean & (kind == k)).sum() for k in range(count)])
        if not (enough >= FEWEST_RATED).any():
            raise DataError(
                f"no kind of music has {FEWEST_RATED} clips with valence and arousal",
                remedy="Add a rated dataset to the recipe",
                code="too_few_ratings",
            )
        matrix, offset = np.zeros((count, 2, 2)), np.zeros((count, 2))
        for number, name in enumerate(recipe.all_kinds):
            whole = rated & table.clean & (kind == number)
            if enough[number] >= FEWEST_RATED and name not in recipe.kinds.at_large:
                matrix[number], offset[number] = _through(z[whole], table.emotion[whole])
            else:
                known = table.clean & (kind == number) & np.isfinite(z).all(axis=1)
                known &= np.isfinite(targets.values[:, emotion]).all(axis=1)
                pieces = known if known.sum() >= FEWEST_RATED else table.clean & rated
                matrix[number], offset[number] = _at_large(
                    z[pieces], targets.values[pieces][:, emotion], recipe
                )
        mixed = np.einsum("nk,kij,nj->ni", shares, matrix, z) + shares @ offset
        errors = np.abs(table.emotion - np.clip(mixed, -1, 1))
        half, moment = (
            _half_widths(errors, rated & rows, kind, count) for rows in (table.clean, table.window)
        )
        line = np.full((1 + table.emotions.shape[1], 3), np.nan)
        found = np.column_stack([table.tension, (table.emotions + 1) / 2])
        emotions = targets.columns["emotions"]
        place = [targets.columns["tension"].start, *range(emotions.start, emotions.stop)]
        for row, (truth, column) in enumerate(zip(found.T, place, strict=True)):
            known = table.clean & np.isfinite(truth)
            if known.sum() >= FEWEST_RATED:
                slope, start = np.polyfit(scores[known, column], truth[known], 1)
                error = np.abs(truth[known] - start - slope * scores[known, column])
                line[row] = slope, start, conformal(error)
        return cls(matrix, offset, half, np.maximum(np.nan_to_num(moment), half), line)


def _through(scores: Doubles, ratings: Doubles) -> tuple[Doubles, Doubles]:
    """Least squares from both scores to both ratings: matrix and offset."""
    rows = np.column_stack([scores, np.ones(len(scores))])
    found = np.linalg.lstsq(rows, ratings, rcond=None)[0]
    return np.asarray(found[:2].T, np.float64), np.asarray(found[2], np.float64)


def _at_large(scores: Doubles, truth: Doubles, recipe: DefaultRecipe) -> tuple[Doubles, Doubles]:
    """To the spread and correlation of ratings at large, as far as scores agree with labels."""
    trust = [
        max(float(np.corrcoef(scores[:, k], truth[:, k])[0, 1]), 0.0) / scores[:, k].std()
        for k in range(2)
    ]
    matrix = np.asarray(root(recipe.ratings.covariance) @ np.diag(trust), np.float64)
    return matrix, np.asarray(recipe.ratings.mean) - matrix @ scores.mean(axis=0)


def _half_widths(errors: Doubles, rows: Mask, kind: Integers, count: int) -> Doubles:
    """Half-widths by kind; a kind without ratings gets the largest of the others."""
    found = np.full((count, errors.shape[1]), np.nan)
    for number in range(count):
        mine = errors[rows & (kind == number)]
        if len(mine) >= FEWEST_RATED:
            found[number] = [conformal(column) for column in mine.T]
    if np.isfinite(found).any():
        found = np.where(np.isfinite(found), found, np.nanmax(found, axis=0))
    return found


def conformal(errors: Doubles) -> float:
    """Half-width that holds a new error with probability `COVERAGE` (split conformal)."""
    level = min(1.0, np.ceil((len(errors) + 1) * COVERAGE) / len(errors))
    return float(np.quantile(errors, level, method="higher"))
