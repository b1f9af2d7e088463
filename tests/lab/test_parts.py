"""Kinds of music, and regressions for all music and for each kind, on a made-up world."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from sklearn.linear_model import Ridge

from hevner.lab.default import recipe
from hevner.lab.default.basis import CLIP, Basis, folds, row_weights
from hevner.lab.default.parts import Parts, held_out
from hevner.lab.default.table import Table
from hevner.lab.default.targets import Targets
from hevner.lab.recipes import read
from tests.worlds import RECIPE, WIDTH, read_toy, stack, world

SONG, PIANO, SHORT = range(3)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    return read_toy(tmp_path, monkeypatch)


@pytest.fixture
def known(rng: np.random.Generator) -> Table:
    return stack(*(world(rng, name, 120) for name in ("songs", "moods", "pieces", "cuts")))


def weighing(
    plan: recipe.DefaultRecipe, penalty: float, own: float, kernel: float = 1e9
) -> recipe.DefaultRecipe:
    """The recipe with other penalties of valence and arousal."""
    one = recipe.PenaltyRecipe(blocks={"sound": penalty}, kernel=kernel, own=own)
    return structs.replace(plan, penalties=plan.penalties | {"emotion": one})


# --- rows ---


def test_folds_keep_groups_together_and_spread_datasets(known: Table) -> None:
    fold = folds(known, 5, seed=1)
    for group in set(known.group):
        assert len(set(fold[known.group == group])) == 1
    for dataset in set(known.dataset):
        counts = np.bincount(fold[known.dataset == dataset], minlength=5)
        assert counts.max() - counts.min() <= 2
    np.testing.assert_array_equal(fold, folds(known, 5, seed=1))
    assert (fold != folds(known, 5, seed=2)).any()


def test_a_set_weighs_what_its_recipe_says(rng: np.random.Generator) -> None:
    few, many = world(rng, "songs", 10), world(rng, "pieces", 80)
    both = stack(few, few, many)  # every song in two variants
    weights = row_weights(both, {"songs": 100, "pieces": 50})
    assert weights[both.dataset == "songs"].sum() == pytest.approx(100)
    assert weights[both.dataset == "pieces"].sum() == pytest.approx(50)
    np.testing.assert_allclose(weights[:20], 5)


def test_vectors_are_standardised_by_sets_and_limited(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    few, many = world(rng, "songs", 30), world(rng, "pieces", 300)
    basis = Basis.fit(stack(few, many), toy)
    means = [one.vectors.mean(axis=0) for one in (few, many)]
    np.testing.assert_allclose(basis.mean, np.mean(means, axis=0), atol=1e-5)
    assert basis.spread[0] == pytest.approx(np.sqrt(1 + 1.5**2), rel=0.1)
    far = basis.x(basis.mean + np.float32(100) * basis.spread[None])
    np.testing.assert_array_equal(far, CLIP)


# --- kinds ---


def test_kinds_follow_from_the_sound_and_short_pieces_from_their_length(
    toy: recipe.DefaultRecipe, known: Table, rng: np.random.Generator
) -> None:
    basis = Basis.fit(known, toy)
    assert toy.all_kinds == ("song", "piano", "short cut")
    fresh = stack(world(rng, "songs", 100), world(rng, "pieces", 100))
    x, piano = basis.x(fresh.vectors), fresh.dataset == "pieces"
    shares = basis.shares(x, np.full(200, 10.1))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert shares[piano, PIANO].mean() > 0.9
    assert shares[~piano, SONG].mean() > 0.9
    assert (shares[:, SHORT] == 0).all()
    np.testing.assert_array_equal(basis.shares(x, np.full(200, 10.0)), np.eye(3)[[SHORT] * 200])


def test_every_kind_counts_the_same_and_is_trusted_as_the_recipe_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    # Ten times as many songs as pieces; valences differ a little, all else is alike.
    known = stack(world(rng, "songs", 1000), world(rng, "pieces", 100))
    vectors = rng.normal(size=known.vectors.shape)
    vectors[:, 0] += np.where(known.dataset == "pieces", 1.0, 0.0)
    known = dataclasses.replace(known, vectors=vectors)
    odds = []
    for sharpness in (1.0, 0.5):
        text = RECIPE.replace("sharpness = 1.0", f"sharpness = {sharpness}")
        basis = Basis.fit(known, read_toy(tmp_path, monkeypatch, text))
        shares = basis.shares(basis.x(vectors), np.full(len(known), 30.0))
        odds.append(np.log(shares[:, PIANO] / shares[:, SONG]))
    np.testing.assert_allclose(odds[1], odds[0] / 2, atol=1e-4)
    for dataset, sign in (("songs", -1), ("pieces", 1)):
        assert sign * odds[0][known.dataset == dataset].mean() > 0.2


def test_a_kind_that_was_not_trained_on_has_no_share(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    basis = Basis.fit(known.where(known.dataset != "pieces"), toy)
    shares = basis.shares(basis.x(known.vectors), np.full(len(known), 30.0))
    assert shares[:, PIANO].max() < 1e-6
    assert shares[:, SONG].min() > 1 - 1e-6


def test_without_a_kind_of_short_pieces_length_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Table
) -> None:
    text = RECIPE.replace('short = "short cut"\n', "")
    plain = read_toy(tmp_path, monkeypatch, text)
    basis = Basis.fit(known, plain)
    assert plain.all_kinds == plain.sounds == ("song", "piano", "short cut")
    x = basis.x(known.vectors)
    np.testing.assert_array_equal(
        basis.shares(x, np.full(len(x), 1.0)), basis.shares(x, np.full(len(x), 99.0))
    )


# --- likeness to pieces ---


def test_rows_of_the_kernel_are_those_of_a_gaussian_kernel(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    every = structs.replace(toy.kernel, pieces=len(known))
    basis = Basis.fit(known, structs.replace(toy, kernel=every))
    x = basis.x(known.vectors)
    rows = basis.kernel(x)
    expected = np.exp(-0.5 * ((x[:, None] - x[None]) ** 2).mean(axis=2))
    np.testing.assert_allclose(rows @ rows.T / WIDTH, expected, atol=0.02)


def test_pieces_of_a_kernel_are_spread_over_the_sets(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    known = stack(world(rng, "songs", 100), world(rng, "pieces", 10000))
    basis = Basis.fit(known, structs.replace(toy, kernel=structs.replace(toy.kernel, pieces=110)))
    x = basis.x(known.vectors[:100]).astype(np.float16).astype(np.float32)
    assert 5 <= (basis.kernel.pieces[:, None] == x[None]).all(axis=2).any(axis=1).sum() <= 20
    again = Basis.fit(known, structs.replace(toy, kernel=structs.replace(toy.kernel, pieces=110)))
    np.testing.assert_array_equal(basis.kernel.pieces, again.kernel.pieces)


def test_a_kernel_learns_what_no_line_can(toy: recipe.DefaultRecipe, known: Table) -> None:
    basis = Basis.fit(known, toy)
    x = basis.x(known.vectors)
    values = basis.kernel(x)[:, :2].astype(np.float64) ** 2
    targets = Targets(values, {"emotion": slice(0, 2)})
    shares = basis.shares(x, known.seconds)

    def missed(penalty: float) -> float:
        found = Parts.fit(known, targets, basis, weighing(toy, 1.0, 0.0, penalty))
        return float(np.var(found(basis.rows(x), shares) - values) / np.var(values))

    assert missed(0.01) < 0.5 * missed(1e9)


# --- regressions ---


def made(known: Table, basis: Basis, toy: recipe.DefaultRecipe) -> tuple[Targets, np.ndarray]:
    """Targets that depend on the vector in a way of the kind, and those ways."""
    ways = np.random.default_rng(8).normal(size=(3, WIDTH + 1, 2))
    number = {name: toy.all_kinds.index(one.kind) for name, one in toy.sets.items()}
    kind = np.array([number[name] for name in known.dataset])
    rows = np.column_stack([basis.x(known.vectors), np.ones(len(known))])
    values = np.einsum("nd,ndm->nm", rows, ways[kind])
    return Targets(values, {"emotion": slice(0, 2)}), ways


def direct(coefficients: np.ndarray) -> np.ndarray:
    """Those of the features themselves and the intercept, without those of the kernel."""
    return np.delete(coefficients, slice(WIDTH, -1), axis=-2)


def test_general_and_own_parts_add_up_to_the_way_of_a_kind(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    known = stack(*(world(rng, name, 1500) for name in ("songs", "pieces", "cuts")))
    # All kinds sound alike, so the general part is the mean of their ways.
    known = dataclasses.replace(known, vectors=rng.normal(size=known.vectors.shape))
    basis = Basis.fit(known, toy)
    targets, ways = made(known, basis, toy)
    parts = Parts.fit(known, targets, basis, weighing(toy, 1e-6, 1.0))
    np.testing.assert_allclose(direct(parts.general), ways.mean(axis=0), atol=0.3)
    whole = direct(parts.general + parts.own)
    np.testing.assert_allclose(whole[:, :-1], ways[:, :-1], atol=0.02)
    # Own intercepts are held back a little.
    np.testing.assert_allclose(whole[:, -1], ways[:, -1], atol=0.15)
    shares = np.tile(np.float32([0.5, 0.25, 0.25]), (len(known), 1))
    x = basis.x(known.vectors)
    mixed = np.column_stack([x, np.ones(len(x))]) @ np.tensordot(shares[0], whole, axes=1)
    np.testing.assert_allclose(parts(basis.rows(x), shares), mixed, atol=1e-5)

    stiff = Parts.fit(known, targets, basis, weighing(toy, 1e-6, 1e12))
    assert np.abs(stiff.own[:, :-1]).max() < 0.01
    np.testing.assert_array_equal(stiff.general, parts.general)
    assert (Parts.fit(known, targets, basis, weighing(toy, 1.0, 0.0)).own == 0).all()


def test_the_general_part_is_a_ridge_regression_of_weighted_rows(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    basis = Basis.fit(known, toy)
    targets, _ = made(known, basis, toy)
    values = targets.values.copy()
    values[known.dataset == "moods"] = np.nan
    found = Parts.fit(known, Targets(values, targets.columns), basis, weighing(toy, 7.0, 0.0))
    rated = known.dataset != "moods"
    weights = np.full(rated.sum(), 100 / 120)
    expected = Ridge(7.0).fit(basis.x(known.vectors[rated]), values[rated], weights)
    np.testing.assert_allclose(direct(found.general)[:-1], expected.coef_.T, atol=1e-4)
    np.testing.assert_allclose(found.general[-1], expected.intercept_, atol=1e-4)


def test_a_block_has_a_penalty_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Table
) -> None:
    read_toy(tmp_path, monkeypatch)
    monkeypatch.setattr(recipe, "WIDTHS", {"low": 10, "high": WIDTH - 10})
    text = RECIPE.replace("sound = 1.0", "low = 1e9, high = 1.0")
    (tmp_path / "blocks.toml").write_text(text)
    plan = read(tmp_path / "blocks.toml", recipe.DefaultRecipe)
    basis = Basis.fit(known, plan)
    parts = Parts.fit(known, made(known, basis, plan)[0], basis, plan)
    for part in (parts.general, *parts.own):
        assert np.abs(part[:10]).max() < 1e-4
        assert np.abs(part[10:-1]).max() > 0.1


def test_scores_of_a_fold_know_nothing_of_its_labels(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    fold = folds(known, 3, seed=0)
    targets, _ = made(known, Basis.fit(known, toy), toy)
    other = targets.values.copy()
    other[fold == 0] *= -5
    scores, shares = held_out(known, targets, toy, fold)
    changed, same = held_out(known, Targets(other, targets.columns), toy, fold)
    np.testing.assert_array_equal(changed[fold == 0], scores[fold == 0])
    assert np.abs(changed - scores)[fold != 0].min(axis=1).max() > 1
    np.testing.assert_array_equal(same, shares)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert np.corrcoef(scores[:, 0], targets.values[:, 0])[0, 1] > 0.8
