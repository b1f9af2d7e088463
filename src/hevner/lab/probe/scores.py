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
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hevner.emotion import AXES
from hevner.lab.probe.resampling import Estimate, Resamples, estimate
from hevner.lab.probe.ridge import Array
from hevner.lab.probe.states import ALL, state_name

if TYPE_CHECKING:
    from hevner.lab.probe.study import ProbeStudy

NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of all systems.

    Attributes
    ----------
    guesses
        By system, valence and arousal for the rows of `StudyData.rows`, shape ``(seeds, n, 2)``;
        NaN for rows without both labels. States come first, as ``state 0`` and so on.
    chosen
        The state chosen inside each training part for each axis, shape ``(fits, 2)``.
    weights
        Weights of the states in the learned mix, shape ``(fits, 2, states)``; or None.
    """

    guesses: Mapping[str, Array]
    chosen: NDArray[np.int64]
    weights: Array | None


@dataclass(frozen=True)
class Row:
    """A system on an axis; NaN where a number has no meaning.

    Attributes
    ----------
    dataset, features, axis, system
        Dataset, vectors, axis, and the state or the way to use several.
    width
        Number of values that a regression gets.
    labels
        Kind of the truth: ratings, quadrants or proxies.
    n, groups, seeds, folds
        Number of tracks and groups, of cross-validations and their parts.
    r2, ..., auc_high
        R2, the same after the best line, Pearson's r, CCC; area under the ROC curve for quadrants.
    other
        The best state besides this one.
    less_other, less_other_low, less_other_high
        Main score less that of ``other``, with its interval.
    less_last, less_last_low, less_last_high
        The same for the last state.
    taken
        Share of fits in which this state was chosen inside the training part.
    weight, weight_low, weight_high
        In the learned mix: mean over fits, and where 95 % of fits lie.
    leaks
        The label of the leak check.
    command
        The command that made the table.
    """

    dataset: str
    features: str
    axis: str
    system: str
    width: int
    labels: str
    n: int
    groups: int
    seeds: int
    folds: int
    r2: float = NAN
    r2_low: float = NAN
    r2_high: float = NAN
    r2_affine: float = NAN
    r2_affine_low: float = NAN
    r2_affine_high: float = NAN
    pearson: float = NAN
    pearson_low: float = NAN
    pearson_high: float = NAN
    ccc: float = NAN
    ccc_low: float = NAN
    ccc_high: float = NAN
    auc: float = NAN
    auc_low: float = NAN
    auc_high: float = NAN
    other: str = ""
    less_other: float = NAN
    less_other_low: float = NAN
    less_other_high: float = NAN
    less_last: float = NAN
    less_last_low: float = NAN
    less_last_high: float = NAN
    taken: float = NAN
    weight: float = NAN
    weight_low: float = NAN
    weight_high: float = NAN
    leaks: str = ""
    command: str = ""

    @property
    def state(self) -> int:
        """Number of the state; -1 for other systems."""
        number = self.system.removeprefix(state_name(""))
        return int(number) if number.isdecimal() else -1

    @property
    def main(self) -> Estimate:
        """The main score."""
        if self.labels == "quadrants":
            return Estimate(self.auc, self.auc_low, self.auc_high)
        return Estimate(self.r2, self.r2_low, self.r2_high)

    @property
    def main_name(self) -> str:
        """In print."""
        return "AUC" if self.labels == "quadrants" else "R2"


COLUMNS = tuple(one.name for one in fields(Row))


def score(study: ProbeStudy, found: Predictions, about: Mapping[str, Any]) -> list[Row]:
    """Rows of the table, valence first; states in order, then the other systems.

    Parameters
    ----------
    study, found
        The probe with its data, and the predictions of its folds.
    about
        Fields that all rows share.
    """
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
            found.append(Row(
                axis=AXES[self.axis], system=system, width=self._width(system), other=other,
                n=len(self.groups), groups=len(set(self.groups)),
                **numbers, **self._of_state(system),
            ))  # fmt: skip
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
