"""Predictions of the default model for unseen music, to train and to score the common space on.

Predictions for music that the default model was trained on are better than those for new music. So
the model is fitted once for each fold, without it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np

from hevner import __version__
from hevner.arrays import Floats, Integers, Mask
from hevner.files import replace_file
from hevner.lab import workers
from hevner.lab.default.fit import Predictions, fit, merged, predictions
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.model.prediction import Prediction

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Task:
    """A fit: masks of the rows it is trained on and of those it predicts, which do not meet."""

    train: Mask
    predicted: Mask


def plan(fold: Integers) -> list[Task]:
    """A fit for each fold, trained on the others; it predicts that one."""
    return [Task(fold != number, fold == number) for number in np.unique(fold)]


def pairwise(fold: Integers) -> dict[tuple[int, int], Task]:
    """A fit for each two folds, trained on the others; it predicts both.

    Where one of them is the test fold, predictions of the other may train a space: neither the fit
    nor the space has then seen a row of the test fold.
    """
    return {
        (int(first), int(second)): Task(
            (fold != first) & (fold != second), (fold == first) | (fold == second)
        )
        for first, second in combinations(np.unique(fold), 2)
    }


def read(
    table: Table,
    recipe: DefaultRecipe,
    tasks: Sequence[Task],
    folder: Path,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Predictions]:
    """Predictions of every task, NaN in the rows it does not predict.

    Parameters
    ----------
    table, recipe
        Training table and recipe of the default model.
    tasks
        Tasks from `plan` or `pairwise`.
    folder
        Keeps finished tasks, so that a run that was stopped goes on.
    jobs
        Number of parallel processes.
    progress
        Called with the number of tasks that are done, and the number of all.
    """
    paths = [folder / f"{_digest(table, recipe, task)}.npz" for task in tasks]
    waiting = [(path, task) for path, task in zip(paths, tasks, strict=True) if not path.exists()]
    done = len(tasks) - len(waiting)
    folder.mkdir(parents=True, exist_ok=True)
    with workers.pool(jobs) as pool:
        work = [pool.submit(_keep, table, recipe, task, path) for path, task in waiting]
        for one in as_completed(work):
            one.result()
            done += 1
            if progress is not None:
                progress(done, len(tasks))
    return [_kept(path, len(table), task) for path, task in zip(paths, tasks, strict=True)]


def joined(parts: Sequence[Predictions], tasks: Sequence[Task]) -> Predictions:
    """Predictions of tasks with different rows, as one."""
    pieces = [
        (task.predicted, {name: one.where(task.predicted) for name, one in part.items()})
        for part, task in zip(parts, tasks, strict=True)
    ]
    return merged(len(tasks[0].predicted), pieces, blank=np.nan)


def _keep(table: Table, recipe: DefaultRecipe, task: Task, path: Path) -> None:
    """Do a task and keep its predictions."""
    model = fit(table.where(task.train), recipe)
    found = predictions(model, table.vectors[task.predicted])
    arrays = {f"{way}/{n}": a for way, one in found.items() for n, a in one.arrays().items()}
    content = io.BytesIO()
    np.savez(content, **cast(Any, arrays))
    replace_file(path, content.getvalue())


def _kept(path: Path, count: int, task: Task) -> Predictions:
    arrays: dict[str, dict[str, Floats]] = {}
    with np.load(path, allow_pickle=False) as stored:
        for name in stored.files:
            way, _, array = name.partition("/")
            arrays.setdefault(way, {})[array] = stored[name]
    found = {way: Prediction.from_arrays(mine) for way, mine in arrays.items()}
    return merged(count, [(task.predicted, found)], blank=np.nan)


def _digest(table: Table, recipe: DefaultRecipe, task: Task) -> str:
    """Name of a task by all that it depends on but the code."""
    found = hashlib.blake2b(f"{__version__} {recipe.digest}".encode(), digest_size=12)
    for array in (table.vectors, task.train, task.predicted):
        found.update(np.ascontiguousarray(array).tobytes())
    for name in ("emotion", "quadrant", "gems", "tags"):
        found.update(np.ascontiguousarray(getattr(table, name)).tobytes())
    return found.hexdigest()
