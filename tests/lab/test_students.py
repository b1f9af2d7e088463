"""The network of the default model, on a made-up world."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from hevner.emotion import MOOD_TAGS
from hevner.errors import ModelError
from hevner.lab.default import recipe
from hevner.lab.default.fit import fit
from hevner.lab.default.students import standard, tag_labels
from hevner.lab.default.table import Table
from hevner.lab.recipes import read
from hevner.model import predict
from hevner.model.description import log_odds
from hevner.model.predict import NETWORK, Model, load
from tests.errors import raises
from tests.worlds import RECIPE, STUDENTS, WIDTH, stack, world

NO_NETWORK = np.zeros(0, np.uint8)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[recipe.DefaultRecipe]:
    path = tmp_path_factory.mktemp("recipe") / "toy.toml"
    path.write_text(RECIPE + STUDENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "WIDTHS", {"sound": WIDTH})
        patch.setattr(recipe, "NAMES", ("songs", "moods", "pieces"))
        yield read(path, recipe.DefaultRecipe)


@pytest.fixture(scope="module")
def known() -> Table:
    """Three sets whose tags a network has told: every tag follows one of the features."""
    rng = np.random.default_rng(0)
    table = stack(*(world(rng, name, 120) for name in ("songs", "moods", "pieces")))
    which = np.arange(len(MOOD_TAGS)) % 5
    odds = table.vectors[:, which].astype(float) - 3
    return dataclasses.replace(table, tags=1 / (1 + np.exp(-odds)))


@pytest.fixture(scope="module")
def model(plan: recipe.DefaultRecipe, known: Table) -> Model:
    return fit(known, plan)


def test_the_network_tells_the_tags_it_was_taught(model: Model, known: Table) -> None:
    fresh = stack(*(world(np.random.default_rng(7), n, 60) for n in ("songs", "moods", "pieces")))
    tags = model.predict(fresh.vectors).outputs["tags"]
    assert tags.shape == (180, 56)
    assert ((tags > 0) & (tags < 1)).all()
    rising = [np.corrcoef(fresh.vectors[:, k % 5], np.log(tags[:, k]))[0, 1] for k in range(56)]
    assert np.mean(rising) > 0.8


def test_music_at_large_has_the_base_rate_of_a_tag(model: Model, known: Table) -> None:
    rate = model.predict(known.vectors).outputs["tags"].mean(axis=0)
    np.testing.assert_allclose(rate, 0.05, atol=0.015)


def test_a_tag_is_said_of_twice_its_base_rate_of_clips(model: Model, known: Table) -> None:
    card = model.card["tags"]
    assert card["base_rates"] == [0.05] * 56
    said = model.predict(known.vectors).outputs["tags"] >= np.array(card["thresholds"])
    assert said.mean() == pytest.approx(0.1, abs=0.03)
    assert min(card["thresholds"]) >= 0.05


def test_network_and_linear_heads_speak_together_at_home(model: Model, known: Table) -> None:
    alone = dataclasses.replace(model, network=NO_NETWORK)
    vectors = known.vectors[known.dataset == "songs"]
    both, linear = model.predict(vectors), alone.predict(vectors)
    assert alone.predict(vectors).outputs["tags"].shape == (120, 0)
    told = model.network_outputs(model.standardise(vectors))
    for name in ("quadrants", "gems"):
        mixed = (1 - NETWORK) * linear.outputs[name] + NETWORK * told[name]
        np.testing.assert_allclose(both.outputs[name], mixed, atol=1e-6)
    truth = known.emotion[known.dataset == "songs"]
    for guess in (both, linear):
        for axis in range(2):
            assert np.corrcoef(guess.values[:, axis], truth[:, axis])[0, 1] > 0.9
    assert np.abs(both.values - linear.values).max() > 1e-3


def test_music_from_elsewhere_is_not_told_by_the_network(model: Model) -> None:
    far = 30 * np.ones((3, WIDTH), np.float32)
    alone = dataclasses.replace(model, network=NO_NETWORK)
    assert (model.predict(far).familiarity == 0).all()
    np.testing.assert_array_equal(model.predict(far).values, alone.predict(far).values)


def test_a_model_with_a_network_is_kept_whole(
    model: Model, known: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "DIMENSION", WIDTH)
    model.save(tmp_path / "m.npz")
    again = load(tmp_path / "m.npz").predict(known.vectors)
    for name, expected in model.predict(known.vectors).arrays().items():
        np.testing.assert_allclose(again.arrays()[name], expected, atol=1e-6, err_msg=name)


def test_a_card_without_the_tags_of_its_weights_is_refused(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "DIMENSION", WIDTH)
    card = {name: value for name, value in model.card.items() if name != "tags"}
    dataclasses.replace(model, card=card).save(tmp_path / "m.npz")
    with raises(ModelError, "card_mismatch", subject="m.npz"):
        load(tmp_path / "m.npz")


def test_a_network_that_is_none_is_an_error(model: Model, known: Table) -> None:
    broken = dataclasses.replace(model, network=np.frombuffer(b"no network", np.uint8))
    with raises(ModelError, "unreadable", subject="toy-7"):
        broken.predict(known.vectors[:1])


def test_the_same_recipe_gives_the_same_network(
    plan: recipe.DefaultRecipe, known: Table, model: Model
) -> None:
    np.testing.assert_array_equal(fit(known, plan).network, model.network)


def test_a_domain_without_ratings_has_no_head(plan: recipe.DefaultRecipe, known: Table) -> None:
    rest = known.where(known.dataset != "pieces")
    model = fit(rest, plan)
    told = model.network_outputs(model.standardise(rest.vectors[:2]))
    assert set(told) == {"emotion_recorded", "quadrants", "gems", "tags"}
    assert np.isfinite(model.predict(known.vectors).values).all()


def test_listeners_speak_for_the_tags_they_mean(plan: recipe.DefaultRecipe, known: Table) -> None:
    assert plan.tags is not None
    taught = tag_labels(known, plan.tags)
    heard = standard(log_odds(known.tags), known.clean)
    rated = known.dataset == "songs"
    happy, calm, sad = (MOOD_TAGS.index(word) for word in ("happy", "calm", "sad"))
    valence, arousal = known.emotion[rated].T
    assert np.corrcoef((taught - heard)[rated, happy], valence)[0, 1] > 0.5
    assert np.corrcoef((taught - heard)[rated, calm], arousal)[0, 1] < -0.5
    np.testing.assert_allclose(taught[:, sad], heard[:, sad], atol=1e-9)
    clean = taught[known.clean]
    np.testing.assert_allclose(clean.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(clean.std(axis=0), 1, atol=1e-9)


def test_windows_have_no_tags(plan: recipe.DefaultRecipe, known: Table) -> None:
    assert plan.tags is not None
    deaf = known.tags.copy()
    deaf[:10] = np.nan
    taught = tag_labels(dataclasses.replace(known, tags=deaf), plan.tags)
    assert np.isnan(taught[:10]).all()
    assert np.isfinite(taught[10:]).all()
