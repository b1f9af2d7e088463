"""Distances with known answers, references of chance, probes of planted classes and genres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.errors import DataError
from hevner.lab.data.samples import Samples, label
from hevner.lab.gap import bias, distances, labels
from hevner.lab.gap.bias import (
    balanced_accuracy,
    class_means,
    dataset_probes,
    dominance,
    eta_squared,
    genre_probes,
    genre_reliance,
    genre_shares,
)
from hevner.lab.gap.distances import (
    Measure,
    between,
    discrepancy,
    divergence,
    exchanges,
    frechet,
    halves,
    standardise,
    transport,
    within,
)
from tests.errors import raises

Array = np.ndarray


def two(first: Array, second: Array) -> tuple[Array, Array]:
    """Pooled rows and the split that tells them apart."""
    return np.concatenate([first, second]), np.arange(len(first) + len(second)) < len(first)


def samples(
    vectors: Array,
    *,
    dataset: Array | str = "a",
    genre: Array | str = "",
    group: Array | None = None,
    emotion: Array | None = None,
    quadrant: Array | None = None,
) -> Samples:
    n = len(vectors)
    return Samples(
        blocks={"toy": vectors.astype(np.float32)},
        emotion=np.full((n, 2), np.nan) if emotion is None else emotion,
        quadrant=np.full(n, -1) if quadrant is None else quadrant,
        gems=np.full((n, 9), np.nan),
        dataset=np.broadcast_to(np.asarray(dataset, np.str_), n),
        track=np.arange(n).astype(str),
        group=(np.arange(n) if group is None else group).astype(str),
        recording=np.arange(n).astype(str),
        genre=np.broadcast_to(np.asarray(genre, np.str_), n),
    )


# --- distances ---


def test_wasserstein_of_shifted_samples_is_the_mean_shift(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(50, 3))
    shift = np.array([0.5, -1.0, 0.0])
    pooled, split = two(rows, rows + shift)
    assert transport(pooled)(split) == pytest.approx(np.abs(shift).mean())
    assert transport(3 * pooled)(split) == pytest.approx(3 * np.abs(shift).mean())


def test_wasserstein_agrees_with_scipy_and_pot(rng: np.random.Generator) -> None:
    ot = pytest.importorskip("ot")
    from scipy.stats import wasserstein_distance

    first, second = rng.normal(size=(40, 5)), rng.gamma(2.0, size=(23, 5))
    pooled, split = two(first, second)
    each = [wasserstein_distance(a, b) for a, b in zip(first.T, second.T, strict=True)]
    assert transport(pooled)(split) == pytest.approx(np.mean(each))
    directions = rng.normal(size=(5, 30))
    directions /= np.linalg.norm(directions, axis=0)
    sliced = ot.sliced_wasserstein_distance(first, second, projections=directions, p=1)
    assert transport(pooled @ directions)(split) == pytest.approx(sliced)


def test_discrepancy_is_zero_for_equal_sets_and_near_root_two_far_apart(
    rng: np.random.Generator,
) -> None:
    rows = rng.normal(size=(30, 4))
    pooled, split = two(rows, rows[::-1])
    assert discrepancy(pooled, 1.0)(split) == pytest.approx(0, abs=1e-6)
    far, split = two(np.zeros((5, 2)), np.full((7, 2), 100.0))
    assert discrepancy(far, 1.0)(split) == pytest.approx(np.sqrt(2))
    one, split = two(np.zeros((1, 1)), np.ones((1, 1)))
    assert discrepancy(one, 1.0)(split) == pytest.approx(np.sqrt(2 - 2 * np.exp(-0.5)))


def test_divergence_of_cells() -> None:
    cells = np.array([0, 0, 1, 2, 2, 3])
    split = np.array([True, True, True, False, False, False])
    assert divergence(cells)(split) == pytest.approx(1)
    assert divergence(np.tile([0, 5], 3))(np.arange(6) < 2) == pytest.approx(0)


def test_frechet_of_normal_distributions(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(60, 4))
    assert frechet(rows, rows) == pytest.approx(0, abs=1e-6)
    shift = np.array([3.0, 0.0, 4.0, 0.0])
    assert frechet(rows, rows + shift) == pytest.approx(5)
    # Same mean, twice the spread: the root of the sum of the variances.
    centred = rows - rows.mean(axis=0)
    assert frechet(centred, 2 * centred) == pytest.approx(
        np.sqrt(centred.var(axis=0, ddof=1).sum())
    )
    one, other = centred[:, :1], 3 * centred[:, :1] + 1
    assert frechet(one, other) == pytest.approx(np.hypot(1, 2 * one.std(ddof=1)))


@pytest.mark.parametrize("name", ["wasserstein", "sliced", "mmd", "jensen_shannon", "frechet"])
def test_distances_are_symmetric_and_forget_order_and_units(
    name: str, rng: np.random.Generator
) -> None:
    vectors = np.concatenate([rng.normal(size=(40, 6)), rng.normal(0.7, 1.5, size=(60, 6))])
    dataset = np.repeat(["a", "b"], [40, 60])
    everything = np.ones(100, bool)

    def measured(vectors: Array, dataset: Array, one: str) -> float:
        return standardise(vectors, dataset).measures(everything)[name](dataset == one)

    value = measured(vectors, dataset, "a")
    assert value > 0
    assert measured(vectors, dataset, "b") == pytest.approx(value)
    units = vectors * [1, 10, 0.1, 5, 2, 1] + [0, 5, 1, -3, 0, 9]
    assert measured(units, dataset, "a") == pytest.approx(value, rel=1e-6)
    order = rng.permutation(100)
    shuffled = standardise(vectors[order], dataset[order])
    if name != "mmd":  # its width comes from a random choice of rows
        found = shuffled.measures(everything)[name](dataset[order] == "a")
        assert found == pytest.approx(value, rel=1e-6)


def test_every_dataset_counts_the_same_in_the_common_units(rng: np.random.Generator) -> None:
    vectors = np.concatenate([rng.normal(size=(10, 3)), rng.normal(4, 1, size=(1000, 3))])
    common = standardise(vectors, np.repeat(["few", "many"], [10, 1000]))
    few, many = common.rows[:10].mean(axis=0), common.rows[10:].mean(axis=0)
    assert few == pytest.approx(-many)
    assert ((common.rows[:10] ** 2).mean(axis=0) + (common.rows[10:] ** 2).mean(axis=0)) / 2 == (
        pytest.approx(np.ones(3))
    )


def test_constant_dimensions_are_dropped_and_nothing_but_constants_refused() -> None:
    vectors = np.column_stack([np.full(6, 1e6), np.arange(6.0)])
    assert standardise(vectors, np.repeat(["a", "b"], 3)).rows.shape == (6, 1)
    with raises(DataError, "constant_features"):
        standardise(np.ones((6, 2)), np.repeat(["a", "b"], 3))


# --- what chance gives ---


def mean_difference(values: Array) -> Measure:
    return lambda split: float(abs(values[split].mean() - values[~split].mean()))


def test_exchanges_and_halves_keep_groups_together(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(9).astype(str), rng.integers(1, 6, 9))
    is_first = np.isin(groups, ["0", "1", "2"])
    for split in exchanges(is_first, groups)[:20]:
        assert len(set(groups[split])) == 3
        assert not set(groups[split]) & set(groups[~split])
    for split in halves(groups)[:20]:
        assert len(set(groups[split])) == 4
        assert not set(groups[split]) & set(groups[~split])
    with raises(DataError, "too_few_groups"):
        halves(np.array(["x", "x"]))


def test_p_is_uniform_if_nothing_differs_and_smallest_if_all_does(
    rng: np.random.Generator,
) -> None:
    groups = np.arange(60).astype(str)
    is_first = np.arange(60) < 30

    def p(values: Array, seed: int = 0) -> float:
        measures = {"mean": mean_difference(values)}
        return between("s", "a", "b", measures, is_first, groups, seed)[0].p

    below = np.mean([p(rng.normal(size=60), seed) <= 0.2 for seed in range(60)])
    assert 0.07 < below < 0.36
    assert p(rng.normal(size=60) + 9 * is_first) == 1 / (1 + distances.EXCHANGES)
    assert p(np.ones(60)) == 1


def test_songs_that_hang_together_make_chance_larger(rng: np.random.Generator) -> None:
    song = np.repeat(np.arange(12), 10)
    values = rng.normal(size=12)[song]
    is_first = song < 6
    measures = {"mean": mean_difference(values)}

    def chance(groups: Array) -> float:
        return between("s", "a", "b", measures, is_first, groups.astype(str))[0].chance_95

    assert chance(song) > 2 * chance(np.arange(120))


def test_halves_of_a_set_are_near_each_other(rng: np.random.Generator) -> None:
    values = rng.normal(size=200)
    inside = within("s", "a", {"mean": mean_difference(values)}, np.arange(200).astype(str))
    assert (inside[0].dataset, inside[0].measure) == ("a", "mean")
    assert 0 < inside[0].value < 0.3


# --- ratings ---


def test_summary_of_ratings(rng: np.random.Generator) -> None:
    emotion = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5], [np.nan, np.nan]])
    quadrant = np.array([-1, -1, -1, -1, 3])
    rows = samples(np.zeros((5, 1)), emotion=emotion, quadrant=quadrant)
    (one,) = labels.summarise(rows)
    assert (one.dataset, one.tracks, one.rated, one.correlation) == ("a", 5, 4, 0)
    assert (one.valence_mean, one.arousal_sd) == (0, pytest.approx(np.sqrt(1 / 3)))
    assert (one.q1, one.q2, one.q3, one.q4) == (0.2, 0.2, 0.2, 0.4)
    (none,) = labels.summarise(samples(np.zeros((5, 1))))
    assert none.rated == 0
    assert np.isnan([none.valence_mean, none.correlation, none.q1]).all()


def test_distances_of_ratings_skip_what_is_not_rated(rng: np.random.Generator) -> None:
    emotion = rng.uniform(-0.4, 0.4, size=(90, 2))
    emotion[30:60] = emotion[:30] + np.array([0.25, 0])
    emotion[60:] = np.nan
    rows = samples(np.zeros((90, 1)), dataset=np.repeat(["a", "b", "c"], 30), emotion=emotion)
    apart, inside = labels.distances(rows)
    found = {(d.space, d.measure): d.value for d in apart}
    assert {(d.first, d.second) for d in apart} == {("a", "b")}
    assert found["valence", "wasserstein"] == pytest.approx(0.25)
    assert found["arousal", "wasserstein"] == pytest.approx(0)
    assert {one.dataset for one in inside} == {"a", "b"}


@pytest.mark.data
def test_distances_between_published_ratings(data: Path) -> None:
    sets = ("emomusic", "deam", "pmemo")
    tracks = [track for name in sets for track in datasets.load(name, data / name)]
    apart, _ = labels.distances(label(tracks, {}))
    found = {(d.first, d.second, d.space, d.measure): d for d in apart}
    for first, second, axis, wasserstein, jensen_shannon in (
        ("emomusic", "pmemo", "valence", 0.192, 0.275),
        ("emomusic", "pmemo", "arousal", 0.298, 0.362),
        ("emomusic", "deam", "valence", 0.030, 0.089),
        ("emomusic", "deam", "arousal", 0.018, 0.073),
        ("deam", "pmemo", "valence", 0.195, 0.314),
        ("deam", "pmemo", "arousal", 0.314, 0.389),
    ):
        far = found[first, second, axis, "wasserstein"]
        assert far.value == pytest.approx(wasserstein, abs=0.005)
        # The same songs twice are no farther apart than chance puts them.
        assert (far.p > 0.05) == (second == "deam")
        value = found[first, second, axis, "jensen_shannon"].value
        assert value == pytest.approx(jensen_shannon, abs=0.005)


# --- probes ---


def planted(rng: np.random.Generator, strength: float, field: str) -> Samples:
    """Three classes of 40 tracks, four to a group, that differ by strength."""
    classes = np.repeat(["x", "y", "z"], 40)
    vectors = rng.normal(size=(120, 8))
    vectors[:, :3] += strength * (classes[:, None] == ["x", "y", "z"])
    group = np.arange(120) // 4
    if field == "genre":
        return samples(vectors, genre=classes, group=group)
    return samples(vectors, dataset=classes, group=group)


@pytest.mark.parametrize(
    ("field", "probes"), [("dataset", dataset_probes), ("genre", genre_probes)]
)
def test_probe_finds_what_is_there_and_nothing_else(
    field: str, probes: Callable[[str, Samples], list[bias.Probe]], rng: np.random.Generator
) -> None:
    clear = probes("toy", planted(rng, 20, field))[0]
    assert (clear.target, clear.classes, clear.tracks, clear.groups) == (field, 3, 120, 30)
    assert clear.chance == pytest.approx(1 / 3)
    assert clear.accuracy == 1
    nothing = probes("toy", planted(rng, 0, field))[0]
    assert nothing.low < nothing.chance < nothing.high
    assert nothing.low < nothing.accuracy < nothing.high


def test_probe_of_group_habits_stays_at_chance(rng: np.random.Generator) -> None:
    group = np.arange(120) // 4
    vectors = 5 * rng.normal(size=(30, 6))[group] + 0.01 * rng.normal(size=(120, 6))
    rows = samples(vectors, genre=np.repeat(["x", "y", "z"], 40), group=group)
    assert genre_probes("toy", rows)[0].accuracy < 0.6


def test_every_two_datasets_are_told_apart_and_rare_ones_left_out(
    rng: np.random.Generator,
) -> None:
    rows = planted(rng, 20, "dataset")
    assert [one.within for one in dataset_probes("toy", rows)] == [
        "x, y, z", "x, y", "x, z", "y, z",
    ]  # fmt: skip
    few = rows.where(np.arange(120) < 96)  # four groups of z
    assert [one.within for one in dataset_probes("toy", few)] == ["x, y"]
    assert dataset_probes("toy", rows.where(rows.of("x"))) == []
    assert genre_probes("toy", rows) == []


def test_balanced_accuracy_counts_classes_not_rows() -> None:
    truth = np.array(["x"] * 9 + ["y"])
    assert balanced_accuracy(truth, np.array(["x"] * 10)) == 0.5


# --- genre ---


def test_share_between_classes() -> None:
    classes = np.array(["x", "x", "y", "y"])
    assert eta_squared(np.array([1.0, 1.0, 2.0, 2.0]), classes) == 1
    assert eta_squared(np.array([1.0, 2.0, 1.0, 2.0]), classes) == 0
    assert eta_squared(np.array([0.0, 2.0, 2.0, 4.0]), classes) == pytest.approx(0.5)
    assert class_means(np.array([0.0, 2.0, 2.0, 4.0]), classes).tolist() == [1, 1, 3, 3]


def test_genre_explains_what_was_planted(rng: np.random.Generator) -> None:
    genre = np.repeat(["x", "y", "z"], 100)
    level = np.repeat([-0.5, 0.0, 0.5], 100)
    emotion = np.column_stack([level, np.zeros(300)]) + rng.normal(0, 0.1, (300, 2))
    valence, arousal = genre_shares(samples(np.zeros((300, 1)), genre=genre, emotion=emotion))
    assert (valence.axis, valence.genres, valence.tracks) == ("valence", 3, 300)
    assert valence.eta_squared > valence.r2 > 0.9
    assert valence.low < valence.r2 < valence.high
    assert arousal.r2 < 0.02


def emotional(rng: np.random.Generator, heard: float) -> Samples:
    """Valence is half genre and half something that can be heard as clearly as ``heard``."""
    genre = np.repeat(["w", "x", "y", "z"], 60)
    level = np.repeat([-0.4, -0.1, 0.1, 0.4], 60)
    own = rng.normal(0, 0.3, 240)
    emotion = np.column_stack([level + own, rng.normal(0, 0.3, 240)])
    vectors = np.column_stack([level, heard * own, rng.normal(size=(240, 4))])
    return samples(vectors, genre=genre, emotion=emotion)


def test_a_model_that_hears_only_genre_leans_on_it(rng: np.random.Generator) -> None:
    deaf, _ = genre_reliance("toy", emotional(rng, 0))
    assert deaf.predicted_share > 0.9
    assert deaf.excess_low > 0.2
    assert abs(deaf.r_within) < 0.25
    keen, _ = genre_reliance("toy", emotional(rng, 1))
    assert keen.r_within > 0.95
    assert keen.excess == pytest.approx(0, abs=0.05)
    assert keen.predicted_share == pytest.approx(keen.rated_share, abs=0.05)


def test_the_genre_that_teaches_is_found(rng: np.random.Generator) -> None:
    genre = np.repeat(["other", "silent", "teacher"], [40, 40, 120])
    vectors = rng.normal(size=(200, 20))
    valence = vectors @ rng.normal(0, 0.1, 20)
    # All follow the same rule, but the ratings of two genres hide it.
    valence[genre != "teacher"] += rng.normal(0, 0.5, 80)
    emotion = np.column_stack([valence, rng.normal(0, 0.3, 200)])
    rows = samples(vectors, genre=genre, emotion=emotion)
    found = {row.genre: row for row in dominance("toy", rows) if row.axis == "valence"}
    teacher = found["teacher"]
    assert (teacher.tracks, teacher.dataset) == (120, "a")
    assert 0 < teacher.low < teacher.others < teacher.high
    assert teacher.others > teacher.others_random
    assert teacher.own_low > 0
    assert abs(found["silent"].others) < teacher.others / 3


def test_two_genres_are_too_few_for_dominance(rng: np.random.Generator) -> None:
    rows = emotional(rng, 1)
    assert dominance("toy", rows.where(np.isin(rows.genre, ["x", "y"]))) == []


def test_the_same_seed_gives_the_same_numbers(rng: np.random.Generator) -> None:
    rows = emotional(rng, 1)
    once, again = (
        [astuple(row) for row in [*genre_reliance("toy", rows), *genre_shares(rows)]]
        for _ in range(2)
    )
    assert once == again
    first, second = (standardise(rows.blocks["toy"], rows.dataset, 3) for _ in range(2))
    assert (first.components == second.components).all()
    assert first.width == second.width
    measured = [
        distances.compare_datasets("toy", one.measures, np.repeat(["a", "b"], 120), rows.group)
        for one in (first, second)
    ]
    assert measured[0] == measured[1]
