"""Fit the common space that ships with hevner.

    python -m hevner.lab.space recipes/joint.toml --data DIR --cache DIR --out FILE.npz

Features are those of the unified model (`hevner.lab.default.train`); what is missing is extracted
first. Fits of the unified model are kept in the cache, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from rich.progress import Progress

from hevner import datasets
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.lab.default.basis import folds
from hevner.lab.default.table import Table, build
from hevner.lab.default.train import describe, prepare
from hevner.lab.space import recipe as recipes
from hevner.lab.space.fit import fit
from hevner.lab.space.pairs import build as build_pairs
from hevner.lab.space.readings import joined, plan, read
from hevner.lab.space.recipe import Recipe

READINGS = "readings"
"""Folder in the cache for what fits of the unified model told."""


def tracks_of(recipe: Recipe, data: Path) -> dict[str, Track]:
    """Tracks of all sets, by full name."""
    names = recipe.unified.sets
    return {leaks.name(t): t for name in names for t in datasets.load(name, data / name)}


def card(table: Table, recipe: Recipe) -> dict[str, Any]:
    """What a person must know about the space."""
    tells = ["music for an emotion", "emotions of music"]
    unified = f"{recipe.unified.name}-{recipe.unified.version}"
    return describe(table) | {"heads": tells, "unified": unified}


def main() -> None:
    """Fit."""
    parser = argparse.ArgumentParser(description="Fit the common space.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for renders and features")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    recipe = recipes.read(options.recipe)
    prepare(recipe.unified, options.data, options.cache, options.jobs)
    table = build(recipe.unified, options.data, options.cache, options.jobs)
    tasks = plan(folds(table, recipe.folds, recipe.seed))
    with Progress() as bar:
        fits = bar.add_task("unified model", total=len(tasks))
        parts = read(
            table, recipe.unified, tasks, options.cache / READINGS, options.jobs,
            lambda done, _: bar.update(fits, completed=done),
        )  # fmt: skip
    pairs = build_pairs(
        table, recipe.unified, joined(parts, tasks), tracks_of(recipe, options.data)
    )
    space = fit(pairs, recipe, card(table, recipe))
    space.save(options.out)


if __name__ == "__main__":
    main()
