"""Compare two states of the features or of the recipe, paired by clip.

    python benchmarks/held_out.py keep recipes/unified.toml --data DIR --store DIR --out FILE.npz
    python benchmarks/held_out.py compare OLD.npz NEW.npz --out FILE.csv

``keep`` fits a recipe, all but its tags, without every fifth of the groups in turn, for some
seeds, and without each set with ratings or quadrants, and keeps the predictions of clean clips. It
may be run in two checkouts, each with a store of its own. ``compare`` scores both on the same
clips; differences come with a 95 % bootstrap interval over groups.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hevner.emotion import AXES
from hevner.lab.default.basis import folds
from hevner.lab.default.fit import fit
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build
from hevner.lab.metrics.regression import pearson, r2
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.recipes import read
from hevner.output.spreadsheet import csv_text

Array = NDArray[Any]
Score = Callable[[dict[str, Array], Array], float]
"""From the predictions of one seed, by head, and rows of a set to a score."""

FOLDS = 5
HEADS = ("emotion", "quadrants", "gems")
COLUMNS = (
    *("protocol", "dataset", "metric", "n", "seeds"),
    *("old", "new", "difference", "low", "high"),
)
LABELS = ("dataset", "clip", "group", "emotion", "quadrant", "gems")


def keep(options: argparse.Namespace) -> None:
    """Fit and predict what was held out."""
    recipe = msgspec.structs.replace(read(options.recipe, DefaultRecipe), tags=None)
    folders = {name: options.data / name for name in recipe.sets}
    table = build(recipe, folders, options.store)
    kept = {name: getattr(table, name)[table.clean] for name in LABELS}
    for seed in range(options.seeds):
        fold = folds(table, FOLDS, seed)
        parts = [(fold != number, fold == number) for number in range(FOLDS)]
        for head, values in held_out(table, recipe, parts).items():
            kept[f"{head}.{seed}"] = values
    rated = np.isfinite(table.emotion[:, 0]) | (table.quadrant >= 0)
    sets = np.unique(table.dataset[rated])
    parts = [(table.others(name), table.dataset == name) for name in sets]
    kept["left_out"] = held_out(table, recipe, parts)["emotion"]
    np.savez_compressed(options.out, **kept)


def held_out(
    table: Table, recipe: DefaultRecipe, parts: list[tuple[Array, Array]]
) -> dict[str, Array]:
    """Predictions for clean rows to test, by models of the rows to train on; pairs of masks."""
    found: dict[str, Array] = {}
    for train, test in parts:
        rows = test & table.clean
        model = fit(table.where(train), recipe)
        outputs = model.predict(table.vectors[rows], table.seconds[rows]).outputs
        for head in HEADS:
            blank = np.full((len(table), outputs[head].shape[1]), np.nan)
            found.setdefault(head, blank)[rows] = outputs[head]
    return {head: values[table.clean] for head, values in found.items()}


def scores(labels: dict[str, Array]) -> Iterator[tuple[str, str, Score]]:
    """What the labels of one set allow: head, name, score."""
    emotion, quadrant, gems = (labels[name] for name in LABELS[3:])
    known = quadrant >= 0
    for axis, name in enumerate(AXES):
        if np.isfinite(emotion).all():
            for metric, of in (("r2", r2), ("r", pearson)):
                yield (
                    "emotion", f"{name} {metric}",
                    lambda guess, rows, axis=axis, of=of: of(
                        emotion[rows, axis], guess["emotion"][rows, axis]
                    ),
                )  # fmt: skip
        elif known.all():
            high = np.isin(quadrant, ((0, 3), (0, 1))[axis]).astype(float)
            yield (
                "emotion", f"{name} auc",
                lambda guess, rows, axis=axis, high=high: roc_auc(
                    high[rows], guess["emotion"][rows, axis]
                ),
            )  # fmt: skip
    if known.all():
        yield (
            "quadrants", "quadrant accuracy",
            lambda guess, rows: float(
                np.mean(guess["quadrants"][rows].argmax(axis=1) == quadrant[rows])
            ),
        )  # fmt: skip
    if np.isfinite(gems).all():
        yield (
            "gems", "gems mean r",
            lambda guess, rows: float(
                np.mean([pearson(gems[rows, k], guess["gems"][rows, k]) for k in range(9)])
            ),
        )  # fmt: skip


def compare(options: argparse.Namespace) -> None:
    """Score two files of predictions on the clips that both have."""
    files = [dict(np.load(path)) for path in (options.first, options.second)]
    both = np.intersect1d(files[0]["clip"], files[1]["clip"])
    orders = [np.argsort(one["clip"])[np.isin(np.sort(one["clip"]), both)] for one in files]
    old, new = (
        {name: values[order] for name, values in one.items()}
        for one, order in zip(files, orders, strict=True)
    )
    seeds = [name.partition(".")[2] for name in old if name.startswith("emotion.")]
    lines = []
    for dataset in np.unique(new["dataset"]):
        mine = new["dataset"] == dataset
        labels = {name: new[name][mine] for name in LABELS}
        for head, metric, score in scores(labels):
            protocols = {"cross-validation": [f"{head}.{seed}" for seed in seeds]}
            if head == "emotion" and np.isfinite(new["left_out"][mine]).all():
                protocols["leave-one-dataset-out"] = ["left_out"]
            for protocol, names in protocols.items():
                guesses = [[{head: one[name][mine]} for name in names] for one in (old, new)]

                def mean(rows: Array, of: int, guesses: Any = guesses, score: Any = score) -> float:
                    return float(np.mean([score(guess, rows) for guess in guesses[of]]))

                everything = np.arange(mine.sum())
                low, high = bootstrap(
                    lambda rows, mean=mean: mean(rows, 1) - mean(rows, 0), labels["group"]
                )
                values = [mean(everything, 0), mean(everything, 1)]
                values += [values[1] - values[0], low, high]
                lines.append(
                    [protocol, dataset, metric, len(everything), len(names)]
                    + [f"{value:.4f}" for value in values]
                )
    options.out.write_text(csv_text(COLUMNS, lines), "utf-8", newline="")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Compare two states of the features.")
    steps = parser.add_subparsers(required=True)
    one = steps.add_parser("keep")
    one.add_argument("recipe", type=Path)
    for name in ("data", "store", "out"):
        one.add_argument(f"--{name}", type=Path, required=True)
    one.add_argument("--seeds", type=int, default=3)
    one.set_defaults(step=keep)
    two = steps.add_parser("compare")
    for name in ("first", "second", "--out"):
        two.add_argument(name, type=Path, **({"required": True} if name == "--out" else {}))
    two.set_defaults(step=compare)
    options = parser.parse_args()
    options.step(options)


if __name__ == "__main__":
    main()
