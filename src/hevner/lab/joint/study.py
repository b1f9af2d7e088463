"""Run a study of the joint space: every world, space and part is a cell, fitted once and kept.

Conventions
-----------
Queries and candidates are the tested rows of a part and no others. Each music is sought by its own
emotion and each emotion by its own music. Emotions are told as they were rated, or, where they are
curves, as a *point* alone: their mean valence and arousal. Every part is checked for leaks before
anything is fitted.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from hevner import __version__
from hevner.datasets.folds import Fold, k_folds
from hevner.datasets.leaks import find, refuse
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.files import replace_file
from hevner.lab import workers
from hevner.lab.joint import fit
from hevner.lab.joint.baselines import Chance, Correlated, Matcher, Regressor, places
from hevner.lab.joint.material import Array, Index, World, joined
from hevner.lab.joint.recipe import Division, Scorer, Space
from hevner.lab.joint.recipe import JointRecipe as Recipe
from hevner.lab.metrics import retrieval
from hevner.lab.recipe_types import plain

Progress = Callable[[int, int], None]
Query = Literal["rated", "point"]
Direction = Literal["to_music", "to_emotion"]

TRAIN_SHARE = 0.8
"""Of a random split, as published."""

CUTOFF = 10
METRICS = (
    "mrr", "average_rank", "rank_share", "recall@1", "recall@5", "recall@10", "ndcg@10",
    "distance@10",
)  # fmt: skip
"""Of `hevner.lab.metrics.retrieval`, per query; ``rank_share`` is rank / candidates."""


@dataclass(frozen=True, eq=False)
class Part:
    """One division of a world.

    Attributes
    ----------
    division, name
        A number, or ``test`` of a random split.
    seed
        Number of the run.
    train, test
        Rows.
    leaks
        Label of the leak check.
    """

    division: Division
    name: str
    seed: int
    train: Index
    test: Index
    leaks: str


@dataclass(frozen=True, eq=False)
class Cell:
    """One fit that is kept."""

    world: str
    space: Space
    part: Part


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a cell gave.

    Attributes
    ----------
    cell
        The cell.
    scores, chance
        By scorer, query and direction: `METRICS` of each query, shape ``(metrics, n)``, and what
        candidates in random order would give.
    told
        What is told of each tested music, shape ``(n, k)``; see `places`.
    """

    cell: Cell
    scores: Mapping[tuple[Scorer, Query, Direction], Array]
    chance: Mapping[tuple[Scorer, Query, Direction], Array]
    told: Array


# --- parts and cells ---


def lay_out(recipe: Recipe, world: World) -> list[Part]:
    """Every part of the divisions that spaces ask for.

    Raises
    ------
    DataError
        If a part leaks and the recipe refuses leaks, or the tracks cannot be divided.
    """
    wanted = dict.fromkeys(division for space in recipe.spaces for division in space.divisions)
    source = recipe.datasets[world.name]
    parts = []
    for division in wanted:
        for seed in range(recipe.seeds):
            if division == "random":
                folds = [_split(world.tracks, seed)]
            else:
                folds = k_folds(world.tracks, recipe.folds, seed=seed, joined=joined(source))
            for fold in folds:
                found = find(fold.train, fold.test)
                label = found.label if recipe.leaks == "label" else refuse(found, source.shared)
                rows = _index(world, fold.train), _index(world, fold.test)
                parts.append(Part(division, fold.name, seed, *rows, label))
    return parts


def _split(tracks: Sequence[Track], seed: int) -> Fold:
    """A random split that keeps nothing together."""
    order = [tracks[row] for row in np.random.default_rng(seed).permutation(len(tracks))]
    first = int(TRAIN_SHARE * len(order))
    return Fold("test", tuple(order[:first]), tuple(order[first:]))


def _index(world: World, tracks: Sequence[Track]) -> Index:
    rows = {full_name(track): row for row, track in enumerate(world.tracks)}
    return np.array(sorted(rows[full_name(track)] for track in tracks), np.intp)


def plan(recipe: Recipe, worlds: Sequence[World]) -> list[Cell]:
    """Every cell, seed by seed, so that a run which is cut short holds whole seeds.

    Raises
    ------
    DataError
        As `lay_out`.
    """
    cells = []
    for world in worlds:
        parts = lay_out(recipe, world)
        for space in recipe.spaces:
            own = [part for part in parts if part.division in space.divisions]
            cells += [Cell(world.name, space, part) for part in own]
    return sorted(cells, key=lambda cell: cell.part.seed)


def run(
    recipe: Recipe,
    worlds: Sequence[World],
    cells: Sequence[Cell],
    folder: Path,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Outcomes of cells, in their order.

    Parameters
    ----------
    recipe, worlds
        The study and what is at hand.
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
        If a cell cannot be fitted or scored.
    OutputError
        If the folder cannot be written.
    """
    worker = _Worker(recipe, {world.name: world for world in worlds}, folder)
    paths = [worker.path(cell) for cell in cells]
    waiting = {
        path: cell for path, cell in zip(paths, cells, strict=True) if not path.is_file()
    }  # fmt: skip
    done = len(cells) - len(waiting)
    for _ in workers.work(worker, waiting, jobs, _single_thread):
        done += 1
        if progress is not None:
            progress(done, len(cells))
    return [worker.read(cell, path) for cell, path in zip(cells, paths, strict=True)]


# --- one cell ---


class _Worker:
    """Does and keeps single cells."""

    def __init__(self, recipe: Recipe, worlds: Mapping[str, World], folder: Path) -> None:
        self.recipe, self.worlds, self.folder = recipe, worlds, folder

    def path(self, cell: Cell) -> Path:
        """Where a cell is kept; the name changes with anything that it depends on."""
        part = cell.part
        about: dict[str, Any] = {
            "version": __version__,
            "world": self.worlds[cell.world].digest,
            "source": plain(self.recipe.datasets[cell.world]),
            "space": plain(cell.space) | {"name": "", "divisions": ()},
            "seed": part.seed,
            "rows": [part.train.tolist(), part.test.tolist()],
        }
        text = json.dumps(about, sort_keys=True).encode()
        return self.folder / f"{hashlib.blake2b(text, digest_size=16).hexdigest()}.npz"

    def do(self, cell: Cell) -> None:
        """Fit, match, score, keep."""
        world, test = self.worlds[cell.world], cell.part.test
        matcher = self._matcher(cell)
        rated = world.emotions.where(test)
        apart = retrieval.va_distances(rated.place, rated.place)
        arrays = {"told": places(matcher, test, world.emotions.where(cell.part.train))}
        for scorer in cell.space.scorers:
            for query, emotions in _queries(cell, world):
                found = matcher.distances(test, emotions, scorer)
                for direction in ("to_music", "to_emotion"):
                    table = getattr(found, direction)
                    key = f"{scorer},{query},{direction}"
                    arrays[key], arrays[f"{key},chance"] = per_query(table, apart)
        content = io.BytesIO()
        kept = {key: array.astype(np.float32) for key, array in arrays.items()}
        np.savez_compressed(content, **kept)  # type: ignore[arg-type]
        replace_file(self.path(cell), content.getvalue())

    def read(self, cell: Cell, path: Path) -> Outcome:
        """What is kept of a cell.

        Raises
        ------
        DataError
            If the file cannot be read.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {key: stored[key].astype(np.float64) for key in stored.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"a finished cell cannot be read ({error})",
                subject=str(path),
                remedy="Remove it; the same command makes it again",
            ) from error
        told = arrays.pop("told")
        scores: dict[Any, Array] = {}
        chance: dict[Any, Array] = {}
        for key, array in arrays.items():
            parts = key.split(",")
            (chance if parts[3:] else scores)[tuple(parts[:3])] = array
        return Outcome(cell, scores, chance, told)

    def _matcher(self, cell: Cell) -> Matcher:
        world, space, part = self.worlds[cell.world], cell.space, cell.part
        if space.method == "random":
            return Chance(zlib.crc32(f"{part.division} {part.name} {part.seed}".encode()))
        if space.method == "regressor":
            return Regressor.fit(world, space, part.train)
        if space.method == "cca":
            return Correlated.fit(world, space, part.train)
        source = self.recipe.datasets[cell.world]
        return fit.fit(world, source, space, part.train, part.seed)


def _queries(cell: Cell, world: World) -> Iterator[tuple[Query, Any]]:
    """Emotions of the tested rows, as they are told."""
    rated = world.emotions.where(cell.part.test)
    yield "rated", rated
    if rated.kind == "curve":
        yield "point", rated.flat()


def per_query(distances: Array, apart: Array) -> tuple[Array, Array]:
    """`METRICS` of each query and their chance levels, shapes ``(metrics, n)``.

    Parameters
    ----------
    distances
        Of queries and candidates, lower for nearer, ``(n, n)``; i belongs to i.
    apart
        How far the emotions of both are from each other, ``(n, n)``.
    """
    count = len(distances)
    ranks = retrieval.first_ranks(-distances)
    own = np.eye(count, dtype=bool)
    values = [1 / ranks, ranks, ranks / count, *(ranks <= k for k in (1, 5, CUTOFF))]
    even = [
        retrieval.chance_mrr(own),
        retrieval.chance_average_rank(own),
        retrieval.chance_average_rank(own) / count,
        *(retrieval.chance_recall(own, k) for k in (1, 5, CUTOFF)),
    ]
    chance = [np.full(count, level) for level in even]
    rows = [slice(row, row + 1) for row in range(count)]
    values += [
        np.array([retrieval.ndcg(-distances[row], CUTOFF, apart[row]) for row in rows]),
        np.array([retrieval.mean_distance(-distances[row], CUTOFF, apart[row]) for row in rows]),
    ]
    chance += [
        np.array([retrieval.chance_ndcg(apart[row], CUTOFF) for row in rows]),
        np.array([retrieval.chance_distance(apart[row]) for row in rows]),
    ]
    return np.array(values, np.float64), np.array(chance, np.float64)


def _single_thread() -> None:
    # Cells are many; threads would wait for each other.
    torch.set_num_threads(1)
