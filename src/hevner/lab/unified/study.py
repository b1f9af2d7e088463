"""Run a ladder: every row, protocol, seed and part is a cell, fitted once and kept.

Conventions
-----------
Predictions of a cell have a row per track of the material, NaN where nothing was predicted. Tested
tracks are never trained on: folds and left-out datasets keep linked tracks on one side, and every
part is checked for leaks before anything is fitted. For a dataset that is left out, only heads that
learn from other datasets as well speak; of networks apart, the mean is taken.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hevner import __version__
from hevner.datasets import splits
from hevner.datasets.folds import Fold, k_folds, leave_one_out
from hevner.datasets.leaks import LINKS, find, refuse
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.files import replace_file
from hevner.lab import workers
from hevner.lab.recipe_types import plain
from hevner.lab.unified.fit import Index, Prediction, fit
from hevner.lab.unified.material import Material
from hevner.lab.unified.recipe import FOLDS, LEFT_OUT, Row
from hevner.lab.unified.recipe import UnifiedRecipe as Recipe

Progress = Callable[[int, int], None]

OFFICIAL = "official"
"""Name of the split that the tracks of a dataset tell themselves."""


@dataclass(frozen=True, eq=False)
class Part:
    """One division of the material.

    Attributes
    ----------
    protocol, name
        Of `hevner.lab.unified.recipe.Protocol`; a number, or what is left out.
    seed
        Number of the run.
    train, validation, test
        Rows of the material; without a validation part, one is held out of the training rows.
    leaks
        Label of the leak check.
    """

    protocol: str
    name: str
    seed: int
    train: Index
    validation: Index | None
    test: Index
    leaks: str


@dataclass(frozen=True, eq=False)
class Cell:
    """One fit, or one for each dataset, that is kept."""

    row: Row
    part: Part


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a cell predicted of its tested rows, by head; NaN elsewhere."""

    cell: Cell
    predictions: Mapping[str, Prediction]


def lay_out(recipe: Recipe, material: Material) -> list[Part]:
    """Every part of the protocols that rows ask for.

    Raises
    ------
    DataError
        If a part leaks and the recipe refuses leaks, or the tracks cannot be divided.
    """
    wanted = dict.fromkeys(protocol for row in recipe.rows for protocol in row.protocols)
    shared = {kind for name in material.datasets for kind in recipe.datasets[name].shared}
    joined = tuple(kind for kind in LINKS if kind not in shared)
    parts: list[Part] = []
    for protocol in wanted:
        if protocol == FOLDS:
            for seed in range(recipe.seeds):
                folds = k_folds(material.tracks, recipe.folds, seed=seed, joined=joined)
                parts += _parts(recipe, material, protocol, folds, [seed], shared)
        elif protocol == LEFT_OUT:
            folds = leave_one_out(material.tracks, "dataset", joined=joined)
            parts += _parts(recipe, material, protocol, folds, range(recipe.seeds), shared)
        else:
            parts += _split(recipe, material, shared)
    return parts


def _parts(
    recipe: Recipe,
    material: Material,
    protocol: str,
    folds: Sequence[Fold],
    seeds: Collection[int],
    shared: Collection[str],
) -> list[Part]:
    parts = []
    for fold in folds:
        label = _checked(recipe, fold.train, fold.test, shared)
        train, test = _index(material, fold.train), _index(material, fold.test)
        parts += [Part(protocol, fold.name, seed, train, None, test, label) for seed in seeds]
    return parts


def _split(recipe: Recipe, material: Material, shared: Collection[str]) -> list[Part]:
    """The stored splits of all datasets together."""
    sides: dict[str, list[Track]] = {"train": [], "validation": [], "test": []}
    for name in material.datasets:
        for side, tracks in _sides(recipe, material, name).items():
            if side not in sides:
                raise DataError(
                    f"the split has a part '{side}'", subject=name,
                    remedy=f"Choose one of parts {', '.join(sides)}",
                )  # fmt: skip
            sides[side] += tracks
    label = _checked(recipe, [*sides["train"], *sides["validation"]], sides["test"], shared)
    train, validation, test = (_index(material, tracks) for tracks in sides.values())
    return [
        Part("split", "test", seed, train, validation if len(validation) else None, test, label)
        for seed in range(recipe.seeds)
    ]


def _sides(recipe: Recipe, material: Material, name: str) -> Mapping[str, Sequence[Track]]:
    own = [track for track in material.tracks if track.dataset == name]
    split = recipe.datasets[name].split
    if not split:
        raise DataError(
            f"no split of {name} is named", subject=recipe.name, remedy="Give 'split' for it"
        )
    if split != OFFICIAL:
        return splits.load(name, split).apply(own)
    found: dict[str, list[Track]] = {}
    for track in own:
        found.setdefault(track.official_split, []).append(track)
    return found


def _checked(
    recipe: Recipe, train: Sequence[Track], test: Sequence[Track], shared: Collection[str]
) -> str:
    """The label of the leak check; an error where the recipe refuses leaks."""
    found = find(train, test)
    return found.label if recipe.leaks == "label" else refuse(found, shared)


def _index(material: Material, tracks: Sequence[Track]) -> Index:
    places = {full_name(track): row for row, track in enumerate(material.tracks)}
    return np.array([places[full_name(track)] for track in tracks], np.intp)


def plan(recipe: Recipe, material: Material, parts: Sequence[Part]) -> list[Cell]:
    """Every cell of a ladder, row by row; parts that leave a row nothing to learn have none."""
    cells = []
    for row in recipe.rows:
        for part in parts:
            if part.protocol not in row.protocols:
                continue
            train = part.train[material.samples.of(*row.datasets)[part.train]]
            if len(train) and set(row.datasets) & set(material.datasets):
                cells.append(Cell(row, part))
    return cells


def run(
    recipe: Recipe,
    material: Material,
    cells: Sequence[Cell],
    folder: Path,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Outcomes of cells, in their order; networks that teach are fitted first.

    Parameters
    ----------
    recipe, material
        The ladder and what is at hand.
    cells
        Of `plan`.
    folder
        Keeps finished cells.
    jobs
        Processes.
    progress
        Told how many cells are done, and of how many.

    Raises
    ------
    DataError, ModelError
        If a network cannot be trained.
    OutputError
        If the folder cannot be written.
    """
    worker = _Worker(recipe, material, folder)
    paths = [worker.path(cell) for cell in cells]
    done = sum(path.is_file() for path in paths)
    for taught in (False, True):
        waiting = {
            path: cell
            for path, cell in zip(paths, cells, strict=True)
            if bool(cell.row.teachers) == taught and not path.is_file()
        }
        for _ in workers.work(worker, waiting, jobs, _single_thread):
            done += 1
            if progress is not None:
                progress(done, len(cells))
    return [
        Outcome(cell, worker.read(path)[0]) for cell, path in zip(cells, paths, strict=True)
    ]  # fmt: skip


# --- one cell ---


class _Worker:
    """Does and keeps single cells."""

    def __init__(self, recipe: Recipe, material: Material, folder: Path) -> None:
        self.recipe, self.material, self.folder = recipe, material, folder
        self._digest = _digest(material)

    def path(self, cell: Cell) -> Path:
        """Where a cell is kept; the name changes with anything that it depends on."""
        row, part = cell.row, cell.part
        rows = [row] + ([self.recipe.row(row.teachers)] if row.teachers else [])
        heads = [plain(self.recipe.heads[name]) for one in rows for name in one.heads]
        about: dict[str, Any] = {
            "version": __version__,
            "material": self._digest,
            "rows": [plain(one) | {"name": "", "teachers": "", "protocols": ()} for one in rows],
            "heads": heads,
            "seed": part.seed,
        }
        found = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
        for rows_of in (part.train, part.validation, part.test):
            numbers = np.zeros(0, np.int64) if rows_of is None else rows_of.astype(np.int64)
            found.update(np.int64(len(numbers)).tobytes() + numbers.tobytes())
        return self.folder / f"{found.hexdigest()}.npz"

    def do(self, cell: Cell) -> None:
        """Fit, predict, keep."""
        predictions, lessons = self._apart(cell) if cell.row.apart else self._whole(cell)
        arrays: dict[str, NDArray[np.float32]] = {}
        for name, found in predictions.items():
            arrays[f"values.{name}"] = found.values.astype(np.float32)
            if found.spread is not None:
                arrays[f"spread.{name}"] = found.spread.astype(np.float32)
        arrays |= {f"lesson.{name}": lesson for name, lesson in lessons.items()}
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
        replace_file(self.path(cell), content.getvalue())

    def read(self, path: Path) -> tuple[dict[str, Prediction], dict[str, NDArray[np.float32]]]:
        """Predictions, and raw outputs for pupils.

        Raises
        ------
        DataError
            If the file cannot be read.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"a finished cell cannot be read ({error})",
                subject=str(path),
                remedy="Remove it; the same command makes it again",
            ) from error
        predictions = {
            name.removeprefix("values."): Prediction(
                values.astype(float), arrays.get(name.replace("values.", "spread."))
            )
            for name, values in arrays.items()
            if name.startswith("values.")
        }
        lessons = {
            k.removeprefix("lesson."): v for k, v in arrays.items() if k.startswith("lesson.")
        }
        return predictions, lessons

    # --- inside ---

    def _whole(self, cell: Cell) -> tuple[dict[str, Prediction], dict[str, Any]]:
        """One network for all datasets of the row."""
        row, part = cell.row, cell.part
        lessons: Mapping[str, NDArray[np.float32]] = {}
        if row.teachers:
            teacher = self.path(Cell(self.recipe.row(row.teachers), part))
            lessons = self.read(teacher)[1]
        train, validation = (self._of(rows, row.datasets) for rows in (part.train, part.validation))
        fitted = fit(
            self.recipe, row, self.material, _present(train), part.seed,
            validation=validation, teachers=lessons,
        )  # fmt: skip
        return self._spread_out(fitted.predict(self.material, part.test), part.test), {}

    def _apart(self, cell: Cell) -> tuple[dict[str, Prediction], dict[str, Any]]:
        """A network for each dataset; where several speak of a row, their mean."""
        row, part = cell.row, cell.part
        told: dict[str, list[Prediction]] = {}
        lessons: dict[str, NDArray[np.float32]] = {}
        for name in row.datasets:
            train, validation = (self._of(rows, [name]) for rows in (part.train, part.validation))
            if train is None or not len(train):
                continue
            test = part.test
            if part.protocol != LEFT_OUT:
                test = _present(self._of(test, [name]))
            fitted = fit(
                self.recipe, row, self.material, train, part.seed, validation=validation
            )  # fmt: skip
            for head, found in self._spread_out(fitted.predict(self.material, test), test).items():
                told.setdefault(head, []).append(found)
            for head, raw in fitted.raw(self.material, train).items():
                table = lessons.setdefault(
                    head, np.full((len(self.material.tracks), raw.shape[1]), np.nan, np.float32)
                )
                table[train] = raw.numpy()
        return {head: _mean(found) for head, found in told.items()}, lessons

    def _of(self, rows: Index | None, datasets: Collection[str]) -> Index | None:
        return None if rows is None else rows[self.material.samples.of(*datasets)[rows]]

    def _spread_out(
        self, found: Mapping[str, Prediction], index: Index
    ) -> dict[str, Prediction]:  # fmt: skip
        """Predictions of some rows as predictions of all."""
        count = len(self.material.tracks)
        whole = {}
        for name, one in found.items():
            tables: list[Any] = []
            for table in (one.values, one.spread):
                if table is not None:
                    full = np.full((count, table.shape[1]), np.nan)
                    full[index] = table
                    table = full
                tables.append(table)
            whole[name] = Prediction(*tables)
        return whole


def _present(rows: Index | None) -> Index:
    return np.zeros(0, np.intp) if rows is None else rows


def _mean(found: Sequence[Prediction]) -> Prediction:
    """Mean of what was told of each row."""
    values = np.stack([one.values for one in found])
    known = np.isfinite(values)
    count = known.sum(axis=0)
    mean = np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)
    return Prediction(mean, found[0].spread if len(found) == 1 else None)


def _digest(material: Material) -> str:
    """Of everything that networks are trained on."""
    found = hashlib.blake2b(digest_size=16)
    arrays: list[Any] = [*material.samples.blocks.values(), *material.labels.values()]
    arrays += [np.char.encode(material.samples.track), np.char.encode(material.samples.group)]
    for variant in sorted(material.chords):
        for chords in material.chords[variant]:
            arrays += [chords.roots, chords.qualities, chords.durations, np.array(chords.minor)]
    for array in arrays:
        found.update(f"{array.shape}{array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _single_thread() -> None:
    # Cells are many; threads would wait for each other.
    torch.set_num_threads(1)
