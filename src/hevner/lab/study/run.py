"""Fit, predict and score: in parallel, and never twice.

Every finished task is kept in a folder, under a digest of all that decides its outcome: features,
labels, rows, blocks, model, seeds. A run that was killed goes on from there, and one with a changed
recipe computes what has changed.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hevner import __version__
from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.files import replace_file
from hevner.lab import workers
from hevner.lab.data.samples import Samples
from hevner.lab.regression.adaptation import AdaptedRegressor
from hevner.lab.regression.fusion import FusionRegressor
from hevner.lab.study.layouts import Layout, lay_out
from hevner.lab.study.material import Array, Material
from hevner.lab.study.recipe import Model, Study
from hevner.lab.study.scores import Cell, scores, truth_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Task:
    """A layout with a representation and a model; ``train`` names what the model can use of it."""

    layout: Layout
    train: tuple[str, ...]
    representation: str
    model: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """A finished task.

    Attributes
    ----------
    task
        What was done.
    cells
        Rows of the table.
    guesses
        For every test set that has scores, predictions for `Material.rows` of it, shape
        ``(seeds, n, 2)``; NaN for rows that were not tested.
    """

    task: Task
    cells: tuple[Cell, ...]
    guesses: Mapping[str, Array]


def plan(study: Study, material: Material) -> list[Task]:
    """All tasks of a study.

    A model that cannot use GEMS ratings is not asked to train on them. Where the layout is the
    same, another protocol costs nothing, as tasks are kept by what they compute.
    """
    tasks = []
    for protocol in study.protocols:
        for layout in lay_out(protocol, study, material):
            for model in protocol.models:
                train = tuple(
                    name
                    for name in layout.train
                    if material.kinds[name] != "proxies" or _takes_proxies(study, model)
                )
                if not train or (
                    train != layout.train and layout.protocol != "leave-one-dataset-out"
                ):
                    continue
                tasks += [
                    Task(layout, train, representation, model)
                    for representation in protocol.representations
                ]
    return tasks


def run(
    study: Study, material: Material, folder: Path, jobs: int = 1, progress: Progress | None = None
) -> list[Outcome]:
    """Outcomes of all tasks of a study, in the order of `plan`.

    Parameters
    ----------
    study, material
        The recipe and what is at hand.
    folder
        Keeps finished tasks.
    jobs
        Processes.
    progress
        Told how many tasks are done, and of how many.

    Raises
    ------
    DataError, ModelError, MissingDependencyError
        If a model cannot be fitted.
    OutputError
        If the folder cannot be written.
    """
    worker = _Worker(study, material, folder)
    tasks = plan(study, material)
    paths = [worker.path(task) for task in tasks]
    waiting = {path: task for path, task in zip(paths, tasks, strict=True) if not path.is_file()}
    done = len(tasks) - sum(path in waiting for path in paths)
    for path in workers.work(worker, waiting, jobs):
        done += paths.count(path)
        if progress is not None:
            progress(done, len(tasks))
    return [worker.outcome(task, path) for task, path in zip(tasks, paths, strict=True)]


def build(study: Study, name: str, seed: int) -> AdaptedRegressor | Mean:
    """A model of a study, not fitted."""
    model = study.models[name]
    if model.mean_of:
        return Mean([build(study, one, seed) for one in model.mean_of])
    return AdaptedRegressor(model.switches, FusionRegressor(**model.parameters, seed=seed))


class Mean:
    """Mean of what several models predict."""

    def __init__(self, members: Sequence[AdaptedRegressor | Mean]) -> None:
        self.members = members

    def fit(self, samples: Samples) -> Mean:
        """Fit every member."""
        for member in self.members:
            member.fit(samples)
        return self

    def predict(self, samples: Samples) -> Array:
        """Valence and arousal, shape ``(n, 2)``."""
        return np.asarray(np.mean([member.predict(samples) for member in self.members], axis=0))


# --- one task ---


class _Worker:
    """Does and keeps single tasks."""

    def __init__(self, study: Study, material: Material, folder: Path) -> None:
        self.study, self.material, self.folder = study, material, folder
        samples = material.samples
        names = (samples.track, samples.dataset, samples.group, samples.genre)
        self._digests = {name: _digest(block) for name, block in samples.blocks.items()}
        self._labels = _digest(material.truth, *(np.char.encode(one) for one in names))

    def path(self, task: Task) -> Path:
        """Where a task is kept."""
        blocks = self.study.representations[task.representation]
        about = {
            "version": __version__,
            "blocks": [(name, self._digests[name]) for name in blocks],
            "labels": self._labels,
            "model": _parameters(self.study, task.model),
            "train": task.train,
            "tests": task.layout.tests,
        }
        found = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
        for part in (part for run in task.layout.parts for part in run):
            for rows in (part.train, part.test):
                found.update(np.int64(len(rows)).tobytes() + rows.astype(np.int64).tobytes())
        return self.folder / f"{found.hexdigest()}.npz"

    def do(self, task: Task) -> None:
        """Fit for every seed, predict, score, keep."""
        guesses = self._predict(task)
        arrays: dict[str, Any] = {f"guesses.{name}": one for name, one in guesses.items()}
        table = [
            (name, axis, self._scores(task, name, axis, guesses[name]))
            for name in guesses
            for axis in range(len(AXES))
        ]
        content = io.BytesIO()
        np.savez_compressed(content, table=np.array(json.dumps(table)), **arrays)
        replace_file(self.path(task), content.getvalue())

    def outcome(self, task: Task, path: Path) -> Outcome:
        """What was kept of a task, under the names of this study.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                table = json.loads(str(stored["table"]))
                guesses = {name: stored[f"guesses.{name}"] for name in task.layout.tests}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"a finished task cannot be read ({error})",
                subject=str(path),
                remedy="Remove it; the same command makes it again",
            ) from error
        found = {(name, axis): numbers for name, axis, numbers in table}
        cells = [
            replace(self._blank(task, name, axis), **found.get((name, axis), {}))
            for name in task.layout.leaks
            for axis in range(len(AXES))
        ]
        return Outcome(task, tuple(cells), guesses)

    # --- inside ---

    def _predict(self, task: Task) -> dict[str, Array]:
        material, runs = self.material, task.layout.parts
        samples = material.samples.only(*self.study.representations[task.representation])
        tests = np.isin(material.samples.dataset, task.layout.tests)
        everything = np.full((len(runs), *material.truth.shape), np.nan)
        for seed, parts in enumerate(runs):
            for part in parts:
                rows = part.test[tests[part.test]]
                if len(rows):
                    model = build(self.study, task.model, seed).fit(samples.where(part.train))
                    everything[seed, rows] = model.predict(samples.where(rows))
        return {name: everything[:, material.rows(name)] for name in task.layout.tests}

    def _scores(self, task: Task, test: str, axis: int, guesses: Array) -> dict[str, float]:
        kinds = self.material.kinds
        own, truth = truth_of(self.material, test, axis)
        mine = guesses[:, np.isin(self.material.rows(test), own), axis]
        tested = np.isfinite(mine).all(axis=0)
        rated = kinds[test] == "ratings" and any(kinds[name] == "ratings" for name in task.train)
        group = self.material.samples.group[own][tested]
        found = scores(
            kinds[test], truth[tested], mine[:, tested], group.tolist(),
            on_scale=rated or test in task.train,
        )  # fmt: skip
        return found | {"n": int(tested.sum()), "groups": len(np.unique(group))}

    def _blank(self, task: Task, test: str, axis: int) -> Cell:
        return Cell(
            protocol=task.layout.protocol, train="+".join(task.train), test=test,
            representation=task.representation, model=task.model, axis=AXES[axis],
            labels=self.material.kinds[test], leaks=task.layout.leaks[test],
            recipe=self.study.digest, n=0, groups=0, seeds=len(task.layout.parts),
        )  # fmt: skip


def _takes_proxies(study: Study, name: str) -> bool:
    model = study.models[name]
    if model.mean_of:
        return all(_takes_proxies(study, one) for one in model.mean_of)
    return model.switches.gems


def _parameters(study: Study, name: str) -> Any:
    model: Model = study.models[name]
    if model.mean_of:
        return [_parameters(study, one) for one in model.mean_of]
    return [FusionRegressor(**model.parameters).get_params(), asdict(model.switches)]


def _digest(*arrays: Any) -> str:
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.shape}{array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
