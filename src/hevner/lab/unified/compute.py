"""Compute cells of the unified model: fit networks, predict all rows of the data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.lab.study.splits import Rows, Split
from hevner.lab.unified.data import StudyData
from hevner.lab.unified.fit import Fitted, Prediction, fit
from hevner.lab.unified.recipe import LEFT_OUT, Row, UnifiedRecipe

Lessons = dict[str, NDArray[np.float32]]
"""Raw outputs of teachers for all rows of the data, NaN for none, by head."""


def compute(
    recipe: UnifiedRecipe, row: Row, data: StudyData, split: Split, lessons: Mapping[str, Any]
) -> dict[str, Any]:
    """Arrays of a cell, with one network or one for each dataset of its row.

    Where several networks predict a row of the data, their mean is taken. Networks apart teach
    others, so their raw outputs are kept; lessons are those that a network learns from.
    """
    predicted: dict[str, list[Prediction]] = {}
    kept: Lessons = {}
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
            add_lessons(kept, data, fitted, train)
    arrays: dict[str, Any] = {}
    for head, several in predicted.items():
        values, spread = _mean(several)
        arrays[f"values.{head}"] = values.astype(np.float32)
        if spread is not None:
            arrays[f"spread.{head}"] = spread.astype(np.float32)
    return arrays | {f"lesson.{head}": lesson for head, lesson in kept.items()}


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

    def spread_out(table: NDArray[np.float64]) -> NDArray[np.float64]:
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
