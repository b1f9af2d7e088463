"""Train the default model: ``hevner train recipes/unified.toml``.

The first run renders and encodes every clip (about an hour on two cores); the features are kept in
the store and a run that was stopped goes on where it was. Tags are learned from a teacher whose
predictions must be in the store before (``hevner extract --teacher``). Fitting takes one to two
minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hevner import datasets
from hevner.lab.data.corpus import compute_all
from hevner.lab.default.fit import fit
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build
from hevner.model.predict import Model

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, the amount done and the whole amount."""


def train(
    recipe: DefaultRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> Model:
    """Encode what is missing, and fit the model.

    Parameters
    ----------
    recipe
        Decides the model.
    folders
        Folder of each dataset, by name.
    store
        Folder of the features, and of rendered MIDI.
    jobs
        Number of parallel processes.
    progress
        Called after every clip that was encoded.

    Raises
    ------
    DataError
        If a dataset cannot be read, or the teacher's predictions are not stored.
    """
    prepare(recipe, folders, store, jobs, progress)
    table = build(recipe, folders, store, jobs)
    return fit(table, recipe, describe(table))


def prepare(
    recipe: DefaultRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> None:
    """Render and encode what a recipe needs and the store does not have; see `train`."""
    for name, entry in recipe.sets.items():
        clips = datasets.load(name, folders[name])
        for variant in entry.variants:
            work = [(clip, variant) for clip in clips]
            for count, done in enumerate(compute_all(work, store, jobs), 1):
                if done.error is not None:
                    raise done.error
                progress(f"{name} {variant.name}", count, len(work))


def describe(table: Table) -> dict[str, Any]:
    """Facts about the training data for the card of a model."""
    sets = sorted(set(table.dataset))
    return {
        "data": [
            {
                "name": name,
                "clips": len(set(table.clip[table.dataset == name])),
                "groups": len(set(table.group[table.dataset == name])),
                "licence": datasets.card(name).licence,
            }
            for name in sets
        ],
        "commercial_use": False,
        "licence": "Trained on data for research use: so is the model. The code is MIT.",
    }
