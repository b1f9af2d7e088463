"""Labels of all kinds become targets without a scale."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hevner.emotion import BASIC, GEMS, MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.heads import BY_NAME
from hevner.lab.data.labels import QUADRANT_SIGNS, gems_axes
from hevner.lab.default import recipe, targets
from hevner.lab.default.table import Table
from hevner.lab.default.targets import standard, tag_labels, valence_and_arousal
from hevner.model.description import log_odds
from tests.errors import raises
from tests.worlds import RECIPE, TAGS, read_toy, stack, world

NAN = float("nan")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    return read_toy(tmp_path, monkeypatch, RECIPE + TAGS)


def unrated(table: Table, **labels: np.ndarray) -> Table:
    """Rows without ratings and quadrants, with other labels."""
    count = len(table)
    blank = {"emotion": np.full((count, 2), NAN), "quadrant": np.full(count, -1)}
    return dataclasses.replace(table, **{**blank, **labels})


def test_ratings_have_one_variance_and_no_correlation_in_each_set(rng: np.random.Generator) -> None:
    songs, pieces = world(rng, "songs", 200), world(rng, "pieces", 200)
    mixed = rng.normal(size=(200, 2)) @ [[0.3, 0.1], [0, 0.15]] + [0.5, -0.2]
    songs, pieces = (dataclasses.replace(one, emotion=e) for one, e in (
        (songs, mixed), (pieces, mixed[::-1] @ [[1, 0], [0, -1]])))  # fmt: skip
    window = dataclasses.replace(
        songs.where(np.arange(200) == 0),
        emotion=mixed.mean(axis=0)[None], window=np.ones(1, bool), clean=np.zeros(1, bool),
    )  # fmt: skip
    found = valence_and_arousal(stack(songs, window, pieces))
    for part, truth in ((found[:200], songs.emotion), (found[201:], pieces.emotion)):
        np.testing.assert_allclose(np.cov(part.T, ddof=0), np.eye(2), atol=1e-5)
        np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-9)
        # Each target is the axis it is named after.
        correlations = np.corrcoef(part.T, truth.T)[:2, 2:]
        assert np.diag(correlations).min() > 0.85
    # A window is on the scale of whole pieces: this one has their mean.
    np.testing.assert_allclose(found[200], 0, atol=1e-9)


def test_classes_have_places_and_gems_have_proxies(rng: np.random.Generator) -> None:
    moods = world(rng, "moods", 60)
    number = np.arange(60) % 4
    number[0] = -1
    quadrants = unrated(world(rng, "songs", 60), quadrant=number)
    clusters = unrated(world(rng, "pieces", 60), cluster=np.arange(60) % 5)
    found = valence_and_arousal(stack(moods, quadrants, clusters))
    proxies = gems_axes(moods.gems)
    for axis in range(2):
        assert np.corrcoef(found[:60, axis], proxies[:, axis])[0, 1] > 0.9
    assert np.isnan(found[60]).all()
    assert np.isfinite(found[61:]).all()
    np.testing.assert_array_equal(np.sign(found[61:120]), QUADRANT_SIGNS[number[1:]])
    _, cheerful, wistful, _, aggressive = found[120:125]
    assert cheerful[0] > max(wistful[0], aggressive[0])
    assert aggressive[1] > cheerful[1] > wistful[1]


def test_tension_is_rated_or_that_of_classes_or_of_gems(
    plan: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    rated, moods = world(rng, "songs", 60), world(rng, "moods", 60)
    rated = dataclasses.replace(
        rated, tension=np.where(np.arange(60) % 2, NAN, rng.normal(size=60))
    )
    quadrants = unrated(world(rng, "pieces", 60), quadrant=np.arange(60) % 4)
    clusters = unrated(world(rng, "cuts", 60), cluster=np.arange(60) % 5)
    whole = targets.Targets.of(stack(rated, moods, quadrants, clusters), plan)
    found = whole.values[:, whole.columns["tension"]][:, 0].reshape(4, 60)
    known = np.isfinite(rated.tension)
    assert np.corrcoef(found[0, known], rated.tension[known])[0, 1] == pytest.approx(1)
    # A rated set's quadrants follow from its ratings and say nothing more.
    assert np.isnan(found[0, ~known]).all()
    tense, calm = (moods.gems[:, GEMS.index(name)] for name in ("tension", "calmness"))
    assert np.corrcoef(found[1], tense - calm)[0, 1] == pytest.approx(1)
    angry, calm_ones = found[2, 1::4], found[2, 3::4]
    assert angry.min() > calm_ones.max()
    assert np.isnan(found[2, 0::2]).all()
    assert found[3, 4::5].min() > found[3, 1::5].max()
    assert np.isnan(found[3, 0::5]).all()
    for part in (found[0, known], found[1], found[2, 1::2]):
        assert (part.mean(), part.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


def test_basic_emotions_are_rated_or_taken_from_gems_like_them(
    plan: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    rated, moods = world(rng, "songs", 60), world(rng, "moods", 60)
    rated = dataclasses.replace(rated, emotions=rng.uniform(-1, 1, (60, 5)))
    whole = targets.Targets.of(stack(rated, moods), plan)
    found = whole.values[:, whole.columns["emotions"]]
    for column, name in enumerate(BASIC):
        own = np.corrcoef(found[:60, column], rated.emotions[:, column])[0, 1]
        assert own == pytest.approx(1)
        other = targets.GEMS_EMOTIONS.get(name)
        if other is None:
            assert np.isnan(found[60:, column]).all()
        else:
            share = moods.gems[:, GEMS.index(other)]
            assert np.corrcoef(found[60:, column], share)[0, 1] == pytest.approx(1)


def test_without_any_label_there_is_nothing_to_fit(
    plan: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    bare = dataclasses.replace(world(rng, "moods", 40), gems=np.full((40, 9), NAN))
    with raises(DataError, "no_labels"):
        targets.Targets.of(bare, plan)


@pytest.fixture
def tagged(rng: np.random.Generator) -> Table:
    table = stack(*(world(rng, name, 120) for name in ("songs", "moods", "pieces")))
    tags = rng.uniform(0.01, 0.4, (len(table), len(MOOD_TAGS)))
    tags[:10] = NAN
    emotion = np.where((np.arange(len(table)) < 20)[:, None], NAN, table.emotion)
    return dataclasses.replace(table, tags=tags, emotion=emotion, clean=np.arange(len(table)) >= 10)


def test_listeners_have_their_say_in_tags_that_mean_something(
    plan: recipe.DefaultRecipe, tagged: Table
) -> None:
    assert plan.tags is not None
    taught, network = tag_labels(tagged, plan.tags), standard(log_odds(tagged.tags), tagged.clean)
    happy, calm, sad = (MOOD_TAGS.index(word) for word in ("happy", "calm", "sad"))
    rated = np.isfinite(tagged.emotion[:, 0]) & (tagged.dataset == "songs")
    valence, arousal = tagged.emotion[rated].T
    added = taught[rated] - network[rated]
    assert np.corrcoef(added[:, happy], valence)[0, 1] > 0.5
    assert np.corrcoef(added[:, calm], arousal)[0, 1] < -0.5
    np.testing.assert_allclose(added[:, sad], 0, atol=1e-9)
    assert np.isnan(taught[:10]).all()
    np.testing.assert_allclose(taught[10:].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(taught[10:].std(axis=0), 1, atol=1e-9)


def test_a_quadrant_is_read_in_the_order_of_the_enumeration() -> None:
    assert BY_NAME["quadrants"].outputs == tuple(quadrant.name for quadrant in Quadrant)
    for quadrant, signs in zip(Quadrant, QUADRANT_SIGNS, strict=True):
        assert Quadrant.of(*signs) is quadrant
