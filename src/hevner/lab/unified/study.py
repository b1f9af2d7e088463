"""Experiments with the unified model as a study: every row, split and seed is a cell.

Conventions
-----------
Predictions of a cell have a row per track of the data, NaN where nothing was predicted. Tested
tracks are never trained on: folds and left-out datasets keep linked tracks on one side, and every
split is checked for leaks before anything is fitted. For a dataset that is left out, only heads
that learn from other datasets as well predict; of networks apart, the mean is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from hevner import __version__
from hevner.datasets import splits as stored_splits
from hevner.datasets.folds import Fold, k_folds, leave_one_out
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.lab import recipes
from hevner.lab.recipe_types import plain
from hevner.lab.study import engine, kept
from hevner.lab.study.kept import Row as TableRow
from hevner.lab.study.splits import Split, checked_split, joined_links
from hevner.lab.unified import scores
from hevner.lab.unified.data import StudyData, join, load_dataset
from hevner.lab.unified.recipe import FOLDS, LEFT_OUT, Row, UnifiedRecipe
from hevner.text_file import read_json

OFFICIAL = "official"
"""Name of the split that the tracks of a dataset themselves give."""

SIDES = ("train", "validation", "test")
"""Parts that a stored split may have."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One fit, or one for each dataset of the row."""

    row: Row
    split: Split


CellResult = engine.CellResult[Cell]


class UnifiedStudy(engine.Study[UnifiedRecipe, StudyData, Cell]):
    """Rows of a recipe on its datasets.

    Results hold ``values.HEAD``, ``spread.HEAD`` where a head has one, and ``lesson.HEAD``, raw
    outputs for networks that are taught.
    """

    columns = scores.COLUMNS
    needs_torch = True
    load_dataset = staticmethod(load_dataset)
    join = staticmethod(join)

    def plan(self) -> list[Cell]:
        """Every cell, row by row; splits that leave a row nothing to learn have none.

        A leak that the recipe refuses, and tracks that cannot be divided, raise `DataError`.
        """
        splits = self.splits()
        return [
            Cell(row, split)
            for row in self.recipe.rows
            for split in splits
            if split.protocol in row.protocols
            and self.data.samples.of(*row.datasets)[split.train].any()
        ]

    def splits(self) -> list[Split]:
        """All splits of the protocols that rows ask for, checked for leaks."""
        recipe, tracks = self.recipe, self.data.tracks
        joined = joined_links(self._shared)
        found: list[Split] = []
        for protocol in dict.fromkeys(name for row in recipe.rows for name in row.protocols):
            if protocol == FOLDS:
                for seed in range(recipe.seeds):
                    found += self._folds(seed, joined)
                continue
            if protocol == LEFT_OUT:
                folds = leave_one_out(tracks, "dataset", joined=joined)
                own = [self._split(protocol, fold, 0) for fold in folds]
            else:
                own = [self._stored_split()]
            found += [replace(split, seed=seed) for split in own for seed in range(recipe.seeds)]
        return found

    def describe(self, cells: Sequence[Cell]) -> Iterator[str]:
        """Tracks by dataset, and cells by row and protocol."""
        for name in self.data.datasets:
            yield f"{name}: {int(self.data.samples.of(name).sum())} tracks"
        for row in self.recipe.rows:
            own = [cell.split.protocol for cell in cells if cell.row.name == row.name]
            counts = ", ".join(f"{own.count(one)} cells of {one}" for one in dict.fromkeys(own))
            yield f"{row.name}: {counts or 'no data'}"

    def file_name(self, cell: Cell) -> str:
        """Name of the file of a cell."""
        row, split = cell.row, cell.split
        rows = [row] + ([self.recipe.row(row.teachers)] if row.teachers else [])
        nameless = {"name": "", "teachers": "", "protocols": ()}
        about = {
            "version": __version__,
            "material": self._digest,
            "rows": [plain(one) | nameless for one in rows],
            "heads": [self.recipe.heads[name] for one in rows for name in one.heads],
            "seed": split.seed,
        }
        more = kept.row_bytes(split.train, split.validation, split.test)
        return kept.file_name(about, more)

    def stage(self, cell: Cell) -> int:
        """Networks that teach are fitted first."""
        return int(bool(cell.row.teachers))

    def compute(self, cell: Cell, folder: Path) -> Mapping[str, Any]:
        """Fit and predict."""
        from hevner.lab.unified.runs import compute

        row, split = cell.row, cell.split
        lessons: dict[str, Any] = {}
        if row.teachers and not row.apart:
            teacher = Cell(self.recipe.row(row.teachers), split)
            arrays = kept.read(folder / self.file_name(teacher))
            lessons = {
                head: raw
                for name, raw in arrays.items()
                for kind, _, head in [name.partition(".")]
                if kind == "lesson"
            }
        return compute(self.recipe, row, self.data, split, lessons)

    def table(self, results: Sequence[CellResult]) -> list[TableRow]:
        """Scores of all that was predicted and has a label."""
        return scores.score(self.recipe, scores.evaluations(self.recipe, self.data, results))

    def compare(self, results: Sequence[CellResult], jobs: int = 1) -> list[TableRow]:
        """Test every claim."""
        found = scores.evaluations(self.recipe, self.data, results)
        return scores.compare(self.recipe, found, jobs)

    # --- inside ---

    @cached_property
    def _shared(self) -> set[str]:
        """Links that the two sides of a split may share."""
        return {kind for name in self.data.datasets for kind in self.recipe.datasets[name].shared}

    @cached_property
    def _digest(self) -> str:
        """Digest of all that networks are trained on."""
        data = self.data
        arrays: list[Any] = [*data.samples.blocks.values(), *data.labels.values()]
        arrays += [np.char.encode(data.samples.track), np.char.encode(data.samples.group)]
        for variant in sorted(data.chords):
            for one in data.chords[variant]:
                arrays += [one.roots, one.qualities, one.durations, one.minor]
        return kept.digest(*arrays)

    def _split(
        self, protocol: str, fold: Fold, seed: int, validation: Sequence[Track] = ()
    ) -> Split:
        return checked_split(
            self.data.tracks, fold, protocol, seed, self._shared,
            refused=self.recipe.leaks == "refuse", validation=validation,
        )  # fmt: skip

    def _folds(self, seed: int, joined: tuple[str, ...]) -> Iterator[Split]:
        """Grouped folds of the datasets without a stored split, beside the parts of the others."""
        datasets = self.recipe.datasets
        kept = self._parts([name for name in self.data.datasets if datasets[name].split])
        free = [track for track in self.data.tracks if not datasets[track.dataset].split]
        tested = kept["test"]
        for fold in k_folds(free, self.recipe.folds, seed=seed, joined=joined):
            sides = (*fold.train, *kept["train"]), (*fold.test, *tested)
            yield self._split(FOLDS, Fold(fold.name, *sides), seed, kept["validation"])
            tested = []

    def _stored_split(self) -> Split:
        """The stored splits of all datasets together."""
        sides = self._parts(self.data.datasets)
        fold = Fold("test", tuple(sides["train"]), tuple(sides["test"]))
        return self._split("split", fold, 0, sides["validation"])

    def _parts(self, names: Sequence[str]) -> dict[str, list[Track]]:
        """Tracks of datasets by part of their stored splits."""
        sides: dict[str, list[Track]] = {side: [] for side in SIDES}
        for name in names:
            for side, tracks in self._sides(name).items():
                if side not in sides:
                    raise DataError(
                        f"the split has a part '{side}'", subject=name,
                        remedy=f"Choose one with the parts {', '.join(SIDES)}",
                        code="no_such_part",
                    )  # fmt: skip
                sides[side] += tracks
        return sides

    def _sides(self, name: str) -> Mapping[str, Sequence[Track]]:
        """Tracks of a dataset by part of its split."""
        own = [track for track in self.data.tracks if track.dataset == name]
        source = self.recipe.datasets[name]
        if not (split := source.split):
            raise DataError(
                f"no split of {name} is named", subject=self.recipe.name,
                remedy="Give 'split' for it", code="missing_key",
            )  # fmt: skip
        if split != OFFICIAL:
            return stored_splits.load(name, split).apply(own, partial=source.partial)
        found: dict[str, list[Track]] = {}
        for track in own:
            found.setdefault(track.official_split, []).append(track)
        return found


def recipe_of_run(folder: Path, encoder: str = "") -> UnifiedRecipe:
    """The recipe of a folder that 'hevner train' wrote, with no rows but its own and its teachers'.

    Another folder raises `DataError` (``no_run``), and so does another encoder (``other_encoder``).
    """
    if encoder:
        raise DataError(
            "a trained run keeps its encoder", subject=str(folder),
            remedy="Leave out the other encoder", code="other_encoder",
        )  # fmt: skip
    try:
        name = read_json(folder / "card.json")["row"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"no run of 'hevner train' ({error})", subject=str(folder), remedy="Check the path",
            code="no_run",
        ) from error  # fmt: skip
    return only_row(recipes.read(folder / "recipe.toml", UnifiedRecipe), name)


def only_row(recipe: UnifiedRecipe, name: str) -> UnifiedRecipe:
    """The recipe with one of its rows and the row that teaches it, without claims."""
    row = recipe.row(name)
    rows = tuple(one for one in recipe.rows if one.name in (row.name, row.teachers))
    return structs.replace(recipe, rows=rows, claims=())
