"""Scores of the unified model, and the pairs that its claims compare.

======================  ===============  ==========================================================
Source of labels        Metrics          Scored
======================  ===============  ==========================================================
``emotion``             ``r2 r ccc``     valence, arousal; ``coverage`` of 90 % intervals as trained
``axes``                ``r`` or ``auc`` valence, arousal of a dataset that is left out; ``auc`` of
                                         high against low where only quadrants are known
``quadrants``           ``accuracy``     the most probable quadrant
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
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from hevner.arrays import Doubles, Mask, Rows
from hevner.emotion import AXES
from hevner.lab.metrics.statistics import over_seeds
from hevner.lab.metrics.tags import pr_auc_macro, roc_auc, roc_auc_macro
from hevner.lab.study import claims
from hevner.lab.study.claims import ALL, Comparison, Pair, mean_over_pairs
from hevner.lab.study.kept import Row as TableRow
from hevner.lab.unified.data import StudyData
from hevner.lab.unified.recipe import LEFT_OUT, Claim, HeadRecipe, Row, UnifiedRecipe

if TYPE_CHECKING:
    from hevner.lab.unified.study import CellResult

Metric = Callable[[Doubles, Doubles], float]

_HALF_WIDTH = 1.645
"""Standard deviations from the mean to the ends of a 90 % interval."""
_BINS = 10


COLUMNS = (
    "row", "protocol", "test", "head", "output", "metric", "value", "low", "high", "seed_sd",
    "n", "groups", "seeds", "leaks", "recipe",
)  # fmt: skip
"""Columns of the table; ``output`` is an axis, or ``all``."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of an output by a row of the recipe, with their truth, over all seeds.

    The output is an axis or ``all``; ``index`` are rows of the data, ``(n,)``, with the group of
    each. Truth has shape ``(n, k)``, guesses ``(n, seeds, k)``, and ``spread``, their standard
    deviations, likewise. Claims are tested by the first of the metrics.
    """

    row: Row
    protocol: str
    test: str
    head: str
    output: str
    metrics: dict[str, Metric]
    index: Rows
    truth: Doubles
    guesses: Doubles
    spread: Doubles | None
    groups: list[str]
    leaks: str

    @property
    def key(self) -> tuple[str, ...]:
        """What was predicted, without the row of the recipe."""
        return (self.protocol, self.test, self.head, self.output)

    @property
    def main_metric(self) -> str:
        """Name of the metric that claims are tested by."""
        return next(iter(self.metrics))

    def ranked(self) -> Evaluation:
        """Truth and guesses as ranks, where the main metric is a rank correlation."""
        if self.main_metric != "spearman":
            return self
        truth, guesses = rankdata(self.truth, axis=0), rankdata(self.guesses, axis=0)
        return replace(self, truth=truth, guesses=guesses)


def evaluations(
    recipe: UnifiedRecipe, data: StudyData, results: Sequence[CellResult]
) -> list[Evaluation]:  # fmt: skip
    """Everything that was predicted and has a label, in the order of the recipe's rows."""
    found: list[Evaluation] = []
    for row in recipe.rows:
        for protocol in row.protocols:
            own = [
                one for one in results
                if (one.cell.row.name, one.cell.split.protocol) == (row.name, protocol)
            ]  # fmt: skip
            for name in row.heads if own else ():
                for test in data.datasets:
                    found += _evaluations(recipe, data, own, recipe.heads[name], test)
    return found


def _evaluations(
    recipe: UnifiedRecipe,
    data: StudyData,
    results: Sequence[CellResult],
    head: HeadRecipe,
    test: str,
) -> Iterator[Evaluation]:
    row, protocol = results[0].cell.row, results[0].cell.split.protocol
    if test not in head.datasets or (head.source == "axes") != (protocol == LEFT_OUT):
        return
    mine = data.samples.of(test)
    values, spread, leaks = _over_seeds(recipe, results, head.name, mine)
    if values is None:
        return
    truth = data.labels[head.source]
    quadrants = head.source == "axes" and not np.isfinite(data.samples.emotion[mine]).any()
    quadrants &= bool((data.samples.quadrant[mine] >= 0).any())
    for columns, output in _outputs(head, truth.shape[1]):
        known = mine & np.isfinite(truth[:, columns]).all(axis=1)
        known &= np.isfinite(values[:, :, columns]).all(axis=(1, 2))
        index = np.flatnonzero(known)
        if len(index) < 2:
            continue
        yield Evaluation(
            row, protocol, test, head.name, output, _metrics(head, quadrants), index,
            truth[index][:, columns], values[index][:, :, columns],
            None if spread is None else spread[index][:, :, columns],
            data.samples.group[index].tolist(), leaks,
        )  # fmt: skip


def _over_seeds(
    recipe: UnifiedRecipe, results: Sequence[CellResult], head: str, mine: Mask
) -> tuple[Doubles | None, Doubles | None, str]:
    """Predictions of a dataset from all splits and seeds, shape ``(count, seeds, k)``."""
    values: Doubles | None = None
    spread: Doubles | None = None
    leaks: dict[str, None] = {}
    for result in results:
        found, split = result.arrays.get(f"values.{head}"), result.cell.split
        if found is None or not np.isfinite(found[mine]).any():
            continue
        leaks[split.leaks] = None
        own_spread = result.arrays.get(f"spread.{head}")
        if values is None:
            shape = (len(mine), recipe.seeds, found.shape[1])
            values = np.full(shape, np.nan)
            spread = None if own_spread is None else np.full(shape, np.nan)
        known = mine & np.isfinite(found).any(axis=1)
        values[known, split.seed] = found[known]
        if spread is not None and own_spread is not None:
            spread[known, split.seed] = own_spread[known]
    return values, spread, "; ".join(leaks)


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


def score(recipe: UnifiedRecipe, found: Sequence[Evaluation]) -> list[TableRow]:
    """The table of scores."""
    rows = []
    for one in found:
        for name, metric in one.metrics.items():
            rows.append(_score(recipe, one, name, metric))
        if one.spread is not None and "r2" in one.metrics:
            inside = np.abs(one.truth[:, None] - one.guesses) <= _HALF_WIDTH * one.spread
            covered = replace(one, guesses=inside.astype(float))
            rows.append(_score(recipe, covered, "coverage", _share))
    return rows


def _score(recipe: UnifiedRecipe, one: Evaluation, name: str, metric: Metric) -> TableRow:
    used = one.ranked() if name == "spearman" else one
    truth, guesses = used.truth, used.guesses
    found = over_seeds(
        lambda seed, rows: metric(truth[rows], guesses[rows, seed : seed + 1]),
        guesses.shape[1],
        one.groups,
        resamples=_resamples(truth.shape[1]),
    )
    values = (
        one.row.name, one.protocol, one.test, one.head, one.output, name,
        found.mean, found.low, found.high, found.std,
        len(truth), len(set(one.groups)), guesses.shape[1], one.leaks, recipe.digest,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _resamples(width: int) -> int:
    """Scores with many columns take long."""
    return claims.FEW_RESAMPLES if width > len(AXES) else claims.RESAMPLES


# --- claims ---


def compare(recipe: UnifiedRecipe, found: Sequence[Evaluation], jobs: int = 1) -> list[TableRow]:
    """Test every claim on all that both of its rows predicted, by the first metric.

    Where several datasets have the same output, ``all`` takes them together. A claim that finds
    nothing to compare has no row.
    """
    comparisons = []
    for claim in recipe.claims:
        both = _both(claim, found)
        several: dict[tuple[str, ...], list[tuple[Evaluation, Evaluation]]] = {}
        for first, second in both:
            comparisons.append(_comparison(claim.claim, [(first, second)]))
            if first.output != ALL:
                metric = "" if first.protocol == LEFT_OUT else first.main_metric
                key = (first.protocol, first.output, metric)
                several.setdefault(key, []).append((first, second))
        comparisons += [_comparison(claim.claim, own) for own in several.values() if len(own) > 1]
    return claims.compare(comparisons, jobs)


def _both(claim: Claim, found: Sequence[Evaluation]) -> list[tuple[Evaluation, Evaluation]]:
    """Evaluations of the two rows of a claim that are of the same output."""
    seconds = {one.key: one for one in found if one.row.name == claim.second}
    return [
        (one, seconds[one.key])
        for one in found
        if one.row.name == claim.first and one.key in seconds and one.protocol in claim.protocols
    ]


def _comparison(claim: str, both: Sequence[tuple[Evaluation, Evaluation]]) -> Comparison:
    """Test one pair, or the mean over several of one column each."""
    one, two = both[0]
    test, head, metric = one.test, one.head, one.main_metric
    if len(both) > 1:
        test, head, metric = ALL, ALL, "mean"
    measures = [first.metrics[first.main_metric] for first, _ in both]
    return Comparison(
        claim, f"{one.protocol}: {test}", f"{head} {one.output}", one.row.name, two.row.name,
        metric, [_pair(*pair) for pair in both], partial(mean_over_pairs, measures),
        _resamples(one.truth.shape[1]), one.guesses.shape[1],
        [side.leaks for pair in both for side in pair],
    )  # fmt: skip


def _pair(first: Evaluation, second: Evaluation) -> Pair:
    """Truth, guesses and groups of the rows that both predicted."""
    both = np.intersect1d(first.index, second.index)
    kept = [np.searchsorted(one.index, both) for one in (first, second)]
    one, two = first.ranked(), second.ranked()
    groups = [first.groups[row] for row in kept[0]]
    return Pair(one.truth[kept[0]], one.guesses[kept[0]], two.guesses[kept[1]], groups)


# --- metrics: truth (n, k), guesses (n, seeds, k) ---


def _pearson(truth: Doubles, guesses: Doubles) -> float:
    t = truth[:, None] - truth.mean(axis=0)
    g = guesses - guesses.mean(axis=0)
    lengths = np.sqrt((t**2).sum(axis=0) * (g**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        # A column without variance has no correlation; constant guesses correlate with nothing.
        values = np.where(lengths > 0, (t * g).sum(axis=0) / lengths, 0.0)
    values = values[:, (t**2).sum(axis=(0, 1)) > 0]
    return float(values.mean()) if values.size else float("nan")


def _r2(truth: Doubles, guesses: Doubles) -> float:
    rest = ((truth[:, None] - guesses) ** 2).sum(axis=0)
    whole = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return float((1 - rest / whole).mean()) if (whole > 0).all() else float("nan")


def _ccc(truth: Doubles, guesses: Doubles) -> float:
    t, g = truth[:, None] - truth.mean(axis=0), guesses - guesses.mean(axis=0)
    shift = (truth.mean(axis=0) - guesses.mean(axis=0)) ** 2
    spread = (t**2).mean(axis=0) + (g**2).mean(axis=0) + shift
    return float((2 * (t * g).mean(axis=0) / spread).mean()) if (spread > 0).all() else float("nan")


def _accuracy(truth: Doubles, guesses: Doubles) -> float:
    return float((guesses.argmax(axis=2) == truth.argmax(axis=1)[:, None]).mean())


def _share(truth: Doubles, guesses: Doubles) -> float:
    return float(guesses.mean())


def _auc(truth: Doubles, guesses: Doubles) -> float:
    return _per_seed(lambda t, g: roc_auc(t[:, 0] > 0, g[:, 0]), truth, guesses)


def _per_seed(
    metric: Callable[[Doubles, Doubles], float], truth: Doubles, guesses: Doubles
) -> float:
    return float(np.mean([metric(truth, guesses[:, seed]) for seed in range(guesses.shape[1])]))


def _calibration_error(truth: Doubles, guesses: Doubles) -> float:
    """Mean distance of probability and label in their bin of probability, column by column."""
    labels = np.broadcast_to(truth[:, None], guesses.shape)
    column = np.broadcast_to(np.arange(truth.shape[1]), guesses.shape)
    bins = np.minimum((guesses * _BINS).astype(np.intp), _BINS - 1) + _BINS * column
    gaps = np.bincount(bins.ravel(), (guesses - labels).ravel())
    return float(np.abs(gaps).sum() / guesses.size)
