"""A trained row of a ladder as a folder.

``recipe.toml`` is the recipe; ``card.json`` names the row, the tracks it was trained on and what is
needed to use the weights; ``seed-N`` holds ``weights.pt`` (a state dictionary, to be loaded with
``weights_only=True``), ``preparation.npz`` (units of the embedding's blocks), ``log.csv`` and the
last checkpoint.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec import structs

from hevner import __version__
from hevner.errors import DataError
from hevner.files import cannot_write, replace_file
from hevner.lab import recipes
from hevner.lab.recipe_types import plain
from hevner.lab.unified.fit import Fitted, fit
from hevner.lab.unified.loop import Epoch
from hevner.lab.unified.material import Material
from hevner.lab.unified.recipe import Row
from hevner.lab.unified.recipe import UnifiedRecipe as Recipe

Progress = Callable[[int, Epoch], None]


def train_row(
    recipe: Recipe, row: Row, material: Material, folder: Path, progress: Progress | None = None
) -> None:
    """Train a row on all tracks at hand, once per seed, and write it; it goes on after a stop.

    Parameters
    ----------
    recipe, row
        What to train; a row with ``apart`` has no single network.
    material
        What is at hand.
    folder
        Of the run.
    progress
        Told the seed and its epoch.

    Raises
    ------
    DataError
        If the row is no single network, or nothing of its datasets is at hand.
    ModelError
        If a network cannot be trained.
    OutputError
        If the folder cannot be written.
    """
    if row.apart:
        raise DataError(
            f"row '{row.name}' is a network for each dataset", remedy="Choose a row of one network"
        )
    index = np.flatnonzero(material.samples.of(*row.datasets))
    if not len(index):
        raise DataError(f"no dataset of row '{row.name}' is at hand", remedy="See --dry-run")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    replace_file(folder / "recipe.toml", recipe.text.encode())
    for seed in range(recipe.seeds):
        own = folder / f"seed-{seed}"
        lessons = _lessons(recipe, row, material, index, seed) if row.teachers else {}

        def told(epoch: Epoch, seed: int = seed) -> None:
            if progress is not None:
                progress(seed, epoch)

        fitted = fit(
            recipe, row, material, index, seed, teachers=lessons, folder=own, progress=told
        )
        _write(fitted, own)
        if not seed:
            card = json.dumps(_card(recipe, row, material, index, fitted), indent=2)
            replace_file(folder / "card.json", card.encode())


def recipe_of(folder: Path) -> Recipe:
    """The recipe of a run, with no row but its own and its teachers'.

    Raises
    ------
    DataError
        If the folder is no run.
    """
    try:
        name = json.loads((folder / "card.json").read_text("utf-8"))["row"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"no run of 'hevner train' ({error})", subject=str(folder), remedy="Check the path"
        ) from error
    recipe = recipes.read(folder / "recipe.toml", Recipe)
    row = recipe.row(name)
    kept = tuple(one for one in recipe.rows if one.name in (row.name, row.teachers))
    return structs.replace(recipe, rows=kept, claims=())


def _lessons(
    recipe: Recipe, row: Row, material: Material, index: np.ndarray[Any, Any], seed: int
) -> dict[str, Any]:
    """Raw outputs of a teacher for each dataset, on the rows that it was trained on."""
    teacher = recipe.row(row.teachers)
    lessons: dict[str, Any] = {}
    for name in row.datasets:
        own = index[material.samples.of(name)[index]]
        if not len(own):
            continue
        for head, raw in fit(recipe, teacher, material, own, seed).raw(material, own).items():
            table = lessons.setdefault(
                head, np.full((len(material.tracks), raw.shape[1]), np.nan, np.float32)
            )
            table[own] = raw.numpy()
    return lessons


def _write(fitted: Fitted, folder: Path) -> None:
    weights = io.BytesIO()
    torch.save(fitted.network.state_dict(), weights)
    replace_file(folder / "weights.pt", weights.getvalue())
    arrays = {
        f"{name}.{part}": getattr(block, part)
        for name, block in fitted.preparation.blocks.items()
        for part in ("mean", "spread", "rotation", "scale")
        if getattr(block, part) is not None
    }
    arrays |= {
        f"units.{head}.{dataset}": np.stack(pair)
        for head, scale in fitted.scales.items()
        for dataset, pair in scale.units.items()
    }
    content = io.BytesIO()
    np.savez(content, scale=np.float64(fitted.preparation.scale), **arrays)
    replace_file(folder / "preparation.npz", content.getvalue())


def _card(
    recipe: Recipe, row: Row, material: Material, index: np.ndarray[Any, Any], fitted: Fitted
) -> dict[str, Any]:
    tracks = sorted(material.samples.track[index].tolist())
    return {
        "row": row.name,
        "recipe": recipe.digest,
        "version": __version__,
        "variant": row.variant,
        "network": type(fitted.network).__name__,
        "heads": [asdict(head) for head in fitted.network.heads],
        "shape": plain(row.network) | {"chords": row.chords, "key": row.key},
        "dimension": fitted.network.dimension,
        "blocks": list(row.blocks),
        "seeds": recipe.seeds,
        "trained_on": {
            name: int(material.samples.of(name)[index].sum())
            for name in row.datasets
            if material.samples.of(name).any()
        },
        "labels": {name: recipe.datasets[name].labels for name in row.datasets},
        "tracks": hashlib.sha256("\n".join(tracks).encode()).hexdigest(),
    }
