"""A study across datasets: its cells, their fits, and its tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hevner import __version__
from hevner.arrays import Doubles, Rows
from hevner.emotion import AXES
from hevner.lab.cross_dataset import claims, experiments
from hevner.lab.cross_dataset.experiments import (
    Cell,
    CellResult,
    Experiment,
    Kind,
    StudyData,
    join,
    load_dataset,
)
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
from hevner.lab.data.samples import Samples
from hevner.lab.metrics import regression
from hevner.lab.metrics.statistics import over_seeds
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.recipe_types import plain
from hevner.lab.regression.adaptation import AdaptedRegressor
from hevner.lab.regression.fusion import FusionRegressor
from hevner.lab.study import engine, kept
from hevner.lab.study.claims import RESAMPLES
from hevner.lab.study.kept import Row

Metric = Callable[[ArrayLike, ArrayLike], float]

COLUMNS = (
    "protocol", "train", "test", "representation", "model", "axis", "labels", "leaks", "recipe",
    "n", "groups", "seeds", "r2", "r2_low", "r2_high", "pearson", "pearson_low", "pearson_high",
    "ccc", "ccc_low", "ccc_high", "auc", "auc_low", "auc_high", "seed_sd",
)  # fmt: skip
"""Columns of the table: training sets joined by ``+``; the kind of the truth; the label of the leak
check; the digest of the recipe; tested tracks and groups, and runs; means over seeds, with their
intervals. ``r2`` and ``ccc`` need ratings on both sides, or a test set that is trained on; ``auc``
needs quadrants. ``seed_sd`` is the standard deviation over seeds of ``pearson``, or ``auc``; empty
if all gave the same. A test set that is refused for a leak has no scores."""


class CrossDatasetStudy(engine.Study[CrossDatasetRecipe, StudyData, Cell]):
    """A study across datasets.

    Results hold, for every test set that has scores, ``guesses.NAME``: predictions for
    `StudyData.rows` of it, shape ``(seeds, n, 2)``, NaN for rows that were not tested; and
    ``table``, the scores as JSON.
    """

    columns = COLUMNS
    load_dataset = staticmethod(load_dataset)
    join = staticmethod(join)

    @property
    def needs_torch(self) -> bool:
        """Whether a model of the recipe is a network."""
        return any(model.kind == "hidden" for model in self.recipe.models.values())

    def plan(self) -> list[Cell]:
        """All cells, protocol by protocol.

        A model that cannot use GEMS ratings is not trained on them. Where the splits are the same,
        another protocol costs nothing, as cells are kept by what they compute.
        """
        cells = []
        for protocol in self.recipe.protocols:
            for experiment in experiments.plan(protocol, self.recipe, self.data):
                for model in protocol.models:
                    train = self._usable(experiment, model)
                    whole = train == experiment.train
                    if not train or not (whole or protocol.name == "leave-one-dataset-out"):
                        continue
                    cells += [
                        Cell(experiment, train, representation, model)
                        for representation in protocol.representations
                    ]
        return cells

    def describe(self, cells: Sequence[Cell]) -> Iterator[str]:
        """Tracks by dataset, cells and fits by protocol, and every leak."""
        for name, kind in self.data.kinds.items():
            rows = self.data.rows(name)
            groups = len(set(self.data.samples.group[rows].tolist()))
            yield f"{name}: {len(rows)} tracks with {kind} in {groups} groups"
        for protocol in dict.fromkeys(cell.experiment.protocol for cell in cells):
            own = [cell.experiment for cell in cells if cell.experiment.protocol == protocol]
            fits = sum(len(one.splits) for one in own)
            yield f"{protocol}: {sum(len(one.leaks) for one in own)} cells, {fits} fits"
        yield from sorted({
            f"{'+'.join(cell.experiment.train)} -> {test}: {label}"
            for cell in cells
            for test, label in cell.experiment.leaks.items()
            if "none" not in label
        })  # fmt: skip

    def file_name(self, cell: Cell) -> str:
        """Name of the file of a cell."""
        blocks = self.recipe.representations[cell.representation]
        about = {
            "version": __version__,
            "blocks": [(name, self._blocks[name]) for name in blocks],
            "labels": self._labels,
            "model": self._parameters(cell.model),
            "train": cell.train,
            "tests": cell.experiment.tests,
        }
        sides = [rows for one in cell.experiment.splits for rows in (one.train, one.test)]
        return kept.file_name(about, kept.row_bytes(*sides))

    def compute(self, cell: Cell, folder: Path) -> Mapping[str, Any]:
        """Fit for every seed, predict, score."""
        guesses = self._predict(cell)
        table = [
            (name, axis, self._scores(cell, name, axis, guesses[name]))
            for name in guesses
            for axis in range(len(AXES))
        ]
        arrays: dict[str, Any] = {f"guesses.{name}": one for name, one in guesses.items()}
        return {"table": np.array(json.dumps(table)), **arrays}

    def table(self, results: Sequence[CellResult]) -> list[Row]:
        """Scores of every test set and axis of every cell."""
        rows = []
        for result in results:
            cell, experiment = result.cell, result.cell.experiment
            found = {
                (name, axis): numbers
                for name, axis, numbers in json.loads(str(result.arrays["table"]))
            }
            for test, label in experiment.leaks.items():
                for axis, name in enumerate(AXES):
                    about = {
                        "protocol": experiment.protocol, "train": "+".join(cell.train),
                        "test": test, "representation": cell.representation, "model": cell.model,
                        "axis": name, "labels": self.data.kinds[test], "leaks": label,
                        "recipe": self.recipe.digest, "n": 0, "groups": 0,
                        "seeds": len(experiment.runs),
                    }  # fmt: skip
                    rows.append(about | found.get((test, axis), {}))
        return rows

    def compare(self, results: Sequence[CellResult], jobs: int = 1) -> list[Row]:
        """Test every claim on all pairs of predictions that it is about."""
        return claims.compare(self.recipe.claims, self.data, results, jobs)

    # --- inside ---

    def _usable(self, experiment: Experiment, model: str) -> tuple[str, ...]:
        """Training sets that a model can use."""
        useless = {"clusters"} if self._takes_proxies(model) else {"clusters", "proxies"}
        return tuple(name for name in experiment.train if self.data.kinds[name] not in useless)

    def _takes_proxies(self, name: str) -> bool:
        model = self.recipe.models[name]
        if model.mean_of:
            return all(self._takes_proxies(one) for one in model.mean_of)
        return model.switches.gems

    def _parameters(self, name: str) -> Any:
        model = self.recipe.models[name]
        if model.mean_of:
            return [self._parameters(one) for one in model.mean_of]
        return [FusionRegressor(**model.parameters).get_params(), plain(model.switches)]

    @cached_property
    def _blocks(self) -> dict[str, str]:
        """Digests of the vectors."""
        return {name: kept.digest(block) for name, block in self.data.samples.blocks.items()}

    @cached_property
    def _labels(self) -> str:
        """Digest of the labels and names."""
        samples = self.data.samples
        names = (samples.track, samples.dataset, samples.group, samples.genre)
        return kept.digest(self.data.truth, *(np.char.encode(one) for one in names))

    def _predict(self, cell: Cell) -> dict[str, Doubles]:
        data, runs, tests = self.data, cell.experiment.runs, cell.experiment.tests
        samples = data.samples.only(*self.recipe.representations[cell.representation])
        tested = np.isin(data.samples.dataset, tests)
        everything = np.full((len(runs), *data.truth.shape), np.nan)
        for seed, splits in enumerate(runs):
            for split in splits:
                rows = split.test[tested[split.test]]
                if len(rows):
                    model = build(self.recipe, cell.model, seed).fit(samples.where(split.train))
                    everything[seed, rows] = model.predict(samples.where(rows))
        return {name: everything[:, data.rows(name)] for name in tests}

    def _scores(self, cell: Cell, test: str, axis: int, guesses: Doubles) -> dict[str, float]:
        kinds = self.data.kinds
        own, truth = self.data.truth_of(test, axis)
        mine = guesses[:, np.isin(self.data.rows(test), own), axis]
        tested = np.isfinite(mine).all(axis=0)
        rated = kinds[test] == "ratings" and any(kinds[name] == "ratings" for name in cell.train)
        group = self.data.samples.group[own][tested]
        found = score(
            kinds[test], truth[tested], mine[:, tested], group.tolist(),
            on_scale=rated or test in cell.train,
        )  # fmt: skip
        return found | {"n": int(tested.sum()), "groups": len(np.unique(group))}


def build(recipe: CrossDatasetRecipe, name: str, seed: int) -> AdaptedRegressor | Mean:
    """A model of a recipe, not fitted."""
    model = recipe.models[name]
    if model.mean_of:
        return Mean([build(recipe, one, seed) for one in model.mean_of])
    return AdaptedRegressor(model.switches, FusionRegressor(**model.parameters, seed=seed))


class Mean:
    """Mean of the predictions of several models."""

    def __init__(self, members: Sequence[AdaptedRegressor | Mean]) -> None:
        self.members = members

    def fit(self, samples: Samples) -> Mean:
        """Fit every member."""
        for member in self.members:
            member.fit(samples)
        return self

    def predict(self, samples: Samples) -> Doubles:
        """Valence and arousal, shape ``(n, 2)``."""
        return np.asarray(np.mean([member.predict(samples) for member in self.members], axis=0))


# --- scores ---


def score(
    kind: Kind, truth: Doubles, guesses: Doubles, groups: Sequence[str], *, on_scale: bool
) -> dict[str, float]:
    """Scores with their intervals, by the names of `COLUMNS`.

    Truth is shape ``(n,)``, guesses ``(seeds, n)``, which may be meant to be on the scale of the
    truth. Every score is the mean over seeds; intervals are 95 % and resample seeds and whole
    groups (`hevner.lab.metrics.statistics.over_seeds`).
    """
    runs = np.unique(guesses, axis=0)  # equal runs add nothing and take time
    runs = guesses if len(runs) > 1 else runs
    metrics: dict[str, Metric] = {"pearson": regression.pearson}
    if kind == "quadrants":
        metrics = {"auc": _auc}
    elif on_scale:
        metrics |= {"r2": regression.r2, "ccc": regression.ccc}
    result: dict[str, float] = {}
    for name, metric in metrics.items():
        found = over_seeds(
            partial(_of_rows, metric, truth, runs), len(runs), groups, resamples=RESAMPLES
        )
        result |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
        result.setdefault("seed_sd", found.std)
    return result


def _of_rows(metric: Metric, truth: Doubles, guesses: Doubles, seed: int, rows: Rows) -> float:
    return metric(truth[rows], guesses[seed][rows])


def _auc(truth: ArrayLike, guess: ArrayLike) -> float:
    return roc_auc(np.asarray(truth) > 0, guess)
