from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.errors import DataError
from hevner.lab.metrics.regression import mae, pearson, r2
from hevner.lab.metrics.statistics import (
    Interval,
    bootstrap,
    over_seeds,
    paired_bootstrap,
    permutation_test,
    spearman_brown,
    split_half,
)
from hevner.lab.metrics.tags import roc_auc_macro


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
            level=0.9,
        )
        inside.append(low <= 0 <= high)
    # Two standard errors of 200 tries are 0.04; percentile intervals run a little short.
    assert 0.84 <= np.mean(inside) <= 0.95


def test_a_higher_level_is_wider(rng: np.random.Generator) -> None:
    values, groups = clustered(rng, 30, 3)

    def mean(rows: np.ndarray) -> float:
        return float(values[rows].mean())

    narrow, wide = bootstrap(mean, groups, level=0.5), bootstrap(mean, groups, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


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
    assert found[:4] == pytest.approx((middle, 1.0, values.mean(), values.mean() + 2))
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


# --- reliability ---


def test_spearman_brown_by_hand() -> None:
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(0.5, 3) == pytest.approx(0.75)
    assert spearman_brown(1) == 1
    assert math.isnan(spearman_brown(-1))


@given(st.floats(-0.9, 1), st.floats(1, 10), st.floats(1, 10))
def test_spearman_brown_can_be_done_in_steps(r: float, first: float, second: float) -> None:
    if 1 + (first * second - 1) * r > 0.05 and 1 + (first - 1) * r > 0.05:
        stepwise = spearman_brown(spearman_brown(r, first), second)
        assert stepwise == pytest.approx(spearman_brown(r, first * second), rel=1e-6, abs=1e-9)


def test_split_half_finds_the_reliability_put_in(rng: np.random.Generator) -> None:
    # Mean of 8 raters, rater variance 4 times that of the items: 1 / (1 + 4 / 8).
    ratings = rng.normal(size=(3000, 1)) + 2 * rng.normal(size=(3000, 8))
    found = split_half(ratings, splits=50)
    assert found.full == pytest.approx(1 / 1.5, abs=0.02)
    assert found.half == pytest.approx(1 / 2, abs=0.02)
    assert found.full == pytest.approx(spearman_brown(found.half))
    # The order in which an item's ratings stand means nothing.
    in_order = split_half(np.sort(ratings, axis=1), splits=50)
    assert in_order.full == pytest.approx(found.full, abs=0.01)


def test_raters_in_agreement_are_wholly_reliable() -> None:
    ratings = np.tile(np.arange(5.0)[:, None], (1, 3))
    assert split_half(ratings).full == pytest.approx(1)


def test_lists_and_gaps_are_the_same_and_lone_ratings_do_not_count(
    rng: np.random.Generator,
) -> None:
    table = rng.normal(size=(20, 1)) + rng.normal(size=(20, 5))
    table[3:9, 4] = np.nan
    table[0, 1:] = np.nan
    found = split_half(table, splits=20)
    assert found.items == 19
    assert found == split_half([row[np.isfinite(row)] for row in table], splits=20)
    assert found == split_half(table[1:], splits=20)
    # A gap in the middle of a row changes which raters are drawn, not the reliability.
    gaps = table.copy()
    gaps[3:9, [0, 4]] = gaps[3:9, [4, 0]]
    assert split_half(gaps).full == pytest.approx(split_half(table).full, abs=0.03)


@pytest.mark.data
def test_reliability_of_rated_game_music(data: Path) -> None:
    pieces = json.loads((data / "vgmidi" / "ratings.json").read_text(encoding="utf-8"))
    # Figures measured apart from this code; one random split varies by 0.01.
    for axis, expected in (("valence", 0.92), ("arousal", 0.94)):
        found = split_half([[np.mean(rater) for rater in piece[axis]] for piece in pieces])
        assert found.full == pytest.approx(expected, abs=0.01)


# --- errors ---


def test_groups_that_cannot_be_resampled() -> None:
    with pytest.raises(DataError, match="too few groups: 1"):
        bootstrap(lambda rows: 0.0, ["a", "a"])
    with pytest.raises(DataError, match="too few groups: 0"):
        bootstrap(lambda rows: 0.0, [])
    with pytest.raises(DataError, match="groups hold NaN"):
        bootstrap(lambda rows: 0.0, [1.0, np.nan])
    with pytest.raises(DataError, match=r"groups have shape \(1, 2\)"):
        over_seeds(lambda seed, rows: 0.0, 2, [["a", "b"]])
    with pytest.raises(DataError, match="0 seeds"):
        over_seeds(lambda seed, rows: 0.0, 0, ["a", "b"])


@pytest.mark.parametrize("test", [paired_bootstrap, permutation_test])
def test_systems_that_cannot_be_compared(test: object) -> None:
    assert callable(test)
    truth = np.arange(4.0)
    with pytest.raises(DataError, match=r"have shapes \(4,\), \(4,\), \(3,\), \(4,\)"):
        test(mae, truth, truth, truth[:3], np.arange(4))
    with pytest.raises(DataError, match=r"have shapes \(4,\), \(4,\), \(4,\), \(2,\)"):
        test(mae, truth, truth, truth, [0, 1])
    with pytest.raises(DataError, match="too few groups: 1"):
        test(mae, truth, truth, truth, [0, 0, 0, 0])
    with pytest.raises(DataError, match=r"guess holds NaN or infinity at \(1,\)"):
        test(mae, truth, truth, [0, np.nan, 0, 0], np.arange(4))


def test_a_metric_without_a_value_is_not_tested() -> None:
    with pytest.raises(DataError, match="metric is not defined"):
        permutation_test(r2, np.zeros(4), np.arange(4.0), np.ones(4), np.arange(4))


def test_ratings_that_cannot_be_split() -> None:
    with pytest.raises(DataError, match="2 items have two ratings"):
        split_half([[1, 2], [2, 3], [4]])
    with pytest.raises(DataError, match="do not vary"):
        split_half(np.ones((4, 4)))
    with pytest.raises(DataError, match="hold infinity"):
        split_half([[1, np.inf], [2, 3], [4, 5]])
    with pytest.raises(DataError, match="not a list per item"):
        split_half([1.0, 2.0])
    with pytest.raises(DataError, match="not a list per item"):
        split_half([])
