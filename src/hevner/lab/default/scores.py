"""Scores of the default model against the labels of one dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats, Integers, Names, Rows
from hevner.emotion import AXES, BASIC
from hevner.lab.data.labels import quadrants_of
from hevner.lab.default.table import Table
from hevner.lab.metrics.regression import ccc, pearson, r2, r2_affine
from hevner.lab.metrics.report import Score, mean_of
from hevner.lab.metrics.tags import roc_auc
from hevner.model.prediction import Prediction

METRICS: dict[str, Callable[[Doubles, Doubles], float]] = {
    "r": pearson,
    "ccc": ccc,
    "r2": r2,
    "r2_affine": r2_affine,
}


PAIRS = {
    "quadrant": (
        ("happy against sad", "valence", 0, 2),
        ("happy against angry", "valence", 0, 1),
        ("calm against sad", "valence", 3, 2),
    ),
    "cluster": (
        ("cheerful against wistful", "valence", 1, 2),
        ("cheerful against aggressive", "valence", 1, 4),
        ("aggressive against wistful", "arousal", 4, 2),
    ),
}
"""Classes that an axis should separate: name, axis, and their numbers, the higher class first."""


def value_scores(table: Table, values: list[Floats]) -> dict[str, Score]:
    """Scores of valence and arousal, shape ``(n, 2)`` per seed, against ratings or classes."""
    scores: dict[str, Score] = {}
    if np.isfinite(table.emotion).all():
        for axis, name in enumerate(AXES):
            truth = table.emotion[:, axis]
            scores |= _agreements(name, truth, [one[:, axis] for one in values])
            if len(set(table.kind)) > 1:
                centred = [_without_means(one[:, axis], table.kind) for one in values]
                within = _agreements("", _without_means(truth, table.kind), centred)
                scores[f"{name} r within genres"] = within[" r"]
        scores["leak"] = agreement(pearson, table.emotion[:, 1], values, 0)
    if (table.quadrant >= 0).all():
        high = np.isin(table.quadrant, (0, 3)), table.quadrant < 2
        scores |= {
            f"{name} auc": agreement(roc_auc, high[axis].astype(np.float64), values, axis)
            for axis, name in enumerate(AXES)
        }
        right = [quadrants_of(one) == table.quadrant for one in values]
        scores["quadrant signs"] = mean_of(right)
    for classes, pairs in PAIRS.items():
        number = getattr(table, classes)
        if (number >= 0).all():
            for name, axis_name, first, second in pairs:
                axis = AXES.index(axis_name)
                scores[f"{axis_name} {name}"] = _against(number, first, second, values, axis)
    return scores


def _agreements(
    name: str, truth: Doubles, values: Sequence[NDArray[np.floating]]
) -> dict[str, Score]:
    columns = [one[:, None] for one in values]
    return {
        f"{name} {metric}": agreement(function, truth, columns, 0)
        for metric, function in METRICS.items()
    }


def _without_means(values: NDArray[np.floating], group: Names) -> Doubles:
    """Values less the mean of their group."""
    result = np.asarray(values, np.float64).copy()
    for name in set(group):
        result[group == name] -= result[group == name].mean()
    return result


def _against(
    number: Integers, first: int, second: int, values: Sequence[Floats], axis: int
) -> Score:
    """Area under the curve of the first class against the second."""

    def score(seed: int, rows: Rows) -> float:
        both = rows[np.isin(number[rows], (first, second))]
        return roc_auc((number[both] == first).astype(float), values[seed][both, axis])

    return score


def label_scores(table: Table, guesses: list[Prediction]) -> dict[str, Score]:
    """All scores that the labels of one dataset allow; one prediction per seed."""
    scores = value_scores(table, [guess.values for guess in guesses])
    if np.isfinite(table.emotion).all():
        for axis, name in enumerate(AXES):
            scores[f"{name} coverage"] = interval_coverage(table, guesses, axis)
            scores[f"{name} interval width"] = mean_of([2 * one.halves[:, axis] for one in guesses])
    if np.isfinite(table.tension).all():
        found = [guess.outputs["tension"] for guess in guesses]
        if found[0].shape[1]:
            scores |= _agreements("tension", table.tension, [one[:, 0] for one in found])
    if np.isfinite(table.emotions).all():
        found = [guess.outputs["emotions"] for guess in guesses]
        for column, name in enumerate(BASIC) if found[0].shape[1] else ():
            truth = (table.emotions[:, column] + 1) / 2
            scores |= _agreements(name, truth, [one[:, column] for one in found])
    if (table.quadrant >= 0).all() and guesses[0].outputs["quadrants"].size:
        right = [guess.outputs["quadrants"].argmax(axis=1) == table.quadrant for guess in guesses]
        scores["quadrant accuracy"] = mean_of(right)
    if np.isfinite(table.gems).all() and guesses[0].outputs["gems"].size:
        scores["gems mean r"] = lambda s, rows: float(
            np.mean(
                [
                    pearson(table.gems[rows, k], guesses[s].outputs["gems"][rows, k])
                    for k in range(9)
                ]
            )
        )
    return scores


def agreement(
    function: Callable[[Doubles, Doubles], float],
    truth: Doubles,
    values: Sequence[NDArray[np.floating]],
    axis: int,
) -> Score:
    """Agreement of one column of the values with the truth."""
    return lambda seed, rows: function(truth[rows], values[seed][rows, axis])


def interval_coverage(table: Table, guesses: list[Prediction], axis: int) -> Score:
    """Share of ratings of an axis inside the interval."""
    return lambda seed, rows: coverage(table.emotion[rows, axis], guesses[seed], rows, axis)


def coverage(truth: Doubles, guess: Prediction, rows: Rows, axis: int) -> float:
    """Share of ratings inside the interval."""
    middle = guess.values[rows, axis].astype(np.float64)
    half = guess.halves[rows, axis]
    return float(np.mean((middle - half <= truth) & (truth <= middle + half)))
