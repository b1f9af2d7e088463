"""Train the default model.

    python -m hevner.lab.default.train recipes/unified.toml --data DIR --cache DIR --out MODEL.npz

The first run renders and encodes every clip (about an hour on two cores); the features are kept in
the cache folder and a run that was stopped goes on where it was. Tags are learned from a teacher
that must have been run on the clips before (``python -m hevner.lab.teachers``, into the same
folder). Fitting takes one to two minutes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from rich.progress import track

from hevner import datasets
from hevner.lab.data.corpus import compute_all
from hevner.lab.default.fit import fit
from hevner.lab.default.recipe import Recipe, read
from hevner.lab.default.table import Table, build


def prepare(recipe: Recipe, data: Path, cache: Path, jobs: int) -> None:
    """Render and encode whatever a recipe needs and the cache does not have."""
    for name, entry in recipe.sets.items():
        clips = datasets.load(name, data / name)
        for variant in entry.variants:
            work = [(clip, variant) for clip in clips]
            steps = compute_all(work, cache, jobs)
            for done in track(steps, f"{name} {variant.name}", total=len(work)):
                if done.error is not None:
                    raise done.error


def describe(table: Table) -> dict[str, Any]:
    """What a person must know about the training data."""
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


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Train the default model.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for renders and features")
    parser.add_argument("--out", type=Path, required=True, help="model file to write (.npz)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    recipe = read(options.recipe)
    prepare(recipe, options.data, options.cache, options.jobs)
    table = build(recipe, options.data, options.cache)
    fit(table, recipe, describe(table)).save(options.out)


if __name__ == "__main__":
    main()
