"""The detailed analysis: quality, similarity, classes found first."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from hevner.errors import DataError
from hevner.evaluation.joint import analysis


def with_ranks(ranks: list[int]) -> np.ndarray:
    """Distances by which song i has the given rank for query i."""
    count = len(ranks)
    table = np.zeros((count, count))
    for i, rank in enumerate(ranks):
        others = [j for j in range(count) if j != i]
        table[i, [*others[: rank - 1], i, *others[rank - 1 :]]] = np.arange(count)
    return table


def test_quality_sorts_rows_together_with_ranks() -> None:
    ranks = [5, 1, 20, 2, 9, 3, 10, *[4] * 13]
    found = analysis.quality(with_ranks(ranks))
    assert found.good.tolist() == [1, 3]
    assert found.middle.tolist() == [5, *range(7, 20), 0, 4]
    assert found.bad.tolist() == [6, 2]


def test_mean_by_quality() -> None:
    groups = analysis.Quality(np.array([2]), np.array([0, 1]), np.array([], np.intp))
    found = analysis.mean_by_quality(np.array([1.0, 2.0, 6.0]), groups)
    assert found == pytest.approx({"all": 3, "good": 6, "middle": 1.5, "bad": np.nan}, nan_ok=True)


def test_similarity_of_the_first_found() -> None:
    rng = np.random.default_rng(0)
    distances, features = rng.random((50, 50)), rng.normal(size=(50, 3))
    found = analysis.similarity(distances, features)
    lengths = np.linalg.norm(features, axis=1)
    for i in (0, 17):
        cosines = features @ features[i] / lengths / lengths[i]
        nearest = sorted(range(50), key=distances[i].__getitem__)[:2]
        assert found.value[i] == pytest.approx(cosines[nearest].mean())
        assert found.chance[i] == pytest.approx(cosines.mean())


def test_similarity_of_random_order_is_its_chance() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 3)) + 1
    values = [analysis.similarity(rng.random((40, 40)), features) for _ in range(200)]
    assert np.mean([one.value for one in values]) == pytest.approx(
        values[0].chance.mean(), abs=0.02
    )


def test_features_that_are_all_positive_are_all_similar() -> None:
    rng = np.random.default_rng(0)
    distances, rated = rng.random((60, 60)), rng.uniform(0.4, 0.9, (60, 2))
    assert analysis.similarity(distances, rated).chance.min() > 0.9
    assert analysis.similarity(distances, rated, [0.65, 0.65]).chance.mean() < 0.1


def test_a_feature_without_direction_is_similar_to_none() -> None:
    features = np.ones((20, 2))
    features[3] = 0
    found = analysis.similarity(with_ranks([1] * 20), features)
    assert found.value[3] == 0
    assert found.value[4] == pytest.approx(1)


def test_average_precision_by_hand_and_by_scikit_learn() -> None:
    classes = np.array([1, 2, 1, 1, 2, 3, 3, 1])
    found = analysis.average_precision(np.tile(np.arange(8.0), (8, 1)), classes)
    # Class 1 at ranks 1, 3, 4, 8; class 2 at 2, 5; class 3 at 6, 7.
    expected = {1: (1 + 2 / 3 + 3 / 4 + 4 / 8) / 4, 2: (1 / 2 + 2 / 5) / 2, 3: (1 / 6 + 2 / 7) / 2}
    assert found.value == pytest.approx([expected[kind] for kind in classes])
    rng = np.random.default_rng(0)
    distances, classes = rng.random((30, 30)), rng.integers(5, size=30)
    found = analysis.average_precision(distances, classes)
    for i in range(30):
        peer = average_precision_score(classes == classes[i], -distances[i])
        assert found.value[i] == pytest.approx(peer)


def test_average_precision_of_random_order_is_its_chance() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(3, size=24)
    found = [analysis.average_precision(rng.random((24, 24)), classes) for _ in range(100)]
    mean = np.mean([one.value for one in found])
    assert mean == pytest.approx(found[0].chance.mean(), abs=0.01)


def test_entropy_counts_k_songs_and_one_more_as_published() -> None:
    distances = np.tile(np.arange(100.0), (100, 1))
    classes = np.zeros(100, int)
    classes[:6] = [1, 2, 1, 1, 2, 3]
    # Of five songs three and two; of six three, two and one.
    five = -(0.6 * np.log2(0.6) + 0.4 * np.log2(0.4))
    six = -(np.log2(1 / 2) / 2 + np.log2(1 / 3) / 3 + np.log2(1 / 6) / 6)
    assert analysis.entropy(distances, classes) == pytest.approx(np.full(100, five))
    published = analysis.entropy(distances, classes, as_published=True)
    assert published == pytest.approx(np.full(100, six))
    assert published[0] == pytest.approx(1.4591, abs=5e-5)


def test_entropy_of_one_class_is_0_without_a_sign() -> None:
    found = analysis.entropy(with_ranks([1] * 40), np.zeros(40, int))
    assert found.tolist() == [0.0] * 40
    assert not np.signbit(found).any()


def test_the_first_5_percent_are_rounded_down() -> None:
    assert [analysis.top(n) for n in (20, 39, 40, 141, 361)] == [1, 1, 2, 7, 18]
    with pytest.raises(DataError, match="19 candidates"):
        analysis.top(19)


def test_tables_are_checked() -> None:
    with pytest.raises(DataError, match="shape"):
        analysis.quality(np.zeros((3, 4)))
    with pytest.raises(DataError, match="features of 20 songs"):
        analysis.similarity(np.zeros((30, 30)), np.ones((20, 2)))
