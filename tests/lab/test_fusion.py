"""Regression on blocks: scaling, choices inside the training rows, missing labels."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge as SklearnRidge

from hevner.errors import DataError, ModelError
from hevner.lab.data.blocks import Block, grouped_folds, standardise
from hevner.lab.regression import estimators
from hevner.lab.regression.estimators import Kernel, Ridge
from hevner.lab.regression.fusion import FusionRegressor
from tests.errors import raises

WEIGHTS = np.array([[1.0, 0.0], [0.5, -1.0], [0.0, 0.7]])


def world(rng: np.random.Generator, count: int = 120, noise: float = 0.3):
    """Emotion is linear in a block of three numbers; a block of forty says nothing."""
    chroma = rng.normal(size=(count, 3))
    embedding = rng.normal(size=(count, 40))
    emotion = 0.2 * (chroma @ WEIGHTS + noise * rng.normal(size=(count, 2))) + [0.3, -0.1]
    return {"chroma": chroma, "embedding": embedding}, emotion


def r(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(truth[:, axis], guess[:, axis])[0, 1] for axis in range(2)])


def rows(blocks: dict[str, np.ndarray], some: slice | np.ndarray) -> dict[str, np.ndarray]:
    return {name: block[some] for name, block in blocks.items()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that trains in a moment."""
    pytest.importorskip("torch")
    monkeypatch.setattr(estimators, "HIDDEN_UNITS", 64)
    monkeypatch.setattr(estimators, "DECAYS", (0.01,))
    monkeypatch.setattr(estimators, "MOST_EPOCHS", 30)


# --- fitting ---


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", ["linear", "kernel", "hidden"])
def test_every_kind_learns_and_repeats_itself(kind: str, rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    model = FusionRegressor(kind=kind, folds=2)
    assert model.fit(rows(blocks, slice(80)), emotion[:80]) is model
    guess = model.predict(rows(blocks, slice(80, None)))
    assert guess.shape == (40, 2)
    assert r(emotion[80:], guess).min() > 0.6
    again = FusionRegressor(kind=kind, folds=2).fit(rows(blocks, slice(80)), emotion[:80])
    np.testing.assert_array_equal(again.predict(rows(blocks, slice(80, None))), guess)


def test_a_model_that_is_not_fitted_predicts_nothing(rng: np.random.Generator) -> None:
    blocks, _ = world(rng)
    with raises(ModelError, "not_fitted"):
        FusionRegressor().predict(blocks)


def test_import_needs_neither_scikit_learn_nor_torch() -> None:
    code = (
        "import sys, hevner.lab.regression.fusion\n"
        "sys.exit(bool({'sklearn', 'torch'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- scaling ---


def test_scaler_statistics_come_from_the_training_rows_alone(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    train = rows(blocks, slice(80))
    model = FusionRegressor().fit(train, emotion[:80])
    fitted = model._fitted.blocks
    for name, block in train.items():
        np.testing.assert_allclose(fitted[name].mean, block.mean(axis=0))
        np.testing.assert_allclose(fitted[name].spread, block.std(axis=0))
    test = rows(blocks, slice(80, None))
    together = model.predict(test)
    # What else is predicted makes no difference to a row.
    odd = {name: np.concatenate([block, 1e3 + block]) for name, block in test.items()}
    np.testing.assert_allclose(model.predict(odd)[:40], together)
    np.testing.assert_allclose(model.predict(rows(test, slice(1)))[0], together[0])


def test_noise_does_not_drown_a_small_block(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng, 160, noise=0.5)
    # The same numbers over and over: only the width grows, not what is known.
    wide = {"chroma": blocks["chroma"], "noise": np.tile(blocks["embedding"], (1, 60))}
    scores = {}
    for balanced in (True, False):
        model = FusionRegressor(balanced=balanced).fit(rows(wide, slice(80)), emotion[:80])
        scores[balanced] = r(emotion[80:], model.predict(rows(wide, slice(80, None)))).mean()
    assert scores[True] > 0.75
    assert scores[True] > scores[False] + 0.3


def test_repeating_the_numbers_of_a_block_changes_nothing(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    repeated = {**blocks, "embedding": np.tile(blocks["embedding"], (1, 5))}
    one = FusionRegressor().fit(blocks, emotion).predict(blocks)
    five = FusionRegressor().fit(repeated, emotion).predict(repeated)
    np.testing.assert_allclose(one, five, atol=1e-9)


def test_jukebox_and_chroma_are_fused_to_4872_numbers(rng: np.random.Generator) -> None:
    blocks = {
        "jukebox": rng.normal(size=(60, 4800)).astype(np.float32),
        "chroma72": rng.normal(size=(60, 72)).astype(np.float32),
    }
    emotion = blocks["chroma72"][:, :2] + 0.1 * rng.normal(size=(60, 2))
    model = FusionRegressor().fit(rows(blocks, slice(45)), emotion[:45])
    assert model.describe()["blocks"] == {"jukebox": 4800, "chroma72": 72}
    assert np.isfinite(model.predict(blocks)).all()


def test_rotating_a_wide_block_loses_nothing(rng: np.random.Generator) -> None:
    x, weights = rng.normal(size=(20, 300)), rng.uniform(0.5, 2, 20)
    block = Block.fit(x, weights / weights.mean())
    assert block.rotation is not None
    z = standardise(x, block.mean, block.spread)
    np.testing.assert_allclose(block.expand(block(x)), z, atol=1e-8)
    np.testing.assert_allclose(block(x) @ block(x).T, z @ z.T * block.scale**2, atol=1e-10)


def test_variances_of_a_block_add_up_to_its_squared_weight(rng: np.random.Generator) -> None:
    x = rng.normal(size=(200, 30)) * rng.uniform(0.1, 100, 30) + rng.normal(size=30)
    for components in (None, 5):
        block = Block.fit(x, np.ones(200), components=components, weight=3.0)
        assert block(x).var(axis=0).sum() == pytest.approx(9.0, rel=1e-3)
        assert block(x).shape[1] == (components or 30)


def test_main_axes_are_those_of_most_variance(rng: np.random.Generator) -> None:
    hidden = rng.normal(size=(100, 2))
    x = hidden @ rng.normal(size=(2, 50)) + 0.01 * rng.normal(size=(100, 50))
    block = Block.fit(x, np.ones(100), components=2)
    back = block.expand(block(x))
    np.testing.assert_allclose(back, standardise(x, block.mean, block.spread), atol=0.3)
    assert np.corrcoef(back.ravel(), standardise(x, block.mean, block.spread).ravel())[0, 1] > 0.99


def test_constant_and_extreme_numbers_are_harmless(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    blocks["chroma"] = np.column_stack([blocks["chroma"], np.full(120, 0.1)])
    blocks["flat"] = np.zeros((120, 4))
    model = FusionRegressor().fit(blocks, emotion)
    far = {name: block + 1e6 for name, block in blocks.items()}
    near = {name: block + 1e3 for name, block in blocks.items()}
    np.testing.assert_allclose(model.predict(far), model.predict(near))
    assert np.abs(model.predict(far)).max() < 10


def test_weights_of_blocks_count(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    scores = []
    for weight in (0.01, 1.0):
        model = FusionRegressor(weights={"chroma": weight}).fit(
            rows(blocks, slice(80)), emotion[:80]
        )
        scores.append(r(emotion[80:], model.predict(rows(blocks, slice(80, None)))).mean())
    assert scores[1] > scores[0] + 0.3


# --- choices ---


def test_the_search_finds_the_block_that_says_something(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng, noise=1.0)
    model = FusionRegressor(search=(0.1, 10.0)).fit(blocks, emotion)
    plain = FusionRegressor().fit(blocks, emotion)
    for axis in ("valence", "arousal"):
        factors = model.describe()["axes"][axis]["factors"]
        assert factors["chroma"] > factors["embedding"]
        assert model.describe()["axes"][axis]["r2"] >= plain.describe()["axes"][axis]["r2"]


def test_groups_keep_copies_apart(rng: np.random.Generator) -> None:
    """Labels at random, every clip four times: only a split of clips seems to predict them."""
    x, labels = rng.normal(size=(40, 60)), rng.normal(size=(40, 2))
    blocks, emotion = {"x": np.tile(x, (4, 1))}, np.tile(labels, (4, 1))
    fooled = FusionRegressor().fit(blocks, emotion)
    honest = FusionRegressor().fit(blocks, emotion, groups=np.tile(np.arange(40), 4))
    for axis in ("valence", "arousal"):
        assert fooled.describe()["axes"][axis]["r2"] > 0.5
        assert honest.describe()["axes"][axis]["r2"] < 0.1


@pytest.mark.parametrize("kind", [Ridge, Kernel])
def test_a_row_of_weight_two_is_two_rows(kind: type, rng: np.random.Generator) -> None:
    x, target = rng.normal(size=(30, 5)), rng.normal(size=30)
    twice = np.r_[np.arange(30), np.arange(10)]
    weights, fold = np.r_[np.full(10, 2.0), np.ones(20)], np.arange(30) % 3
    for choice in kind.choices:
        one = kind([x], target, weights, fold)
        two = kind([x[twice]], target[twice], np.ones(40), fold[twice])
        assert one.error(np.ones(1), choice) == pytest.approx(two.error(np.ones(1), choice))
        values = [problem.fit(np.ones(1), choice)([x]) for problem in (one, two)]
        np.testing.assert_allclose(values[0], values[1], atol=1e-6)


def test_weights_reach_the_scaler(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng, 30)
    weights = rng.uniform(0.5, 2, 30)
    model = FusionRegressor().fit(blocks, emotion, sample_weight=weights)
    mean = np.average(blocks["chroma"], axis=0, weights=weights)
    np.testing.assert_allclose(model._fitted.blocks["chroma"].mean, mean)


def test_ridge_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    x = [rng.normal(size=(50, 4)), rng.normal(size=(50, 6))]
    target, weights = rng.normal(size=50), rng.uniform(0.5, 2, 50)
    factors, choice = np.array([2.0, 0.5]), {"penalty": 0.1}
    found = Ridge(x, target, weights, np.arange(50) % 5).fit(factors, choice)
    scaled = np.hstack([2.0 * x[0], 0.5 * x[1]])
    reference = SklearnRidge(alpha=0.1 * weights.sum()).fit(scaled, target, sample_weight=weights)
    np.testing.assert_allclose(found(x), reference.predict(scaled), atol=1e-9)


def test_kernel_regression_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    x = [rng.normal(size=(50, 4))]
    target = rng.normal(size=50)
    target -= target.mean()
    choice = {"gamma": 0.3, "penalty": 0.1}
    problem = Kernel(x, target, np.ones(50), np.arange(50) % 5)
    reference = KernelRidge(alpha=0.1, kernel="rbf", gamma=0.3).fit(x[0], target)
    np.testing.assert_allclose(
        problem.fit(np.ones(1), choice)(x), reference.predict(x[0]), atol=1e-8
    )


def test_errors_are_those_of_unseen_rows(rng: np.random.Generator) -> None:
    x, weights = [rng.normal(size=(40, 5))], np.ones(40)
    target, fold = rng.normal(size=40), np.arange(40) % 4
    for kind in (Ridge, Kernel):
        choice = kind.choices[5]
        squares = []
        for k in range(4):
            seen = fold != k
            part = kind([x[0][seen]], target[seen], weights[seen], np.arange(30) % 2)
            squares.append((part.fit(np.ones(1), choice)([x[0][~seen]]) - target[~seen]) ** 2)
        error = kind(x, target, weights, fold).error(np.ones(1), choice)
        assert error == pytest.approx(np.mean(squares))


# --- labels ---


@pytest.mark.parametrize("kind", ["linear", "kernel"])
def test_a_missing_label_hides_its_axis_alone(kind: str, rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    partly = emotion.copy()
    partly[:60, 0] = np.nan
    model = FusionRegressor(kind=kind).fit(blocks, partly)
    assert model.describe()["axes"]["valence"]["clips"] == 60
    assert model.describe()["axes"]["arousal"]["clips"] == 120
    whole = FusionRegressor(kind=kind).fit(blocks, emotion)
    np.testing.assert_allclose(model.predict(blocks)[:, 1], whole.predict(blocks)[:, 1])
    assert r(emotion, model.predict(blocks))[0] > 0.8


@pytest.mark.usefixtures("small")
def test_hidden_layers_leave_out_missing_labels(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng)
    partly = emotion.copy()
    partly[:50, 0], partly[50:60] = np.nan, np.nan
    model = FusionRegressor(kind="hidden", folds=2).fit(blocks, partly)
    assert r(emotion, model.predict(blocks)).min() > 0.7


@given(st.floats(0.1, 50), st.floats(-20, 20))
def test_predictions_are_in_the_units_of_the_labels(gain: float, offset: float) -> None:
    blocks, emotion = world(np.random.default_rng(1), 40)
    plain = FusionRegressor(folds=3).fit(blocks, emotion).predict(blocks)
    other = FusionRegressor(folds=3).fit(blocks, gain * emotion + offset).predict(blocks)
    np.testing.assert_allclose(other, gain * plain + offset, rtol=1e-6, atol=1e-6)


# --- folds ---


@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda g: len(set(g)) > 1),
    st.integers(2, 8),
    st.integers(0, 5),
)
def test_folds_keep_groups_together(groups: list[int], count: int, seed: int) -> None:
    fold = grouped_folds(np.array(groups), count, seed)
    assert set(fold) == set(range(min(count, len(set(groups)))))
    for group in set(groups):
        assert len(set(fold[np.array(groups) == group])) == 1
    np.testing.assert_array_equal(fold, grouped_folds(np.array(groups), count, seed))


def test_folds_are_even() -> None:
    sizes = np.bincount(grouped_folds(np.arange(103), 5, 0))
    assert sizes.max() - sizes.min() == 1
    assert (grouped_folds(np.arange(103), 5, 0) != grouped_folds(np.arange(103), 5, 1)).any()


# --- refusals ---


def test_bad_training_rows_are_refused(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng, 20)
    model = FusionRegressor()
    holes = {**blocks, "chroma": np.where(np.arange(20)[:, None] == 3, np.nan, blocks["chroma"])}
    for wrong, labels, code in (
        (holes, emotion, "not_finite"),
        ({}, emotion, "shapes_differ"),
        (rows(blocks, slice(19)), emotion, "shapes_differ"),
        (blocks, emotion[:, 0], "shapes_differ"),
        (blocks, np.full((20, 2), 0.5), "too_few_labels"),
        (blocks, np.column_stack([emotion[:, 0], np.full(20, np.nan)]), "too_few_labels"),
    ):
        with raises(DataError, code):
            model.fit(wrong, labels)
    with raises(DataError, "out_of_range"):
        model.fit(blocks, emotion, sample_weight=np.zeros(20))
    with raises(DataError, "too_few_labels"):
        model.fit(blocks, emotion, groups=np.zeros(20))
    with raises(ModelError, "conflict"):
        FusionRegressor(kind="hidden", search=(2.0,)).fit(blocks, emotion)


def test_bad_rows_to_predict_are_refused(rng: np.random.Generator) -> None:
    blocks, emotion = world(rng, 20)
    model = FusionRegressor().fit(blocks, emotion)
    with raises(DataError, "not_finite"):
        model.predict({**blocks, "chroma": np.full_like(blocks["chroma"], np.nan)})
