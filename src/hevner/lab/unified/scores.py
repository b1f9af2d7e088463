"""Scores of a ladder, and paired tests of its claims.

======================  ===============  ==========================================================
Source of labels        Metrics          Of
======================  ===============  ==========================================================
``emotion``             ``r2 r ccc``     valence, arousal; ``coverage`` of 90 % intervals as trained
``axes``                ``r`` or ``auc`` valence, arousal of a dataset that is left out; ``auc`` of
                                         high against low where only quadrants are known
``quadrants``           ``accuracy``     of the most probable quadrant
``gems``                ``r``            mean over the nine
``tags``                ``roc pr``       macro areas under the ROC and precision-recall curves
a teacher's             ``spearman ece`` macro rank correlation; distance of probability and label
======================  ===============  ==========================================================

Conventions
-----------
Truth has shape ``(n, k)``, guesses ``(n, seeds, k)``; a score is the mean over seeds and, where
there are several, columns. The first metric of a source is the one that claims are tested by. Rank
correlation is computed from the ranks among all rows, also in resamples. Intervals are 95 % and
resample whole groups, and seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.lab.metrics.statistics import over_seeds, paired_bootstrap, permutation_test
from hevner.lab.metrics.tags import pr_auc_macro, roc_auc, roc_auc_macro
from hevner.lab.study.claims import ALL, ALPHA, Verdict
from hevner.lab.unified.material import Material
from hevner.lab.unified.recipe import LEFT_OUT, Claim, HeadRecipe, Recipe, Row
from hevner.lab.unified.study import Outcome

Array = NDArray[np.float64]
Metric = Callable[[Array, Array], float]

RESAMPLES = 1000
WIDE_RESAMPLES = 200
"""Of scores with many columns, for intervals and for tests."""

_HALF_WIDTH = 1.645
"""Standard deviations from the mean to the ends of a 90 % interval."""
_BINS = 10


@dataclass(frozen=True)
class Score:
    """A line of the table; ``output`` is an axis, or ``all``."""

    row: str
    protocol: str
    test: str
    head: str
    output: str
    metric: str
    value: float
    low: float
    high: float
    seed_sd: float
    n: int
    groups: int
    seeds: int
    leaks: str
    recipe: str


COLUMNS = tuple(one.name for one in fields(Score))


@dataclass(frozen=True, eq=False)
class Trial:
    """What a row predicted of one thing, over all seeds."""

    row: Row
    protocol: str
    test: str
    head: str
    output: str
    metrics: dict[str, Metric]
    index: NDArray[np.intp]
    truth: Array
    guesses: Array
    spread: Array | None
    groups: list[str]
    leaks: str

    @property
    def key(self) -> tuple[str, ...]:
        """What it is about, whichever the row."""
        return (self.protocol, self.test, self.head, self.output)


def trials(recipe: Recipe, material: Material, outcomes: Sequence[Outcome]) -> list[Trial]:
    """Everything that was predicted and has a label, in the order of the rows."""
    found: list[Trial] = []
    for row in recipe.rows:
        for protocol in row.protocols:
            own = [
                one for one in outcomes
                if one.cell.row.name == row.name and one.cell.part.protocol == protocol
            ]  # fmt: skip
            for name in row.heads if own else ():
                for test in material.datasets:
                    found += _trials(recipe, material, own, recipe.heads[name], test)
    return found


def _trials(
    recipe: Recipe, material: Material, outcomes: Sequence[Outcome], head: HeadRecipe, test: str
) -> Iterator[Trial]:
    row, protocol = outcomes[0].cell.row, outcomes[0].cell.part.protocol
    if test not in head.datasets or (head.source == "axes") != (protocol == LEFT_OUT):
        return
    mine = material.samples.of(test)
    values, spread, labels = _joined(recipe, outcomes, head.name, len(material.tracks), mine)
    if values is None:
        return
    truth = material.labels[head.source]
    for columns, output in _outputs(head, truth.shape[1]):
        known = mine & np.isfinite(truth[:, columns]).all(axis=1)
        known &= np.isfinite(values[:, :, columns]).all(axis=(1, 2))
        index = np.flatnonzero(known)
        if len(index) < 2:
            continue
        own = truth[index][:, columns]
        guesses = values[index][:, :, columns]
        quadrants = head.source == "axes" and not np.isfinite(material.samples.emotion[mine]).any()
        quadrants &= bool((material.samples.quadrant[mine] >= 0).any())
        metrics = _metrics(head, quadrants)
        yield Trial(
            row, protocol, test, head.name, output, metrics, index, own, guesses,
            None if spread is None else spread[index][:, :, columns],
            material.samples.group[index].tolist(), labels,
        )  # fmt: skip


def _joined(
    recipe: Recipe, outcomes: Sequence[Outcome], head: str, count: int, mine: NDArray[np.bool_]
) -> tuple[Array | None, Array | None, str]:
    """Predictions of a dataset over parts and seeds, shape ``(count, seeds, k)``."""
    values: Array | None = None
    spread: Array | None = None
    labels: dict[str, None] = {}
    for outcome in outcomes:
        found, part = outcome.predictions.get(head), outcome.cell.part
        if found is None or not np.isfinite(found.values[mine]).any():
            continue
        labels[part.leaks] = None
        if values is None:
            shape = (count, recipe.seeds, found.values.shape[1])
            values = np.full(shape, np.nan)
            spread = None if found.spread is None else np.full(shape, np.nan)
        told = mine & np.isfinite(found.values).any(axis=1)
        values[told, part.seed] = found.values[told]
        if spread is not None and found.spread is not None:
            spread[told, part.seed] = found.spread[told]
    return values, spread, "; ".join(labels)


def _outputs(head: HeadRecipe, width: int) -> list[tuple[list[int], str]]:
    """Columns that are scored together."""
    if head.source in ("emotion", "axes"):
        return [([axis], name) for axis, name in enumerate(AXES)]
    return [(list(range(width)), ALL)]


def _metrics(head: HeadRecipe, quadrants: bool) -> dict[str, Metric]:
    if head.source == "emotion":
        return {"r2": _r2, "r": _pearson, "ccc": _ccc}
    if head.source == "axes":
        return {"auc": _auc} if quadrants else {"r": _pearson}
    if head.source == "quadrants":
        return {"accuracy": _accuracy}
    if head.source == "gems":
        return {"r": _pearson}
    if head.source == "tags":
        return {"pr": partial(_per_seed, pr_auc_macro), "roc": partial(_per_seed, roc_auc_macro)}
    return {"spearman": _pearson, "ece": _calibration_error}


def score(recipe: Recipe, found: Sequence[Trial]) -> list[Score]:
    """The table of scores."""
    table = []
    for trial in found:
        for name, metric in trial.metrics.items():
            table.append(_score(recipe, trial, name, metric))
        if trial.spread is not None and "r2" in trial.metrics:
            inside = np.abs(trial.truth[:, None] - trial.guesses) <= _HALF_WIDTH * trial.spread
            covered = Trial(**{**vars(trial), "guesses": inside.astype(float)})
            table.append(_score(recipe, covered, "coverage", _share))
    return table


def _score(recipe: Recipe, trial: Trial, name: str, metric: Metric) -> Score:
    truth, guesses = _ranked(trial) if name == "spearman" else (trial.truth, trial.guesses)
    wide = truth.shape[1] > len(AXES)
    found = over_seeds(
        lambda seed, rows: metric(truth[rows], guesses[rows, seed : seed + 1]),
        guesses.shape[1],
        trial.groups,
        resamples=WIDE_RESAMPLES if wide else RESAMPLES,
    )
    return Score(
        trial.row.name, trial.protocol, trial.test, trial.head, trial.output, name,
        found.mean, found.low, found.high, found.std,
        len(truth), len(set(trial.groups)), guesses.shape[1], trial.leaks, recipe.digest,
    )  # fmt: skip


def judge(recipe: Recipe, found: Sequence[Trial]) -> list[Verdict]:
    """Test every claim on all that both of its rows predicted, by the first metric.

    Where several datasets have the same output, ``all`` takes them together.

    Raises
    ------
    DataError
        If a claim finds nothing to compare.
    """
    verdicts = []
    for claim in recipe.claims:
        pairs = _pairs(claim, found)
        if not pairs:
            raise DataError(
                "nothing to compare", subject=f"claim '{claim.claim}'",
                remedy="Check its rows and their protocols",
            )  # fmt: skip
        several: dict[tuple[str, ...], list[tuple[Trial, Trial]]] = {}
        for pair in pairs:
            verdicts.append(_judge(claim.claim, [pair]))
            if pair[0].output != ALL:
                metric = "" if pair[0].protocol == LEFT_OUT else next(iter(pair[0].metrics))
                several.setdefault((pair[0].protocol, pair[0].output, metric), []).append(pair)
        verdicts += [_judge(claim.claim, own) for own in several.values() if len(own) > 1]
    return verdicts


def _pairs(claim: Claim, found: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    seconds = {one.key: one for one in found if one.row.name == claim.second}
    return [
        (one, seconds[one.key])
        for one in found
        if one.row.name == claim.first and one.key in seconds and one.protocol in claim.protocols
    ]


def _judge(claim: str, pairs: Sequence[tuple[Trial, Trial]]) -> Verdict:
    """Test one pair, or the mean over several of one column each."""
    sides = [[_aligned(pair, side) for pair in pairs] for side in (0, 1)]
    truth = np.concatenate([
        np.column_stack([one[0], np.full(len(one[0]), k)]) for k, one in enumerate(sides[0])
    ])  # fmt: skip
    first, second = (np.concatenate([one[1] for one in side]) for side in sides)
    groups = [group for one in sides[0] for group in one[2]]
    measures = [_first_metric(pair[0]) for pair in pairs]
    metric = partial(_mean_over, measures)
    wide = truth.shape[1] > len(AXES) + 1
    count = WIDE_RESAMPLES if wide else RESAMPLES
    found = paired_bootstrap(metric, truth, first, second, groups, resamples=count)
    p = permutation_test(metric, truth, first, second, groups, permutations=count)
    sure = p < ALPHA and (found.low > 0 or found.high < 0)
    one, two = pairs[0]
    tests = one.test if len(pairs) == 1 else ALL
    return Verdict(
        claim, f"{one.protocol}: {tests}", f"{one.head if len(pairs) == 1 else ALL} {one.output}",
        one.row.name, two.row.name, next(iter(one.metrics)) if len(pairs) == 1 else "mean",
        metric(truth, first), metric(truth, second), *found, p, len(pairs), len(truth),
        len(set(groups)), ("holds" if found.value > 0 else "opposite") if sure else "open",
    )  # fmt: skip


def _aligned(pair: tuple[Trial, Trial], side: int) -> tuple[Array, Array, list[str]]:
    """Truth, guesses and groups of the rows that both sides predicted."""
    both = np.intersect1d(pair[0].index, pair[1].index)
    trial = pair[side]
    kept = np.searchsorted(trial.index, both)
    truth, guesses = _ranked(trial) if "spearman" in trial.metrics else (trial.truth, trial.guesses)
    return truth[kept], guesses[kept], [trial.groups[k] for k in kept]


def _first_metric(trial: Trial) -> Metric:
    return next(iter(trial.metrics.values()))


def _mean_over(measures: Sequence[Metric], truth: Array, guesses: Array) -> float:
    """Mean over pairs, whose number is the last column of the truth."""
    values = []
    for k, measure in enumerate(measures):
        mine = truth[:, -1] == k
        values.append(measure(truth[mine, :-1], guesses[mine]) if mine.any() else np.nan)
    return float(np.mean(values))


def _ranked(trial: Trial) -> tuple[Array, Array]:
    return rankdata(trial.truth, axis=0), rankdata(trial.guesses, axis=0)


# --- metrics: truth (n, k), guesses (n, seeds, k) ---


def _pearson(truth: Array, guesses: Array) -> float:
    t = truth[:, None] - truth.mean(axis=0)
    g = guesses - guesses.mean(axis=0)
    lengths = np.sqrt((t**2).sum(axis=0) * (g**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        # A column without variance has no correlation; constant guesses correlate with nothing.
        values = np.where(lengths > 0, (t * g).sum(axis=0) / lengths, 0.0)
    values = values[:, (t**2).sum(axis=(0, 1)) > 0]
    return float(values.mean()) if values.size else float("nan")


def _r2(truth: Array, guesses: Array) -> float:
    rest = ((truth[:, None] - guesses) ** 2).sum(axis=0)
    whole = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return float((1 - rest / whole).mean()) if (whole > 0).all() else float("nan")


def _ccc(truth: Array, guesses: Array) -> float:
    t, g = truth[:, None] - truth.mean(axis=0), guesses - guesses.mean(axis=0)
    shift = (truth.mean(axis=0) - guesses.mean(axis=0)) ** 2
    spread = (t**2).mean(axis=0) + (g**2).mean(axis=0) + shift
    return float((2 * (t * g).mean(axis=0) / spread).mean()) if (spread > 0).all() else float("nan")


def _accuracy(truth: Array, guesses: Array) -> float:
    return float((guesses.argmax(axis=2) == truth.argmax(axis=1)[:, None]).mean())


def _share(truth: Array, guesses: Array) -> float:
    return float(guesses.mean())


def _auc(truth: Array, guesses: Array) -> float:
    return _per_seed(lambda t, g: roc_auc(t[:, 0] > 0, g[:, 0]), truth, guesses)


def _per_seed(metric: Callable[[Array, Array], float], truth: Array, guesses: Array) -> float:
    return float(np.mean([metric(truth, guesses[:, seed]) for seed in range(guesses.shape[1])]))


def _calibration_error(truth: Array, guesses: Array) -> float:
    """Mean distance of probability and label in their bin of probability, column by column."""
    labels = np.broadcast_to(truth[:, None], guesses.shape)
    column = np.broadcast_to(np.arange(truth.shape[1]), guesses.shape)
    bins = np.minimum((guesses * _BINS).astype(np.intp), _BINS - 1) + _BINS * column
    gaps = np.bincount(bins.ravel(), (guesses - labels).ravel())
    return float(np.abs(gaps).sum() / guesses.size)
