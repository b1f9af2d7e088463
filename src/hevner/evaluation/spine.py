"""Measure the default model: grouped cross-validation, leave-one-dataset-out, curves over time.

    python -m hevner.evaluation.spine recipes/spine.toml --data DIR --cache DIR --out FILE.csv

Every number comes with n, seeds and a 95 % bootstrap interval over groups (songs, games, artist
proxies). Before every fit the test tracks are compared with those trained on
(`hevner.datasets.leaks`). Folds keep groups together; everything is fitted inside the training
part, with the code that trains the shipped model.

Conventions
-----------
``r`` Pearson, ``ccc`` concordance, ``r2`` coefficient of determination on the unit scale,
``r2_affine`` the same after the best line (the square of r), ``leak`` correlation of predicted
valence with human arousal, ``coverage`` share of ratings inside the interval.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner import datasets
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.evaluation.metrics import calibration
from hevner.evaluation.metrics.regression import ccc, pearson, r2, r2_affine
from hevner.evaluation.metrics.tags import roc_auc
from hevner.evaluation.statistics import bootstrap
from hevner.files import replace_file
from hevner.models.head import AXES, Model, Prediction
from hevner.training.fit import fit, folds, leave_one_out
from hevner.training.recipe import Recipe, read
from hevner.training.table import Table, build

Array = NDArray[np.float64]
Row = dict[str, object]
Score = Callable[[int, NDArray[np.intp]], float]
"""A score by seed and rows."""

OUTER_FOLDS = 10
SEEDS = 5
RESAMPLES = 1000


METRICS: dict[str, Callable[[Array, Array], float]] = {
    "r": pearson,
    "ccc": ccc,
    "r2": r2,
    "r2_affine": r2_affine,
}


class Report:
    """Rows of a result table; a score is the mean over seeds, its interval over groups."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(
        self,
        protocol: str,
        table: Table,
        name: str,
        score: Score,
        seeds: int,
    ) -> None:
        """Add ``score(seed, rows)`` of a table."""
        everything = np.arange(len(table))
        per_seed = [score(seed, everything) for seed in range(seeds)]
        low, high = bootstrap(lambda rows: score(0, rows), table.group, resamples=RESAMPLES)
        self.rows.append(
            {
                "protocol": protocol,
                "dataset": str(table.dataset[0]),
                "metric": name,
                "value": round(float(np.mean(per_seed)), 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "seed_std": round(float(np.std(per_seed)), 4),
                "n": len(table),
                "groups": len(set(table.group)),
                "seeds": seeds,
            }
        )


def refuse_leaks(table: Table, test: NDArray[np.bool_], tracks: Mapping[str, Track]) -> None:
    """Stop if a test row's track is known from the other rows in any way but by its sound.

    Raises
    ------
    DataError
        If there is a leak.
    """
    train, held = ([tracks[clip] for clip in np.unique(table.clip[m])] for m in (~test, test))
    leaks.refuse(leaks.find(train, held))


def predict_held_out(
    table: Table, recipe: Recipe, seed: int, tracks: Mapping[str, Track]
) -> tuple[Prediction, Prediction]:
    """Predictions for every row from a model that has not seen its group.

    Returns
    -------
    tuple
        The rows read as whole pieces, and read as windows.
    """
    fold = folds(table, OUTER_FOLDS, seed)
    parts: list[tuple[NDArray[np.bool_], Prediction, Prediction]] = []
    for number in range(OUTER_FOLDS):
        test = fold == number
        refuse_leaks(table, test, tracks)
        model = fit(table.where(~test), recipe)
        vectors = table.vectors[test]
        parts.append((test, model.predict(vectors), model.predict(vectors, windows=True)))
    return _merge(table, [p[:2] for p in parts]), _merge(table, [(p[0], p[2]) for p in parts])


def _merge(table: Table, parts: list[tuple[NDArray[np.bool_], Prediction]]) -> Prediction:
    fields = {}
    for name in Prediction.__annotations__:
        first = getattr(parts[0][1], name)
        merged = np.zeros((len(table), *first.shape[1:]), np.float32)
        for rows, prediction in parts:
            merged[rows] = getattr(prediction, name)
        fields[name] = merged
    return Prediction(**fields)


def select(prediction: Prediction, rows: NDArray[np.bool_]) -> Prediction:
    """Some rows of a prediction."""
    return Prediction(**{n: getattr(prediction, n)[rows] for n in Prediction.__annotations__})


def score_set(report: Report, protocol: str, table: Table, guesses: list[Prediction]) -> None:
    """All scores that the labels of one dataset allow; one prediction per seed."""
    seeds = len(guesses)
    score_values(report, protocol, table, [guess.values for guess in guesses])
    if np.isfinite(table.emotion).all():
        for axis, name in enumerate(AXES):
            report.add(protocol, table, f"{name} coverage", _coverage(table, guesses, axis), seeds)
            report.add(protocol, table, f"{name} interval width", _width(guesses, axis), seeds)
    if (table.quadrant >= 0).all():
        report.add(
            protocol, table, "quadrant accuracy",
            lambda s, rows: float(
                (guesses[s].quadrants[rows].argmax(axis=1) == table.quadrant[rows]).mean()
            ), seeds,
        )  # fmt: skip
    if np.isfinite(table.gems).all():
        report.add(
            protocol, table, "gems mean r",
            lambda s, rows: float(np.mean(
                [pearson(table.gems[rows, k], guesses[s].gems[rows, k]) for k in range(9)]
            )), seeds,
        )  # fmt: skip


def score_values(
    report: Report, protocol: str, table: Table, values: list[NDArray[np.float32]]
) -> None:
    """Scores of valence and arousal, shape ``(n, 2)`` per seed, against ratings or quadrants."""
    if np.isfinite(table.emotion).all():
        for axis, name in enumerate(AXES):
            truth = table.emotion[:, axis]
            for metric, function in METRICS.items():
                score = _agreement(function, truth, values, axis)
                report.add(protocol, table, f"{name} {metric}", score, len(values))
        leak = _agreement(pearson, table.emotion[:, 1], values, 0)
        report.add(protocol, table, "leak", leak, len(values))
    elif (table.quadrant >= 0).all():
        for axis, high in enumerate((np.isin(table.quadrant, (0, 3)), table.quadrant < 2)):
            score = _agreement(roc_auc, high.astype(np.float64), values, axis)
            report.add(protocol, table, f"{AXES[axis]} auc", score, len(values))


def _agreement(
    function: Callable[[Array, Array], float],
    truth: Array,
    values: list[NDArray[np.float32]],
    axis: int,
) -> Score:
    return lambda seed, rows: function(truth[rows], values[seed][rows, axis])


def _coverage(table: Table, guesses: list[Prediction], axis: int) -> Score:
    return lambda seed, rows: coverage(table.emotion[rows, axis], guesses[seed], rows, axis)


def _width(guesses: list[Prediction], axis: int) -> Score:
    return lambda seed, rows: float(2 * guesses[seed].halves[rows, axis].mean())


def coverage(truth: Array, guess: Prediction, rows: NDArray[np.intp], axis: int) -> float:
    """Share of ratings inside the interval."""
    middle = guess.values[rows, axis].astype(np.float64)
    half = guess.halves[rows, axis]
    return calibration.coverage(truth, middle - half, middle + half)


def score_curves(report: Report, table: Table, guesses: list[Prediction]) -> None:
    """Correlation over time within a piece, averaged over pieces, for clean windows."""
    for axis, name in enumerate(AXES):
        within = _within(table, guesses, axis)
        report.add("curves", table, f"{name} within-piece r", within, len(guesses))
        inside = _coverage(table, guesses, axis)
        report.add("curves", table, f"{name} coverage", inside, len(guesses))


def _within(table: Table, guesses: list[Prediction], axis: int) -> Score:
    def score(seed: int, rows: NDArray[np.intp]) -> float:
        values = []
        # A piece drawn twice counts once: its curve is the same.
        for clip in sorted(set(table.clip[rows])):
            mine = table.clip == clip
            truth, guess = table.emotion[mine, axis], guesses[seed].values[mine, axis]
            if mine.sum() >= 4 and truth.std() > 1e-6 and guess.std() > 1e-6:
                values.append(pearson(truth, guess))
        return float(np.mean(values))

    return score


def cross_validate(
    report: Report, table: Table, recipe: Recipe, seeds: int, tracks: Mapping[str, Track]
) -> None:
    """Grouped cross-validation of the whole recipe, all sets at once."""
    held_out = [predict_held_out(table, recipe, seed, tracks) for seed in range(seeds)]
    for dataset in sorted(set(table.dataset)):
        rows = table.clean & (table.dataset == dataset)
        wholes = [select(whole, rows) for whole, _ in held_out]
        score_set(report, "cross-validation", table.where(rows), wholes)
    rows = table.window & np.isin(table.clip, table.clip[table.clean]) & first_variant(table)
    if rows.any():
        score_curves(report, table.where(rows), [select(moment, rows) for _, moment in held_out])


def first_variant(table: Table) -> NDArray[np.bool_]:
    """Rows before the second whole-clip row of the same clip, that is of its first variant."""
    seen: dict[str, int] = {}
    result = np.zeros(len(table), bool)
    for row in range(len(table)):
        if not table.window[row]:
            seen[table.clip[row]] = seen.get(table.clip[row], 0) + 1
        result[row] = seen[table.clip[row]] == 1
    return result


def leave_one_dataset_out(
    report: Report, table: Table, recipe: Recipe, tracks: Mapping[str, Track]
) -> dict[str, Model]:
    """Train on the other sets, test on one."""
    models = {}
    left_out = dict(leave_one_out(table))
    for dataset in sorted(set(table.dataset[table.quadrant >= 0]) | set(left_out)):
        mine = table.dataset == dataset
        refuse_leaks(table, mine, tracks)
        models[dataset] = fit(table.where(~mine), recipe)
        rows = table.where(mine & table.clean)
        score_set(report, "leave-one-dataset-out", rows, [models[dataset].predict(rows.vectors)])
    return models


def write(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV, atomically."""
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for renders and features")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    recipe = read(options.recipe)
    table = build(recipe, options.data, options.cache)
    report = Report()
    tracks = {
        leaks.name(track): track
        for name in recipe.sets
        for track in datasets.load(name, options.data / name)
    }
    cross_validate(report, table, recipe, options.seeds, tracks)
    leave_one_dataset_out(report, table, recipe, tracks)
    write(report.rows, options.out)


if __name__ == "__main__":
    main()
