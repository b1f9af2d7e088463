"""Fitting the common space to made-up music of which everything is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from hevner.emotion import GEMS, MOOD_TAGS
from hevner.lab.recipes import read
from hevner.lab.space import evaluate as evaluation
from hevner.lab.space.fit import READINGS, fit
from hevner.lab.space.pairs import Pairs
from hevner.lab.space.recipe import SpaceRecipe
from hevner.model.description import CURVE_POINTS, Description, join
from hevner.model.space import readings

RECIPE = Path(__file__).parents[3] / "recipes" / "joint.toml"


@pytest.fixture(scope="module")
def recipe():
    return read(RECIPE, SpaceRecipe)


def music(count: int, seed: int) -> Description:
    """What a model hears that is right but for noise."""
    rng = np.random.default_rng(seed)
    point = rng.uniform(-0.8, 0.8, (count, 2))
    odds = 3 * point @ np.array([[1, -1, -1, 1], [1, 1, -1, -1]])
    shares = 0.3 + 0.2 * point @ rng.normal(size=(2, len(GEMS)))
    directions = np.random.default_rng(99).normal(size=(2, len(MOOD_TAGS)))
    ramp = np.linspace(-1, 1, CURVE_POINTS)
    rise = rng.normal(0, 0.2, (count, 2, 1))
    return Description.of(
        point=point,
        curve=rise * ramp,
        quadrants=np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True),
        gems=np.clip(shares, 0, 1),
        tags=point @ directions,
    )


def pairs(count: int = 120, seed: int = 0, noise: float = 0.1) -> Pairs:
    """Three sets: points with courses, quadrants, shares."""
    parts, truths, names = [], [], []
    for number, name in enumerate(("piano", "clips", "songs")):
        heard = music(count, seed * 10 + number)
        rng = np.random.default_rng(seed * 10 + number + 5)
        rated = heard.point + rng.normal(0, noise, heard.point.shape)
        blank = Description.unknown(count)
        if name == "piano":
            told = replace(blank, point=rated.astype(np.float32), curve=heard.curve)
        elif name == "clips":
            quarter = np.array([[2, 1], [3, 0]])[
                (rated[:, 0] > 0).astype(int), (rated[:, 1] > 0).astype(int)
            ]
            told = replace(blank, quadrants=np.eye(4, dtype=np.float32)[quarter])
        else:
            shares = heard.gems + rng.normal(0, 0.03, heard.gems.shape)
            told = replace(blank, gems=shares.astype(np.float32))
        parts.append(heard)
        truths.append(replace(told, tags=heard.tags))
        names += [name] * count
    dataset = np.array(names)
    clip = np.array([f"{name}/{row}" for row, name in enumerate(names)])
    return Pairs(join(parts), join(truths), dataset, clip, clip)


@pytest.fixture(scope="module")
def space(recipe):
    return fit(pairs(), recipe)


@pytest.fixture
def few_resamples(monkeypatch):
    monkeypatch.setattr("hevner.lab.metrics.report.RESAMPLES", 40)


def of(rows: Pairs, name: str) -> Pairs:
    return rows.where(rows.dataset == name)


def test_music_is_found_by_the_point_it_was_rated_at(space):
    fresh = of(pairs(60, seed=3), "piano")
    emotions = space.emotion(Description.of(point=fresh.emotions.point))
    divergences = space.find(emotions, space.music(fresh.musics))
    ranks = (divergences <= np.diag(divergences)[:, None]).sum(axis=1)
    assert np.median(ranks) <= 3


def test_a_course_tells_pieces_of_one_mood_apart(space):
    fresh = of(pairs(60, seed=4), "piano")
    told = {"point": fresh.emotions.point, "curve": fresh.emotions.curve}
    musics = space.music(fresh.musics)
    ranks = {}
    for forms in (("point",), ("point", "curve")):
        emotions = space.emotion(Description.of(**{form: told[form] for form in forms}))
        divergences = space.find(emotions, musics).T
        ranks[forms] = (divergences <= np.diag(divergences)[:, None]).sum(axis=1).mean()
    assert ranks["point", "curve"] < ranks["point",]


def test_quadrants_are_told_and_found(space):
    fresh = of(pairs(80, seed=5, noise=0.0), "clips")
    corners = space.emotion(Description.of(quadrants=np.eye(4)))
    musics = space.music(fresh.musics)
    truth = fresh.emotions.quadrants.argmax(axis=1)
    assert (space.find(corners, musics).T.argmin(axis=1) == truth).mean() > 0.9
    best = space.find(corners, musics).argsort(axis=1)[:, :5]
    assert (truth[best] == np.arange(4)[:, None]).all()


def test_a_tag_finds_music_that_carries_it(space):
    fresh = pairs(60, seed=6)
    for tag in (0, 17, 55):
        wanted = np.full((1, len(MOOD_TAGS)), np.nan)
        wanted[0, tag] = fresh.musics.tags[:, tag].max()
        order = space.find(space.emotion(Description.of(tags=wanted)), space.music(fresh.musics))[
            0
        ].argsort()
        carried = fresh.musics.tags[:, tag]
        assert carried[order[:10]].mean() > np.quantile(carried, 0.85)


def test_forms_are_as_sure_as_listeners_and_readings_agree(recipe):
    sure, doubtful = (fit(pairs(noise=noise), recipe).experts["point"] for noise in (0.05, 0.3))
    assert (sure.precision[:2] > 4 * doubtful.precision[:2]).all()
    np.testing.assert_allclose(sure.precision[2:], 1e-3, rtol=1e-4)


def test_readings_lie_where_the_fit_looks_for_them():
    told = music(3, 0)
    values = readings(told)
    np.testing.assert_allclose(values[:, READINGS["point"]], told.point)
    np.testing.assert_allclose(values[:, READINGS["gems"]], told.gems)
    np.testing.assert_allclose(values[:, READINGS["tags"]], told.tags)
    np.testing.assert_allclose(values[:, READINGS["curve"]], told.curve.reshape(3, -1))
    np.testing.assert_allclose(values[:, READINGS["quadrants"]].sum(axis=1), 0, atol=1e-5)


def test_every_set_weighs_the_same(recipe):
    rows = pairs()
    many = rows.where(np.r_[np.arange(len(rows)), np.flatnonzero(rows.dataset == "songs")])
    np.testing.assert_allclose(fit(many, recipe).centre, fit(rows, recipe).centre, atol=1e-5)


def test_variates_are_those_that_correlate(space, recipe):
    assert (space.correlations >= recipe.scoring.least_correlation).all()
    assert (np.diff(space.correlations) <= 1e-6).all()
    assert space.share == pytest.approx(recipe.scoring.share)
    assert len(space.reference) == 360


def test_the_fit_does_not_depend_on_the_order_of_rows(space, recipe):
    rows = pairs()
    shuffled = rows.where(np.random.default_rng(1).permutation(len(rows)))
    again = fit(shuffled, recipe)
    np.testing.assert_allclose(again.centre, space.centre, atol=1e-5)
    # Of made-up tags only two directions are more than rounding errors.
    np.testing.assert_allclose(again.correlations, space.correlations, atol=1e-2)


@pytest.mark.usefixtures("few_resamples")
def test_the_evaluation_sees_what_was_planted(recipe):
    rows = pairs(60)
    fold = np.arange(len(rows)) % 3
    divided = [(rows.where(fold != k), rows.where(fold == k)) for k in range(3)]
    report = evaluation.evaluate([divided, divided], recipe)
    found = {(row["dataset"], row["metric"]): row for row in report.rows}
    assert found["piano", "find mrr"]["value"] > 0.4 > found["piano", "find by chance mrr"]["value"]
    assert found["piano", "tell by course mrr"]["value"] > found["piano", "tell mrr"]["value"]
    assert found["piano", "degrees tau"]["value"] > 0.5
    assert found["clips", "find quadrant ap"]["value"] > 0.9
    assert found["songs", "find mrr less regressor"]["n"] == 60
    for row in report.rows:
        assert row["low"] - 1e-6 <= row["value"] <= row["high"] + 1e-6, row["metric"]
        assert row["seeds"] == 2


@pytest.mark.usefixtures("few_resamples")
def test_the_evaluation_notices_a_space_that_knows_nothing(recipe, monkeypatch):
    rows = pairs(60)
    fold = np.arange(len(rows)) % 3
    mixed = np.random.default_rng(0).permutation(len(rows))

    def blind(train, plan):
        wrong = replace(train, musics=train.musics.where(mixed[mixed < len(train)]))
        return replace(fit(wrong, plan), linear=np.random.default_rng(1).normal(size=(87, 23)))

    monkeypatch.setattr(evaluation, "fit", blind)
    divided = [(rows.where(fold != k), rows.where(fold == k)) for k in range(3)]
    report = evaluation.evaluate([divided], recipe)
    found = {(row["dataset"], row["metric"]): row["value"] for row in report.rows}
    assert found["piano", "find mrr less regressor"] < -0.2
    assert abs(found["piano", "degrees tau"]) < found["piano", "degrees tau by regressor"]
