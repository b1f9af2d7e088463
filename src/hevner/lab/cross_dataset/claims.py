"""Claims of a study across datasets: which predictions they compare, and by what metric.

Selectors
---------
``first`` and ``second`` of a claim select predictions by ``protocol``, ``representation``,
``model`` and ``train`` (names of datasets, or ``one`` or ``several``); ``seen`` selects by whether
the test set is trained on. What ``second`` leaves open is as in the first, except the training
sets, unless the two have the same protocol. Every pair that predicts the same rows is compared by
axis; the row ``all`` takes all pairs together.

The metric is Pearson's correlation, for quadrants the area under the ROC curve; for ``all`` the
mean of the correlations over pairs, with high and low as 1 and -1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hevner.arrays import Doubles
from hevner.emotion import AXES
from hevner.lab.cross_dataset.experiments import Cell, CellResult, StudyData
from hevner.lab.cross_dataset.recipe import Claim
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.study import claims
from hevner.lab.study.claims import ALL, Comparison, Pair
from hevner.lab.study.kept import Row

COUNT = re.compile(r"sound of \d+ tracks")
"""What makes the labels of the leak check differ from pair to pair."""


@dataclass(frozen=True, eq=False)
class System:
    """A cell on one test set; predictions have shape ``(seeds, n, 2)``."""

    cell: Cell
    test: str
    guesses: Doubles

    @property
    def name(self) -> str:
        """Training sets, representation and model."""
        return f"{'+'.join(self.cell.train)}: {self.cell.representation}, {self.cell.model}"

    @property
    def about(self) -> dict[str, Any]:
        """What selectors may ask for, but for the training sets."""
        cell = self.cell
        return {
            "protocol": cell.experiment.protocol, "representation": cell.representation,
            "model": cell.model,
        }  # fmt: skip


def compare(
    wanted: Sequence[Claim], data: StudyData, results: Sequence[CellResult], jobs: int = 1
) -> list[Row]:
    """Test every claim on all pairs of systems that it selects, in a number of processes.

    A claim that selects no pair has no row.
    """
    systems = {}
    for result in results:
        for test in result.cell.experiment.tests:
            one = System(result.cell, test, result.arrays[f"guesses.{test}"])
            systems[one.about["protocol"], test, one.name] = one
    comparisons = []
    for claim in wanted:
        found = _pairs(claim, list(systems.values()))
        for axis in range(len(AXES)):
            if len(found) > 1:
                comparisons.append(_comparison(claim.claim, data, found, axis))
            comparisons += [_comparison(claim.claim, data, [pair], axis) for pair in found]
    return claims.compare(comparisons, jobs)


def _pairs(claim: Claim, systems: Sequence[System]) -> list[tuple[System, System]]:
    pairs = []
    for one in systems:
        if not _selected(one, claim.first):
            continue
        wanted = {**one.about, **claim.second}
        if wanted["protocol"] == one.about["protocol"] and "train" not in wanted:
            wanted["train"] = list(one.cell.train)
        pairs += [(one, two) for two in systems if two.test == one.test and _selected(two, wanted)]
    return pairs


def _selected(system: System, selector: Mapping[str, Any]) -> bool:
    for key, wanted in selector.items():
        if key == "seen":
            found: bool = (system.test in system.cell.train) == wanted
        elif key == "train":
            found = _trained(system.cell.train, wanted)
        else:
            found = system.about[key] in ([wanted] if isinstance(wanted, str) else wanted)
        if not found:
            return False
    return True


def _trained(train: tuple[str, ...], wanted: str | Sequence[str]) -> bool:
    if isinstance(wanted, str):
        return len(train) == 1 if wanted == "one" else len(train) > 1
    return set(train) == set(wanted)


def _comparison(
    claim: str, data: StudyData, found: Sequence[tuple[System, System]], axis: int
) -> Comparison:
    pairs = [_pair(data, *both, axis) for both in found]
    seeds = max(pair.first.shape[1] for pair in pairs)
    pairs = [
        Pair(one.truth, _repeated(one.first, seeds), _repeated(one.second, seeds), one.groups)
        for one in pairs
    ]
    test, first, second, metric, measure = ALL, "", "", "pearson", _mean_pearson
    if len(found) == 1:
        test, first, second = found[0][0].test, found[0][0].name, found[0][1].name
        if data.kinds[test] == "quadrants":
            metric, measure = "auc", _mean_auc
    both = [one for pair in found for one in pair]
    return Comparison(
        claim, test, AXES[axis], first, second, metric, pairs, measure, claims.RESAMPLES,
        min(len(one.guesses) for one in both),
        [COUNT.sub("sound", one.cell.experiment.leaks[one.test]) for one in both],
    )  # fmt: skip


def _pair(data: StudyData, first: System, second: System, axis: int) -> Pair:
    """Both systems on the rows that both predict; predictions have shape ``(n, seeds)``."""
    own, truth = data.truth_of(first.test, axis)
    mine = np.isin(data.rows(first.test), own)
    seeds = min(len(first.guesses), len(second.guesses))
    one, two = (system.guesses[:seeds, mine, axis].T for system in (first, second))
    if all((side == side[:, :1]).all() for side in (one, two)):  # seeds that changed nothing
        one, two = one[:, :1], two[:, :1]
    tested = np.isfinite(one).all(axis=1) & np.isfinite(two).all(axis=1)
    groups = data.samples.group[own][tested].tolist()
    return Pair(truth[tested], one[tested], two[tested], groups)


def _repeated(guesses: Doubles, seeds: int) -> Doubles:
    """Columns for so many seeds, from one for each or one for all."""
    return np.asarray(np.resize(guesses.T, (seeds, len(guesses))).T)


def _mean_pearson(truth: Doubles, guesses: Doubles) -> float:
    """Mean over pairs (last column of the truth) and seeds of Pearson's correlation."""
    pair = truth[:, 1].astype(np.intp)
    count = np.maximum(np.bincount(pair), 1)[:, None]

    def sums(table: Doubles) -> Doubles:
        return np.stack([np.bincount(pair, column) for column in table.T], axis=1)

    t = truth[:, :1] - (sums(truth[:, :1]) / count)[pair]
    g = guesses - (sums(guesses) / count)[pair]
    spread = sums(t**2)
    lengths = np.sqrt(spread * sums(g**2))
    with np.errstate(invalid="ignore"):
        values = np.where(lengths > 0, sums(t * g) / lengths, 0.0).mean(axis=1)
    values[spread[:, 0] == 0] = np.nan
    return float(values[np.unique(pair)].mean())


def _mean_auc(truth: Doubles, guesses: Doubles) -> float:
    """Mean over seeds of the area under the ROC curve."""
    return float(np.mean([roc_auc(truth[:, 0] > 0, guess) for guess in guesses.T]))
