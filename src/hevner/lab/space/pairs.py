"""Pairs of music and the emotion that listeners rated: the training rows of a space.

Music is described by predictions of the default model, emotions by the labels of the datasets.
Predictions for music that the model was trained on are better than those for new music, so it is
fitted once for each fold, without it. Forms of emotion that a dataset does not have are missing on
the side of emotions, never on the side of music.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np

from hevner import __version__
from hevner.arrays import Doubles, Floats, Integers, Mask, Names, Rows
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.lab import workers
from hevner.lab.default.fit import Predictions, fit, merged, predictions
from hevner.lab.default.recipe import DefaultRecipe, TagRecipe
from hevner.lab.default.table import Table
from hevner.lab.default.targets import tag_labels
from hevner.lab.study import kept
from hevner.model.description import CURVE_POINTS, Description, course, described
from hevner.model.moments import STEP_S
from hevner.model.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows of music and emotion: row i of both belongs to one piece. Names have shape ``(n,)``."""

    musics: Description
    emotions: Description
    dataset: Names
    group: Names
    clip: Names

    def __len__(self) -> int:
        return len(self.dataset)

    def where(self, rows: Mask | Rows) -> Pairs:
        """Some of the rows."""
        descriptions = self.musics.where(rows), self.emotions.where(rows)
        return Pairs(*descriptions, self.dataset[rows], self.group[rows], self.clip[rows])


def build(
    table: Table, recipe: DefaultRecipe, readings: Predictions, tracks: Mapping[str, Track]
) -> Pairs:
    """A pair for each row of a table that is `paired`, in the variant that is evaluated.

    Takes the training table and the recipe of the default model, with tags, predictions for all
    rows of the table, and tracks by full name, for ratings over time and the spread of raters.
    """
    assert recipe.tags is not None
    predicted, rated = _courses(table, readings, tracks)
    emotions = Description.of(
        point=table.emotion,
        spread=_spreads(table, tracks),
        curve=rated,
        quadrants=_quadrants(table),
        gems=table.gems,
        tags=_tags(table, recipe.tags),
    )
    musics = described(readings["whole"], recipe.tags.rates.tolist(), predicted)
    pairs = Pairs(musics, emotions, table.dataset, table.group, table.clip)
    return pairs.where(paired(table))


def paired(table: Table) -> Mask:
    """Rows of a table that make a pair: whole clips whose emotion is known in some form."""
    known = np.isfinite(table.emotion).all(axis=1) | (table.quadrant >= 0)
    known |= np.isfinite(table.gems).all(axis=1)
    return np.asarray(table.clean & known)


def _courses(
    table: Table, readings: Predictions, tracks: Mapping[str, Track]
) -> tuple[Floats, Floats]:
    """Courses of whole pieces, as predicted for their moments and as rated by listeners."""
    predicted = np.zeros((len(table), 2, CURVE_POINTS), np.float32)
    rated = np.full_like(predicted, np.nan)
    # The windows of a clip in one variant follow the row of the whole.
    piece = np.cumsum(~table.window) - 1
    wholes = np.flatnonzero(~table.window)
    moments = readings.get("moment")
    for number in np.unique(piece[table.window]):
        row = wholes[number]
        if not table.clean[row]:
            continue
        mine = np.flatnonzero((piece == number) & table.window)
        if moments is not None:
            # The beginning shares the first window, as at run time (`hevner.model.moments`).
            mine = np.append(mine[:1], mine)
            times, values = table.end[mine] - STEP_S / 2, moments.values[mine]
            times[0] = table.start[mine[0]]
        else:
            times = (table.start[mine] + table.end[mine]) / 2
            values = readings["window"].values[mine]
        if np.isfinite(values).all():  # else the row is not among those that were predicted
            predicted[row] = course(times, *values.T)
        curve = tracks[str(table.clip[row])].curve
        if curve is not None:
            rated[row] = course(curve.times, curve.valence, curve.arousal)
    return predicted, rated


def _spreads(table: Table, tracks: Mapping[str, Track]) -> Doubles:
    spreads = np.full((len(table), 2), np.nan)
    for row in np.flatnonzero(table.clean):
        track = tracks[str(table.clip[row])]
        if track.valence_std is not None and track.arousal_std is not None:
            spreads[row] = track.valence_std, track.arousal_std
    return spreads


def _quadrants(table: Table) -> Doubles:
    """Quadrants of clips that have no other label."""
    found = np.full((len(table), len(Quadrant)), np.nan)
    only = (table.quadrant >= 0) & ~np.isfinite(table.emotion).all(axis=1)
    found[only] = np.eye(len(Quadrant))[table.quadrant[only]]
    return found


def _tags(table: Table, plan: TagRecipe) -> Doubles:
    """Log odds of tags above their base rates, from both teachers of the tags."""
    # In standard units the odds at the base rate lie as in `hevner.lab.default.fit`.
    return np.asarray(plan.slope * tag_labels(table, plan) - plan.slope**2 / 2)


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

    Tasks, from `plan` or `pairwise`, are run in parallel processes; the folder keeps finished ones,
    so that a run that was stopped goes on. Progress is called with the number of tasks that are
    done, and the number of all.
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
    found = predictions(model, table.where(task.predicted))
    arrays = {f"{way}/{n}": a for way, one in found.items() for n, a in one.arrays().items()}
    kept.write(path, arrays)


def _kept(path: Path, count: int, task: Task) -> Predictions:
    arrays: dict[str, dict[str, Floats]] = {}
    for name, one in kept.read(path).items():
        way, _, array = name.partition("/")
        arrays.setdefault(way, {})[array] = one
    found = {way: Prediction.from_arrays(mine) for way, mine in arrays.items()}
    return merged(count, [(task.predicted, found)], blank=np.nan)


def _digest(table: Table, recipe: DefaultRecipe, task: Task) -> str:
    """Name of a task by all that it depends on but the code."""
    found = hashlib.blake2b(f"{__version__} {recipe.digest}".encode(), digest_size=12)
    columns = [getattr(table, field.name) for field in fields(table)]
    for array in (*columns, task.train, task.predicted):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
