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


def together(
    recipe: UnifiedRecipe, row: Row, data: StudyData, split: Split, lessons: Mapping[str, Any]
) -> dict[str, Any]:
    """Arrays of a cell with one network for all datasets of its row."""
    train = _of(data, split.train, row.datasets)
    validation = None if split.validation is None else _of(data, split.validation, row.datasets)
    fitted = fit(recipe, row, data, train, split.seed, validation=validation, teachers=lessons)
    found = _for_all_rows(data, fitted, split.test)
    return _arrays(found, {})


def apart(recipe: UnifiedRecipe, row: Row, data: StudyData, split: Split) -> dict[str, Any]:
    """Arrays of a cell with a network for each dataset; their mean where several predict a row."""
    predicted: dict[str, list[Prediction]] = {}
    lessons: Lessons = {}
    for name in row.datasets:
        train = _of(data, split.train, [name])
        if not len(train):
            continue
        validation = None if split.validation is None else _of(data, split.validation, [name])
        test = split.test if split.protocol == LEFT_OUT else _of(data, split.test, [name])
        fitted = fit(recipe, row, data, train, split.seed, validation=validation)
        for head, found in _for_all_rows(data, fitted, test).items():
            predicted.setdefault(head, []).append(found)
        add_lessons(lessons, data, fitted, train)
    return _arrays({head: _mean(found) for head, found in predicted.items()}, lessons)


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


def _arrays(found: Mapping[str, Prediction], lessons: Lessons) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for head, one in found.items():
        arrays[f"values.{head}"] = one.values.astype(np.float32)
        if one.spread is not None:
            arrays[f"spread.{head}"] = one.spread.astype(np.float32)
    return arrays | {f"lesson.{head}": lesson for head, lesson in lessons.items()}
