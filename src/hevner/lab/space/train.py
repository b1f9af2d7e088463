"""Fit the common space that ships with hevner: ``hevner train recipes/joint.toml``.

Features are those of the default model (`hevner.lab.default.train`); missing ones are extracted
first. Fits of the default model are kept in the store, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hevner.lab.default.basis import folds
from hevner.lab.default.table import build, load_tracks
from hevner.lab.default.train import Progress, describe, prepare
from hevner.lab.space.fit import fit
from hevner.lab.space.pairs import build as build_pairs
from hevner.lab.space.readings import joined, plan, read
from hevner.lab.space.recipe import SpaceRecipe
from hevner.model.space import Space

READINGS = "readings"
"""Folder in the store for predictions of the default model, fitted without each fold."""


def train(
    recipe: SpaceRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> Space:
    """Encode what is missing, and fit the space of a recipe.

    Parameters and errors are those of `hevner.lab.default.train.train`; finished fits are kept in
    the store too, and progress is reported after every fit.
    """
    prepare(recipe.unified, folders, store, jobs, progress)
    table = build(recipe.unified, folders, store, jobs)
    tasks = plan(folds(table, recipe.folds, recipe.seed))
    parts = read(
        table, recipe.unified, tasks, store / READINGS, jobs, partial(progress, "default model")
    )
    pairs = build_pairs(
        table, recipe.unified, joined(parts, tasks), load_tracks(recipe.unified, folders)
    )
    facts = {
        "heads": ["music for an emotion", "emotions of music"],
        "unified": f"{recipe.unified.name}-{recipe.unified.version}",
    }
    return fit(pairs, recipe, describe(table) | facts)
