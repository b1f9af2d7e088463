"""Readings of music the unified model has not seen."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import SimpleNamespace

import numpy as np
import pytest

from hevner.lab.space import pairs as module
from hevner.lab.space.pairs import joined, pairwise, plan, read
from hevner.model.prediction import Prediction

FOLD = np.array([0, 1, 2, 0, 1, 2, 0])


def test_every_row_is_told_by_a_fit_without_its_fold():
    tasks = plan(FOLD)
    assert len(tasks) == 3
    np.testing.assert_array_equal(sum(task.predicted.astype(int) for task in tasks), 1)
    for task in tasks:
        assert not (task.train & task.predicted).any()
        assert not set(FOLD[task.train]) & set(FOLD[task.predicted])


def test_pairs_of_folds_are_left_out_together():
    tasks = pairwise(FOLD)
    assert list(tasks) == [(0, 1), (0, 2), (1, 2)]
    for (first, second), task in tasks.items():
        assert set(FOLD[task.predicted]) == {first, second}
        assert set(FOLD[task.train]) == {0, 1, 2} - {first, second}


def prediction(values: np.ndarray) -> Prediction:
    column = values[:, None].astype(np.float32)
    return Prediction({"emotion": column}, {"emotion": column}, column[:, 0])


def test_parts_are_joined_where_they_were_asked():
    tasks = plan(FOLD)
    parts = []
    for number, task in enumerate(tasks):
        values = np.where(task.predicted, number, np.nan)
        parts.append({"whole": prediction(values), "window": prediction(values + 10)})
    whole = joined(parts, tasks)
    np.testing.assert_array_equal(whole["whole"].values[:, 0], FOLD)
    np.testing.assert_array_equal(whole["window"].values[:, 0], FOLD + 10)
    assert np.isnan(parts[0]["whole"].values).any()


@dataclass
class Fake:
    """A table whose fit tells the number of rows it was trained on."""

    vectors: np.ndarray
    tension: np.ndarray
    seconds: np.ndarray

    def __len__(self) -> int:
        return len(self.vectors)

    def where(self, rows):
        return Fake(*(getattr(self, f.name)[rows] for f in fields(Fake)))


@pytest.fixture
def table():
    rows = np.arange(len(FOLD), dtype=float)
    return Fake(rows[:, None], rows, np.full(len(FOLD), 30.0))


@pytest.fixture
def fits(monkeypatch):
    """Counts fits, which run here instead of in other processes."""
    done = []

    def fit(train, _recipe):
        done.append(len(train))
        return SimpleNamespace(
            course=lambda vectors: None,
            predict=lambda vectors, seconds, windows=False: prediction(
                np.full(len(vectors), len(train) + 100 * windows)
            ),
        )

    class Here:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def submit(self, work, *arguments):
            from concurrent.futures import Future

            future = Future()
            future.set_result(work(*arguments))
            return future

    monkeypatch.setattr(module, "fit", fit)
    monkeypatch.setattr(module.workers, "pool", lambda _jobs: Here())
    return done


def test_finished_fits_are_kept(table, fits, tmp_path):
    recipe = SimpleNamespace(digest="a")
    tasks = plan(FOLD)
    told = []
    first = read(table, recipe, tasks, tmp_path, progress=lambda done, of: told.append((done, of)))
    assert fits == [4, 5, 5]
    assert told == [(1, 3), (2, 3), (3, 3)]
    again = read(table, recipe, tasks, tmp_path)
    assert len(fits) == 3
    np.testing.assert_array_equal(again[0]["whole"].values, first[0]["whole"].values)
    np.testing.assert_array_equal(again[0]["whole"].values[FOLD == 0, 0], 4)
    assert np.isnan(again[0]["whole"].values[FOLD != 0]).all()
    np.testing.assert_array_equal(again[1]["window"].values[FOLD == 1, 0], 105)


def test_other_data_or_recipes_are_fitted_again(table, fits, tmp_path):
    tasks = plan(FOLD)
    read(table, SimpleNamespace(digest="a"), tasks, tmp_path)
    read(table, SimpleNamespace(digest="b"), tasks, tmp_path)
    assert len(fits) == 6
    for number, field in enumerate(fields(Fake)):
        setattr(table, field.name, getattr(table, field.name) + 1)
        read(table, SimpleNamespace(digest="a"), tasks, tmp_path)
        assert len(fits) == 9 + 3 * number, field.name
