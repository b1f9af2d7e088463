"""Degrees inside a category."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from hevner.lab.data.labels import quadrants_of
from hevner.lab.joint import degrees


def test_degree_along_the_diagonal_of_the_listeners_quadrant() -> None:
    rated = np.array([[0.3, 0.5], [-0.2, 0.4], [-0.6, -0.2], [0.1, -0.7], [0.0, 0.0]])
    category = quadrants_of(rated)
    assert category.tolist() == [0, 1, 2, 3, 0]
    found = degrees.along_diagonal(rated, category)
    assert found * np.sqrt(2) == pytest.approx([0.8, 0.6, 0.8, 0.8, 0])
    # A point on the other side of neutral has a negative degree.
    assert degrees.along_diagonal(-rated, category) == pytest.approx(-found)
    assert degrees.along_diagonal([[1.0, 1.0]], [1]) == pytest.approx([0])


def test_share_of_the_strongest_emotion() -> None:
    listeners = np.array([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0], [0.0, 0.2, 0.8]])
    category = degrees.strongest(listeners)
    assert category.tolist() == [1, 0, 2]
    assert degrees.own_share(listeners, category).tolist() == [0.7, 0.5, 0.8]
    assert degrees.own_share(np.eye(3), category).tolist() == [0, 0, 1]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_tau_is_that_of_scipy_and_of_counting_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.integers(4, size=(2, 12)).astype(float)
    one[:2], two[:2] = [0, 1], [0, 1]
    signs = [np.sign(np.subtract.outer(x, x)) for x in (one, two)]
    expected = (signs[0] * signs[1]).sum() / np.sqrt(np.prod([(s**2).sum() for s in signs]))
    assert degrees.kendall(one, two) == pytest.approx(expected)
    assert degrees.kendall(one, two) == pytest.approx(kendalltau(one, two).statistic)


def test_tau_where_degrees_do_not_differ() -> None:
    assert degrees.kendall([1, 2, 3], [5, 5, 5]) == 0
    assert np.isnan(degrees.kendall([5, 5, 5], [1, 2, 3]))
    assert np.isnan(degrees.kendall([1], [1]))


def test_categories_are_weighted_by_their_items() -> None:
    category = np.array([0, 0, 0, 1, 1, 2])
    truth = np.array([1.0, 2, 3, 1, 2, 1])
    predicted = np.array([3.0, 2, 1, 5, 6, 9])
    # The category of one item has no order and no weight.
    assert degrees.within(category, truth, predicted) == pytest.approx((-3 + 2) / 5)
    assert np.isnan(degrees.within([0, 1], [1, 1], [1, 2]))


def test_separating_the_categories_earns_nothing() -> None:
    rng = np.random.default_rng(0)
    category = np.repeat([0, 1, 2], 200)
    truth = category + rng.random(600)
    predicted = category + rng.random(600)
    assert degrees.kendall(truth, predicted) > 0.5
    assert abs(degrees.within(category, truth, predicted)) < 0.08


def test_degrees_that_are_predicted_are_found() -> None:
    rng = np.random.default_rng(0)
    category, truth = rng.integers(3, size=300), rng.random(300)
    predicted = truth + rng.normal(size=300) / 4
    rows = [category == k for k in range(3)]
    expected = [kendalltau(truth[one], predicted[one]).statistic for one in rows]
    found = degrees.within(category, truth, predicted)
    assert found == pytest.approx(np.average(expected, weights=[one.sum() for one in rows]))
    assert found > 0.5
