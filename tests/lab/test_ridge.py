"""Ridge regression from moments that add up."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.linear_model import Ridge

from hevner.lab.regression.ridge import NormalEquations


def rows(rng: np.random.Generator, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.normal(size=(count, 7)) + 1.5
    targets = x @ rng.normal(size=(7, 2)) + rng.normal(size=(count, 2)) + 4
    return x, targets, rng.uniform(0.2, 3, count)


def test_moments_of_disjoint_rows_add_up(rng: np.random.Generator) -> None:
    x, targets, weights = rows(rng)
    whole = NormalEquations.of(x, targets, weights)
    first = NormalEquations.of(x[:25], targets[:25], weights[:25])
    second = NormalEquations.of(x[25:], targets[25:], weights[25:])
    for field in dataclasses.fields(NormalEquations):
        expected = getattr(whole, field.name)
        np.testing.assert_allclose(getattr(first + second, field.name), expected)
        np.testing.assert_allclose(getattr(whole - second, field.name), getattr(first, field.name))


def test_the_solution_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    x, targets, weights = rows(rng)
    coefficients, intercept = NormalEquations.of(x, targets, weights).solve(np.full(7, 5.0))
    expected = Ridge(alpha=5.0).fit(x, targets, sample_weight=weights)
    np.testing.assert_allclose(coefficients, expected.coef_.T, rtol=1e-8)
    np.testing.assert_allclose(intercept, expected.intercept_, rtol=1e-8)


def test_each_dimension_has_a_penalty_of_its_own(rng: np.random.Generator) -> None:
    x, targets, weights = rows(rng)
    penalty = np.array([1, 1, 1, 1, 1, 1e12, 1.0])
    coefficients, _ = NormalEquations.of(x, targets, weights).solve(penalty)
    assert np.abs(coefficients[5]).max() < 1e-6
    assert np.abs(np.delete(coefficients, 5, axis=0)).max() > 0.1
    # The same by scaling the columns.
    scaled = Ridge(alpha=1.0).fit(x / np.sqrt(penalty), targets, sample_weight=weights)
    np.testing.assert_allclose(coefficients, scaled.coef_.T / np.sqrt(penalty)[:, None], rtol=1e-6)
