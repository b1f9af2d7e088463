"""Pairs of music and emotion from a table of the unified model."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from hevner.datasets.track import Curve, Track
from hevner.emotion import MOOD_TAGS
from hevner.heads import HEADS
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.lab.recipes import read
from hevner.lab.space.pairs import build
from hevner.model.prediction import Prediction

UNIFIED = Path(__file__).parents[3] / "recipes" / "unified.toml"
NAN = float("nan")

# A rated piece with three windows; the same disturbed, with one; a sorted clip; one more of both.
ROWS = [
    ("piano/a", True, False, (0.2, 0.1)),
    ("piano/a", False, True, (0.0, 0.1)),
    ("piano/a", False, True, (0.2, 0.1)),
    ("piano/a", False, True, (0.4, 0.1)),
    ("piano/a", False, False, (0.2, 0.1)),
    ("piano/a", False, True, (0.0, 0.1)),
    ("clips/b", True, False, (NAN, NAN)),
    ("piano/c", True, False, (-0.3, 0.4)),
    ("clips/d", True, False, (NAN, NAN)),
]


@pytest.fixture
def table() -> Table:
    count = len(ROWS)
    starts = np.array([0, 0, 10, 20, 0, 0, 0, 0, 0], float)
    rng = np.random.default_rng(0)
    return Table(
        vectors=np.zeros((count, 3), np.float32),
        emotion=np.array([row[3] for row in ROWS]),
        tension=np.full(count, NAN),
        emotions=np.full((count, 5), NAN),
        quadrant=np.array([0, -1, -1, -1, 0, -1, 2, 1, 0]),
        cluster=np.full(count, -1),
        gems=np.full((count, 9), NAN),
        tags=rng.uniform(0.01, 0.3, (count, len(MOOD_TAGS))),
        dataset=np.array([row[0].partition("/")[0] for row in ROWS]),
        clip=np.array([row[0] for row in ROWS]),
        group=np.array([row[0] for row in ROWS]),
        kind=np.array([""] * count),
        clean=np.array([row[1] for row in ROWS]),
        window=np.array([row[2] for row in ROWS]),
        start=starts,
        end=starts + np.where([row[2] for row in ROWS], 10, 30),
        seconds=np.full(count, 30.0),
    )


def prediction(values: list[float]) -> Prediction:
    column = np.array(values, np.float32)[:, None]
    tables = {head.name: np.repeat(column, len(head.outputs), axis=1) for head in HEADS}
    return Prediction(tables, {"emotion": tables["emotion"]}, column[:, 0])


@pytest.fixture
def tracks() -> dict[str, Track]:
    curve = Curve(np.array([0.0, 15.0, 30.0]), np.array([0, 0.2, 0.4]), np.full(3, 0.1))
    common = {"media": None, "group": "", "recording": ""}
    return {
        "piano/a": Track("piano", "a", **common, valence_std=0.3, arousal_std=0.2, curve=curve),
        "clips/b": Track("clips", "b", **common),
        "piano/c": Track("piano", "c", **common),
        "clips/d": Track("clips", "d", **common),
    }


@pytest.fixture
def pairs(table, tracks):
    whole = prediction([0.5, 0.9, 0.9, 0.9, 0.8, 0.9, 0.25, 0.75, 0.6])
    window = prediction([0.9, 0.1, 0.2, 0.3, 0.9, 0.7, 0.9, 0.9, 0.9])
    return build(table, read(UNIFIED, DefaultRecipe), {"whole": whole, "window": window}, tracks)


def test_whole_clips_in_the_judged_variant_are_paired(pairs):
    assert pairs.clip.tolist() == ["piano/a", "clips/b", "piano/c", "clips/d"]
    np.testing.assert_allclose(pairs.musics.point[:, 0], [0.5, 0.25, 0.75, 0.6])


def test_courses_are_those_of_windows_and_of_raters(pairs):
    heard, rated = pairs.musics.curve[0, 0], pairs.emotions.curve[0, 0]
    assert (np.diff(heard) > 0).all()
    assert heard[-1] - heard[0] == pytest.approx(0.2 * 7 / 8, abs=0.02)
    assert rated[-1] - rated[0] == pytest.approx(0.4 * 7 / 8, abs=0.02)
    np.testing.assert_allclose(pairs.musics.curve[1], 0)
    assert np.isnan(pairs.emotions.curve[1]).all()


def test_moments_lie_where_their_windows_end(table, tracks):
    whole = prediction([0.5] * 9)
    moment = prediction([0.5, 0.1, 0.2, 0.3, 0.8, 0.7, 0.25, 0.75, 0.6])
    readings = {"whole": whole, "window": whole, "moment": moment}
    pairs = build(table, read(UNIFIED, DefaultRecipe), readings, tracks)
    # The first ends after 10 s, and until then nothing moves.
    np.testing.assert_allclose(np.diff(pairs.musics.curve[0, 0, :2]), 0, atol=1e-3)
    assert np.ptp(pairs.musics.curve[0, 0]) == pytest.approx(0.2, abs=0.03)


def test_labels_are_told_where_they_were_rated(pairs):
    np.testing.assert_allclose(pairs.emotions.point[0], [0.2, 0.1], rtol=1e-6)
    np.testing.assert_allclose(pairs.emotions.spread[0], [0.3, 0.2], rtol=1e-6)
    assert np.isnan(pairs.emotions.point[1]).all()
    # A quadrant that follows from a point is not told twice.
    assert np.isnan(pairs.emotions.quadrants[0]).all()
    np.testing.assert_array_equal(pairs.emotions.quadrants[1], [0, 0, 1, 0])
    assert np.isfinite(pairs.emotions.tags).all()


def test_everything_is_told_of_music(pairs):
    for field in fields(pairs.musics):
        if field.name != "spread":
            assert np.isfinite(getattr(pairs.musics, field.name)).all(), field.name


def test_rows_can_be_chosen(pairs):
    one = pairs.where(np.array([False, True, False, False]))
    assert len(one) == 1
    assert one.dataset.tolist() == ["clips"]
    assert SimpleNamespace(**vars(one)).musics.point.shape == (1, 2)
