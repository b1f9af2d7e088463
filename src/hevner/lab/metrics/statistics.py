"""Uncertainty of a score: intervals, tests and seeds.

Conventions
-----------
``groups`` names the song, piece, game or artist of each row, shape ``(n,)``; rows of a group are
drawn together, since clips of one song are not independent. A *score* is a function of row
numbers (with repeats) to a float; a *metric* takes truth and guess to a float. Every random draw
comes from ``seed``. Fewer than two groups raise `hevner.errors.DataError`.

NaN: resamples on which the score is not defined are left out of an interval; an interval is NaN if
none is defined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.arrays import Rows
from hevner.datasets.resampling import LEVEL as LEVEL
from hevner.datasets.resampling import RESAMPLES as RESAMPLES
from hevner.datasets.resampling import Groups, percentiles
from hevner.datasets.resampling import Interval as Interval
from hevner.datasets.resampling import Score as Score
from hevner.datasets.resampling import bootstrap as bootstrap
from hevner.datasets.resampling import group_index as group_index
from hevner.errors import DataError

Metric = Callable[[Any, Any], float]

PERMUTATIONS = 10_000


class Difference(NamedTuple):
    """The score of a first system less that of a second."""

    value: float
    low: float
    high: float


class Seeds(NamedTuple):
    """A score over the seeds of one experiment.

    ``std`` is that of the sample (n - 1), NaN for one seed. ``low`` and ``high`` are the ends of
    the interval of the mean, for other seeds and other groups.
    """

    mean: float
    std: float
    low: float
    high: float


def paired_bootstrap(
    metric: Metric,
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Difference of two systems on the same rows, with its interval.

    Both are scored on the same resamples, so that what makes a group easy for both cancels. The
    metric gets rows of ``truth`` and of one system, shape ``(n, ...)`` each.
    """
    labels, one, two = _rows(truth, first, second, groups)

    def difference(rows: Rows) -> float:
        return metric(labels[rows], one[rows]) - metric(labels[rows], two[rows])

    value = difference(np.arange(len(labels)))
    interval = bootstrap(difference, groups, resamples=resamples, seed=seed)
    return Difference(value, *interval)


def permutation_test(
    metric: Metric,
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Two-sided p that two systems are exchangeable, paired by group.

    Under the null hypothesis it does not matter which system gave the predictions of a group. Each
    permutation exchanges the two systems' predictions in every group with odds one half and scores
    both mixtures anew, so any metric will do, not only means over rows. With d the difference of
    the two scores, ``p = (1 + permutations with |d| at least the observed) / (1 + permutations)``;
    a permutation whose d is not defined counts as such. G groups cannot give less than about ``2 /
    2**G``. Raises `DataError` if the observed difference is not defined, or rows do not match.
    """
    labels, one, two = _rows(truth, first, second, groups)
    names, index = group_index(groups)
    observed = abs(metric(labels, one) - metric(labels, two))
    if np.isnan(observed):
        raise DataError(
            "the metric is not defined for these labels",
            remedy="Check the labels",
            code="undefined_metric",
        )
    rng = np.random.default_rng(seed)
    # Sums of the same numbers in another order differ in the last digits; those are ties.
    bar = observed - 1e-12 * max(1.0, observed)
    extreme = 0
    for _ in range(permutations):
        exchanged = rng.integers(2, size=len(names)).astype(bool)[index]
        exchanged = exchanged.reshape(-1, *[1] * (one.ndim - 1))
        mixed = metric(labels, np.where(exchanged, two, one))
        other = metric(labels, np.where(exchanged, one, two))
        extreme += not abs(mixed - other) < bar
    return (1 + extreme) / (1 + permutations)


def over_seeds(
    score: Callable[[int, Rows], float],
    seeds: int,
    groups: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Seeds:
    """Mean, spread and interval of a score over the seeds of an experiment.

    The interval resamples seeds and whole groups at once and takes the mean over the drawn seeds.
    With few seeds their part of the spread is underestimated, by the factor (seeds - 1) / seeds in
    variance. The score gets the number of a seed, ``0 .. seeds - 1``, and rows.
    """
    if seeds < 1:
        raise DataError(
            f"{seeds} seeds", remedy="Give the number of runs, at least 1", code="out_of_range"
        )
    rng = np.random.default_rng(seed)
    members = Groups(groups)
    everything = np.arange(len(members.order))
    values = np.array([score(number, everything) for number in range(seeds)])

    def resample() -> float:
        rows = members.draw(rng)
        drawn, times = np.unique(rng.integers(seeds, size=seeds), return_counts=True)
        return float(np.average([score(int(n), rows) for n in drawn], weights=times))

    interval = percentiles([resample() for _ in range(resamples)])
    std = float(values.std(ddof=1)) if seeds > 1 else np.nan
    return Seeds(float(values.mean()), std, *interval)


def _rows(*columns: ArrayLike) -> list[NDArray[Any]]:
    """Truth, first and second as arrays of as many rows as there are groups (the last column)."""
    arrays = [np.asarray(column) for column in columns]
    if len({len(array) for array in arrays}) > 1 or arrays[1].shape != arrays[2].shape:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise DataError(
            f"truth, first, second and groups have shapes {shapes}",
            remedy="Give one row of each per clip",
            code="shapes_differ",
        )
    return arrays[:3]
