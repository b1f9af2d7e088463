"""Compare the default model with a plain ridge regression on sets that neither was trained on.

    python benchmarks/transfer.py recipes/unified.toml --data DIR --store DIR --out FILE.csv

Sets with ratings or quadrants are left out in turn. The plain ridge gets the same pooled vectors,
standardised, whole clean clips only, and the same targets, in units of each set; its penalty is
chosen by leave-one-out. Differences of r (of sets with quadrants alone: of the area under the ROC
curve) come with a 95 % paired bootstrap interval over groups, and a paired permutation test.
``mean`` is over the rated sets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from hevner.emotion import AXES
from hevner.lab.data.labels import QUADRANT_SIGNS
from hevner.lab.default.fit import fit
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build
from hevner.lab.default.targets import valence_and_arousal
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.report import write
from hevner.lab.metrics.statistics import Metric, paired_bootstrap, permutation_test
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.recipes import read

Array = NDArray[np.float64]
PENALTIES = np.geomspace(1e1, 1e5, 17)


def plain(train: Table, test: Table, axis: int) -> Array:
    """Predictions of the plain ridge, in standard units."""
    labels = valence_and_arousal(train)[:, axis]
    rows = train.clean & np.isfinite(labels)
    mean, spread = train.vectors[rows].mean(axis=0), train.vectors[rows].std(axis=0) + 1e-6
    model = RidgeCV(PENALTIES).fit((train.vectors[rows] - mean) / spread, labels[rows])
    return np.asarray(model.predict((test.vectors - mean) / spread))


def compare(metric: Metric, truth: Array, ours: Array, theirs: Array, groups: Array) -> dict:
    """One line of the result; predictions in standard units, so that they can be exchanged."""
    ours, theirs = ((guess - guess.mean()) / guess.std() for guess in (ours, theirs))
    difference = paired_bootstrap(metric, truth, ours, theirs, groups)
    return {
        "default": round(metric(truth, ours), 4),
        "plain": round(metric(truth, theirs), 4),
        "difference": round(difference.value, 4),
        "low": round(difference.low, 4),
        "high": round(difference.high, 4),
        "p": round(permutation_test(metric, truth, ours, theirs, groups, permutations=2000), 4),
        "n": len(truth),
        "groups": len(np.unique(groups)),
    }


def mean_over_sets(truth: Array, guess: Array) -> float:
    """Mean r over sets; the second column of the truth numbers the set of a row."""
    sets = truth[:, 1]
    return float(np.mean([pearson(truth[sets == k, 0], guess[sets == k]) for k in np.unique(sets)]))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Compare with a plain ridge, sets left out.")
    parser.add_argument("recipe", type=Path)
    for name in ("data", "store", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    recipe = read(options.recipe, DefaultRecipe)
    table = build(recipe, {name: options.data / name for name in recipe.sets}, options.store)
    rows: list[dict[str, object]] = []
    kept: list[list[tuple[Array, ...]]] = [[], []]
    known = np.isfinite(table.emotion[:, 0]) | (table.quadrant >= 0)
    for number, dataset in enumerate(np.unique(table.dataset[known])):
        mine = table.dataset == dataset
        train = table.where(table.others(dataset))
        test = table.where(mine & table.clean & known)
        guess = fit(train, recipe).predict(test.vectors, test.seconds)
        values = guess.values.astype(np.float64)
        for axis, name in enumerate(AXES):
            theirs = plain(train, test, axis)
            if np.isfinite(test.emotion).all():
                metric, truth = pearson, test.emotion[:, axis]
                units = [(g - g.mean()) / g.std() for g in (values[:, axis], theirs)]
                kept[axis].append((truth, *units, test.group, np.full(len(truth), number)))
            else:
                metric = roc_auc
                truth = (QUADRANT_SIGNS[test.quadrant, axis] > 0).astype(np.float64)
            line = compare(metric, truth, values[:, axis], theirs, test.group)
            rows.append({"dataset": dataset, "axis": name, **line})
    for axis, name in enumerate(AXES):
        columns = zip(*kept[axis], strict=True)
        truth, ours, theirs, groups, sets = (np.concatenate(one) for one in columns)
        line = compare(mean_over_sets, np.stack([truth, sets], axis=1), ours, theirs, groups)
        rows.append({"dataset": "mean", "axis": name, **line})
    write(rows, options.out)


if __name__ == "__main__":
    main()
