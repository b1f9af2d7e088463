"""The table of a probe: scores of every system on each axis, differences, choices, weights.

Conventions
-----------
All scores are means over seeds; intervals are 95 % and resample seeds and whole groups. The *main*
score is R2, or, for a dataset with quadrants, the area under the ROC curve of high against low. The
*best* state is the one with the best main score in this very table: being the best of many, it is
flattered, by as much as ``chosen inside`` falls short of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hevner.emotion import AXES
from hevner.lab.probe.resampling import Estimate, Resamples, estimate
from hevner.lab.probe.ridge import Array
from hevner.lab.probe.states import ALL, state_name
from hevner.lab.study.table import Row

if TYPE_CHECKING:
    from hevner.lab.probe.study import ProbeStudy


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of all systems.

    Attributes
    ----------
    guesses
        By system, valence and arousal for the rows of `StudyData.rows`, shape ``(seeds, n, 2)``;
        NaN for rows without both labels. States come first, as ``state 0`` and so on.
    chosen, weights
        The state chosen inside each training part for each axis, shape ``(fits, 2)``; and the
        weights of the states in the learned mix, ``(fits, 2, states)``, or None.
    """

    guesses: Mapping[str, Array]
    chosen: NDArray[np.int64]
    weights: Array | None


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
        self.scores: dict[str, dict[str, Array]] = {}
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


def _named(name: str, scores: Array) -> dict[str, float]:
    found = estimate(scores)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
