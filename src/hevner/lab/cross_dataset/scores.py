"""Scores of a training combination, test set, representation, model and axis.

Conventions
-----------
``truth`` is shape ``(n,)``, ``guesses`` shape ``(seeds, n)``. Every score is the mean over seeds;
intervals are 95 % and resample seeds and whole groups (`hevner.lab.metrics.statistics.over_seeds`).
Pearson's correlation of a dataset with quadrants is that with high and low as 1 and -1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

COLUMNS = (
    "protocol", "train", "test", "representation", "model", "axis", "labels", "leaks", "recipe",
    "n", "groups", "seeds", "r2", "r2_low", "r2_high", "r2_affine",
    "pearson", "pearson_low", "pearson_high", "ccc", "auc", "auc_low", "auc_high", "seed_sd",
)  # fmt: skip
"""Columns of the table: training sets joined by ``+``; the kind of the truth; the label of the leak
check; the digest of the recipe; tested tracks and groups, and runs; means over seeds, with their
intervals. ``r2`` and ``ccc`` need ratings on both sides, or a test set that is trained on; ``auc``
needs quadrants. ``seed_sd`` is the standard deviation over seeds of ``pearson``, or ``auc``; empty
if all gave the same. A test set that is refused for a leak has no scores."""


def scores(
    kind: Kind, truth: Array, guesses: Array, groups: Sequence[str], *, on_scale: bool
) -> dict[str, float]:
    """All scores with their intervals, by the names of `COLUMNS`.

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
