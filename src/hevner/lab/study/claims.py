"""Paired tests of claims that one way of doing it is better than another.

Selectors
---------
``first`` and ``second`` of a claim select cells by ``protocol``, ``representation``, ``model`` and
``train`` (names of datasets, or ``one`` or ``several``); ``seen`` says whether the test set is
trained on. What ``second`` leaves open is as in the cell of ``first``, except the training sets,
unless the two have the same protocol. Every pair that predicts the same rows is compared by axis;
the row ``all`` takes all pairs together.

Test
----
The metric is Pearson's correlation, for quadrants the area under the ROC curve; for ``all`` the
mean of the correlations over pairs, with high and low as 1 and -1. The interval is that of the
paired grouped bootstrap, p that of the grouped permutation test. A claim *holds* if the first is
better, the interval excludes 0 and p < .05; the *opposite* holds for the reverse; else it stays
*open*. Nothing is corrected for the number of tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.lab import workers
from hevner.lab.metrics.statistics import RESAMPLES, paired_bootstrap, permutation_test
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.study.material import Array, Material
from hevner.lab.study.recipe import Claim, Study
from hevner.lab.study.run import Outcome
from hevner.lab.study.scores import truth_of

PERMUTATIONS = 1000
ALPHA = 0.05
ALL = "all"


@dataclass(frozen=True)
class Verdict:
    """A row of the table of claims.

    Attributes
    ----------
    claim, test, axis
        What was tested, where.
    first, second
        The two systems: training sets, representation, model.
    metric
        Name of the metric, and its value for both.
    difference, low, high, p
        First less second, its interval, the probability under no difference.
    pairs, n, groups
        Pairs of cells, tracks and groups.
    verdict
        ``holds``, ``opposite`` or ``open``.
    """

    claim: str
    test: str
    axis: str
    first: str
    second: str
    metric: str
    first_value: float
    second_value: float
    difference: float
    low: float
    high: float
    p: float
    pairs: int
    n: int
    groups: int
    verdict: str


COLUMNS = tuple(one.name for one in fields(Verdict))


@dataclass(frozen=True, eq=False)
class _Cell:
    """Predictions of a task for one test set."""

    about: Mapping[str, Any]
    train: tuple[str, ...]
    test: str
    guesses: Array

    @property
    def name(self) -> str:
        return f"{'+'.join(self.train)}: {self.about['representation']}, {self.about['model']}"


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two systems on the same rows; guesses have shape ``(n, seeds)``."""

    first: _Cell
    second: _Cell
    truth: Array
    groups: Sequence[str]
    guesses: tuple[Array, Array]
    quadrants: bool


def judge(
    study: Study, material: Material, outcomes: Sequence[Outcome], jobs: int = 1
) -> list[Verdict]:
    """Test every claim of a study on all pairs of cells that it speaks of, in ``jobs`` processes.

    Raises
    ------
    DataError
        If a selector is not known, or a claim finds no pair.
    """
    cells = _cells(outcomes)
    trials: list[tuple[str, list[_Pair], str]] = []
    for claim in study.claims:
        found = _pairs(claim, cells)
        if not found:
            raise DataError(
                "no two cells to compare", subject=f"claim '{claim.claim}'",
                remedy="Check its selectors, or add the protocols that it needs",
            )  # fmt: skip
        for axis, name in enumerate(AXES):
            pairs = [_pair(material, *both, axis) for both in found]
            if len(pairs) > 1:
                trials.append((claim.claim, pairs, name))
            trials += [(claim.claim, [pair], name) for pair in pairs]
    if jobs == 1:
        return [_judge(*trial) for trial in trials]
    with workers.pool(jobs) as pool:
        return list(pool.map(_judge, *zip(*trials, strict=True)))


def _cells(outcomes: Sequence[Outcome]) -> list[_Cell]:
    """All that was predicted, each once."""
    cells = {}
    for outcome in outcomes:
        task = outcome.task
        about = {
            "protocol": task.layout.protocol,
            "representation": task.representation,
            "model": task.model,
        }
        for test, guesses in outcome.guesses.items():
            cell = _Cell(about, task.train, test, guesses)
            cells[task.layout.protocol, test, cell.name] = cell
    return list(cells.values())


def _pairs(claim: Claim, cells: Sequence[_Cell]) -> list[tuple[_Cell, _Cell]]:
    for selector in (claim.first, claim.second):
        strange = selector.keys() - {"protocol", "representation", "model", "train", "seen"}
        if strange:
            raise DataError(
                f"no selector '{strange.pop()}'", subject=f"claim '{claim.claim}'",
                remedy="Choose from protocol, representation, model, train, seen",
            )  # fmt: skip
    pairs = []
    for one in cells:
        if not _selected(one, claim.first):
            continue
        wanted = {**one.about, **claim.second}
        if wanted["protocol"] == one.about["protocol"] and "train" not in wanted:
            wanted["train"] = list(one.train)
        pairs += [(one, two) for two in cells if two.test == one.test and _selected(two, wanted)]
    return pairs


def _selected(cell: _Cell, selector: Mapping[str, Any]) -> bool:
    for key, wanted in selector.items():
        if key == "seen":
            found: bool = (cell.test in cell.train) == wanted
        elif key == "train":
            found = _trained(cell.train, wanted)
        else:
            found = cell.about[key] in ([wanted] if isinstance(wanted, str) else wanted)
        if not found:
            return False
    return True


def _trained(train: tuple[str, ...], wanted: str | Sequence[str]) -> bool:
    if isinstance(wanted, str):
        return len(train) == 1 if wanted == "one" else len(train) > 1
    return set(train) == set(wanted)


def _pair(material: Material, first: _Cell, second: _Cell, axis: int) -> _Pair:
    own, truth = truth_of(material, first.test, axis)
    mine = np.isin(material.rows(first.test), own)
    seeds = min(len(first.guesses), len(second.guesses))
    one, two = (cell.guesses[:seeds, mine, axis].T for cell in (first, second))
    if all((side == side[:, :1]).all() for side in (one, two)):  # seeds that changed nothing
        one, two = one[:, :1], two[:, :1]
    tested = np.isfinite(one).all(axis=1) & np.isfinite(two).all(axis=1)
    groups = material.samples.group[own][tested].tolist()
    quadrants = material.kinds[first.test] == "quadrants"
    return _Pair(first, second, truth[tested], groups, (one[tested], two[tested]), quadrants)


def _judge(claim: str, pairs: Sequence[_Pair], axis: str) -> Verdict:
    seeds = max(pair.guesses[0].shape[1] for pair in pairs)
    truth = np.concatenate([
        np.stack([pair.truth, np.full(len(pair.truth), k)], axis=1) for k, pair in enumerate(pairs)
    ])  # fmt: skip
    one, two = (
        np.concatenate([_repeated(pair.guesses[side], seeds) for pair in pairs]) for side in (0, 1)
    )
    groups = [group for pair in pairs for group in pair.groups]
    single = pairs[0] if len(pairs) == 1 else None
    metric = _mean_auc if single is not None and single.quadrants else _mean_pearson
    found = paired_bootstrap(metric, truth, one, two, groups, resamples=RESAMPLES)
    p = permutation_test(metric, truth, one, two, groups, permutations=PERMUTATIONS)
    sure = p < ALPHA and (found.low > 0 or found.high < 0)
    return Verdict(
        claim,
        ALL if single is None else single.first.test,
        axis,
        "" if single is None else single.first.name,
        "" if single is None else single.second.name,
        "auc" if metric is _mean_auc else "pearson",
        metric(truth, one),
        metric(truth, two),
        *found,
        p,
        len(pairs),
        len(truth),
        len(set(groups)),
        ("holds" if found.value > 0 else "opposite") if sure else "open",
    )


def _repeated(guesses: Array, seeds: int) -> Array:
    """Columns for so many seeds, from one for each or one for all."""
    return np.asarray(np.resize(guesses.T, (seeds, len(guesses))).T)


def _mean_pearson(truth: Array, guesses: Array) -> float:
    """Mean over pairs (second column of the truth) and seeds of Pearson's correlation."""
    values = []
    for pair in np.unique(truth[:, 1]):
        mine = truth[:, 1] == pair
        t = truth[mine, 0] - truth[mine, 0].mean()
        g = guesses[mine] - guesses[mine].mean(axis=0)
        lengths = np.sqrt((t**2).sum() * (g**2).sum(axis=0))
        with np.errstate(invalid="ignore"):
            values.append(np.where(lengths > 0, t @ g / lengths, 0.0).mean() if t.any() else np.nan)
    return float(np.mean(values))


def _mean_auc(truth: Array, guesses: Array) -> float:
    """Mean over seeds of the area under the ROC curve."""
    return float(np.mean([roc_auc(truth[:, 0] > 0, guess) for guess in guesses.T]))
