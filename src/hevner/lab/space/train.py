"""Fit the common space that ships with hevner: ``hevner train recipes/joint.toml``.

Features are those of the unified model (`hevner.lab.default.train`); what is missing is extracted
first. Fits of the unified model are kept in the store, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hevner import datasets
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.lab.default.fit import folds
from hevner.lab.default.table import Table, build
from hevner.lab.default.train import Progress, describe, prepare
from hevner.lab.space.fit import fit
from hevner.lab.space.pairs import build as build_pairs
from hevner.lab.space.readings import joined, plan, read
from hevner.lab.space.recipe import Recipe
from hevner.model.space import Space

READINGS = "readings"
"""Folder in the store for the predictions of fits of the unified model."""


def tracks_of(recipe: Recipe, folders: Mapping[str, Path]) -> dict[str, Track]:
    """Tracks of all sets, by full name."""
    names = recipe.unified.sets
    return {leaks.name(t): t for name in names for t in datasets.load(name, folders[name])}


def card(table: Table, recipe: Recipe) -> dict[str, Any]:
    """Facts about the training data for the card of the space."""
    tells = ["music for an emotion", "emotions of music"]
    unified = f"{recipe.unified.name}-{recipe.unified.version}"
    return describe(table) | {"heads": tells, "unified": unified}


def train(
    recipe: Recipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> Space:
    """Encode what is missing, and fit the space.

    Parameters
    ----------
    recipe
        Decides the space.
    folders
        Folder of each dataset, by name.
    store
        Folder of the features, and of the predictions of finished fits of the unified model.
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
        table, recipe.unified, tasks, store / READINGS, jobs, partial(progress, "unified model")
    )
    pairs = build_pairs(table, recipe.unified, joined(parts, tasks), tracks_of(recipe, folders))
    return fit(pairs, recipe, card(table, recipe))
