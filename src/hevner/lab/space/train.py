"""Fit the common space that ships with hevner.

    python -m hevner.lab.space.train recipes/joint.toml --data DIR --cache DIR --out FILE.npz

Features are those of the default model (`hevner.lab.default.train`); missing ones are extracted
first. Fits of the default model are kept in the cache, so that a run that was stopped goes on.
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
from hevner.lab import recipes
from hevner.lab.default.fit import folds
from hevner.lab.default.table import Table, build
from hevner.lab.default.train import describe, prepare
from hevner.lab.space.fit import fit
from hevner.lab.space.pairs import build as build_pairs
from hevner.lab.space.readings import joined, plan, read
from hevner.lab.space.recipe import SpaceRecipe

READINGS = "readings"
"""Folder in the cache for predictions of the default model, fitted without each fold."""


def tracks_of(recipe: SpaceRecipe, data: Path) -> dict[str, Track]:
    """Tracks of all sets, by full name."""
    names = recipe.unified.sets
    return {leaks.name(t): t for name in names for t in datasets.load(name, data / name)}


def card(table: Table, recipe: SpaceRecipe) -> dict[str, Any]:
    """Facts about the space for people."""
    heads = ["music for an emotion", "emotions of music"]
    unified = f"{recipe.unified.name}-{recipe.unified.version}"
    return describe(table) | {"heads": heads, "unified": unified}


def run(recipe: SpaceRecipe, data: Path, cache: Path, out: Path, jobs: int = 1) -> None:
    """Fit the space of a recipe and write it.

    Parameters
    ----------
    recipe
        Recipe of the space.
    data
        Folder of the datasets.
    cache
        Folder for renders, features and finished fits.
    out
        File to write (.npz).
    jobs
        Number of parallel processes.
    """
    prepare(recipe.unified, data, cache, jobs)
    table = build(recipe.unified, data, cache, jobs)
    tasks = plan(folds(table, recipe.folds, recipe.seed))
    with Progress() as bar:
        fits = bar.add_task("default model", total=len(tasks))
        parts = read(
            table, recipe.unified, tasks, cache / READINGS, jobs,
            lambda done, _: bar.update(fits, completed=done),
        )  # fmt: skip
    pairs = build_pairs(table, recipe.unified, joined(parts, tasks), tracks_of(recipe, data))
    fit(pairs, recipe, card(table, recipe)).save(out)


def main() -> None:
    """Fit."""
    parser = argparse.ArgumentParser(description="Fit the common space.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for renders and features")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    recipe = recipes.read(options.recipe, SpaceRecipe)
    run(recipe, options.data, options.cache, options.out, options.jobs)


if __name__ == "__main__":
    main()
