"""Fit the part of valence and arousal within a piece (`hevner.model.moments`).

A ridge regression of differences on differences: of a window and its ratings from the mean of the
piece. Few pieces have ratings over time, and those in hand are solo piano; so differences between
the pieces of other sets count a little too, from which it learns what instruments and mixes mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.lab.default.basis import folds
from hevner.lab.default.scales import conformal
from hevner.lab.default.table import Table
from hevner.lab.regression.ridge import sums_by_fold
from hevner.model.moments import STEP_S

FOLDS = 5
"""Parts of the groups in which penalties are chosen and half-widths measured."""

BETWEEN = 0.03
"""Weight of all differences between pieces, against those within pieces."""

SPREAD = 0.15
"""Standard deviation that the ratings of a set are brought to before its pieces are compared."""

AGREED = 0.05
"""Standard deviation of ratings within a piece: one with a livelier course counts less, as the
inverse of its variance and of the square of this, so that few pieces do not decide alone."""

LONGEST = 16
"""Windows of a piece beyond which it counts no more than a shorter one."""

LADDER = np.geomspace(30, 3e4, 7)
"""Penalties to choose from, for vectors in units of their spread within pieces."""


@dataclass(frozen=True)
class Within:
    """The part within a piece.

    Attributes
    ----------
    weights
        From standardised vectors of windows to scores, shape ``(dim, 2)``.
    half_width
        Half-width of the interval of the difference between a moment and its piece, shape ``(2,)``.
    """

    weights: Floats
    half_width: Floats


@dataclass(frozen=True)
class _Differences:
    """Differences ``x`` and their targets ``y``, with weights; ``moment`` marks those in time."""

    x: Doubles
    y: Doubles
    weights: Doubles
    moment: Mask


def fit(table: Table, x: Floats, seed: int) -> Within | None:
    """Fit to windows and whole pieces of a table; None if no piece has ratings over time.

    Parameters
    ----------
    table
        Training rows.
    x
        Standardised vectors of the table, shape ``(n, dim)``.
    seed
        Of the folds in which penalties are chosen and half-widths measured.
    """
    rows = _differences(table, x)
    if not rows.moment.any():
        return None
    used = rows.weights > 0
    time, fold = rows.moment[used], folds(table, FOLDS, seed)[used]
    y, weight = rows.y[used], rows.weights[used]
    scale = np.sqrt(np.average(rows.x[used][time] ** 2, axis=0, weights=weight[time])) + 1e-3
    scaled = rows.x[used] / scale
    ladder = [np.full(x.shape[1], penalty) for penalty in LADDER]
    coefficients, widths = [], []
    for axis in range(2):
        found, _, unseen = _cross_fit(scaled, y[:, [axis]], weight, fold, ladder)
        guess, truth = unseen[time, 0], y[time, axis]
        # Lively pieces count less above, so their course comes out too flat.
        slope = float(guess @ truth / max(guess @ guess, 1e-12))
        coefficients.append(slope * found[:, 0] / scale)
        widths.append(conformal(np.abs(truth - slope * guess)))
    return Within(np.stack(coefficients, axis=1).astype(np.float32), np.array(widths, np.float32))


def _differences(table: Table, x: Floats) -> _Differences:
    """Differences of all rows of a table; those that teach nothing have the weight 0."""
    count = len(table)
    result = _Differences(
        np.zeros(x.shape), np.zeros((count, 2)), np.zeros(count), np.zeros(count, bool)
    )
    # A clip is followed by its windows, once for each variant.
    play = np.cumsum(~table.window)
    for number in np.unique(play[table.window & np.isfinite(table.emotion[:, 0])]):
        mine = np.flatnonzero((play == number) & table.window)
        if np.ptp(table.emotion[mine], axis=0).any():  # else one rating for all of them
            rating = _at_the_end(table, mine)
            weight = min(1, LONGEST / len(mine)) / (AGREED**2 + rating.var(axis=0).mean())
            _add(result, mine, x, rating, weight * AGREED**2)
            result.moment[mine] = True
    total = result.weights.sum()
    rated = table.clean & np.isfinite(table.emotion[:, 0])
    sets = set(table.dataset[rated]) - set(table.dataset[result.moment])
    for dataset in sorted(sets):
        mine = np.flatnonzero(rated & (table.dataset == dataset))
        spread = table.emotion[mine].std(axis=0) + 1e-6
        weight = BETWEEN * total / len(sets) / len(mine)
        _add(result, mine, x, table.emotion[mine] / spread * SPREAD, weight)
    return result


def in_pieces(table: Table, whole: Floats, scores: Floats) -> Floats:
    """Values of windows as moments: those of their piece, and how its scores differ.

    Parameters
    ----------
    table
        Rows; a clip is followed by its windows.
    whole
        Values of all rows as whole pieces, shape ``(n, 2)``; clips keep theirs.
    scores
        Scores of all rows within their piece, shape ``(n, 2)``.
    """
    piece = np.cumsum(~table.window) - 1
    count = np.maximum(np.bincount(piece, table.window), 1)
    means = np.stack([np.bincount(piece, table.window * one) / count for one in scores.T], axis=1)
    moved = whole[np.flatnonzero(~table.window)[piece]] + scores - means[piece]
    return np.where(table.window[:, None], np.clip(moved, -1, 1), whole).astype(np.float32)


def _at_the_end(table: Table, rows: Integers) -> Doubles:
    """Ratings at the ends of the windows of a piece, from those in their middles."""
    middle, end = (table.start[rows] + table.end[rows]) / 2, table.end[rows] - STEP_S / 2
    return np.stack([np.interp(end, middle, one) for one in table.emotion[rows].T], axis=1)


def _add(result: _Differences, rows: Integers, x: Floats, y: Doubles, weight: float) -> None:
    result.x[rows] = x[rows] - x[rows].mean(axis=0)
    result.y[rows] = y - y.mean(axis=0)
    result.weights[rows] = weight


def _cross_fit(
    x: Doubles, targets: Doubles, row_weights: Doubles, fold: Integers, ladder: list[Doubles]
) -> tuple[Doubles, Doubles, Doubles]:
    """Ridge with the penalty of a ladder that predicts unseen rows best, and those predictions."""
    total, parts = sums_by_fold(x, targets, row_weights, fold)
    trials = []
    for ridge in ladder:
        unseen = np.empty_like(targets)
        for k, part in enumerate(parts):
            coefficients, intercept = (total - part).solve(ridge)
            unseen[fold == k] = x[fold == k] @ coefficients + intercept
        error = float(row_weights @ ((targets - unseen) ** 2).sum(axis=1))
        trials.append((error, ridge, unseen))
    _, ridge, unseen = min(trials, key=lambda trial: trial[0])
    return *total.solve(ridge), unseen
