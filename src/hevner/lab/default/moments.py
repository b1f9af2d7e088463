"""Fit the part of valence and arousal within a piece (`hevner.model.moments`).

A ridge regression of differences on differences: of a window and its ratings from the mean of the
piece. Few pieces have ratings over time, and those here are solo piano; so differences between the
pieces of a set of recordings count a little too, which tells what instruments and mixes mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.errors import DataError
from hevner.lab.default.basis import INNER_FOLDS, folds
from hevner.lab.default.linear_heads import conformal, cross_fit
from hevner.lab.default.table import Table
from hevner.model.moments import STEP_S, Within

BETWEEN = 0.03
"""Weight of all differences between pieces, against those within pieces."""

SPREAD = 0.15
"""Standard deviation that the ratings of a set are brought to before its pieces are compared."""

AGREED = 0.05
"""Standard deviation of ratings within a piece below which they are taken for noise: pieces with a
livelier course count in inverse proportion to its variance."""

LONGEST = 16
"""Windows of a piece beyond which it counts no more than a shorter one."""

LADDER = np.geomspace(30, 3e4, 7)
"""Penalties to choose from, for vectors in units of their spread within pieces."""


@dataclass(frozen=True)
class _Differences:
    """Differences ``x`` and their targets ``y``, with weights; ``moment`` marks those in time."""

    x: Doubles
    y: Doubles
    weights: Doubles
    moment: Mask


def fit(table: Table, x: Floats, seed: int) -> Within:
    """Fit to the windows and the whole pieces of a table with the standardised vectors ``x``.

    If no piece has ratings over time, `DataError` is raised.
    """
    rows = _differences(table, x)
    time = rows.moment
    if not time.any():
        raise DataError(
            "no piece has ratings over time",
            remedy="Give a set with curves the setting window_s",
            code="no_curves",
        )
    scale = np.sqrt(np.average(rows.x[time] ** 2, axis=0, weights=rows.weights[time])) + 1e-3
    used = rows.weights > 0
    fold = folds(table, INNER_FOLDS, seed)[used]
    found = [
        cross_fit(rows.x[used] / scale, rows.y[used, axis, None], rows.weights[used], fold,
                  [np.full(x.shape[1], penalty) for penalty in LADDER])
        for axis in range(2)
    ]  # fmt: skip
    errors = [np.abs(unseen[:, 0] - rows.y[used, axis])[time[used]]
              for axis, (_, _, unseen) in enumerate(found)]  # fmt: skip
    weights = np.concatenate([one / scale[:, None] for one, _, _ in found], axis=1)
    widths = [conformal(one) for one in errors]
    return Within(weights.astype(np.float32), np.array(widths, np.float32))


def _differences(table: Table, x: Floats) -> _Differences:
    """Differences of all rows of a table; those that teach nothing have the weight 0."""
    result = _Differences(
        np.zeros(x.shape), np.zeros((len(x), 2)), np.zeros(len(x)), np.zeros(len(x), bool)
    )
    # A clip is followed by its windows, once for each variant.
    play = np.cumsum(~table.window)
    for number in np.unique(play[table.window & np.isfinite(table.emotion[:, 0])]):
        mine = np.flatnonzero((play == number) & table.window)
        rating = _at_the_end(table, mine)
        if len(mine) > 1 and table.emotion[mine].std(axis=0).any():
            variance = rating.var(axis=0).mean()
            weight = min(1, LONGEST / len(mine)) * AGREED**2 / (AGREED**2 + variance)
            _add(result, mine, x, rating, weight)
            result.moment[mine] = True
    total = result.weights.sum()
    timed = set(table.dataset[result.moment])
    sets = [d for d in sorted(set(table.dataset)) if d not in timed]
    rated = [(table.dataset == d) & table.clean & np.isfinite(table.emotion[:, 0]) for d in sets]
    rated = [mask for mask in rated if mask.sum() > 1]
    for mask in rated:
        rating = table.emotion[mask] / table.emotion[mask].std(axis=0) * SPREAD
        _add(result, np.flatnonzero(mask), x, rating, BETWEEN * total / len(rated) / mask.sum())
    return result


def _at_the_end(table: Table, rows: Integers) -> Doubles:
    """Ratings at the ends of the windows of a piece, from those in their middles."""
    middle, end = (table.start[rows] + table.end[rows]) / 2, table.end[rows] - STEP_S / 2
    return np.stack([np.interp(end, middle, one) for one in table.emotion[rows].T], axis=1)


def _add(result: _Differences, rows: Integers, x: Floats, y: Doubles, weight: float) -> None:
    result.x[rows] = x[rows] - x[rows].mean(axis=0)
    result.y[rows] = y - y.mean(axis=0)
    result.weights[rows] = weight
