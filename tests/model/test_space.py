from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, spearmanr

from hevner.defaults import DEFAULT_MODEL
from hevner.errors import DataError, ModelError
from hevner.model import space as spaces
from hevner.model.description import Description
from hevner.model.space import Points, relative_divergences
from hevner.words import Feeling, Lexicon
from hevner.words.degrees import PLAIN
from hevner.words.describing import describe
from tests.errors import raises
from tests.joint_world import musics, space


@pytest.fixture(scope="module")
def toy():
    return space()


@pytest.fixture(scope="module")
def pieces(toy):
    return toy.music(musics(200))


def _kl(mean, variance, other, other_variance):
    """KL-divergence of Gaussians with independent axes, written out."""
    ratio = variance / other_variance
    return 0.5 * np.sum(ratio + (mean - other) ** 2 / other_variance - 1 - np.log(ratio))


def test_divergences_are_those_of_the_formula(toy, pieces):
    emotions = toy.emotion(Description.of(point=[[0.6, -0.3], [-0.2, 0.8]]))
    found = relative_divergences(emotions, pieces)
    for e in range(2):
        for m in (0, 7, 31):
            mean, variance = pieces.mean[m], pieces.variance[m]
            told = _kl(mean, variance, emotions.mean[e], emotions.variance[e])
            at_large = _kl(mean, variance, 0.0, np.ones(len(mean)))
            assert found[e, m] == pytest.approx(told - at_large, abs=1e-3)


def test_an_emotion_of_which_nothing_is_told_speaks_for_no_music(toy, pieces):
    wide = Points(np.zeros((1, 3)), np.zeros((1, 6)), np.ones((1, 6)))
    np.testing.assert_allclose(relative_divergences(wide, pieces), 0, atol=1e-5)


def test_a_point_finds_music_near_it(toy):
    told = musics(400)
    wanted = Description.of(point=[[0.6, -0.3]])
    order = toy.find(toy.emotion(wanted), toy.music(told))[0].argsort()
    near = np.linalg.norm(told.point - wanted.point, axis=1)
    assert near[order[:10]].mean() < 0.2 < near.mean()


def test_a_music_tells_the_quadrant_it_lies_in(toy):
    told = musics(50)
    corners = toy.emotion(Description.of(quadrants=np.eye(4)))
    best = toy.find(corners, toy.music(told)).T.argmin(axis=1)
    clear = np.abs(told.point).min(axis=1) > 0.2
    right = np.array([[0, 3], [1, 2]])[
        (told.point[:, 0] < 0).astype(int), (told.point[:, 1] < 0).astype(int)
    ]
    assert clear.sum() > 20
    assert (best == right)[clear].mean() > 0.8


def test_the_share_mixes_gaussians_and_variates(toy, pieces):
    emotions = toy.emotion(Description.of(point=[[0.3, 0.3]]))
    alone, variates = replace(toy, share=0.0), replace(toy, share=1.0)
    mixed = 0.8 * alone.find(emotions, pieces) + 0.2 * variates.find(emotions, pieces)
    np.testing.assert_allclose(toy.find(emotions, pieces), mixed, rtol=1e-4, atol=1e-4)
    ratio = 0.0
    for k, rho in enumerate(toy.correlations):
        pair = [pieces.correlated[5, k], emotions.correlated[0, k]]
        joint = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).logpdf(pair)
        ratio -= joint - sum(multivariate_normal(0, 1).logpdf(one) for one in pair)
    assert variates.find(emotions, pieces)[0, 5] == pytest.approx(ratio, rel=1e-5)


def test_raters_who_differ_make_an_emotion_wider(toy):
    agreed, doubted = (
        toy.emotion(Description.of(point=[[0.5, 0.5]], spread=[[s, s]])) for s in (0.0, 0.4)
    )
    assert (doubted.variance[0, :2] > agreed.variance[0, :2]).all()
    unsaid = toy.emotion(Description.of(point=[[0.5, 0.5]]))
    np.testing.assert_allclose(unsaid.variance, agreed.variance)


def test_more_forms_make_an_emotion_narrower(toy):
    point = toy.emotion(Description.of(point=[[0.5, 0.5]]))
    both = toy.emotion(Description.of(point=[[0.5, 0.5]], gems=np.full((1, 9), 0.3)))
    assert (both.variance < point.variance).all()


def test_merging_is_telling_at_once(toy):
    point = Description.of(point=[[0.5, 0.1]])
    tags = Description.of(tags=np.r_[1.5, np.full(55, np.nan)][None])
    merged = toy.merge(
        Points(*(np.concatenate(pair) for pair in zip(
            vars(toy.emotion(point)).values(), vars(toy.emotion(tags)).values(), strict=True
        )))
    )  # fmt: skip
    together = toy.emotion(Description.of(point=point.point, tags=tags.tags))
    np.testing.assert_allclose(merged.mean, together.mean, atol=1e-5)
    np.testing.assert_allclose(merged.variance, together.variance, atol=1e-5)
    np.testing.assert_allclose(merged.correlated, together.correlated, atol=1e-4)


@given(st.integers(0, 1000))
def test_first_stage_orders_as_the_composite(seed):
    toy = space(seed, share=0.3)
    rng = np.random.default_rng(seed)
    pieces = toy.music(musics(60, seed))
    emotions = toy.emotion(Description.of(point=rng.uniform(-1, 1, (1, 2))))
    products = toy.query_vectors(emotions) @ toy.music_vectors(pieces).T
    agreement = spearmanr(products[0], -toy.find(emotions, pieces)[0]).statistic
    assert agreement > 0.9999
    assert toy.music_vectors(pieces).shape[1] == toy.width


def test_a_music_is_most_like_itself(toy, pieces):
    unlike = toy.alike(pieces, pieces)
    np.testing.assert_array_equal(unlike.argmin(axis=1), np.arange(len(pieces)))
    np.testing.assert_allclose(unlike, unlike.T, atol=1e-3)
    products = toy.like_vectors(pieces) @ toy.music_vectors(pieces).T
    order = [spearmanr(p, -u).statistic for p, u in zip(products, unlike, strict=True)]
    assert min(order) > 0.999


def test_likeness_is_the_symmetric_divergence(toy, pieces):
    first, other = pieces.mean[0].astype(float), pieces.mean[1].astype(float)
    variance = toy.music_variance
    both = _kl(first, variance, other, variance) + _kl(other, variance, first, variance)
    assert toy.alike(pieces, pieces)[0, 1] == pytest.approx(both / 2, rel=1e-3)


def test_fit_is_the_share_of_music_at_large_that_fits_worse(toy, pieces):
    emotions = toy.emotion(Description.of(point=[[0.2, 0.4], [-0.9, -0.9]]))
    divergences = toy.find(emotions, pieces)
    fit = toy.fit(divergences, emotions)
    reference = toy.find(emotions, toy.at_large)
    assert fit[1, 3] == pytest.approx((reference[1] > divergences[1, 3]).mean(), abs=1e-6)
    assert fit[0].argmax() == divergences[0].argmin() or fit[0].max() == 1
    assert ((fit >= 0) & (fit <= 1)).all()


def test_a_music_that_is_half_described_is_refused(toy):
    with raises(DataError, "incomplete", subject="row 1"):
        toy.music(
            replace(
                musics(2), gems=np.array([[0.1] * 9, [np.nan] * 9], np.float32)
            )
        )  # fmt: skip


def test_a_form_that_one_music_lacks_is_no_head_that_the_model_lacks(toy):
    for form in ("point", "curve"):
        described = musics(2)
        with raises(DataError, "incomplete", subject="row 0"):
            toy.music(replace(described, **{form: np.full_like(getattr(described, form), np.nan)}))
    tags = musics(1).tags.copy()
    tags[0, 3] = np.nan
    with raises(DataError, "incomplete", subject="row 0"):
        toy.music(replace(musics(1), tags=tags))


@pytest.mark.parametrize(
    ("missing", "least"), [(("gems",), 0.95), (("gems", "quadrants"), 0.95), (("tags",), 0.95)]
)
def test_readings_that_a_model_lacks_are_expected_from_the_others(missing, least):
    """Pieces keep their order for a word; with zeros in the place of readings they do not."""
    common, rng = spaces.load(), np.random.default_rng(3)
    # Readings that belong together, as those of music at large.
    x = common.reference[::7] @ np.linalg.pinv(common.linear) + 0.1 * rng.normal(size=(150, 87))
    whole = common._at(x @ common.linear)
    columns = {"point": 2, "quadrants": 4, "gems": 9, "tags": 56, "curve": 16}
    ends = dict(zip(columns, np.cumsum([*columns.values()]), strict=True))
    for form in missing:
        x[:, ends[form] - columns[form] : ends[form]] = np.nan
    words = [word for word in Lexicon().words if word.valence is not None][:60]
    emotions = common.emotion(describe([Feeling(word, PLAIN) for word in words]))

    def agreement(found):
        pairs = zip(common.find(emotions, whole), common.find(emotions, found), strict=True)
        return np.mean([spearmanr(*pair).statistic for pair in pairs])

    expected = common._at(common._completed(x) @ common.linear)
    assert agreement(expected) > least
    assert agreement(expected) > agreement(common._at(np.nan_to_num(x) @ common.linear))


def test_an_emotion_of_nothing_is_refused(toy):
    with raises(DataError, "nothing_known", subject="row 0"):
        toy.emotion(Description.unknown(1))


def test_the_gaussians_are_gaussians(toy):
    """The product of experts is the posterior of a linear Gaussian model."""
    expert = toy.experts["point"]
    place = toy.emotion(Description.of(point=[[0.4, -0.2]]))
    x = (np.array([0.4, -0.2]) - expert.centre) / expert.scale
    line = x @ expert.weights
    grid = np.linspace(-4, 4, 4001)
    for axis in range(2):
        density = multivariate_normal(line[axis], 1 / expert.precision[axis]).pdf(grid)
        density *= multivariate_normal(0, 1).pdf(grid)
        density /= density.sum()
        assert density @ grid == pytest.approx(place.mean[0, axis], abs=1e-3)
        spread = density @ grid**2 - (density @ grid) ** 2
        assert spread == pytest.approx(place.variance[0, axis], abs=1e-3)


def test_written_and_read_again(toy, tmp_path):
    path = tmp_path / "toy.npz"
    toy.save(path)
    again = spaces.load(path)
    assert again.digest == toy.digest
    assert again.name == "toy-1"
    pieces = musics(4)
    np.testing.assert_allclose(again.music(pieces).mean, toy.music(pieces).mean, atol=1e-5)


def test_the_digest_names_the_parameters(toy):
    other = replace(toy, music_variance=toy.music_variance * 1.01)
    assert other.digest != toy.digest
    assert replace(toy, card={"name": "renamed", "version": "2"}).digest == toy.digest


@pytest.mark.parametrize("damage", ["missing", "truncated", "card", "array"])
def test_a_damaged_space_is_refused(toy, tmp_path, damage):
    path = tmp_path / f"{damage}.npz"
    toy.save(path)
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "card":
        path.with_suffix(".json").write_text("{")
    else:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "reference"}
        np.savez(path, **arrays)
    with raises(ModelError, "unreadable", subject=path.name):
        spaces.load(path)


def test_the_card_is_plain_json(toy, tmp_path):
    toy.save(tmp_path / "toy.npz")
    assert json.loads((tmp_path / "toy.json").read_text()) == toy.card


def test_the_shipped_space_stands_on_the_shipped_model():
    model = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text("utf-8"))
    assert spaces.load().card["unified"] == f"{model['name']}-{model['version']}"


@pytest.mark.parametrize(
    ("words", "valence", "arousal"),
    [("happy", 1, 1), ("tense", -1, 1), ("sad", -1, -1), ("calm", 1, -1)],
)
def test_the_shipped_space_finds_music_of_a_word_in_its_quadrant(words, valence, arousal):
    """Among musics at large; their first axes are valence and arousal."""
    shipped = spaces.load()
    emotion = shipped.emotion(describe(Lexicon().parse(words)))
    best = shipped.find(emotion, shipped.at_large)[0].argsort()[:30]
    means = shipped.at_large.mean[best, :2].mean(axis=0)
    assert means[0] * valence > 0.1
    assert means[1] * arousal > 0.5
