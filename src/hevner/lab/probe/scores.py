"""The table of a probe: scores of every system on each axis, differences, choices, weights.

Conventions
-----------
All scores are means over seeds; intervals are 95 % and resample seeds and whole groups. The *main*
score is R2, or, for a dataset with quadrants, the area under the ROC curve of high against low. The
*best* state is the one with the best main score in this very table: being the best of many, it is
flattered, by as much as ``chosen inside`` falls short of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hevner.emotion import AXES
from hevner.lab.probe.resampling import Estimate, Resamples, estimate
from hevner.lab.probe.ridge import Array
from hevner.lab.probe.study import ALL, Outcome, Probe, name_of
from hevner.lab.study import Layout, Material
from hevner.lab.study.scores import truth_of

NAN = float("nan")


@dataclass(frozen=True)
class Row:
    """A system on an axis; NaN where a number has no meaning.

    Attributes
    ----------
    dataset, features, axis, system
        What was probed, by which vectors, and how.
    width
        Numbers heard.
    labels
        What the truth is: ratings, quadrants or proxies.
    n, groups, seeds, folds
        Tracks and groups, cross-validations and their parts.
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
        What made the table.
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
        number = self.system.removeprefix(name_of(""))
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


def score(
    probe: Probe,
    material: Material,
    layout: Layout,
    outcome: Outcome,
    *,
    features: str = "",
    command: str = "",
) -> list[Row]:
    """Rows of the table, valence first; states in order, then the other systems.

    Parameters
    ----------
    probe, material, layout, outcome
        What was probed, and what came of it.
    features, command
        Written into every row.
    """
    about = {
        "dataset": probe.dataset,
        "features": features or probe.block,
        "labels": material.kinds[probe.dataset],
        "seeds": probe.seeds,
        "folds": probe.folds,
        "leaks": layout.leaks[probe.dataset],
        "command": command,
    }
    parts = probe.parts(material.samples.blocks[probe.block].shape[1])
    return [
        row
        for axis in range(len(AXES))
        for row in _Axis(probe, material, outcome, parts, axis).rows(about)
    ]


class _Axis:
    """One axis of an outcome."""

    def __init__(
        self,
        probe: Probe,
        material: Material,
        outcome: Outcome,
        parts: dict[int, slice],
        axis: int,
    ) -> None:
        rows, truth = truth_of(material, probe.dataset, axis)
        mine = np.isin(material.rows(probe.dataset), rows)
        guesses = {name: one[:, mine, axis] for name, one in outcome.guesses.items()}
        tested = np.isfinite(next(iter(guesses.values()))).all(axis=0)
        self.axis, self.parts = axis, parts
        self.groups = material.samples.group[rows][tested].tolist()
        draws = Resamples(self.groups, probe.seeds)
        quadrants = material.kinds[probe.dataset] == "quadrants"
        self.main = "auc" if quadrants else "r2"
        self.scores: dict[str, dict[str, Array]] = {}
        for name, one in guesses.items():
            own = draws.regression(truth[tested], one[:, tested])
            if quadrants:  # these have no scale
                own = {"pearson": own["pearson"], "auc": draws.auc(truth[tested], one[:, tested])}
            self.scores[name] = own
        self.chosen = outcome.chosen[:, axis]
        self.weights = None if outcome.weights is None else outcome.weights[:, axis]
        self.states = {name_of(number): number for number in parts}

    def rows(self, about: dict[str, Any]) -> list[Row]:
        """A row for every system."""
        last = list(self.states)[-1]
        found = []
        for system, own in self.scores.items():
            others = [name for name in self.states if name != system]
            other = max(others, key=lambda name: self.scores[name][self.main][0], default="")
            numbers: dict[str, Any] = dict(about)
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
        widths = {name_of(number): place.stop - place.start for number, place in self.parts.items()}
        if system in widths:
            return int(widths[system])
        return int(sum(widths.values()) if system == ALL else max(widths.values()))


def _named(name: str, scores: Array) -> dict[str, float]:
    found = estimate(scores)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
