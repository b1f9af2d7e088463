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

from hevner.emotion import Scale
from hevner.errors import DataError
from hevner.lab.metrics import calibration, distribution, regression, retrieval, tags
from tests.golden.regenerate_metrics import GOLDEN, scores

seeds = st.integers(0, 2**32 - 1)


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


@pytest.mark.parametrize("name", regression.METRICS)
@given(seed=seeds)
def test_regression_does_not_see_the_order_of_rows_and_knows_perfection(
    name: str, seed: int
) -> None:
    metric = regression.METRICS[name]
    truth, guess = pair(seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    assert metric(truth[order], guess[order]) == pytest.approx(metric(truth, guess))
    assert metric(truth, truth) == pytest.approx(0 if name in ("rmse", "mae") else 1)


@pytest.mark.parametrize("name", ["r2", "pearson", "spearman", "ccc", "r2_affine"])
def test_constant_ratings_tell_nothing(name: str) -> None:
    assert math.isnan(regression.METRICS[name]([0.1] * 7, [0.1, 0.2, 0, 0, 0, 0, 0]))
    assert math.isnan(regression.METRICS[name]([0.1] * 7, [0.1] * 7))


@pytest.mark.parametrize("name", ["pearson", "spearman", "ccc", "r2_affine"])
def test_a_constant_guess_scores_nothing(name: str) -> None:
    assert regression.METRICS[name]([0.1, 0.2, 0.4], [0.1] * 3) == pytest.approx(0, abs=1e-15)


def test_errors_name_the_scale_and_axes_keep_their_order() -> None:
    truth = {"arousal": [1.0, 9.0], "valence": [2.0, 4.0]}
    found = regression.evaluate(truth, {"arousal": [3.0, 9.0], "valence": [2.0, 5.0]}, Scale(1, 9))
    assert list(found)[:3] == ["valence r2", "valence rmse (1..9)", "valence mae (1..9)"]
    assert len(found) == 2 * len(regression.METRICS)
    assert found["valence mae (1..9)"] == 0.5
    assert found["arousal mae (1..9)"] == 1.0
    with pytest.raises(DataError, match="no arousal"):
        regression.evaluate(truth, {"valence": [1, 2]})


# --- distribution ---


def test_distributions_by_hand() -> None:
    assert distribution.wasserstein([0, 0.5], [0.25, 0.75]) == pytest.approx(0.25)
    assert distribution.jensen_shannon([-0.95, -0.9], [0.95]) == pytest.approx(1)
    # Bins (1/2, 1/2) and (1, 0); their mean is (3/4, 1/4).
    divergence = 0.5 * (0.5 * math.log2(2 / 3) + 0.5 * math.log2(2)) + 0.5 * math.log2(4 / 3)
    assert distribution.jensen_shannon([0.05, 0.95], [0.01]) == pytest.approx(math.sqrt(divergence))


@given(seeds)
def test_laws_of_distribution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = (rng.uniform(-1, 1, rng.integers(1, 50)) for _ in range(3))
    for metric in (distribution.wasserstein, distribution.jensen_shannon):
        assert metric(a, np.tile(a, 3)) == pytest.approx(0, abs=1e-12)
        assert metric(a, b) == pytest.approx(metric(b, a))
        assert metric(a, c) <= metric(a, b) + metric(b, c) + 1e-12
    assert distribution.wasserstein(a / 2, a / 2 + 0.3) == pytest.approx(0.3)


def test_distributions_refuse_another_scale() -> None:
    with pytest.raises(DataError, match=r"second leaves \[-1, 1\]: it runs from 1 to 9"):
        distribution.evaluate([0.5], [1, 9])


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
    for average in ("macro", "micro"):
        ours = {name: getattr(tags, f"{name}_{average}") for name in ("roc_auc", "pr_auc", "f1")}
        assert ours["roc_auc"](truth, score) == pytest.approx(
            roc_auc_score(truth, score, average=average)
        )
        assert ours["pr_auc"](truth, score) == pytest.approx(
            average_precision_score(truth, score, average=average)
        )
        limits = np.linspace(0, 1, truth.shape[1])
        f1 = f1_score(truth, score >= limits, average=average, zero_division=0)
        rankable = truth.any(axis=0) & ~truth.all(axis=0)
        if average == "micro" or rankable.all():
            assert ours["f1"](truth, score, limits) == pytest.approx(f1)
    assert tags.map_clips(truth, score) == pytest.approx(
        average_precision_score(truth, score, average="samples")
    )


@given(seeds)
def test_picked_thresholds_are_the_best(seed: int) -> None:
    truth, score = table(seed)
    picked = tags.pick_thresholds(truth, score)
    best = tags.f1_per_tag(truth, score, picked)
    for level in np.unique(score):
        other = tags.f1_per_tag(truth, score, np.full(truth.shape[1], level))
        assert (other <= best + 1e-12).all()
        # Of equally good thresholds the highest was taken.
        assert (picked[np.isclose(other, best)] >= level).all()


@given(seeds)
def test_tags_do_not_see_the_order_of_clips_or_a_rising_change_of_scores(seed: int) -> None:
    truth, score = table(seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    limits = np.full(truth.shape[1], 0.5)
    expected = tags.evaluate(truth, score, limits)
    assert tags.evaluate(truth[order], score[order], limits) == pytest.approx(expected)
    assert tags.evaluate(truth, np.exp(score), np.exp(limits)) == pytest.approx(expected)
    perfect = tags.evaluate(truth, truth.astype(float), limits)
    assert {perfect[name] for name in list(perfect)[:-1]} == {1.0}


def test_tags_without_clips_are_left_out_of_means_over_tags() -> None:
    truth = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    score = np.array([[0.9, 0.8, 0.1], [0.2, 0.6, 0.1], [0.1, 0.7, 0.9]])
    assert np.isnan(tags.roc_auc_per_tag(truth, score)).tolist() == [False, True, True]
    assert np.isnan(tags.average_precision_per_tag(truth, score)).tolist() == [False, True, False]
    assert np.isnan(tags.f1_per_tag(truth, score, [0.5] * 3)).tolist() == [False, True, False]
    found = tags.evaluate(truth, score, [0.5] * 3)
    assert found["tags"] == 1
    assert found["roc_auc_macro"] == pytest.approx(0.5)
    assert found["pr_auc_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["f1_macro"] == pytest.approx(2 / 3)
    assert tags.pick_thresholds(truth, score)[1] == np.inf
    nothing = tags.evaluate(np.zeros((3, 3)), score, [0.5] * 3)
    assert all(math.isnan(nothing[name]) for name in list(nothing)[:-1])
    assert nothing["tags"] == 0


# --- retrieval ---


def test_retrieval_by_hand() -> None:
    # Ranks of the relevant items: 2, 1 and 3.
    score = [[0.5, 0.9, 0.1], [0.2, 0.9, 0.3], [0.9, 0.8, 0.7]]
    assert retrieval.first_ranks(score).tolist() == [2, 1, 3]
    assert retrieval.mrr(score) == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)
    assert retrieval.average_rank(score) == 2
    assert retrieval.recall(score, 1) == pytest.approx(1 / 3)
    assert retrieval.recall(score, 2) == pytest.approx(2 / 3)
    assert retrieval.mean_average_precision(score) == pytest.approx(retrieval.mrr(score))
    relevance = [[1, 0, 1], [0, 1, 0], [0, 1, 1]]
    # Average precisions (1/2 + 2/3) / 2, 1 and (1/2 + 2/3) / 2.
    assert retrieval.mean_average_precision(score, relevance) == pytest.approx((7 / 6 + 1) / 3)
    assert retrieval.average_rank(score, relevance) == pytest.approx(5 / 3)
    assert retrieval.recall(score, 2, relevance) == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)


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
    tied = retrieval.evaluate(score, relevance, far, [2])
    for _ in range(5):
        rng = np.random.default_rng(seed)
        broken = score + rng.uniform(0, 0.01, score.shape)
        other = retrieval.evaluate(broken, relevance, far, [2])
        for name, value in tied.items():
            worse = 1 if name.startswith(("average_rank", "distance")) else -1
            assert worse * value >= worse * other[name] - 1e-12, name


@given(seeds)
def test_retrieval_does_not_see_the_order_of_items_and_knows_perfection(seed: int) -> None:
    relevance, score = table(seed)
    far = np.random.default_rng(seed).random(score.shape) / 3
    order = np.random.default_rng(seed).permutation(score.shape[1])
    expected = retrieval.evaluate(score, relevance, far, [1, 3])
    assert retrieval.evaluate(
        score[:, order], relevance[:, order], far[:, order], [1, 3]
    ) == pytest.approx(expected)
    assert retrieval.mrr(relevance, relevance) == 1
    assert retrieval.average_rank(relevance, relevance) == 1
    assert retrieval.mean_average_precision(relevance, relevance) == pytest.approx(1)
    assert retrieval.recall(relevance, score.shape[1], relevance) == 1
    assert retrieval.ndcg(-far, 3, far) == pytest.approx(1)


def test_one_score_for_every_item_is_the_worst_there_is() -> None:
    found = retrieval.evaluate(np.zeros((4, 4)), cutoffs=[1, 3])
    assert found["average_rank"] == 4
    assert found["mrr"] == 0.25
    assert found["recall@3"] == 0


def test_chance_is_the_mean_over_all_orders() -> None:
    relevance = np.array([[1, 0, 1, 0, 0]])
    far = np.array([[0.0, 0.1, 0.3, 0.45, 0.9]])
    everything = [
        retrieval.evaluate([order], relevance, far, [1, 2, 5]) for order in permutations(range(5))
    ]
    for name in [name for name in everything[0] if not name.endswith("chance")]:
        mean = np.mean([found[name] for found in everything])
        assert everything[0][f"{name} chance"] == pytest.approx(mean), name


def test_chance_by_simulation(rng: np.random.Generator) -> None:
    relevance = rng.random((60, 30)) < rng.uniform(0.05, 0.5, (60, 1))
    relevance[:, 0] = True
    far = rng.uniform(0, 1, (60, 30))
    runs = [retrieval.evaluate(rng.random((60, 30)), relevance, far, [5]) for _ in range(200)]
    for name in [name for name in runs[0] if not name.endswith("chance")]:
        values = [found[name] for found in runs]
        error = np.std(values) / math.sqrt(len(values))
        assert abs(runs[0][f"{name} chance"] - np.mean(values)) < 4 * error, name


@pytest.mark.parametrize(("items", "mrr", "rank"), [(361, 0.0179, 181), (141, 0.0392, 71)])
def test_chance_of_the_two_benchmarks(items: int, mrr: float, rank: float) -> None:
    one = np.eye(items)
    harmonic = sum(1 / k for k in range(1, items + 1))
    assert retrieval.chance_mrr(one) == pytest.approx(harmonic / items)
    assert retrieval.chance_mrr(one) == pytest.approx(mrr, abs=5e-5)
    assert retrieval.chance_average_rank(one) == rank
    assert retrieval.chance_map(one) == pytest.approx(harmonic / items)


def test_a_single_item_is_always_found() -> None:
    assert set(retrieval.evaluate([[0.3]], distances=[[0.0]], cutoffs=[1]).values()) == {0.0, 1.0}
    assert retrieval.chance_mrr([[1]]) == retrieval.chance_map([[1]]) == 1


# --- calibration ---


def test_calibration_by_hand() -> None:
    truth, low, high = [0.0, 0.5, 1.0, -1.0], [0.0, 0.6, 0.0, -0.5], [0.2, 0.7, 1.0, 0.5]
    assert calibration.coverage(truth, low, high) == 0.5
    assert calibration.mean_width(truth, low, high) == pytest.approx((0.2 + 0.1 + 1 + 1) / 4)
    assert list(calibration.evaluate(truth, low, high)) == ["coverage", "mean_width"]
    outcome, probability = [0, 1, 1, 1], [0.02, 0.04, 0.95, 1.0]
    curve = calibration.reliability_curve(outcome, probability)
    assert curve.cases.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert curve.probability[[0, 9]] == pytest.approx([0.03, 0.975])
    assert curve.frequency[[0, 9]] == pytest.approx([0.5, 1])
    assert np.isnan(curve.frequency[1:9]).all()
    assert calibration.expected_calibration_error(outcome, probability) == pytest.approx(
        (0.47 + 0.025) / 2
    )
    # Three cases 0.1 off and one 0.6 off.
    assert calibration.expected_calibration_error([1, 1, 1, 0], [0.9] * 3 + [0.6]) == pytest.approx(
        (3 * 0.1 + 0.6) / 4
    )


def test_bins_are_closed_below() -> None:
    curve = calibration.reliability_curve([1] * 11, np.arange(11) / 10)
    assert curve.cases.tolist() == [1] * 9 + [2]


def test_true_probabilities_are_calibrated_and_false_ones_are_not(
    rng: np.random.Generator,
) -> None:
    chances = rng.random(20_000)
    outcome = rng.random(20_000) < chances
    assert calibration.expected_calibration_error(outcome, chances) < 0.02
    # Pushed to the ends, 0.25 is said to be 0.
    extreme = (chances > 0.5).astype(float)
    assert calibration.expected_calibration_error(outcome, extreme) == pytest.approx(0.25, abs=0.02)


# --- errors ---

METRICS: list[Callable[..., object]] = [
    *regression.METRICS.values(),
    tags.roc_auc,
    tags.average_precision,
]
TABLES: list[Callable[..., object]] = [
    tags.roc_auc_macro,
    tags.pr_auc_micro,
    tags.map_clips,
    tags.pick_thresholds,
]


@pytest.mark.parametrize("metric", METRICS)
def test_columns_that_do_not_fit(metric: Callable[..., object]) -> None:
    with pytest.raises(DataError, match=r"shapes differ: truth \(3,\), (guess|score) \(2,\)"):
        metric([0, 1, 1], [0, 1])
    with pytest.raises(DataError, match=r"truth has shape \(1, 2\)"):
        metric([[0, 1]], [0, 1])
    with pytest.raises(DataError, match=r"(guess|score) holds NaN or infinity at \(1,\)"):
        metric([0, 1], [0, np.nan])
    with pytest.raises(DataError, match="truth is empty"):
        metric([], [])


@pytest.mark.parametrize("metric", TABLES)
def test_tables_that_do_not_fit(metric: Callable[..., object]) -> None:
    with pytest.raises(DataError, match=r"shapes differ: truth \(1, 2\), score \(2, 1\)"):
        metric([[0, 1]], [[0], [1]])
    with pytest.raises(DataError, match=r"truth is neither 0 nor 1 at \(0, 1\)"):
        metric([[0, 2]], [[0, 1]])
    with pytest.raises(DataError, match=r"score holds NaN or infinity at \(0, 0\)"):
        metric([[0, 1]], [[np.inf, 1]])


def test_thresholds_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"thresholds have shape \(3,\)"):
        tags.f1_macro([[0, 1]], [[0, 1]], [0.5] * 3)
    with pytest.raises(DataError, match="hold NaN"):
        tags.f1_micro([[0, 1]], [[0, 1]], [0.5, np.nan])


def test_queries_that_cannot_be_scored() -> None:
    with pytest.raises(DataError, match="item i cannot belong to query i"):
        retrieval.mrr(np.zeros((2, 3)))
    with pytest.raises(DataError, match="query 1: no relevant item"):
        retrieval.mrr(np.zeros((2, 2)), [[1, 0], [0, 0]])
    with pytest.raises(DataError, match=r"query 0: no item within 0\.5"):
        retrieval.ndcg([[1, 2]], 1, [[0.5, 0.7]])
    with pytest.raises(DataError, match="k is 3 of 2 items"):
        retrieval.recall(np.zeros((2, 2)), 3)
    with pytest.raises(DataError, match="k is 0 of 2 items"):
        retrieval.chance_ndcg(np.zeros((2, 2)), 0)
    with pytest.raises(DataError, match="shapes differ: scores"):
        retrieval.mean_distance(np.zeros((2, 2)), 1, np.zeros((2, 3)))


def test_intervals_and_probabilities_that_are_none() -> None:
    with pytest.raises(DataError, match="low is above high in row 1"):
        calibration.coverage([0, 0], [0, 1], [1, 0])
    with pytest.raises(DataError, match=r"shapes differ: truth \(1,\), low \(2,\)"):
        calibration.mean_width([0], [0, 0], [1, 1])
    with pytest.raises(DataError, match=r"probability runs from 0\.5 to 1\.5"):
        calibration.expected_calibration_error([0, 1], [0.5, 1.5])
    with pytest.raises(DataError, match="outcome is neither 0 nor 1"):
        calibration.reliability_curve([0, 0.5], [0.5, 0.5])


# --- published scores of published files ---


@pytest.mark.data
def test_the_tagging_baseline_scores_what_its_authors_report(data: Path) -> None:
    folder = data / "mtg_jamendo" / "baseline_vggish"
    truth = np.load(folder / "groundtruth.npy")
    score = np.load(folder / "baseline_vggish_predictions.npy")
    with (folder / "baseline_vggish_results.tsv").open(encoding="utf-8") as lines:
        published = {name: float(value) for name, value in csv.reader(lines, delimiter="\t")}
    found = tags.evaluate(truth, score, tags.pick_thresholds(truth, score))
    assert found["pr_auc_macro"] == pytest.approx(0.1077, abs=5e-5)
    assert found["roc_auc_macro"] == pytest.approx(0.7258, abs=5e-5)
    for ours, theirs in (("pr_auc", "PR-AUC"), ("roc_auc", "ROC-AUC")):
        for average in ("macro", "micro"):
            expected = published[f"{theirs}-{average}"]
            assert found[f"{ours}_{average}"] == pytest.approx(expected, abs=1e-6)
    assert found["tags"] == 56
    # Their thresholds came from another part; picked on these clips they can only be better.
    assert found["f1_macro"] >= published["F-score-macro"]
