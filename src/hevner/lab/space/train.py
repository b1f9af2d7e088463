"""Fit the common space that ships with hevner: ``hevner train recipes/joint.toml``.

Features are those of the default model (`hevner.lab.default.train`); missing ones are extracted
first. Fits of the default model are kept in the store, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hevner import datasets
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.lab.default.basis import folds
from hevner.lab.default.table import Table, build
from hevner.lab.default.train import Progress, describe, prepare
from hevner.lab.space.fit import fit
from hevner.lab.space.pairs import build as build_pairs
from hevner.lab.space.readings import joined, plan, read
from hevner.lab.space.recipe import SpaceRecipe
from hevner.model.space import Space

READINGS = "readings"
"""Folder in the store for predictions of the default model, fitted without each fold."""


def tracks_of(recipe: SpaceRecipe, folders: Mapping[str, Path]) -> dict[str, Track]:
    """Tracks of all sets, by full name."""
    names = recipe.unified.sets
    return {leaks.name(t): t for name in names for t in datasets.load(name, folders[name])}


def card(table: Table, recipe: SpaceRecipe) -> dict[str, Any]:
    """Facts about the space for people."""
    heads = ["music for an emotion", "emotions of music"]
    unified = f"{recipe.unified.name}-{recipe.unified.version}"
    return describe(table) | {"heads": heads, "unified": unified}


def train(
    recipe: SpaceRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> Space:
    """Encode what is missing, and fit the space of a recipe.

    Parameters
    ----------
    recipe
        Recipe of the space.
    folders
        Folder of each dataset, by name.
    store
        Folder of renders, features and finished fits.
    jobs
        Number of parallel processes.
    progress
        Called after every clip that was encoded and every fit.

    Raises
    ------
    DataError
        If a dataset cannot be read, or the teacher's predictions are not stored.
    """
    prepare(recipe.unified, folders, store, jobs, progress)
    table = build(recipe.unified, folders, store, jobs)
    tasks = plan(folds(table, recipe.folds, recipe.seed))
    parts = read(
        table, recipe.unified, tasks, store / READINGS, jobs, partial(progress, "default model")
    )
    pairs = build_pairs(table, recipe.unified, joined(parts, tasks), tracks_of(recipe, folders))
    return fit(pairs, recipe, card(table, recipe))
