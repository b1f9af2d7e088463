"""The table of a probe: scores of every system on each axis, differences, choices, weights.

Conventions
-----------
All scores are means over seeds; intervals are 95 % and resample seeds and whole groups. The *main*
score is R2, or, for a dataset with quadrants, the area under the ROC curve of high against low. The
*best* state is the one with the best main score in this very table: being the best of many, it is
flattered, by as much as ``chosen inside`` falls short of it.

`Resamples` gives the numbers of `hevner.lab.metrics.statistics.over_seeds` with the metrics of
`hevner.lab.metrics`, which take minutes for an encoder of many states. Row 0 of everything is the
sample itself, the others are resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hevner.arrays import Doubles, Integers, Mask
from hevner.emotion import AXES
from hevner.lab.metrics.statistics import LEVEL, RESAMPLES
from hevner.lab.probe.states import ALL, state_name
from hevner.lab.study.kept import Row


class Estimate(NamedTuple):
    """A score with its interval."""

    value: float
    low: float
    high: float


class Resamples:
    """Draws of whole groups of tracks, and of the seeds of an experiment."""

    def __init__(self, groups: Sequence[str], seeds: int) -> None:
        names, index = np.unique(groups, return_inverse=True)
        rng = np.random.default_rng(0)
        counts, shares = [np.ones(len(index))], [np.full(seeds, 1 / seeds)]
        for _ in range(RESAMPLES):
            drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
            counts.append(drawn[index].astype(float))
            shares.append(np.bincount(rng.integers(seeds, size=seeds), minlength=seeds) / seeds)
        self._counts, self._shares = np.stack(counts), np.stack(shares)

    def regression(self, truth: Doubles, guesses: Doubles) -> dict[str, Doubles]:
        """R2, R2 after the best line, Pearson's r and CCC, shape ``(1 + resamples,)`` each.

        Truth and guesses have shapes ``(n,)`` and ``(seeds, n)``.
        """
        total = self._counts.sum(axis=1, keepdims=True)
        t, g = truth - truth.mean(), (guesses - truth.mean()).T
        mean_t, mean_g = self._counts @ t[:, None] / total, self._counts @ g / total
        var_t = self._counts @ (t**2)[:, None] / total - mean_t**2
        var_g = self._counts @ g**2 / total - mean_g**2
        shared = self._counts @ (t[:, None] * g) / total - mean_t * mean_g
        missed = self._counts @ (t[:, None] - g) ** 2 / total
        known = var_g > 1e-12 * truth.var()
        with np.errstate(invalid="ignore", divide="ignore"):
            pearson = np.where(known, shared / np.sqrt(var_t * var_g), 0)
            found = {
                "r2": 1 - missed / var_t,
                "r2_affine": pearson**2,
                "pearson": pearson,
                "ccc": 2 * shared / (var_t + var_g + (mean_t - mean_g) ** 2),
            }
        varied = var_t > 1e-12 * truth.var()
        return {name: self._mean(np.where(varied, one, np.nan)) for name, one in found.items()}

    def auc(self, high: Doubles, guesses: Doubles) -> Doubles:
        """Area under the ROC curve of rows with ``high`` above 0, shape ``(1 + resamples,)``."""
        return self._mean(np.stack([self._auc(high > 0, one) for one in guesses], axis=1))

    def _auc(self, positive: Mask, guess: Doubles) -> Doubles:
        """Share of pairs in the right order, ties by half."""
        order = np.argsort(guess, kind="stable")
        levels = np.flatnonzero(np.diff(guess[order], prepend=-np.inf) > 0)
        low, high = (
            np.add.reduceat(np.where(mine, self._counts, 0)[:, order], levels, axis=1)
            for mine in (~positive, positive)
        )
        below = np.cumsum(low, axis=1) - low / 2
        with np.errstate(invalid="ignore"):
            return np.asarray((high * below).sum(axis=1) / (high.sum(axis=1) * low.sum(axis=1)))

    def _mean(self, scores: Doubles) -> Doubles:
        """Over the drawn seeds."""
        return np.asarray((scores * self._shares).sum(axis=1))


def estimate(scores: Doubles) -> Estimate:
    """The score of the sample, and the 95 % interval of those of resamples."""
    if np.isnan(scores[1:]).all():
        return Estimate(float(scores[0]), np.nan, np.nan)
    low, high = np.nanquantile(scores[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(scores[0]), float(low), float(high))


if TYPE_CHECKING:
    from hevner.lab.probe.study import ProbeStudy


@dataclass(frozen=True, eq=False)
class Predictions:
    """Valence and arousal by system, for the rows of `StudyData.rows`, shape ``(seeds, n, 2)``.

    They are NaN for rows without both labels; states come first, as ``state 0`` and so on. With
    the state chosen inside each training part for each axis, shape ``(fits, 2)``, and the weights
    of the states in the learned mix, ``(fits, 2, states)``, or None.
    """

    guesses: Mapping[str, Doubles]
    chosen: Integers
    weights: Doubles | None


COLUMNS = (
    "dataset", "features", "axis", "system", "width", "labels", "n", "groups", "seeds", "folds",
    "r2", "r2_low", "r2_high", "r2_affine", "r2_affine_low", "r2_affine_high",
    "pearson", "pearson_low", "pearson_high", "ccc", "ccc_low", "ccc_high",
    "auc", "auc_low", "auc_high", "other", "less_other", "less_other_low", "less_other_high",
    "less_last", "less_last_low", "less_last_high", "taken", "weight", "weight_low", "weight_high",
    "leaks", "command",
)  # fmt: skip
"""Columns of the table, empty where a number has no meaning:

- ``width``: number of values that a regression gets; ``labels``: kind of the truth;
- ``r2`` to ``auc_high``: R2, the same after the best line, Pearson's r, CCC; area under the ROC
  curve for quadrants;
- ``other``: the best state besides this one; ``less_other``: main score less that of ``other``;
  ``less_last``: the same for the last state;
- ``taken``: share of fits in which this state was chosen inside the training part;
- ``weight``: in the learned mix, mean over fits, and where 95 % of fits lie.
"""


def state_of(row: Row) -> int:
    """Number of the state of a row; -1 for other systems."""
    number = row["system"].removeprefix(state_name(""))
    return int(number) if number.isdecimal() else -1


def main_name(row: Row) -> str:
    """Name of the main score in print."""
    return "AUC" if row["labels"] == "quadrants" else "R2"


def interval_of(row: Row, name: str = "") -> Estimate:
    """A score of a row with its interval, the main one if none is named; NaN if there is none."""
    name = name or main_name(row).lower()
    return Estimate(*(row.get(f"{name}{end}", np.nan) for end in ("", "_low", "_high")))


def score(study: ProbeStudy, found: Predictions, about: Mapping[str, Any]) -> list[Row]:
    """Rows of the table with fields that all share, valence first; states come before others."""
    axes = [_Axis(study, found, axis) for axis in range(len(AXES))]
    return [row for one in axes for row in one.rows(dict(about))]


class _Axis:
    """Scores of all systems on one axis."""

    def __init__(self, study: ProbeStudy, found: Predictions, axis: int) -> None:
        data, dataset, parts = study.data, study.recipe.dataset, study.parts
        rows, truth = data.truth_of(dataset, axis)
        mine = np.isin(data.rows(dataset), rows)
        guesses = {name: one[:, mine, axis] for name, one in found.guesses.items()}
        first = next(iter(guesses.values()))
        tested = np.isfinite(first).all(axis=0)
        self.axis, self.parts = axis, parts
        self.groups = data.samples.group[rows][tested].tolist()
        draws = Resamples(self.groups, len(first))
        quadrants = data.kinds[dataset] == "quadrants"
        self.main = "auc" if quadrants else "r2"
        self.scores: dict[str, dict[str, Doubles]] = {}
        for name, one in guesses.items():
            own = draws.regression(truth[tested], one[:, tested])
            if quadrants:  # these have no scale
                own = {"pearson": own["pearson"], "auc": draws.auc(truth[tested], one[:, tested])}
            self.scores[name] = own
        self.chosen = found.chosen[:, axis]
        self.weights = None if found.weights is None else found.weights[:, axis]
        self.states = {state_name(number): number for number in parts}

    def rows(self, about: dict[str, Any]) -> list[Row]:
        """A row for every system."""
        last = list(self.states)[-1]
        found = []
        for system, own in self.scores.items():
            others = [name for name in self.states if name != system]
            other = max(others, key=lambda name: self.scores[name][self.main][0], default="")
            numbers = dict(about)
            for name, one in own.items():
                numbers |= _named(name, one)
            if other:
                numbers |= _named("less_other", own[self.main] - self.scores[other][self.main])
            if system != last:
                numbers |= _named("less_last", own[self.main] - self.scores[last][self.main])
            numbers |= {
                "axis": AXES[self.axis], "system": system, "width": self._width(system),
                "other": other, "n": len(self.groups), "groups": len(set(self.groups)),
            }  # fmt: skip
            found.append(numbers | self._of_state(system))
        return found

    def _of_state(self, system: str) -> dict[str, Any]:
        """How often a state was chosen, and its weight in the mix."""
        if system not in self.states:
            return {}
        found: dict[str, Any] = {"taken": float(np.mean(self.chosen == self.states[system]))}
        if self.weights is not None:
            own = self.weights[:, list(self.states).index(system)]
            low, high = np.quantile(own, [0.025, 0.975])
            found |= {"weight": float(own.mean()), "weight_low": low, "weight_high": high}
        return found

    def _width(self, system: str) -> int:
        widths = {
            state_name(number): place.stop - place.start for number, place in self.parts.items()
        }
        if system in widths:
            return int(widths[system])
        return int(sum(widths.values()) if system == ALL else max(widths.values()))


def _named(name: str, scores: Doubles) -> dict[str, float]:
    found = estimate(scores)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
