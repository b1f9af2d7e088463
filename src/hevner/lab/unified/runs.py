"""Compute cells of the unified model, or train a row on all tracks and keep its networks.

``recipe.toml`` is the recipe; ``card.json`` names the row, the tracks it was trained on and what is
needed to use the weights; ``seed-N`` holds ``weights.pt`` (a state dictionary, to be loaded with
``weights_only=True``), ``preparation.npz`` (units of the embedding's blocks), ``log.csv`` and the
last checkpoint. `hevner.lab.unified.study.recipe_of_run` reads the recipe of such a folder.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hevner import __version__
from hevner.arrays import Doubles, Floats, Rows
from hevner.errors import DataError
from hevner.files import make_folder, write_file
from hevner.lab.recipe_types import plain
from hevner.lab.study import kept
from hevner.lab.study.splits import Split
from hevner.lab.unified.data import StudyData
from hevner.lab.unified.fit import Fitted, Prediction, fit
from hevner.lab.unified.loop import Epoch
from hevner.lab.unified.recipe import LEFT_OUT, Row, UnifiedRecipe

Progress = Callable[[int, Epoch], None]


def train_row(
    recipe: UnifiedRecipe, row: Row, data: StudyData, folder: Path, progress: Progress | None = None
) -> None:
    """Train a row on all tracks, once per seed, and write it; it goes on after a stop.

    Progress is called with the seed and every epoch. A row that, being ``apart``, is no single
    network (``not_one_network``), and no track of its datasets (``no_tracks``), raise `DataError`;
    a network that cannot be trained `ModelError`; a folder that cannot be written `OutputError`.
    """
    if row.apart:
        raise DataError(
            f"row '{row.name}' is a network for each dataset",
            remedy="Choose a row of one network",
            code="not_one_network",
        )
    rows = np.flatnonzero(data.samples.of(*row.datasets))
    if not len(rows):
        raise DataError(
            f"no dataset of row '{row.name}' is complete", remedy="See --dry-run", code="no_tracks"
        )
    make_folder(folder)
    write_file(folder / "recipe.toml", recipe.text.encode())
    for seed in range(recipe.seeds):
        own = folder / f"seed-{seed}"
        lessons = lessons_of(recipe, row, data, rows, seed) if row.teachers else {}

        def report(epoch: Epoch, seed: int = seed) -> None:
            if progress is not None:
                progress(seed, epoch)

        fitted = fit(recipe, row, data, rows, seed, teachers=lessons, folder=own, progress=report)
        _write(fitted, own)
        if not seed:
            card = json.dumps(_card(recipe, row, data, rows, fitted), indent=2, default=plain)
            write_file(folder / "card.json", card.encode())


def _write(fitted: Fitted, folder: Path) -> None:
    weights = io.BytesIO()
    torch.save(fitted.network.state_dict(), weights)
    write_file(folder / "weights.pt", weights.getvalue())
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
    arrays["scale"] = np.float64(fitted.preparation.scale)
    kept.write(folder / "preparation.npz", arrays)


def _card(
    recipe: UnifiedRecipe, row: Row, data: StudyData, rows: Rows, fitted: Fitted
) -> dict[str, Any]:  # fmt: skip
    tracks = sorted(data.samples.track[rows].tolist())
    return {
        "row": row.name,
        "recipe": recipe.digest,
        "version": __version__,
        "variant": row.variant,
        "network": type(fitted.network).__name__,
        "heads": list(fitted.network.heads),
        "shape": plain(row.network) | {"chords": row.chords, "key": row.key},
        "dimension": fitted.network.dimension,
        "blocks": list(row.blocks),
        "seeds": recipe.seeds,
        "trained_on": {
            name: int(data.samples.of(name)[rows].sum())
            for name in row.datasets
            if data.samples.of(name).any()
        },
        "labels": {name: recipe.datasets[name].labels for name in row.datasets},
        "tracks": hashlib.sha256("\n".join(tracks).encode()).hexdigest(),
    }


Lessons = dict[str, Floats]
"""Raw outputs of teachers for all rows of the data, NaN for none, by head."""


def compute(
    recipe: UnifiedRecipe, row: Row, data: StudyData, split: Split, lessons: Mapping[str, Any]
) -> dict[str, Any]:
    """Arrays of a cell, with one network or one for each dataset of its row.

    Where several networks predict a row of the data, their mean is taken. Networks apart teach
    others, so their raw outputs are kept; lessons are those that a network learns from.
    """
    predicted: dict[str, list[Prediction]] = {}
    taught: Lessons = {}
    for names in [[name] for name in row.datasets] if row.apart else [row.datasets]:
        train = _of(data, split.train, names)
        if not len(train):
            continue
        validation = None if split.validation is None else _of(data, split.validation, names)
        fitted = fit(recipe, row, data, train, split.seed, validation=validation, teachers=lessons)
        everything = not row.apart or split.protocol == LEFT_OUT
        test = split.test if everything else _of(data, split.test, names)
        for head, found in _for_all_rows(data, fitted, test).items():
            predicted.setdefault(head, []).append(found)
        if row.apart:
            add_lessons(taught, data, fitted, train)
    arrays: dict[str, Any] = {}
    for head, several in predicted.items():
        values, spread = _mean(several)
        arrays[f"values.{head}"] = values.astype(np.float32)
        if spread is not None:
            arrays[f"spread.{head}"] = spread.astype(np.float32)
    return arrays | {f"lesson.{head}": lesson for head, lesson in taught.items()}


def lessons_of(recipe: UnifiedRecipe, row: Row, data: StudyData, rows: Rows, seed: int) -> Lessons:
    """Raw outputs of the teachers of a row, each fitted to the rows of its dataset."""
    teacher = recipe.row(row.teachers)
    lessons: Lessons = {}
    for name in row.datasets:
        own = _of(data, rows, [name])
        if len(own):
            add_lessons(lessons, data, fit(recipe, teacher, data, own, seed), own)
    return lessons


def add_lessons(lessons: Lessons, data: StudyData, fitted: Fitted, rows: Rows) -> None:
    """Add the raw outputs of a network for the rows that it was trained on."""
    for head, raw in fitted.raw(data, rows).items():
        empty = np.full((len(data.tracks), raw.shape[1]), np.nan, np.float32)
        lessons.setdefault(head, empty)[rows] = raw.numpy()


def _of(data: StudyData, rows: Rows, datasets: Collection[str]) -> Rows:
    """Those of some rows that belong to some datasets."""
    return rows[data.samples.of(*datasets)[rows]]


def _for_all_rows(data: StudyData, fitted: Fitted, rows: Rows) -> dict[str, Prediction]:
    """Predictions for some rows as tables with a row for every track."""

    def spread_out(table: Doubles) -> Doubles:
        full = np.full((len(data.tracks), table.shape[1]), np.nan)
        full[rows] = table
        return full

    return {
        head: Prediction(
            spread_out(one.values), None if one.spread is None else spread_out(one.spread)
        )
        for head, one in fitted.predict(data, rows).items()
    }


def _mean(found: Sequence[Prediction]) -> Prediction:
    """Mean of what several networks predict for each row."""
    values = np.stack([one.values for one in found])
    known = np.isfinite(values)
    count = known.sum(axis=0)
    mean = np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)
    return Prediction(mean, found[0].spread if len(found) == 1 else None)
