"""Measure personal corrections: accuracy by the number of ratings.

    python benchmarks/personalise.py recipes/unified.toml --data DIR --store DIR

Each dataset with valence and arousal plays the person: a model that has not seen it analyses it, a
few pieces are drawn, a correction is fitted to their ratings and judged on all other pieces; so
many times over. The prior comes from the other datasets, each analysed by a model without it.

Conventions
-----------
``gain`` is the difference to no correction on the same pieces; ``low`` and ``high`` are a 95 %
interval of the mean over draws from this one dataset (not over other datasets). ``worse`` is the
share of draws in which R2 falls. ``coverage`` is the share of ratings inside intervals meant to
hold 90 %, ``half_width`` their mean half-width. The unit scale throughout.
"""

from __future__ import annotations

import os

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(library, "1")

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hevner.emotion import AXES
from hevner.lab.default.fit import fit, leave_one_out
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build
from hevner.lab.metrics.regression import pearson, r2
from hevner.lab.personalise import FEWEST, Prior, Sample, fit_axis
from hevner.lab.recipes import read
from hevner.personal import TERMS, Axis

Array = NDArray[np.float64]
Row = dict[str, object]

RESULTS = Path(__file__).with_name("results") / "personalise.csv"
SIZES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50)
DRAWS = 500
SEED = 4
QUANTILE_95 = 1.96


@dataclass(frozen=True)
class Unseen:
    """One axis of a dataset as a model sees it that was trained without it."""

    dataset: str
    axis: str
    sample: Sample
    halves: Array


def analyse(table: Table, recipe: DefaultRecipe) -> list[Unseen]:
    """Every dataset with ratings, analysed by a model without it; both axes of each."""
    found = []
    for dataset, mine in leave_one_out(table):
        rows = table.where(mine & table.clean)
        guess = fit(table.where(table.others(dataset)), recipe).predict(rows.vectors, rows.seconds)
        values, moods = guess.values.astype(np.float64), guess.outputs["gems"].astype(np.float64)
        for axis, name in enumerate(AXES):
            sample = Sample(values[:, axis], moods, rows.emotion[:, axis])
            found.append(Unseen(dataset, name, sample, guess.halves[:, axis].astype(np.float64)))
    return found


def prior_from(others: Sequence[Sample]) -> Prior:
    """Empirical Bayes: a prior from datasets and models that were not trained on them.

    ``others`` holds one sample per dataset and axis, none of them to be corrected.
    """
    lines = [np.polyfit(one.values, one.ratings, 1) for one in others]
    rest = [
        float(np.std(one.ratings - np.polyval(line, one.values)))
        for one, line in zip(others, lines, strict=True)
    ]
    slopes, offsets = np.array(lines).T
    return Prior(
        offset=_root_mean_square(offsets),
        slope=_root_mean_square(slopes - 1),
        noise=_root_mean_square(rest),
    )


def _root_mean_square(numbers: Sequence[float] | Array) -> float:
    return float(np.sqrt(np.mean(np.square(numbers))))


def least_squares(sample: Sample, prior: Prior) -> Axis:
    """The line that fits best, without any prior."""
    change = np.zeros(TERMS)
    if len(sample.ratings) >= FEWEST:
        slope, offset = np.polyfit(sample.values, sample.ratings, 1)
        change[:2] = offset, slope - 1
    return Axis(change, sample.moods.mean(axis=0), prior.noise, np.zeros((TERMS, TERMS)))


def line(sample: Sample, prior: Prior) -> Axis:
    """The correction without moods."""
    return fit_axis(sample, replace(prior, moods=0.0))


METHODS: dict[str, Callable[[Sample, Prior], Axis]] = {
    "least squares": least_squares,
    "line": line,
    "line and moods": fit_axis,
}


def part(sample: Sample, rows: NDArray[np.intp]) -> Sample:
    """Some pieces of a sample."""
    return Sample(sample.values[rows], sample.moods[rows], sample.ratings[rows])


def score(unseen: Unseen, method: str, size: int, prior: Prior, draws: int) -> Row:
    """The mean over draws of one size."""
    rng = np.random.default_rng([SEED, size])
    numbers = np.array([_draw(unseen, METHODS[method], size, prior, rng) for _ in range(draws)])
    mean = numbers.mean(axis=0)
    error = QUANTILE_95 * numbers.std(axis=0) / np.sqrt(draws)
    row: Row = {
        "dataset": unseen.dataset, "axis": unseen.axis, "method": method, "ratings": size,
        "draws": draws, "pieces": len(unseen.halves), "r2": round(mean[0], 4),
        "r": round(mean[1], 4),
    }  # fmt: skip
    for place, name in ((2, "r2_gain"), (3, "r_gain")):
        row[name] = round(mean[place], 4)
        row[f"{name}_low"] = round(mean[place] - error[place], 4)
        row[f"{name}_high"] = round(mean[place] + error[place], 4)
    worse = float(np.mean(numbers[:, 2] < 0))
    return row | {
        "worse": round(worse, 3), "coverage": round(mean[4], 3), "half_width": round(mean[5], 3),
    }  # fmt: skip


def _draw(
    unseen: Unseen,
    method: Callable[[Sample, Prior], Axis],
    size: int,
    prior: Prior,
    rng: np.random.Generator,
) -> tuple[float, ...]:
    """R2, r, gains of both, coverage and half-width on the pieces that were not drawn."""
    order = rng.permutation(len(unseen.halves))
    rest = part(unseen.sample, order[size:])
    axis = method(part(unseen.sample, order[:size]), prior)
    guess, halves = axis.values(rest.values, rest.moods), axis.halves(rest.values, rest.moods)
    after = r2(rest.ratings, guess), pearson(rest.ratings, guess)
    before = r2(rest.ratings, rest.values), pearson(rest.ratings, rest.values)
    inside = np.abs(rest.ratings - guess) <= halves
    gains = after[0] - before[0], after[1] - before[1]
    return (*after, *gains, float(inside.mean()), float(halves.mean()))


def uncorrected(unseen: Unseen) -> Row:
    """The model as it is."""
    truth, guess = unseen.sample.ratings, unseen.sample.values
    inside = np.abs(truth - guess) <= unseen.halves
    return {
        "dataset": unseen.dataset, "axis": unseen.axis, "method": "none", "ratings": 0,
        "draws": 1, "pieces": len(truth), "r2": round(r2(truth, guess), 4),
        "r": round(pearson(truth, guess), 4), "coverage": round(float(inside.mean()), 3),
        "half_width": round(float(unseen.halves.mean()), 3),
    }  # fmt: skip


def study(table: Table, recipe: DefaultRecipe, draws: int) -> list[Row]:
    """All learning curves."""
    everything = analyse(table, recipe)
    print("prior from all datasets:", prior_from([one.sample for one in everything]))
    rows = []
    for unseen in everything:
        prior = prior_from([o.sample for o in everything if o.dataset != unseen.dataset])
        print(f"{unseen.dataset} {unseen.axis}:", prior)
        rows.append(uncorrected(unseen))
        for method in METHODS:
            sizes = [k for k in SIZES if method != "least squares" or k >= FEWEST]
            rows += [score(unseen, method, size, prior, draws) for size in sizes]
    return rows


def draw_figure(rows: list[Row], path: Path) -> None:
    """R2 by the number of ratings, a panel per dataset and axis."""
    panels = sorted({(str(row["dataset"]), str(row["axis"])) for row in rows})
    figure = Figure(figsize=(9, 3.2 * (len(panels) + 1) // 2), layout="constrained")
    grid = figure.subplots((len(panels) + 1) // 2, 2, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        mine = [row for row in rows if (row["dataset"], row["axis"]) == panel]
        base = next(row for row in mine if row["method"] == "none")["r2"]
        assert isinstance(base, float)
        axes.axhline(base, color="#555555", lw=1, ls="--", label="no correction")
        best = base
        for method, colour in zip(METHODS, ("#D55E00", "#0072B2", "#009E73"), strict=True):
            curve = [row for row in mine if row["method"] == method]
            values = np.array([[r["r2_gain"], r["r2_gain_low"], r["r2_gain_high"]] for r in curve])
            values = values.astype(np.float64) + base
            sizes = [float(str(row["ratings"])) for row in curve]
            axes.plot(sizes, values[:, 0], "o-", ms=3, color=colour, label=method)
            axes.fill_between(sizes, values[:, 1], values[:, 2], color=colour, alpha=0.2, lw=0)
            best = max(best, values[:, 0].max())
        axes.set(xscale="log", title=" ".join(panel), ylim=(max(base - 0.15, -1.3), best + 0.05))
        axes.set_xticks(SIZES, [str(size) for size in SIZES])
        axes.minorticks_off()
        axes.set(xlabel="ratings", ylabel="R2, no correction + gain")
    grid[0].legend(fontsize=8)
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure personal corrections.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--store", type=Path, required=True, help="folder of renders and features")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV; the figure goes beside it")
    options = parser.parse_args()
    recipe = read(options.recipe, DefaultRecipe)
    folders = {name: options.data / name for name in recipe.sets}
    write(study(build(recipe, folders, options.store), recipe, options.draws), options.out)


def write(rows: list[Row], path: Path) -> None:
    """Write the table and the figure."""
    columns = max(rows, key=len)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw_figure(rows, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
