from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.errors import DataError
from hevner.model.description import (
    CURVE_POINTS,
    Description,
    course,
    described,
    join,
    log_odds,
)
from hevner.model.prediction import Prediction
from tests.errors import raises
from tests.joint_world import musics


def test_what_is_not_told_is_nan():
    told = Description.of(point=[[0.5, -0.5], [0.1, 0.2]])
    assert len(told) == 2
    assert np.isnan(told.tags).all()
    assert told.tags.shape == (2, 56)
    np.testing.assert_allclose(told.point[1], [0.1, 0.2])


def test_heads_that_a_model_lacks_are_unknown_not_zero():
    none = np.zeros((3, 0), np.float32)
    outputs = dict.fromkeys(("quadrants", "gems", "tags"), none)
    point = np.full((3, 2), 0.5, np.float32)
    bare = described(Prediction(outputs | {"emotion": point}, {}, point[:, 0]), None)
    assert (bare.point == 0.5).all()
    assert (bare.curve == 0).all()  # a window is flat
    for form in ("quadrants", "gems", "tags"):
        assert np.isnan(getattr(bare, form)).all(), form
    gems = np.full((3, 9), 0.2, np.float32)
    some = described(Prediction(outputs | {"emotion": point, "gems": gems}, {}, point[:, 0]), None)
    assert (some.gems == gems).all()
    assert np.isnan(some.quadrants).all()


def test_numbers_of_rows_must_agree():
    with raises(DataError, "wrong_shape"):
        Description.of(point=np.zeros((2, 2)), gems=np.zeros((3, 9)))


def test_rows_are_selected_and_joined():
    some = musics(5)
    again = join([some.where(slice(0, 2)), some.where(np.array([2, 3, 4]))])
    np.testing.assert_array_equal(again.tags, some.tags)
    np.testing.assert_array_equal(again.curve, some.curve)


def test_log_odds_stay_finite():
    odds = log_odds([0.0, 0.5, 1.0, np.nan])
    assert np.isfinite(odds[:3]).all()
    assert np.isnan(odds[3])
    assert odds[1] == pytest.approx(0)


def test_a_course_rises_where_the_ratings_rise():
    times = np.linspace(10, 70, 61)
    found = course(times, np.linspace(-0.4, 0.4, 61), np.full(61, 0.3))
    assert found.shape == (2, CURVE_POINTS)
    assert (np.diff(found[0]) > 0).all()
    assert found[0, -1] - found[0, 0] == pytest.approx(0.8 * 7 / 8, abs=0.01)
    np.testing.assert_allclose(found[1], 0, atol=1e-6)


def test_silence_is_left_out_of_a_course():
    times = np.arange(8.0)
    valence = np.array([0, 0, np.nan, np.nan, 0.4, 0.4, 0.4, np.nan])
    found = course(times, valence, np.zeros(8))
    assert np.isfinite(found).all()
    assert found[0, 0] < found[0, -1]


def test_a_course_of_silence_is_refused():
    with raises(DataError, "no_ratings"):
        course([0, 1], [np.nan, np.nan], [0.1, 0.2])


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.floats(0.1, 100))
def test_a_course_does_not_depend_on_the_unit_of_time(values, unit):
    times = np.arange(len(values), dtype=float)
    plain = course(times, values, values)
    np.testing.assert_allclose(course(times * unit, values, values), plain, atol=1e-5)
    np.testing.assert_allclose(plain.mean(axis=1), 0, atol=1e-5)
