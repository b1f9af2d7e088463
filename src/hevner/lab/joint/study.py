"""A study of the joint space: every dataset, space and split is a cell.

Conventions
-----------
Queries and candidates are the tested rows of a split and no others. Each music is searched by its
own emotion and each emotion by its own music. Emotions are given as they were rated, or, where they
are curves, as a *point* alone: their mean valence and arousal. Every split is checked for leaks
before anything is fitted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hevner import __version__
from hevner.datasets.folds import Fold, k_folds
from hevner.datasets.track import Track
from hevner.lab.joint import scores
from hevner.lab.joint.baselines import Chance, Correlated, Matcher, Regressor, places
from hevner.lab.joint.data import Emotions, MatchingData, load_dataset
from hevner.lab.joint.recipe import JointRecipe, MatcherRecipe
from hevner.lab.joint.scores import per_query
from hevner.lab.metrics import retrieval
from hevner.lab.recipe_types import plain
from hevner.lab.study import engine, kept
from hevner.lab.study.kept import Row
from hevner.lab.study.splits import Split, checked_split, joined_links

Query = Literal["rated", "point"]
StudyData = Mapping[str, MatchingData]

TRAIN_SHARE = 0.8
"""Share of the training rows in a random split, as published."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One fit."""

    dataset: str
    space: MatcherRecipe
    split: Split


CellResult = engine.CellResult[Cell]


class JointStudy(engine.Study[JointRecipe, StudyData, Cell]):
    """Spaces of a recipe on its datasets.

    Results hold, for each scorer, query and direction, ``SCORER,QUERY,DIRECTION`` (`scores.METRICS`
    of each query, shape ``(metrics, n)``) and ``SCORER,QUERY,DIRECTION,chance`` (the same for
    candidates in random order); and ``told``, the emotion predicted for each tested music, shape
    ``(n, k)``; see `baselines.places`.
    """

    columns = scores.COLUMNS
    needs_torch = True

    load_dataset = staticmethod(load_dataset)

    @staticmethod
    def join(parts: Sequence[MatchingData]) -> StudyData:
        """All datasets by name."""
        return {part.name: part for part in parts}

    def plan(self) -> list[Cell]:
        """Every cell, seed by seed, so that a run which is cut short holds whole seeds.

        A leak that the recipe refuses, and tracks that cannot be divided, raise `DataError`.
        """
        cells = []
        for name in self.data:
            splits = self.splits(name)
            for space in self.recipe.spaces:
                own = [split for split in splits if split.protocol in space.divisions]
                cells += [Cell(name, space, split) for split in own]
        return sorted(cells, key=lambda cell: cell.split.seed)

    def splits(self, name: str) -> list[Split]:
        """All splits of a dataset for the divisions that spaces ask for, checked for leaks."""
        recipe, tracks = self.recipe, self.data[name].tracks
        shared, refused = recipe.datasets[name].shared, recipe.leaks == "refuse"
        joined = joined_links(shared)
        found = []
        for division in dict.fromkeys(one for space in recipe.spaces for one in space.divisions):
            for seed in range(recipe.seeds):
                folds = [_random_fold(tracks, seed)]
                if division == "folds":
                    folds = k_folds(tracks, recipe.folds, seed=seed, joined=joined)
                found += [
                    checked_split(tracks, fold, division, seed, shared, refused=refused)
                    for fold in folds
                ]
        return found

    def describe(self, cells: Sequence[Cell]) -> Iterator[str]:
        """Tracks by dataset, and cells by space and division."""
        for name, data in self.data.items():
            yield f"{name}: {len(data.tracks)} tracks in {len(set(data.groups.tolist()))} groups"
        for space in self.recipe.spaces:
            own = [cell.split.protocol for cell in cells if cell.space.name == space.name]
            counts = ", ".join(f"{own.count(one)} cells of {one}" for one in dict.fromkeys(own))
            yield f"{space.name}: {counts}"

    def file_name(self, cell: Cell) -> str:
        """Name of the file of a cell."""
        split = cell.split
        return kept.file_name({
            "version": __version__,
            "world": self.data[cell.dataset].digest,
            "source": self.recipe.datasets[cell.dataset],
            "space": plain(cell.space) | {"name": "", "divisions": ()},
            "seed": split.seed,
            "rows": [split.train.tolist(), split.test.tolist()],
        })  # fmt: skip

    def compute(self, cell: Cell, folder: Path) -> Mapping[str, Any]:
        """Fit, match, score."""
        data, test = self.data[cell.dataset], cell.split.test
        matcher = self.matcher(cell)
        rated = data.emotions.where(test)
        apart = retrieval.va_distances(rated.place, rated.place)
        forms: dict[Query, Emotions] = {"rated": rated}
        if rated.kind == "curve":
            forms["point"] = rated.flat()
        arrays = {"told": places(matcher, test, data.emotions.where(cell.split.train))}
        for scorer in cell.space.scorers:
            for query, emotions in forms.items():
                found = matcher.distances(test, emotions, scorer)
                for direction in ("to_music", "to_emotion"):
                    table = getattr(found, direction)
                    key = f"{scorer},{query},{direction}"
                    arrays[key], arrays[f"{key},chance"] = per_query(table, apart)
        return {key: array.astype(np.float32) for key, array in arrays.items()}

    def matcher(self, cell: Cell) -> Matcher:
        """The matcher of a cell, fitted."""
        data, space, split = self.data[cell.dataset], cell.space, cell.split
        if space.method == "random":
            return Chance(zlib.crc32(f"{split.protocol} {split.name} {split.seed}".encode()))
        if space.method == "regressor":
            return Regressor.fit(data, space, split.train)
        if space.method == "cca":
            return Correlated.fit(data, space, split.train)
        from hevner.lab.joint.fit import fit  # here, as only networks need torch

        return fit(data, self.recipe.datasets[cell.dataset], space, split.train, split.seed)

    def table(self, results: Sequence[CellResult]) -> list[Row]:
        """Scores of all that was matched."""
        return scores.score(self.recipe, scores.evaluations(self.recipe, self.data, results))

    def compare(self, results: Sequence[CellResult], jobs: int = 1) -> list[Row]:
        """Test every claim."""
        found = scores.evaluations(self.recipe, self.data, results)
        return scores.compare(self.recipe, found, jobs)


def _random_fold(tracks: Sequence[Track], seed: int) -> Fold:
    """A random split that keeps nothing together."""
    order = np.random.default_rng(seed).permutation(len(tracks))
    sides = np.split(order, [int(TRAIN_SHARE * len(order))])
    train, test = (tuple(tracks[row] for row in np.sort(side)) for side in sides)
    return Fold("test", train, test)
