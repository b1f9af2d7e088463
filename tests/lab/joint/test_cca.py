"""Canonical correlation analysis: planted correlations, a peer, laws, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cross_decomposition import CCA

from hevner.errors import DataError
from hevner.lab.joint.cca import LinearCCA
from tests.errors import raises

PLANTED = np.array([0.9, 0.6, 0.2])


def views(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Views of 4 and 3 dimensions with `PLANTED` correlations, mixed, scaled and shifted."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=(2, rows, 3))
    second = PLANTED * shared + np.sqrt(1 - PLANTED**2) * own
    first = np.column_stack([shared, rng.normal(size=rows)])
    return first @ rng.normal(size=(4, 4)) + 5, 3 * second @ rng.normal(size=(3, 3)) - 2


def invertible(rng: np.random.Generator, size: int) -> np.ndarray:
    left, right = (np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2))
    return left * rng.uniform(0.3, 3, size) @ right


def test_planted_correlations_are_found() -> None:
    first, second = views(40_000)
    cca = LinearCCA.fit(first, second)
    assert cca.correlations == pytest.approx(PLANTED, abs=0.01)
    fresh = views(40_000)  # The same mixing, so the same projections hold.
    one, two = cca.first(fresh[0]), cca.second(fresh[1])
    assert np.corrcoef(one.T, two.T)[:3, 3:] == pytest.approx(np.diag(PLANTED), abs=0.01)


def test_same_correlations_as_scikit_learn() -> None:
    first, second = views(500)
    peer = CCA(n_components=3, max_iter=10_000, tol=1e-12).fit(first, second)
    one, two = peer.transform(first, second)
    expected = [np.corrcoef(one[:, k], two[:, k])[0, 1] for k in range(3)]
    cca = LinearCCA.fit(first, second, ridge=0)
    assert cca.correlations == pytest.approx(expected, abs=1e-6)
    ours = np.abs(np.corrcoef(cca.first(first).T, one.T)[:3, 3:])
    assert np.diag(ours) == pytest.approx(np.ones(3), abs=1e-4)


def test_variates_are_whitened_up_to_the_ridge_and_uncorrelated_across() -> None:
    first, second = views(300)
    ridge = 0.5
    cca = LinearCCA.fit(first, second, ridge=ridge)
    covariance = np.cov(first.T, second.T)
    w1, w2 = cca.first_weights, cca.second_weights
    assert w1.T @ (covariance[:4, :4] + ridge * np.eye(4)) @ w1 == pytest.approx(np.eye(3))
    assert w2.T @ (covariance[4:, 4:] + ridge * np.eye(3)) @ w2 == pytest.approx(np.eye(3))
    cross = w1.T @ covariance[:4, 4:] @ w2
    assert cross == pytest.approx(np.diag(np.diag(cross)), abs=1e-9)
    assert np.diag(cross).min() > 0


@pytest.mark.parametrize("ridge", [0.0, 1e-4, 2.0])
def test_correlations_and_lines_are_those_of_the_training_variates(ridge: float) -> None:
    first, second = views(200)
    cca = LinearCCA.fit(first, second, ridge=ridge)
    one, two = cca.first(first), cca.second(second)
    for k in range(3):
        expected = np.corrcoef(one[:, k], two[:, k])[0, 1]
        assert cca.training_correlations[k] == pytest.approx(expected, abs=1e-9)
        line = np.polyfit(one[:, k], two[:, k], 1)
        assert line == pytest.approx([cca.slopes_to_second[k], 0], abs=1e-9)
        line = np.polyfit(two[:, k], one[:, k], 1)
        assert line == pytest.approx([cca.slopes_to_first[k], 0], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ridge=st.sampled_from([0.0, 1e-4, 0.1, 10.0]))
def test_correlations_fall_within_0_and_1(seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(12, 5)), rng.normal(size=(12, 3))
    first[:, 0] *= 100
    second[:, 0] += first[:, 0]
    cca = LinearCCA.fit(first, second, ridge=ridge)
    assert cca.correlations.shape == cca.training_correlations.shape == (3,)
    assert (np.diff(cca.correlations) <= 0).all()
    assert cca.correlations.min() >= 0
    assert cca.training_correlations.max() <= 1
    # The ridge only takes away.
    assert (cca.correlations <= cca.training_correlations + 1e-9).all()
    if ridge == 0:
        assert cca.correlations == pytest.approx(cca.training_correlations)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_invertible_linear_maps_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = views(60, seed)
    plain = LinearCCA.fit(first, second, ridge=0)
    mapped = first @ invertible(rng, 4) + rng.normal(size=4)
    turned = second @ invertible(rng, 3) + rng.normal(size=3)
    other = LinearCCA.fit(mapped, turned, ridge=0)
    assert other.correlations == pytest.approx(plain.correlations, abs=1e-8)
    assert np.abs(other.first(mapped)) == pytest.approx(np.abs(plain.first(first)), abs=1e-4)
    both = plain.first(first) * plain.second(second)
    assert other.first(mapped) * other.second(turned) == pytest.approx(both, abs=1e-4)


def test_a_relative_ridge_does_not_depend_on_the_scale_of_a_view() -> None:
    first, second = views(50)
    one = LinearCCA.fit(first, second, ridge=0.3, relative=True)
    other = LinearCCA.fit(1000 * first, second / 1000, ridge=0.3, relative=True)
    assert other.correlations == pytest.approx(one.correlations)
    assert other.first(1000 * first) == pytest.approx(one.first(first))
    absolute = LinearCCA.fit(1000 * first, second / 1000, ridge=0.3)
    assert absolute.correlations != pytest.approx(one.correlations, abs=1e-3)


def test_a_relative_ridge_lets_few_rows_tell_fresh_ones() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1030, 1))
    first = shared @ rng.normal(size=(1, 60)) + 2 * rng.normal(size=(1030, 60))
    second = shared @ rng.normal(size=(1, 10)) + 2 * rng.normal(size=(1030, 10))

    def fresh(cca: LinearCCA) -> float:
        one, two = cca.first(first[30:]), cca.second(second[30:])
        return float(np.corrcoef(one[:, 0], two[:, 0])[0, 1])

    bare, damped = (
        LinearCCA.fit(first[:30], second[:30], ridge=ridge, relative=True) for ridge in (1e-4, 1.0)
    )
    assert fresh(damped) > max(0.75, fresh(bare) + 0.05)
    # Measured on the rows it was fitted to, noise is worth as much as the shared direction.
    assert damped.training_correlations[1] > 0.9
    assert damped.correlations[0] == pytest.approx(fresh(damped), abs=0.1)


def test_a_variate_that_does_not_vary_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    first = np.column_stack([rng.normal(size=50), np.full(50, 7.0)])
    second = first[:, :1] + rng.normal(size=(50, 2))
    cca = LinearCCA.fit(first, second)
    assert cca.correlations[0] > 0.5
    assert cca.correlations[1] == pytest.approx(0, abs=1e-12)
    assert cca.training_correlations[1] == 0
    assert cca.slopes_to_second[1] == 0
    assert np.isfinite(cca.first(first)).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    first, second = views(20)
    with raises(DataError, "views_differ"):
        LinearCCA.fit(first, second[:19])
    with raises(DataError, "views_differ"):
        LinearCCA.fit(first[:1], second[:1])
    with raises(DataError, "dependent_dimensions"):
        LinearCCA.fit(np.column_stack([first, first[:, 0]]), second, ridge=0)
    with raises(DataError, "dependent_dimensions"):
        LinearCCA.fit(np.zeros((20, 2)), second, relative=True)
    second[3, 1] = np.nan
    with raises(DataError, "wrong_shape"):
        LinearCCA.fit(first, second)


def test_recalibrated_pairs_have_the_units_and_correlations_of_other_rows() -> None:
    rng = np.random.default_rng(0)
    # 12 rows of 6 dimensions without any relation: as good as perfect where they were fitted.
    cca = LinearCCA.fit(*rng.normal(size=(2, 12, 6)))
    assert cca.correlations[0] > 0.95
    first, second = rng.normal(size=(2, 5000, 6)) * 3 + 1
    other = cca.recalibrated(first, second)
    one, two = other.first(first), other.second(second)
    for side in (one, two):
        assert side.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-9)
        assert side.std(axis=0) == pytest.approx(np.ones(6))
    expected = np.array([np.corrcoef(one[:, k], two[:, k])[0, 1] for k in range(6)])
    assert other.correlations == pytest.approx(np.maximum(expected, 0), abs=1e-9)
    assert other.correlations.max() < 0.1
    assert other.slopes_to_second == pytest.approx(other.correlations)
    assert other.slopes_to_first == pytest.approx(other.correlations)


def test_a_pair_that_does_not_vary_in_other_rows_correlates_with_nothing() -> None:
    first, second = views(300)
    still = LinearCCA.fit(first, second).recalibrated(np.tile(first[0], (20, 1)), second[:20])
    assert still.correlations == pytest.approx(np.zeros(3))
    assert np.isfinite(still.first(first)).all()
