from __future__ import annotations

import math

import numpy as np
import pytest

from hevner.errors import DataError
from hevner.lab.metrics.regression import mae, pearson, r2
from hevner.lab.metrics.statistics import (
    Interval,
    bootstrap,
    over_seeds,
    paired_bootstrap,
    permutation_test,
)
from hevner.lab.metrics.tags import roc_auc_macro
from tests.errors import raises


def clustered(rng: np.random.Generator, groups: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Values whose mean is 0, and their groups; rows of a group share most of their value."""
    index = np.repeat(np.arange(groups), size)
    return rng.normal(size=groups)[index] + 0.2 * rng.normal(size=groups * size), index


# --- bootstrap ---


@pytest.mark.parametrize("kind", [str, int])
def test_draws_are_those_of_the_plain_form(rng: np.random.Generator, kind: type) -> None:
    groups = rng.integers(12, size=70).astype(kind)
    values = rng.normal(size=70)
    seen: list[np.ndarray] = []

    def score(rows: np.ndarray) -> float:
        seen.append(rows)
        return float(values[rows].mean())

    found = bootstrap(score, groups, resamples=40, seed=3)
    plain = np.random.default_rng(3)
    names, index = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(index == k) for k in range(len(names))]
    for rows in seen:
        drawn = plain.integers(len(names), size=len(names))
        np.testing.assert_array_equal(rows, np.concatenate([members[k] for k in drawn]))
    means = [values[rows].mean() for rows in seen]
    assert found == pytest.approx(np.quantile(means, [0.025, 0.975]))


def test_the_interval_holds_the_truth_as_often_as_it_says(rng: np.random.Generator) -> None:
    inside = []
    for seed in range(200):
        values, groups = clustered(rng, groups=40, size=5)
        low, high = bootstrap(
            lambda rows, v=values: float(v[rows].mean()),
            groups,
            resamples=200,
            seed=seed,
        )
        inside.append(low <= 0 <= high)
    # Two standard errors of 200 tries are 0.03; percentile intervals run a little short.
    assert 0.9 <= np.mean(inside) <= 0.98


def test_undefined_resamples_are_left_out() -> None:
    found = bootstrap(lambda rows: np.nan if (rows == 0).any() else 1.0, np.arange(3))
    assert found == Interval(1.0, 1.0)
    nothing = bootstrap(lambda rows: np.nan, np.arange(3))
    assert math.isnan(nothing.low)
    assert math.isnan(nothing.high)


def test_a_paired_difference_is_surer_than_its_parts(rng: np.random.Generator) -> None:
    truth, groups = clustered(rng, 60, 2)
    first = truth + 0.5 * rng.normal(size=120)
    second = first + 0.2 * rng.normal(size=120)
    found = paired_bootstrap(pearson, truth, first, second, groups)
    assert found.value == pytest.approx(pearson(truth, first) - pearson(truth, second))
    assert found.low < found.value < found.high
    alone = bootstrap(lambda rows: pearson(truth[rows], first[rows]), groups)
    assert found.high - found.low < alone.high - alone.low
    swapped = paired_bootstrap(pearson, truth, second, first, groups)
    assert swapped == pytest.approx((-found.value, -found.high, -found.low))


# --- permutation test ---


def test_p_is_uniform_if_nothing_differs(rng: np.random.Generator) -> None:
    values = []
    for seed in range(200):
        truth, groups = clustered(rng, 20, 3)
        shared = rng.normal(size=(2, 20))[:, groups]  # errors, too, are shared within a group
        first, second = truth + shared[0], truth + shared[1]
        values.append(
            permutation_test(mae, truth, first, second, groups, permutations=99, seed=seed)
        )
    for level in (0.05, 0.25, 0.5, 0.75):
        error = 3 * math.sqrt(level * (1 - level) / 200)
        assert np.mean(np.array(values) <= level) == pytest.approx(level, abs=error)


def test_a_real_difference_is_found(rng: np.random.Generator) -> None:
    truth, groups = clustered(rng, 40, 2)
    near, far = (truth + spread * rng.normal(size=80) for spread in (0.3, 1.0))
    assert permutation_test(r2, truth, near, far, groups, permutations=999) == 0.001
    assert permutation_test(r2, truth, far, near, groups, permutations=999) == 0.001


def test_the_same_system_twice_differs_from_itself_in_nothing() -> None:
    truth = np.arange(6.0)
    assert permutation_test(mae, truth, truth + 1, truth + 1, np.arange(6), permutations=50) == 1


def test_p_of_few_groups_is_the_share_of_exchanges() -> None:
    # Three groups, the first system better in each: 2 of the 8 exchanges are as extreme.
    truth = np.zeros(6)
    p = permutation_test(mae, truth, truth + 1, truth + 2, [0, 0, 1, 1, 2, 2], permutations=4000)
    assert p == pytest.approx(0.25, abs=0.03)


def test_tables_can_be_tested_too(rng: np.random.Generator) -> None:
    truth = rng.random((60, 4)) < 0.4
    good, bad = truth + rng.normal(size=(60, 4)), rng.normal(size=(60, 4))
    p = permutation_test(roc_auc_macro, truth, good, bad, np.arange(60) // 2, permutations=99)
    assert p == 0.01


# --- seeds ---


def test_seeds_are_summed_up(rng: np.random.Generator) -> None:
    values, groups = clustered(rng, 30, 2)

    def score(seed: int, rows: np.ndarray) -> float:
        return float(values[rows].mean()) + seed

    found = over_seeds(score, 3, groups)
    middle = values.mean() + 1
    assert found[:2] == pytest.approx((middle, 1.0))
    assert found.low < middle < found.high
    one = over_seeds(score, 1, groups)
    assert math.isnan(one.std)
    # The interval also holds what other seeds would have given.
    assert found.high - found.low > 1.5 * (one.high - one.low)


@pytest.mark.parametrize("size", [0.01, 1])
def test_the_interval_over_seeds_adds_both_variances(size: float, rng: np.random.Generator) -> None:
    values, groups = size * rng.normal(size=400), np.arange(400)
    shifts = np.array([-0.1, 0.1, 0.05, -0.05, 0.0, 0.12, -0.12, 0.02])

    def score(seed: int, rows: np.ndarray) -> float:
        return float(values[rows].mean() + shifts[seed])

    found = over_seeds(score, 8, groups, resamples=2000)
    spread = math.sqrt(values.var() / 400 + shifts.var() / 8)
    assert found.high - found.low == pytest.approx(2 * 1.96 * spread, rel=0.1)


# --- errors ---


def test_groups_that_cannot_be_resampled() -> None:
    with raises(DataError, "too_few_groups"):
        bootstrap(lambda rows: 0.0, ["a", "a"])
    with raises(DataError, "too_few_groups"):
        bootstrap(lambda rows: 0.0, [])
    with raises(DataError, "not_finite"):
        bootstrap(lambda rows: 0.0, [1.0, np.nan])
    with raises(DataError, "wrong_shape"):
        over_seeds(lambda seed, rows: 0.0, 2, [["a", "b"]])
    with raises(DataError, "out_of_range"):
        over_seeds(lambda seed, rows: 0.0, 0, ["a", "b"])


@pytest.mark.parametrize("test", [paired_bootstrap, permutation_test])
def test_systems_that_cannot_be_compared(test: object) -> None:
    assert callable(test)
    truth = np.arange(4.0)
    with raises(DataError, "shapes_differ"):
        test(mae, truth, truth, truth[:3], np.arange(4))
    with raises(DataError, "shapes_differ"):
        test(mae, truth, truth, truth, [0, 1])
    with raises(DataError, "too_few_groups"):
        test(mae, truth, truth, truth, [0, 0, 0, 0])
    with raises(DataError, "not_finite"):
        test(mae, truth, truth, [0, np.nan, 0, 0], np.arange(4))


def test_a_metric_without_a_value_is_not_tested() -> None:
    with raises(DataError, "undefined_metric"):
        permutation_test(r2, np.zeros(4), np.arange(4.0), np.ones(4), np.arange(4))
