"""Composite distances: divergences, both scorers, balance, baselines, chance."""

from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from hevner.errors import DataError
from hevner.lab.joint import scoring
from hevner.lab.joint.baselines import Chance
from hevner.lab.joint.cca import LinearCCA
from hevner.lab.joint.data import Emotions
from hevner.lab.joint.scoring import Embedded, Spreads, score
from hevner.lab.metrics import retrieval
from tests.errors import raises

ORIENTATIONS = get_args(scoring.Orientation)


def gaussians(mean: list[list[float]], variance: list[list[float]]) -> Embedded:
    return Embedded(np.zeros((len(mean), 1)), np.array(mean), np.array(variance))


def pairs(count: int, seed: int = 0) -> tuple[Embedded, Embedded, LinearCCA]:
    """Musics and emotions that resemble each other, and an analysis of others like them."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(count + 50, 3))

    def side(width: int) -> np.ndarray:
        return latent @ rng.normal(size=(3, width)) + 0.5 * rng.normal(size=(len(latent), width))

    one, two = side(4), side(5)
    cca = LinearCCA.fit(one[count:], two[count:])
    means = [latent + 0.5 * rng.normal(size=latent.shape) for _ in range(2)]
    variances = rng.uniform(0.2, 2, size=(2, len(latent), 3))
    musics = Embedded(one[:count], means[0][:count], variances[0][:count])
    return musics, Embedded(two[:count], means[1][:count], variances[1][:count]), cca


def by_hand(mean: float, variance: float, other_mean: float, other_variance: float) -> float:
    """Divergence of two Gaussians by integration."""
    p, q = norm(mean, np.sqrt(variance)), norm(other_mean, np.sqrt(other_variance))
    low, high = p.ppf(1e-13), p.ppf(1 - 1e-13)
    value, _ = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), low, high)
    return float(value)


# --- divergences ---


def test_divergence_of_two_known_gaussians() -> None:
    p, q = gaussians([[0.0]], [[1.0]]), gaussians([[1.0]], [[2.0]])
    assert scoring.divergences(p, q)[0, 0] == pytest.approx(0.3466, abs=5e-5)
    # ln(1 / 2) / 2 + (2 + 1 - 1) / 2: not symmetric.
    assert scoring.divergences(q, p)[0, 0] == pytest.approx(0.6534, abs=5e-5)


def test_divergences_are_the_integrals_they_stand_for() -> None:
    rng = np.random.default_rng(0)
    p = gaussians(rng.normal(size=(3, 2)).tolist(), rng.uniform(0.3, 3, (3, 2)).tolist())
    q = gaussians(rng.normal(size=(4, 2)).tolist(), rng.uniform(0.3, 3, (4, 2)).tolist())
    found = scoring.divergences(p, q)
    assert found.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            numbers = p.mean[i], p.variance[i], q.mean[j], q.variance[j]
            expected = sum(by_hand(*(one[d] for one in numbers)) for d in range(2))
            assert found[i, j] == pytest.approx(expected, rel=1e-4)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), far=st.sampled_from([0.0, 1.0, 1e3]))
def test_divergence_is_0_for_equals_and_positive_for_others(seed: int, far: float) -> None:
    rng = np.random.default_rng(seed)
    mean, variance = rng.normal(size=(6, 3)) + far, rng.uniform(0.05, 3, size=(6, 3))
    found = scoring.divergences(*[gaussians(mean.tolist(), variance.tolist())] * 2)
    assert np.diag(found) == pytest.approx(np.zeros(6), abs=1e-9)
    assert found[~np.eye(6, dtype=bool)].min() > 1e-6


# --- orientation ---


def test_the_fixed_scorer_swaps_the_divergences_of_the_reference() -> None:
    musics, emotions, cca = pairs(4)
    p_q, q_p = scoring.divergences(musics, emotions), scoring.divergences(emotions, musics)
    # Asymmetric, or nothing below would be tested.
    assert np.abs(p_q - q_p.T).min() > 1e-3
    assert np.abs(p_q - p_q.T)[~np.eye(4, dtype=bool)].min() > 1e-3

    found = {
        orientation: score(musics, emotions, None, weight=0, orientation=orientation)
        for orientation in ORIENTATIONS
    }
    assert (found["reference"].to_emotion == p_q.T).all()
    assert (found["reference"].to_music == q_p.T).all()
    assert (found["fixed"].to_emotion == found["reference"].to_music).all()
    assert (found["fixed"].to_music == found["reference"].to_emotion).all()
    assert (found["query"].to_emotion == found["reference"].to_emotion.T).all()
    assert (found["query"].to_music == found["reference"].to_music.T).all()
    # Row i of the reference, music to emotion, is KL(p_j || q_i): the emotion's row.
    swapped = scoring.divergences(
        Embedded(musics.embedding[2:3], musics.mean[2:3], musics.variance[2:3]),
        Embedded(emotions.embedding[:1], emotions.mean[:1], emotions.variance[:1]),
    )
    assert found["reference"].to_emotion[0, 2] == pytest.approx(swapped[0, 0])

    correlated = [score(musics, emotions, cca, weight=1, orientation=o) for o in ORIENTATIONS]
    for other in correlated[1:]:
        assert (other.to_emotion == correlated[0].to_emotion).all()
        assert (other.to_music == correlated[0].to_music).all()


def test_other_numbers_of_emotions_than_musics() -> None:
    musics, emotions, cca = pairs(6)
    fewer = Embedded(emotions.embedding[:2], emotions.mean[:2], emotions.variance[:2])
    for orientation in ("fixed", "query"):
        part = score(musics, fewer, cca, orientation=orientation)
        whole = score(musics, emotions, cca, orientation=orientation)
        assert part.to_emotion == pytest.approx(whole.to_emotion[:, :2])
        assert part.to_music == pytest.approx(whole.to_music[:2])


# --- correlated distances and the composite ---


@pytest.mark.parametrize("least", [0.0, 0.4, 0.95])
def test_correlated_distances_are_the_published_sum(least: float) -> None:
    musics, emotions, cca = pairs(5)
    music, emotion = cca.first(musics.embedding), cca.second(emotions.embedding)
    to_emotion, to_music = np.zeros((2, 5, 5))
    for d, rho in enumerate(cca.training_correlations):
        if rho >= least:
            for i in range(5):
                for j in range(5):
                    told = cca.slopes_to_second[d] * music[i, d]
                    to_emotion[i, j] += rho * abs(told - emotion[j, d])
                    told = cca.slopes_to_first[d] * emotion[i, d]
                    to_music[i, j] += rho * abs(told - music[j, d])
    found = scoring.correlated_distances(musics, emotions, cca, least)
    assert found[0] == pytest.approx(to_emotion)
    assert found[1] == pytest.approx(to_music)


def test_likelihood_ratios_are_those_of_normal_variables() -> None:
    rng = np.random.default_rng(0)
    cca = pairs(10)[2]
    rows = rng.normal(size=(2, 7, 3))
    rho = cca.correlations[:3]
    sides = [Embedded(side, side, np.ones_like(side)) for side in rows]
    plain = dataclasses.replace(
        cca, first_mean=np.zeros(3), second_mean=np.zeros(3), first_weights=np.eye(3),
        second_weights=np.eye(3), correlations=rho,
    )  # fmt: skip
    to_emotion, to_music = scoring.likelihood_ratios(*sides, plain, least_correlation=0.0)  # type: ignore[call-arg]
    for i, j in ((0, 0), (2, 5), (6, 1)):
        expected = 0.0
        for k, r in enumerate(np.minimum(rho, scoring.HIGHEST_CORRELATION)):
            both = multivariate_normal([0, 0], [[1, r], [r, 1]]).logpdf(
                [rows[0, i, k], rows[1, j, k]]
            )
            expected += norm.logpdf(rows[0, i, k]) + norm.logpdf(rows[1, j, k]) - both
        assert to_emotion[i, j] == pytest.approx(expected)
        assert to_music[j, i] == pytest.approx(expected)


def test_likelihood_ratios_do_not_favour_the_middle_as_the_published_distance_does() -> None:
    """Music told badly is found by more extreme emotions too, not by mild ones alone."""
    rng = np.random.default_rng(1)
    emotion = rng.normal(size=(400, 2))
    music = 0.5 * emotion + np.sqrt(0.75) * rng.normal(size=emotion.shape)
    cca = LinearCCA.fit(music, emotion).recalibrated(music, emotion)
    sides = [Embedded(side, side, np.ones_like(side)) for side in (music, emotion)]
    ranks = {
        kind: retrieval.average_rank(
            -score(*sides, cca, weight=1.0, correlated=kind).to_emotion  # type: ignore[arg-type]
        )
        for kind in ("published", "likelihood")
    }
    assert ranks["likelihood"] < 0.9 * ranks["published"]


def test_thresholds_leave_out_different_pairs_of_variates() -> None:
    correlations = pairs(5)[2].training_correlations
    counts = [(correlations >= least).sum() for least in (0.0, 0.4, 0.95)]
    assert counts[0] > counts[1] > counts[2] > 0


@pytest.mark.parametrize("orientation", ["reference", "fixed", "query"])
def test_the_composite_weighs_its_terms(orientation: scoring.Orientation) -> None:
    musics, emotions, cca = pairs(5)
    alone = [score(musics, emotions, cca, weight=w, orientation=orientation) for w in (0, 1)]
    found = score(musics, emotions, cca, weight=0.3, orientation=orientation)
    assert found.to_emotion == pytest.approx(0.3 * alone[1].to_emotion + 0.7 * alone[0].to_emotion)
    assert found.to_music == pytest.approx(0.3 * alone[1].to_music + 0.7 * alone[0].to_music)
    balance = Spreads((2.0, 3.0), (5.0, 7.0))
    found = score(musics, emotions, cca, weight=0.3, orientation=orientation, balance=balance)
    expected = 0.15 * alone[1].to_emotion + 0.14 * alone[0].to_emotion
    assert found.to_emotion == pytest.approx(expected)
    assert found.to_music == pytest.approx(0.1 * alone[1].to_music + 0.1 * alone[0].to_music)


def test_spreads_are_those_of_the_terms() -> None:
    musics, emotions, cca = pairs(30)
    found = scoring.spreads(musics, emotions, cca, orientation="query", least_correlation=0.6)
    correlated = score(musics, emotions, cca, weight=1, least_correlation=0.6)
    divergence = score(musics, emotions, None, weight=0, orientation="query")
    assert found.correlated == pytest.approx(
        (correlated.to_emotion.std(), correlated.to_music.std())
    )
    assert found.divergence == pytest.approx(
        (divergence.to_emotion.std(), divergence.to_music.std())
    )
    with raises(DataError, "no_variation"):
        scoring.spreads(musics, emotions, cca, least_correlation=1.1)


def test_a_term_of_no_weight_is_not_looked_at() -> None:
    musics, emotions, cca = pairs(5)
    nothing = np.full((5, 3), np.nan)
    blank = [dataclasses.replace(side, mean=nothing) for side in (musics, emotions)]
    assert np.isfinite(score(*blank, cca, weight=1).to_emotion).all()
    blank = [dataclasses.replace(side, embedding=nothing) for side in (musics, emotions)]
    assert np.isfinite(score(*blank, None, weight=0).to_music).all()


def test_pairs_are_found_in_both_directions() -> None:
    musics, emotions, cca = pairs(100)
    for weight in (0.0, 0.5, 1.0):
        found = score(musics, emotions, cca, weight=weight)
        for distances in (found.to_emotion, found.to_music):
            own = np.eye(len(distances))
            assert retrieval.mrr(-distances) > 3 * retrieval.chance_mrr(own)
            assert retrieval.average_rank(-distances) < retrieval.chance_average_rank(own) / 2


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_invertible_maps_of_embeddings_leave_correlated_distances(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    second += first
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 2, 3)

    def found(one: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cca = LinearCCA.fit(one, second, ridge=0)
        sides = (Embedded(x, np.zeros((40, 1)), np.ones((40, 1))) for x in (one, second))
        return scoring.correlated_distances(*sides, cca, 0.0)  # type: ignore[call-arg]

    for plain, mapped in zip(found(first), found(first @ turn + 3), strict=True):
        assert mapped == pytest.approx(plain, abs=1e-6)


# --- baselines ---


def random_distances(musics: int, emotions: int, seed: int) -> scoring.Distances:
    wanted = Emotions("point", np.zeros((emotions, 2)))
    return Chance(seed).distances(np.arange(musics), wanted, "corrected")


@pytest.mark.parametrize(("count", "mrr", "rank"), [(361, 0.0179, 181), (141, 0.0392, 71)])
def test_random_distances_score_at_chance(count: int, mrr: float, rank: float) -> None:
    assert retrieval.chance_mrr(np.eye(count)) == pytest.approx(mrr, abs=5e-5)
    assert retrieval.chance_average_rank(np.eye(count)) == rank
    tables = [random_distances(count, count, seed).to_emotion for seed in range(60)]
    tables += [random_distances(count, count, seed).to_music for seed in range(60)]
    scores = [(retrieval.mrr(-table), retrieval.average_rank(-table)) for table in tables]
    means, errors = np.mean(scores, axis=0), np.std(scores, axis=0) / np.sqrt(len(scores))
    assert (np.abs(means - (mrr, rank)) < 4 * errors).all()
    assert errors[0] < mrr / 20


def test_random_distances_follow_their_seed() -> None:
    one, again, other = (random_distances(3, 4, seed) for seed in (1, 1, 2))
    assert one.to_emotion.shape == (3, 4)
    assert one.to_music.shape == (4, 3)
    assert (one.to_emotion == again.to_emotion).all()
    assert (one.to_emotion != other.to_emotion).all()
    assert (one.to_emotion != one.to_music.T).all()
