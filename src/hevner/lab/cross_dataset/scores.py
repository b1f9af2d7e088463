"""Scores of a training combination, test set, representation, model and axis.

Conventions
-----------
``truth`` is shape ``(n,)``, ``guesses`` shape ``(seeds, n)``. Every score is the mean over seeds;
intervals are 95 % and resample seeds and whole groups (`hevner.lab.metrics.statistics.over_seeds`).
Pearson's correlation of a dataset with quadrants is that with high and low as 1 and -1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from hevner.lab.cross_dataset.data import Array, Kind
from hevner.lab.metrics import regression
from hevner.lab.metrics.statistics import over_seeds
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.study import claims
from hevner.lab.study.splits import Rows

Metric = Callable[[ArrayLike, ArrayLike], float]

NAN = float("nan")


@dataclass(frozen=True)
class Score:
    """A row of the table; NaN where a score has no meaning or a leak was refused.

    Attributes
    ----------
    protocol, train, test, representation, model, axis
        Name of the cell; training sets are joined by ``+``.
    labels
        Kind of the truth: ratings, quadrants or proxies.
    r2, r2_affine, pearson, ccc, auc
        Means over seeds. ``r2`` and ``ccc`` need ratings on both sides, or a test set that is
        trained on; ``auc`` needs quadrants.
    r2_low, ..., auc_high
        Intervals.
    seed_sd
        Standard deviation over seeds of ``pearson``, or ``auc``; NaN if all gave the same.
    n, groups, seeds
        Number of tested tracks and groups, and of runs.
    leaks
        The label of the leak check.
    recipe
        Digest of the recipe.
    """

    protocol: str
    train: str
    test: str
    representation: str
    model: str
    axis: str
    labels: Kind
    leaks: str
    recipe: str
    n: int
    groups: int
    seeds: int
    r2: float = NAN
    r2_low: float = NAN
    r2_high: float = NAN
    r2_affine: float = NAN
    pearson: float = NAN
    pearson_low: float = NAN
    pearson_high: float = NAN
    ccc: float = NAN
    auc: float = NAN
    auc_low: float = NAN
    auc_high: float = NAN
    seed_sd: float = NAN


COLUMNS = tuple(one.name for one in fields(Score))


def scores(
    kind: Kind, truth: Array, guesses: Array, groups: Sequence[str], *, on_scale: bool
) -> dict[str, float]:
    """All scores with their intervals, by the names of `Score`.

    Parameters
    ----------
    kind
        Kind of the truth.
    truth, guesses
        See the module.
    groups
        Group of each row.
    on_scale
        Whether guesses are meant to be on the scale of the truth.
    """
    runs = np.unique(guesses, axis=0)  # equal runs add nothing and take time
    runs = guesses if len(runs) > 1 else runs
    metrics: dict[str, Metric] = {"pearson": regression.pearson}
    if kind == "quadrants":
        metrics = {"auc": _auc}
    elif on_scale:
        metrics["r2"] = regression.r2
    result: dict[str, float] = {}
    for name, metric in metrics.items():
        found = over_seeds(
            partial(_score, metric, truth, runs), len(runs), groups, resamples=claims.RESAMPLES
        )
        result |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
        result.setdefault("seed_sd", found.std)
    if kind == "quadrants":
        result["pearson"] = _mean(regression.pearson, truth, runs)
    else:
        result["r2_affine"] = _mean(regression.r2_affine, truth, runs)
    if on_scale and kind != "quadrants":
        result["ccc"] = _mean(regression.ccc, truth, runs)
    return result


def _mean(metric: Metric, truth: Array, runs: Array) -> float:
    return float(np.mean([metric(truth, guess) for guess in runs]))


def _score(metric: Metric, truth: Array, guesses: Array, seed: int, rows: Rows) -> float:
    return metric(truth[rows], guesses[seed][rows])


def _auc(truth: ArrayLike, guess: ArrayLike) -> float:
    return roc_auc(np.asarray(truth) > 0, guess)
