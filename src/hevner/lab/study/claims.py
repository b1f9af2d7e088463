"""Paired tests of claims that one system is better than another.

A claim *holds* if the first system is better, the 95 % interval of the difference (paired bootstrap
over whole groups) excludes 0, and p < .05 (permutation of whole groups); the *opposite* holds for
the reverse; else it stays *open*. Nothing is corrected for the number of tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles
from hevner.lab import workers
from hevner.lab.metrics.statistics import paired_bootstrap, permutation_test
from hevner.lab.study.kept import Row

Measure = Callable[[Doubles, Doubles], float]
"""From truth and predictions, one row per track each, to a score."""

RESAMPLES = 1000
"""Resamples of an interval, and permutations of a test."""
FEW_RESAMPLES = 200
"""The same for scores that take long."""

ALPHA = 0.05
ALL = "all"


COLUMNS = (
    "claim", "test", "axis", "first", "second", "metric", "first_value", "second_value",
    "difference", "low", "high", "p", "pairs", "n", "groups", "seeds", "leaks", "verdict",
)  # fmt: skip
"""Columns of the table of claims: the sentence, the test set and what was scored; the two systems;
the metric and its value for both; the first less the second, its interval, and the probability of
such a difference if there is none; the number of pairs, tracks, groups and seeds; the labels of the
leak check; and ``holds``, ``opposite`` or ``open``."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two systems on the same rows: truth ``(n,)`` or ``(n, k)``, and the predictions of both.

    Rows of a group stand or fall together.
    """

    truth: Doubles
    first: Doubles
    second: Doubles
    groups: Sequence[str]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A test of one pair, or of the mean over several, under names as in `COLUMNS`.

    The measure is called with the truth of all pairs, whose last column is the number of the pair,
    and with the predictions of one system. There are as many permutations as resamples. ``leaks``
    are the labels of both systems on all pairs.
    """

    claim: str
    test: str
    axis: str
    first: str
    second: str
    metric: str
    pairs: Sequence[Pair]
    measure: Measure
    resamples: int
    seeds: int
    leaks: Iterable[str]
    lower_is_better: bool = False

    def verdict(self) -> Row:
        """The row of the table of claims."""
        truth = np.concatenate([
            np.column_stack([pair.truth, np.full(len(pair.truth), number)])
            for number, pair in enumerate(self.pairs)
        ])  # fmt: skip
        first = np.concatenate([pair.first for pair in self.pairs])
        second = np.concatenate([pair.second for pair in self.pairs])
        groups = [group for pair in self.pairs for group in pair.groups]
        rows, count = (truth, first, second, groups), self.resamples
        found = paired_bootstrap(self.measure, *rows, resamples=count)
        p = permutation_test(self.measure, *rows, permutations=count)
        verdict = "open"
        if p < ALPHA and (found.low > 0 or found.high < 0):
            verdict = "holds" if (found.value < 0) == self.lower_is_better else "opposite"
        values = (
            self.claim, self.test, self.axis, self.first, self.second, self.metric,
            self.measure(truth, first), self.measure(truth, second), *found, p,
            len(self.pairs), len(truth), len(set(groups)), self.seeds,
            "; ".join(dict.fromkeys(self.leaks)), verdict,
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))


def compare(comparisons: Sequence[Comparison], jobs: int = 1) -> list[Row]:
    """Verdicts of comparisons, in their order, from a number of processes."""
    if jobs == 1 or not comparisons:
        return [comparison.verdict() for comparison in comparisons]
    with workers.pool(jobs) as pool:
        return list(pool.map(Comparison.verdict, comparisons, chunksize=4))


def mean_over_pairs(measures: Sequence[Measure], truth: ArrayLike, guesses: ArrayLike) -> float:
    """Mean over pairs of the measure of each; NaN if a resample lacks one of them.

    The last column of the truth is the number of the pair; guesses are those of one system.
    """
    table, own = np.asarray(truth), np.asarray(guesses)
    values = []
    for number, measure in enumerate(measures):
        mine = table[:, -1] == number
        values.append(measure(table[mine, :-1], own[mine]) if mine.any() else np.nan)
    return float(np.mean(values))
