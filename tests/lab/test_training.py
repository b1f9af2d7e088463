from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from hevner.blocks import WIDTHS
from hevner.datasets.track import Curve, Track
from hevner.defaults import DEFAULT_MODEL
from hevner.emotion import Quadrant
from hevner.errors import DataError, ModelError
from hevner.heads import BY_NAME
from hevner.lab.data.corpus import augment, change_gain, encode
from hevner.lab.data.labels import QUADRANT_SIGNS
from hevner.lab.default import basis, linear_heads, recipe, table
from hevner.lab.default.fit import fit
from hevner.lab.recipes import read
from hevner.lab.regression.ridge import NormalEquations
from hevner.model import predict
from hevner.result import COVERAGE
from tests.errors import raises
from tests.sounds import music
from tests.worlds import RECIPE, WIDTH, stack, world

UNIFIED = Path(__file__).resolve().parents[2] / "recipes" / "unified.toml"

# --- disturbances ---


@pytest.mark.parametrize("seed", range(8))
def test_augmenting_keeps_length_and_does_not_clip(seed: int) -> None:
    sound = music(3.0, rate=24_000)
    result = augment(sound, 24_000, np.random.default_rng(seed))
    assert result.shape == sound.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert 0.01 < np.abs(result).max() < 1
    again = augment(sound, 24_000, np.random.default_rng(seed))
    np.testing.assert_array_equal(result, again)


def test_augmenting_differs_by_seed_and_leaves_the_original() -> None:
    sound = music(2.0)
    before = sound.copy()
    first, second = (augment(sound, 16_000, np.random.default_rng(s)) for s in (1, 2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(sound, before)


@pytest.mark.parametrize("seed", range(4))
def test_codecs_and_gain_keep_what_is_heard(seed: int) -> None:
    sound = music(2.0, rate=24_000)
    coded = encode(sound, 24_000, np.random.default_rng(seed))
    assert np.corrcoef(sound, coded)[0, 1] > 0.9
    louder = change_gain(sound, np.random.default_rng(seed))
    assert np.corrcoef(sound, louder)[0, 1] == pytest.approx(1, abs=1e-6)


def test_augmenting_silence_stays_silent_and_finite() -> None:
    silence = np.zeros(16_000, np.float32)
    for seed in range(6):
        result = augment(silence, 16_000, np.random.default_rng(seed))
        assert np.isfinite(result).all()
        assert np.abs(result).max() < 0.01


# --- ridge regression ---


def rows(rng: np.random.Generator, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.normal(size=(count, 7)) + 1.5
    targets = x @ rng.normal(size=(7, 2)) + rng.normal(size=(count, 2)) + 4
    return x, targets, rng.uniform(0.2, 3, count)


def test_moments_of_disjoint_rows_add_up(rng: np.random.Generator) -> None:
    x, targets, weights = rows(rng)
    whole = NormalEquations.of(x, targets, weights)
    first = NormalEquations.of(x[:25], targets[:25], weights[:25])
    second = NormalEquations.of(x[25:], targets[25:], weights[25:])
    for field in dataclasses.fields(NormalEquations):
        expected = getattr(whole, field.name)
        np.testing.assert_allclose(getattr(first + second, field.name), expected)
        np.testing.assert_allclose(getattr(whole - second, field.name), getattr(first, field.name))


def test_the_solution_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    x, targets, weights = rows(rng)
    coefficients, intercept = NormalEquations.of(x, targets, weights).solve(np.full(7, 5.0))
    expected = Ridge(alpha=5.0).fit(x, targets, sample_weight=weights)
    np.testing.assert_allclose(coefficients, expected.coef_.T, rtol=1e-8)
    np.testing.assert_allclose(intercept, expected.intercept_, rtol=1e-8)


def test_each_dimension_has_a_penalty_of_its_own(rng: np.random.Generator) -> None:
    x, targets, weights = rows(rng)
    penalty = np.array([1, 1, 1, 1, 1, 1e12, 1.0])
    coefficients, _ = NormalEquations.of(x, targets, weights).solve(penalty)
    assert np.abs(coefficients[5]).max() < 1e-6
    assert np.abs(np.delete(coefficients, 5, axis=0)).max() > 0.1
    # The same by scaling the columns.
    scaled = Ridge(alpha=1.0).fit(x / np.sqrt(penalty), targets, sample_weight=weights)
    np.testing.assert_allclose(coefficients, scaled.coef_.T / np.sqrt(penalty)[:, None], rtol=1e-6)


# --- recipes ---


def test_the_recipe_of_the_default_model_is_complete() -> None:
    default = read(UNIFIED, recipe.DefaultRecipe)
    assert default.name == "unified"
    assert set(default.sets) == {"musemo", "vgmidi", "emopia", "emotify"}
    assert default.domains == ("piano", "recorded")
    assert set(default.penalties) == set(recipe.HEADS)
    for penalty in default.penalties.values():
        for part in (penalty.shared, penalty.own):
            assert recipe.per_dimension(part).shape == (sum(WIDTHS.values()),)
            assert (recipe.per_dimension(part) > 0).all()
    for entry in default.sets.values():
        assert entry.variants[0].seed == 0


def test_the_shipped_model_was_made_by_the_recipe() -> None:
    card = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text("utf-8"))
    assert card["recipe"] == read(UNIFIED, recipe.DefaultRecipe).digest


def test_penalties_belong_to_their_blocks(tmp_path: Path) -> None:
    text = UNIFIED.read_text()
    begin = text.index("[penalties.valence]")
    path = tmp_path / "changed.toml"
    path.write_text(text[:begin] + text[begin:].replace("harmony = ", "harmony = 7", 1))
    before, after = (
        recipe.per_dimension(read(p, recipe.DefaultRecipe).penalties["valence"].shared)
        for p in (UNIFIED, path)
    )
    changed = np.flatnonzero(before != after)
    harmony = np.arange(len(before) - WIDTHS["harmony"], len(before))
    np.testing.assert_array_equal(changed, harmony)


# --- tables ---


def test_windows_cover_a_piece_half_overlapping() -> None:
    spans = table.windows(40.0, 15.0)
    assert spans[0] == (0.0, 15.0)
    assert spans[-1] == (25.0, 40.0)
    steps = np.diff([start for start, _ in spans])
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] <= 7.5
    assert table.windows(9.0, 15.0) == [(0.0, 9.0)]


def test_a_window_has_the_ratings_of_its_own_time() -> None:
    times = np.arange(10) + 0.5
    curve = Curve(times, times / 10, -times / 10)
    clip = Track("vgmidi", "a", Path("a"), "a", "a", valence=0.9, arousal=0.8, curve=curve)
    np.testing.assert_allclose(table._emotion(clip, None), [0.9, 0.8])
    np.testing.assert_allclose(table._emotion(clip, (2.0, 5.0)), [0.35, -0.35])
    np.testing.assert_allclose(table._emotion(clip, (2.1, 2.2)), [0.25, -0.25])
    assert np.isnan(table._emotion(dataclasses.replace(clip, valence=None), None)[0])


# --- fitting, on a made-up world of 30 dimensions ---


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    monkeypatch.setattr(recipe, "WIDTHS", {"sound": WIDTH})
    monkeypatch.setattr(recipe, "NAMES", ("songs", "moods", "pieces"))
    monkeypatch.setattr(predict, "DIMENSION", WIDTH)
    (tmp_path / "toy.toml").write_text(RECIPE)
    return read(tmp_path / "toy.toml", recipe.DefaultRecipe)


@pytest.fixture
def known(rng: np.random.Generator) -> table.Table:
    return stack(*(world(rng, name, 120) for name in ("songs", "moods", "pieces")))


def shuffled(known: table.Table, dataset: str) -> table.Table:
    """Exchange the vectors of a dataset among its rows: its labels lose their meaning."""
    vectors = known.vectors.copy()
    mine = np.flatnonzero(known.dataset == dataset)
    vectors[mine] = vectors[np.random.default_rng(0).permutation(mine)]
    return dataclasses.replace(known, vectors=vectors)


def test_a_linear_relation_is_found(
    toy: recipe.DefaultRecipe, known: table.Table, rng: np.random.Generator
) -> None:
    model = fit(known, toy)
    for dataset in ("songs", "pieces"):
        fresh = world(rng, dataset, 200)
        guess = model.predict(fresh.vectors)
        for axis in range(2):
            r = np.corrcoef(guess.values[:, axis], fresh.emotion[:, axis])[0, 1]
            assert r > 0.95, (dataset, axis)
        assert np.abs(guess.values - fresh.emotion).mean() < 0.1
        assert (guess.outputs["quadrants"].argmax(1) == fresh.quadrant).mean() > 0.6
    moods = world(rng, "moods", 200)
    gems = model.predict(moods.vectors).outputs["gems"]
    assert np.mean([np.corrcoef(gems[:, k], moods.gems[:, k])[0, 1] for k in range(9)]) > 0.9


def test_predictions_are_in_their_ranges(toy: recipe.DefaultRecipe, known: table.Table) -> None:
    model = fit(known, toy)
    guess = model.predict(known.vectors * 20)
    assert np.abs(guess.values).max() <= 1
    assert (guess.halves > 0).all()
    np.testing.assert_allclose(guess.outputs["quadrants"].sum(axis=1), 1, atol=1e-5)
    assert ((guess.outputs["gems"] >= 0) & (guess.outputs["gems"] <= 1)).all()
    assert ((guess.familiarity >= 0) & (guess.familiarity <= 1)).all()
    assert guess.values.dtype == np.float32
    one = model.predict(known.vectors[3:4])
    np.testing.assert_allclose(one.values, model.predict(known.vectors).values[3:4], atol=1e-5)


def test_strange_music_is_unfamiliar_and_less_certain(
    toy: recipe.DefaultRecipe, known: table.Table
) -> None:
    model = fit(known, toy)
    usual, strange = model.predict(known.vectors), model.predict(known.vectors * 4)
    assert np.median(usual.familiarity) > 0.3
    assert np.median(strange.familiarity) < 0.05
    assert (strange.halves.mean(axis=0) >= usual.halves.mean(axis=0)).all()


def test_the_domains_are_told_apart(toy: recipe.DefaultRecipe, known: table.Table) -> None:
    model = fit(known, toy)
    members = model.members(model.standardise(known.vectors))
    piano = toy.domains.index("piano")
    np.testing.assert_allclose(members.sum(axis=1), 1, atol=1e-5)
    mine = known.dataset == "pieces"
    assert members[mine, piano].mean() > 0.7
    assert members[~mine, piano].mean() < 0.3


def test_rows_without_a_label_do_not_influence_its_head(
    toy: recipe.DefaultRecipe, known: table.Table
) -> None:
    plain = fit(known, toy)
    others = fit(shuffled(shuffled(known, "songs"), "pieces"), toy)
    moods = fit(shuffled(known, "moods"), toy)
    for field in predict.Linear.__annotations__:
        gems, same = getattr(plain.heads["gems"], field), getattr(others.heads["gems"], field)
        np.testing.assert_allclose(same, gems, atol=1e-4)
        for name in ("emotion", "quadrants"):
            expected = getattr(plain.heads[name], field)
            np.testing.assert_allclose(
                getattr(moods.heads[name], field), expected, atol=1e-4, err_msg=name
            )
    assert np.abs(others.heads["emotion"].shared - plain.heads["emotion"].shared).max() > 0.05
    assert np.abs(moods.heads["gems"].shared - plain.heads["gems"].shared).max() > 0.01


def test_fitting_is_deterministic(toy: recipe.DefaultRecipe, known: table.Table) -> None:
    first, second = fit(known, toy), fit(known, toy)
    np.testing.assert_array_equal(
        first.predict(known.vectors).values, second.predict(known.vectors).values
    )
    np.testing.assert_array_equal(first.known, second.known)
    assert first.sharpness == second.sharpness


def test_intervals_hold_nine_of_ten(toy: recipe.DefaultRecipe, rng: np.random.Generator) -> None:
    train = stack(world(rng, "songs", 300, 0.2), world(rng, "pieces", 300, 0.2))
    model = fit(train, toy)
    fresh = world(rng, "songs", 600, 0.2)
    guess = model.predict(fresh.vectors)
    inside = np.abs(guess.values - fresh.emotion) <= guess.halves
    assert inside.mean() == pytest.approx(COVERAGE, abs=0.05)


def test_conformal_half_widths_hold_a_new_error_as_often_as_promised() -> None:
    rng = np.random.default_rng(3)
    held = [
        float(abs(rng.normal())) <= linear_heads.conformal(np.abs(rng.normal(size=40)))
        for _ in range(3000)
    ]
    assert np.mean(held) == pytest.approx(COVERAGE + 0.5 / 41, abs=0.02)
    assert linear_heads.conformal(np.array([0.3, 0.1, 0.2])) == pytest.approx(0.3)


def test_without_ratings_there_is_nothing_to_fit(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    few = stack(world(rng, "songs", 8), world(rng, "moods", 60))
    with raises(DataError, "too_few_ratings"):
        fit(few, toy)


def test_folds_keep_groups_together_and_spread_datasets(known: table.Table) -> None:
    fold = basis.folds(known, 5, seed=1)
    for group in set(known.group):
        assert len(set(fold[known.group == group])) == 1
    for dataset in set(known.dataset):
        counts = np.bincount(fold[known.dataset == dataset], minlength=5)
        assert counts.max() - counts.min() <= 2
    np.testing.assert_array_equal(fold, basis.folds(known, 5, seed=1))
    assert (fold != basis.folds(known, 5, seed=2)).any()


def test_a_set_weighs_what_its_recipe_says(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    few, many = world(rng, "songs", 10), world(rng, "pieces", 80)
    both = stack(few, few, many)  # every song in two variants
    weights = basis.weights(both, {name: entry.weight for name, entry in toy.sets.items()})
    assert weights[both.dataset == "songs"].sum() == pytest.approx(100)
    assert weights[both.dataset == "pieces"].sum() == pytest.approx(100)
    assert weights[0] == pytest.approx(5)


# --- stored models ---


@pytest.fixture
def stored(
    tmp_path: Path, toy: recipe.DefaultRecipe, known: table.Table
) -> tuple[Path, predict.Model]:
    model = fit(known, toy, {"data": ["made up"]})
    model.save(tmp_path / "toy.npz")
    return tmp_path / "toy.npz", model


def test_a_stored_model_predicts_the_same(
    stored: tuple[Path, predict.Model], known: table.Table
) -> None:
    path, model = stored
    again = predict.load(path)
    assert again.name == "toy-7"
    assert again.card["data"] == ["made up"]
    for windows in (False, True):
        first = model.predict(known.vectors, windows=windows)
        second = again.predict(known.vectors, windows=windows)
        for name, array in first.arrays().items():
            np.testing.assert_allclose(second.arrays()[name], array, atol=1e-6, err_msg=name)
    assert sorted(entry.name for entry in path.parent.glob("toy.*")) == [
        "toy.json", "toy.npz", "toy.toml",
    ]  # fmt: skip


def test_saving_gives_the_same_bytes(stored: tuple[Path, predict.Model]) -> None:
    path, model = stored
    before = path.read_bytes()
    model.save(path)
    assert path.read_bytes() == before


def test_a_model_of_other_features_is_refused(stored: tuple[Path, predict.Model]) -> None:
    path, _ = stored
    card = path.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "features": "mfcc-1"}))
    with raises(ModelError, "other_features", subject="toy.npz"):
        predict.load(path)


def test_a_model_of_another_width_is_refused(
    stored: tuple[Path, predict.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "DIMENSION", WIDTH + 1)
    with raises(ModelError, "other_features"):
        predict.load(stored[0])


def test_damaged_models_are_refused(stored: tuple[Path, predict.Model]) -> None:
    path, _ = stored
    intact = path.read_bytes()
    flipped = bytearray(intact)
    for at in range(60, len(intact), 997):
        flipped[at] ^= 0xFF
    without_end = intact[: len(intact) // 2]
    for damaged in (b"", b"nothing", without_end, bytes(flipped)):
        path.write_bytes(damaged)
        with raises(ModelError, "unreadable", subject="toy.npz"):
            predict.load(path)
    path.unlink()
    with raises(ModelError, "unreadable", subject="toy.npz"):
        predict.load(path)


@pytest.mark.parametrize("card", ["", "{", "[]", '{"name": "toy"}'])
def test_damaged_cards_are_refused(stored: tuple[Path, predict.Model], card: str) -> None:
    path, _ = stored
    path.with_suffix(".json").write_text(card)
    with raises(ModelError, "unreadable", subject="toy.npz"):
        predict.load(path)


def test_a_quadrant_is_read_in_the_order_of_the_enumeration() -> None:
    assert BY_NAME["quadrants"].outputs == tuple(quadrant.name for quadrant in Quadrant)
    for quadrant, signs in zip(Quadrant, QUADRANT_SIGNS, strict=True):
        assert Quadrant.of(*signs) is quadrant
