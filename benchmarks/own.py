"""Measure models of one's own: accuracy by the number of labels.

    python benchmarks/own.py recipes/own.toml --base recipes/unified.toml --data DIR --store DIR

Labelled sets play the user's: the model that is started from is trained on the others only (and on
nothing that shares a song, an artist or an album with them). Four folds by group, anew for every
seed; from the training part of each, as many tracks as are given are drawn at random. Everything,
penalties and intervals too, is fitted to these tracks. Every track is predicted once per seed.

Systems
-------
shipped     The model that is started from, as it is.
line        Its reading after the line that fits the labels best.
nothing     Ridge regression of the labels on the features alone; its penalty is chosen likewise.
own         `hevner train own`: both together.

Conventions
-----------
Values are means over seeds, with 95 % bootstrap intervals over groups; ``difference`` is that of
``own`` less the system, on the same tracks, likewise. Classes: ``auc``, each class against all
others, mean over classes; ``accuracy``. ``coverage``: share of ratings inside the intervals, which
should hold 90 %. ``labels``: how many were drawn, on average.
"""

from __future__ import annotations

import os

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(library, "1")

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hevner.datasets.labels import Classes, LabelTable
from hevner.emotion import Quadrant
from hevner.lab.default.fit import fit as fit_base
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build
from hevner.lab.metrics.regression import ccc, pearson, r2
from hevner.lab.metrics.report import write
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.own.graph import start_from
from hevner.lab.own.heads import OwnHead, Start, fit_heads, probabilities
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.own.ridge import folds
from hevner.lab.recipes import read

Array = NDArray[np.float64]
Metric = Callable[[Array, Array], float]

RESULTS = Path(__file__).with_name("results") / "own.csv"
SIZES = (30, 100, 300, 1000)
SEEDS = 5
RESAMPLES = 300
FOLDS = 4
SETS = {
    ("film",): ("valence", "arousal", "tension"),
    ("musemo",): ("valence", "arousal"),
    ("musifeast",): ("valence", "arousal"),
    ("vgmidi",): ("valence", "arousal"),
    ("film", "musemo", "musifeast"): ("valence", "arousal"),
    ("emopia", "quadrants4q"): ("quadrant",),
    ("mirex",): ("cluster",),
}
"""What is left out together, and the labels that are learned."""

SYSTEMS = ("own", "shipped", "line", "nothing")


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A set that is left out, and what the model that is started from says of it.

    Attributes
    ----------
    name, label
        Names of the sets, and of the label.
    labels, start
        Labels of all tracks; that model's outputs.
    truth
        Ratings ``(n,)``, or 1 for the class of a track, ``(n, classes)``.
    shipped
        That model's reading of the label in the same form, None without one.
    group
        Names of groups, shape ``(n,)``.
    """

    name: str
    label: str
    labels: LabelTable
    start: Start
    truth: Array
    shipped: Array | None
    group: NDArray[np.str_]


def left_out_sets(table: Table, base: DefaultRecipe) -> Iterator[LeftOut]:
    """All sets, with all labels of each."""
    for sets, names in SETS.items():
        mine = np.isin(table.dataset, sets)
        model = fit_base(table.where(~np.isin(table.group, table.group[mine])), base)
        test = table.where(mine & table.clean)
        start = start_from(model, test.vectors, test.seconds)
        for name in names:
            yield left_out_set(" ".join(sets), name, test, start)


def left_out_set(sets: str, name: str, test: Table, start: Start) -> LeftOut:
    """One label of one set."""
    ratings, classes = {}, {}
    if name in ("quadrant", "cluster"):
        number = getattr(test, name)
        count = 4 if name == "quadrant" else 5
        names = tuple(q.name for q in Quadrant) if name == "quadrant" else tuple("12345")
        truth, head = np.eye(count)[number], "quadrants" if name == "quadrant" else ""
        classes[name] = Classes(names, number)
        said = start.outputs[head] if head else np.zeros((len(test), 0))
    else:
        truth = test.tension if name == "tension" else test.emotion[:, int(name == "arousal")]
        ratings[name] = truth
        head, column = ("tension", 0) if name == "tension" else ("emotion", int(name == "arousal"))
        said = start.outputs[head]
        said = said[:, column] if said.size else said
    shipped = said.astype(np.float64) if said.size else None
    labels = LabelTable(ratings, classes, {}, None)
    return LeftOut(sets, name, labels, start, truth, shipped, test.group)


def some(
    left_out: LeftOut, rows: NDArray[np.intp], *, blind: bool = False
) -> tuple[LabelTable, Start]:
    """Labels and outputs of some tracks; blind without what the model that is started from says."""
    labels, start = left_out.labels, left_out.start
    ratings = {name: values[rows] for name, values in labels.ratings.items()}
    classes = {n: Classes(one.names, one.number[rows]) for n, one in labels.classes.items()}
    columns = start.columns[rows]
    outputs = {name: values[rows] for name, values in start.outputs.items()}
    places = start.places
    if blind:
        columns = columns.copy()
        columns[:, : start.readings] = 0
        outputs, places = {name: 0 * values for name, values in outputs.items()}, {}
    return LabelTable(ratings, classes, {}, None), Start(outputs, columns, places, start.readings)


def predict(head: OwnHead, start: Start, left_out: LeftOut) -> Array:
    """What a head says of tracks, in the form of the truth; see `hevner.lab.own.graph`."""
    linear = start.columns @ head.weights + head.offset
    if head.kind == "classes":
        return probabilities("classes", linear)
    column = head.names.index(left_out.label)
    base = start.outputs[head.name]
    before = base[:, column] if base.size else 0.0
    return np.asarray(np.clip(before + linear[:, column], -1, 1))


def line(said: Array, truth: Array, train: NDArray[np.intp], test: NDArray[np.intp]) -> Array:
    """A reading after the line that fits some tracks best."""
    slope, offset = np.polyfit(said[train], truth[train], 1)
    return np.asarray(np.clip(offset + slope * said[test], -1, 1))


def guesses(
    left_out: LeftOut, size: int, recipe: OwnRecipe, seed: int
) -> tuple[dict[str, Array], Array, float]:
    """Predictions of each system, half-widths of the intervals of ``own``, number of labels."""
    fold = folds(left_out.group, FOLDS, seed)
    alone = replace(recipe, readings=recipe.readings[-1:])
    said = {name: np.full(left_out.truth.shape, np.nan) for name in SYSTEMS}
    if left_out.shipped is not None:
        said["shipped"] = left_out.shipped
    half, used = np.full(len(fold), np.nan), []
    rng = np.random.default_rng([seed, size])
    for number in range(FOLDS):
        test = np.flatnonzero(fold == number)
        train = rng.permutation(np.flatnonzero(fold != number))[:size]
        used.append(len(train))
        for name in ("own", "nothing"):
            blind = name == "nothing"
            labels, start = some(left_out, train, blind=blind)
            (head,) = fit_heads(labels, start, left_out.group[train], alone if blind else recipe)
            _, unseen = some(left_out, test, blind=blind)
            said[name][test] = predict(head, unseen, left_out)
            if name == "own" and head.kind == "values":
                half[test] = head.half[head.names.index(left_out.label)]
        if left_out.shipped is not None and left_out.truth.ndim == 1:
            said["line"][test] = line(left_out.shipped, left_out.truth, train, test)
    return said, half, float(np.mean(used))


def macro_auc(truth: Array, guess: Array) -> float:
    """Mean over classes of the area under the curve of one class against the others."""
    return float(np.nanmean([roc_auc(*pair) for pair in zip(truth.T, guess.T, strict=True)]))


def accuracy(truth: Array, guess: Array) -> float:
    """Share of tracks whose most probable class is right."""
    return float((truth.argmax(axis=1) == guess.argmax(axis=1)).mean())


RATINGS: dict[str, Metric] = {"r": pearson, "ccc": ccc, "r2": r2}
CLASSES: dict[str, Metric] = {"auc": macro_auc, "accuracy": accuracy}


def measure(left_out: LeftOut, size: int, recipe: OwnRecipe) -> Iterator[dict[str, object]]:
    """All rows of one label and one number of labels."""
    runs = [guesses(left_out, size, recipe, seed) for seed in range(SEEDS)]
    truth, group = left_out.truth, left_out.group
    everything = np.arange(len(group))

    def mean(metric: Metric, system: str, rows: NDArray[np.intp]) -> float:
        return float(np.mean([metric(truth[rows], run[0][system][rows]) for run in runs]))

    facts: dict[str, object] = {"dataset": left_out.name, "label": left_out.label}
    facts |= {"labels": round(float(np.mean([run[2] for run in runs]))), "seeds": SEEDS}
    facts |= {"n": len(group), "groups": len(np.unique(group))}
    for metric, of in (RATINGS if truth.ndim == 1 else CLASSES).items():
        drawn: dict[str, list[float]] = {}
        for system in SYSTEMS:
            if np.isnan(runs[0][0][system]).any():
                continue
            kept = drawn.setdefault(system, [])

            def keep(rows: NDArray[np.intp], of: Metric = of, system: str = system) -> float:
                drawn[system].append(mean(of, system, rows))  # noqa: B023
                return drawn[system][-1]  # noqa: B023

            value = mean(of, system, everything)
            row = facts | {"metric": metric, "system": system}
            row |= numbers("", value, bootstrap(keep, group, resamples=RESAMPLES))
            # Every system is drawn the same tracks.
            gains = np.subtract(drawn["own"], kept)
            gain = mean(of, "own", everything) - value if system != "own" else np.nan
            yield row | numbers("difference", gain, tuple(np.percentile(gains, (2.5, 97.5))))
    if truth.ndim == 1:
        inside = np.array([np.abs(truth - run[0]["own"]) <= run[1] for run in runs])
        ends = bootstrap(lambda rows: float(inside[:, rows].mean()), group, resamples=RESAMPLES)
        row = facts | {"metric": "coverage", "system": "own"}
        row |= numbers("", float(inside.mean()), ends)
        yield row | numbers("difference", np.nan, (np.nan, np.nan))


def numbers(name: str, value: float, ends: tuple[float, float]) -> dict[str, object]:
    """Three columns: a value and its interval; empty for NaN."""
    prefix = f"{name}_" if name else ""
    columns = (name or "value", f"{prefix}low", f"{prefix}high")
    found = (value, *ends)
    return {c: "" if np.isnan(value) else f"{v:.4f}" for c, v in zip(columns, found, strict=True)}


def sizes(left_out: LeftOut) -> list[int]:
    """Numbers of labels that a training part has, and all of them."""
    most = len(left_out.group) * (FOLDS - 1) // FOLDS
    return [*(size for size in SIZES if size < 0.9 * most), most]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure models of one's own.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--base", type=Path, required=True, help="recipe of the default model")
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--store", type=Path, required=True, help="folder of the features")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV")
    options = parser.parse_args()
    base = read(options.base, DefaultRecipe)
    recipe = read(options.recipe, OwnRecipe)
    table = build(base, {name: options.data / name for name in base.sets}, options.store)
    rows: list[dict[str, object]] = []
    for one in left_out_sets(table, base):
        for size in sizes(one):
            rows += measure(one, size, recipe)
            print(one.name, one.label, size, [r["value"] for r in rows[-13:]], flush=True)
            write(rows, options.out)


if __name__ == "__main__":
    main()
