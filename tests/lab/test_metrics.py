"""Metrics: values by hand, laws, golden scores, errors, and published scores of published files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, ndcg_score, roc_auc_score

from hevner.errors import DataError
from hevner.lab.gap import labels
from hevner.lab.metrics import regression, retrieval, tags
from tests.errors import raises
from tests.golden.regenerate_metrics import GOLDEN, scores

seeds = st.integers(0, 2**32 - 1)

REGRESSION = {
    name: getattr(regression, name)
    for name in ("r2", "rmse", "mae", "pearson", "spearman", "ccc", "r2_affine")
}


def pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-1, 1, rng.integers(3, 60))
    mixed = rng.uniform(-1, 1) * truth + rng.normal(size=len(truth))
    return truth, rng.uniform(0.1, 3) * mixed + rng.uniform(-2, 2)


def table(seed: int, levels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Flags and scores with many ties; every row and column of flags has both values."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(4, 12, size=2)
    flags = rng.random((rows, columns)) < 0.4
    flags[:2] = [np.arange(columns) % 2 == 0, np.arange(columns) % 2 == 1]
    flags[:, 0], flags[:, 1] = np.arange(rows) % 2 == 0, np.arange(rows) % 2 == 1
    return flags, rng.integers(levels, size=(rows, columns)) / levels


# --- golden ---


@pytest.mark.parametrize("kind", json.loads(GOLDEN.read_text(encoding="utf-8")))
def test_scores_are_as_before(kind: str) -> None:
    expected = json.loads(GOLDEN.read_text(encoding="utf-8"))[kind]
    found = scores()[kind]
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


# --- regression ---


def test_regression_by_hand() -> None:
    truth, guess = [0.0, 0.5, 1.0], [0.0, 1.0, 0.5]
    # Errors 0, .5, -.5; variances 1/6 each, covariance 1/12; equal means.
    assert regression.r2(truth, guess) == pytest.approx(0)
    assert regression.rmse(truth, guess) == pytest.approx(math.sqrt(0.5 / 3))
    assert regression.mae(truth, guess) == pytest.approx(1 / 3)
    assert regression.pearson(truth, guess) == pytest.approx(0.5)
    assert regression.spearman(truth, guess) == pytest.approx(0.5)
    assert regression.ccc(truth, guess) == pytest.approx(0.5)
    assert regression.r2_affine(truth, guess) == pytest.approx(0.25)
    # A shift by 1 leaves the correlations and costs concordance: 2/12 / (2/6 + 1).
    shifted = np.add(guess, 1)
    assert regression.pearson(truth, shifted) == pytest.approx(0.5)
    assert regression.ccc(truth, shifted) == pytest.approx(1 / 8)
    assert regression.r2(truth, shifted) == pytest.approx(1 - (1 + 2.25 + 0.25) / 0.5)


def test_spearman_gives_ties_their_mean_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    expected = np.corrcoef([1, 2.5, 2.5, 4], [1, 2, 3, 4])[0, 1]
    assert regression.spearman([0, 1, 1, 9], [1, 2, 3, 4]) == pytest.approx(expected)


@given(seeds)
def test_laws_of_regression(seed: int) -> None:
    truth, guess = pair(seed)
    r, ccc = regression.pearson(truth, guess), regression.ccc(truth, guess)
    assert regression.pearson(guess, truth) == pytest.approx(r)
    assert regression.spearman(guess, truth) == pytest.approx(regression.spearman(truth, guess))
    assert regression.ccc(guess, truth) == pytest.approx(ccc)
    assert abs(ccc) <= abs(r) + 1e-12
    assert regression.r2_affine(truth, guess) == pytest.approx(r**2)
    slope, offset = np.polyfit(guess, truth, 1)
    assert regression.r2(truth, slope * guess + offset) == pytest.approx(r**2, abs=1e-9)
    assert regression.r2(truth, guess) <= r**2 + 1e-12
    assert regression.mae(truth, guess) <= regression.rmse(truth, guess) + 1e-12
    assert regression.spearman(truth, np.exp(guess)) == pytest.approx(
        regression.spearman(truth, guess)
    )


@pytest.mark.parametrize("name", REGRESSION)
@given(seed=seeds)
def test_regression_does_not_see_the_order_of_rows_and_knows_perfection(
    name: str, seed: int
) -> None:
    metric = REGRESSION[name]
    truth, guess = pair(seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    assert metric(truth[order], guess[order]) == pytest.approx(metric(truth, guess))
    assert metric(truth, truth) == pytest.approx(0 if name in ("rmse", "mae") else 1)


@pytest.mark.parametrize("name", ["r2", "pearson", "spearman", "ccc", "r2_affine"])
def test_constant_ratings_tell_nothing(name: str) -> None:
    assert math.isnan(REGRESSION[name]([0.1] * 7, [0.1, 0.2, 0, 0, 0, 0, 0]))
    assert math.isnan(REGRESSION[name]([0.1] * 7, [0.1] * 7))


@pytest.mark.parametrize("name", ["pearson", "spearman", "ccc", "r2_affine"])
def test_a_constant_guess_scores_nothing(name: str) -> None:
    assert REGRESSION[name]([0.1, 0.2, 0.4], [0.1] * 3) == pytest.approx(0, abs=1e-15)


# --- distribution ---


def test_distributions_by_hand() -> None:
    assert labels.wasserstein([0, 0.5], [0.25, 0.75]) == pytest.approx(0.25)
    assert labels.jensen_shannon([-0.95, -0.9], [0.95]) == pytest.approx(1)
    # Bins (1/2, 1/2) and (1, 0); their mean is (3/4, 1/4).
    divergence = 0.5 * (0.5 * math.log2(2 / 3) + 0.5 * math.log2(2)) + 0.5 * math.log2(4 / 3)
    assert labels.jensen_shannon([0.05, 0.95], [0.01]) == pytest.approx(math.sqrt(divergence))


@given(seeds)
def test_laws_of_distribution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = (rng.uniform(-1, 1, rng.integers(1, 50)) for _ in range(3))
    for metric in (labels.wasserstein, labels.jensen_shannon):
        assert metric(a, np.tile(a, 3)) == pytest.approx(0, abs=1e-12)
        assert metric(a, b) == pytest.approx(metric(b, a))
        assert metric(a, c) <= metric(a, b) + metric(b, c) + 1e-12
    assert labels.wasserstein(a / 2, a / 2 + 0.3) == pytest.approx(0.3)


# --- tags ---


def test_tags_by_hand() -> None:
    tag, score = [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]
    assert tags.roc_auc(tag, score) == pytest.approx(3 / 4)
    assert tags.average_precision(tag, score) == pytest.approx((1 + 2 / 3) / 2)
    # In a tie neither order is preferred.
    assert tags.roc_auc(tag, [0] * 4) == pytest.approx(0.5)
    assert tags.average_precision(tag, [0] * 4) == pytest.approx(0.5)


@given(seeds)
def test_tags_agree_with_scikit_learn(seed: int) -> None:
    truth, score = table(seed)
    assert tags.roc_auc_macro(truth, score) == pytest.approx(
        roc_auc_score(truth, score, average="macro")
    )
    assert tags.pr_auc_macro(truth, score) == pytest.approx(
        average_precision_score(truth, score, average="macro")
    )
    limits = np.linspace(0, 1, truth.shape[1])
    if (truth.any(axis=0) & ~truth.all(axis=0)).all():
        f1 = f1_score(truth, score >= limits, average="macro", zero_division=0)
        assert tags.f1_macro(truth, score, limits) == pytest.approx(f1)


@given(seeds)
def test_tags_do_not_see_the_order_of_clips_or_a_rising_change_of_scores(seed: int) -> None:
    truth, score = table(seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    limits = np.full(truth.shape[1], 0.5)

    def found(truth: np.ndarray, score: np.ndarray, limits: np.ndarray) -> tuple[float, ...]:
        ranked = tags.roc_auc_macro(truth, score), tags.pr_auc_macro(truth, score)
        return (*ranked, tags.f1_macro(truth, score, limits))

    expected = found(truth, score, limits)
    assert found(truth[order], score[order], limits) == pytest.approx(expected)
    assert found(truth, np.exp(score), np.exp(limits)) == pytest.approx(expected)
    assert found(truth, truth.astype(float), limits) == (1.0, 1.0, 1.0)


def test_tags_without_clips_are_left_out_of_means_over_tags() -> None:
    truth = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    score = np.array([[0.9, 0.8, 0.1], [0.2, 0.6, 0.1], [0.1, 0.7, 0.9]])
    each = [tags.roc_auc(truth[:, k], score[:, k]) for k in range(3)]
    assert np.isnan(each).tolist() == [False, True, True]
    each = [tags.average_precision(truth[:, k], score[:, k]) for k in range(3)]
    assert np.isnan(each).tolist() == [False, True, False]
    assert tags.roc_auc_macro(truth, score) == pytest.approx(0.5)
    assert tags.pr_auc_macro(truth, score) == pytest.approx((1 + 2 / 3) / 2)
    assert tags.f1_macro(truth, score, [0.5] * 3) == pytest.approx(2 / 3)
    nothing = np.zeros((3, 3))
    assert math.isnan(tags.roc_auc_macro(nothing, score))
    assert math.isnan(tags.f1_macro(nothing, score, [0.5] * 3))


# --- retrieval ---


def test_retrieval_by_hand() -> None:
    # Ranks of the relevant items: 2, 1 and 3.
    score = [[0.5, 0.9, 0.1], [0.2, 0.9, 0.3], [0.9, 0.8, 0.7]]
    assert retrieval.first_ranks(score).tolist() == [2, 1, 3]
    assert retrieval.mrr(score) == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)
    assert retrieval.average_rank(score) == 2
    relevance = [[1, 0, 1], [0, 1, 0], [0, 1, 1]]
    assert retrieval.average_rank(score, relevance) == pytest.approx(5 / 3)


def ranking(score: np.ndarray, relevance: np.ndarray, far: np.ndarray, k: int) -> dict[str, float]:
    """Every score of a ranking."""
    return {
        "mrr": retrieval.mrr(score, relevance),
        "average_rank": retrieval.average_rank(score, relevance),
        "ndcg": retrieval.ndcg(score, k, far),
        "distance": retrieval.mean_distance(score, k, far),
    }


def by_chance(relevance: np.ndarray, far: np.ndarray, k: int) -> dict[str, float]:
    """The level of chance of each."""
    return {
        "mrr": retrieval.chance_mrr(relevance),
        "average_rank": retrieval.chance_average_rank(relevance),
        "ndcg": retrieval.chance_ndcg(far, k),
        "distance": retrieval.chance_distance(far),
    }


def test_the_gain_is_a_line_that_ends_at_the_radius() -> None:
    assert retrieval.gain([[0, 0.25, 0.5, 2]]).tolist() == [[1, 0.5, 0, 0]]
    # Order .5, 1, 0 against 1, .5, 0.
    far = [[0, 0.25, 0.5]]
    got, ideal = 0.5 + 1 / math.log2(3), 1 + 0.5 / math.log2(3)
    assert retrieval.ndcg([[2, 3, 1]], 2, far) == pytest.approx(got / ideal)
    assert retrieval.ndcg([[2, 3, 1]], 1, far) == pytest.approx(0.5)
    assert retrieval.mean_distance([[2, 3, 1]], 2, far) == pytest.approx(0.125)
    assert retrieval.va_distances([[0, 0]], [[0.3, 0.4], [-1, 0]]).tolist() == [[0.5, 1]]


@given(seeds)
def test_ndcg_agrees_with_scikit_learn_where_scores_differ(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, far = rng.random((5, 9)), rng.random((5, 9))
    far[:, 0] = 0
    for k in (1, 4, 9):
        assert retrieval.ndcg(score, k, far) == pytest.approx(
            ndcg_score(retrieval.gain(far), score, k=k)
        )


@given(seeds)
def test_ties_never_help(seed: int) -> None:
    relevance, score = table(seed)
    far = np.where(relevance, 0.1, 0.4)
    tied = ranking(score, relevance, far, 2)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        broken = score + rng.uniform(0, 0.01, score.shape)
        other = ranking(broken, relevance, far, 2)
        for name, value in tied.items():
            worse = 1 if name in ("average_rank", "distance") else -1
            assert worse * value >= worse * other[name] - 1e-12, name


@given(seeds)
def test_retrieval_does_not_see_the_order_of_items_and_knows_perfection(seed: int) -> None:
    relevance, score = table(seed)
    far = np.random.default_rng(seed).random(score.shape) / 3
    order = np.random.default_rng(seed).permutation(score.shape[1])
    found = ranking(score[:, order], relevance[:, order], far[:, order], 3)
    assert found == pytest.approx(ranking(score, relevance, far, 3))
    assert retrieval.mrr(relevance, relevance) == 1
    assert retrieval.average_rank(relevance, relevance) == 1
    assert retrieval.ndcg(-far, 3, far) == pytest.approx(1)


def test_one_score_for_every_item_is_the_worst_there_is() -> None:
    assert retrieval.average_rank(np.zeros((4, 4))) == 4
    assert retrieval.mrr(np.zeros((4, 4))) == 0.25


@pytest.mark.parametrize("k", [1, 2, 5])
def test_chance_is_the_mean_over_all_orders(k: int) -> None:
    relevance = np.array([[1, 0, 1, 0, 0]])
    far = np.array([[0.0, 0.1, 0.3, 0.45, 0.9]])
    orders = [ranking(np.array([order]), relevance, far, k) for order in permutations(range(5))]
    for name, level in by_chance(relevance, far, k).items():
        assert level == pytest.approx(np.mean([found[name] for found in orders])), name


def test_chance_by_simulation(rng: np.random.Generator) -> None:
    relevance = rng.random((60, 30)) < rng.uniform(0.05, 0.5, (60, 1))
    relevance[:, 0] = True
    far = rng.uniform(0, 1, (60, 30))
    runs = [ranking(rng.random((60, 30)), relevance, far, 5) for _ in range(100)]
    for name, level in by_chance(relevance, far, 5).items():
        values = [found[name] for found in runs]
        error = np.std(values) / math.sqrt(len(values))
        assert abs(level - np.mean(values)) < 4 * error, name


@pytest.mark.parametrize(("items", "mrr", "rank"), [(361, 0.0179, 181), (141, 0.0392, 71)])
def test_chance_of_the_two_benchmarks(items: int, mrr: float, rank: float) -> None:
    one = np.eye(items)
    harmonic = sum(1 / k for k in range(1, items + 1))
    assert retrieval.chance_mrr(one) == pytest.approx(harmonic / items)
    assert retrieval.chance_mrr(one) == pytest.approx(mrr, abs=5e-5)
    assert retrieval.chance_average_rank(one) == rank


def test_a_single_item_is_always_found() -> None:
    assert retrieval.average_rank([[0.3]]) == retrieval.chance_mrr([[1]]) == 1


# --- errors ---

METRICS: list[Callable[..., object]] = [
    *REGRESSION.values(),
    tags.roc_auc,
    tags.average_precision,
]
TABLES: list[Callable[..., object]] = [
    tags.roc_auc_macro,
    tags.pr_auc_macro,
]


@pytest.mark.parametrize("metric", METRICS)
def test_columns_that_do_not_fit(metric: Callable[..., object]) -> None:
    with raises(DataError, "shapes_differ"):
        metric([0, 1, 1], [0, 1])
    with raises(DataError, "wrong_shape"):
        metric([[0, 1]], [0, 1])
    with pytest.raises(DataError, match=r"(guess|score) holds NaN or infinity at \(1,\)"):
        metric([0, 1], [0, np.nan])
    with raises(DataError, "empty"):
        metric([], [])


@pytest.mark.parametrize("metric", TABLES)
def test_tables_that_do_not_fit(metric: Callable[..., object]) -> None:
    with raises(DataError, "shapes_differ"):
        metric([[0, 1]], [[0], [1]])
    with raises(DataError, "not_binary"):
        metric([[0, 2]], [[0, 1]])
    with raises(DataError, "not_finite"):
        metric([[0, 1]], [[np.inf, 1]])


def test_thresholds_that_do_not_fit() -> None:
    with raises(DataError, "bad_thresholds"):
        tags.f1_macro([[0, 1]], [[0, 1]], [0.5] * 3)
    with raises(DataError, "bad_thresholds"):
        tags.f1_macro([[0, 1]], [[0, 1]], [0.5, np.nan])


def test_queries_that_cannot_be_scored() -> None:
    with raises(DataError, "not_square"):
        retrieval.mrr(np.zeros((2, 3)))
    with raises(DataError, "nothing_relevant", subject="query 1"):
        retrieval.mrr(np.zeros((2, 2)), [[1, 0], [0, 0]])
    with raises(DataError, "nothing_near", subject="query 0"):
        retrieval.ndcg([[1, 2]], 1, [[0.5, 0.7]])
    with raises(DataError, "out_of_range"):
        retrieval.mean_distance(np.zeros((2, 2)), 3, np.zeros((2, 2)))
    with raises(DataError, "out_of_range"):
        retrieval.chance_ndcg(np.zeros((2, 2)), 0)
    with raises(DataError, "shapes_differ"):
        retrieval.mean_distance(np.zeros((2, 2)), 1, np.zeros((2, 3)))


# --- published scores of published files ---


@pytest.mark.data
def test_the_tagging_baseline_scores_what_its_authors_report(data: Path) -> None:
    folder = data / "mtg_jamendo" / "baseline_vggish"
    truth = np.load(folder / "groundtruth.npy")
    score = np.load(folder / "baseline_vggish_predictions.npy")
    with (folder / "baseline_vggish_results.tsv").open(encoding="utf-8") as lines:
        published = {name: float(value) for name, value in csv.reader(lines, delimiter="\t")}
    for found, rounded, theirs in (
        (tags.pr_auc_macro(truth, score), 0.1077, "PR-AUC-macro"),
        (tags.roc_auc_macro(truth, score), 0.7258, "ROC-AUC-macro"),
    ):
        assert found == pytest.approx(rounded, abs=5e-5)
        assert found == pytest.approx(published[theirs], abs=1e-6)
