"""The head that speaks for music from elsewhere, on a made-up world of 30 dimensions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hevner.errors import DataError
from hevner.lab.data.labels import gems_axes
from hevner.lab.default import basis, fit, recipe, recipe_values, transfer
from hevner.lab.recipes import read
from hevner.lab.regression.ridge import NormalEquations
from hevner.model import predict
from tests.errors import raises
from tests.worlds import RECIPE, WIDTH, stack, world


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    monkeypatch.setattr(recipe, "WIDTHS", {"low": 10, "high": WIDTH - 10})
    monkeypatch.setattr(recipe, "NAMES", ("songs", "moods", "pieces"))
    monkeypatch.setattr(predict, "DIMENSION", WIDTH)
    text = RECIPE.replace("sound = 10.0", "low = 10.0, high = 10.0")
    (tmp_path / "toy.toml").write_text(text.replace("sound = 1.0", "low = 1.0, high = 1.0"))
    return read(tmp_path / "toy.toml", recipe.DefaultRecipe)


def test_every_choice_of_blocks_is_there_once() -> None:
    found = {tuple(columns) for columns in transfer.choices([1, 2, 1])}
    assert found == {(0,), (1, 2), (3,), (0, 1, 2), (0, 3), (1, 2, 3), (0, 1, 2, 3)}


def test_the_solution_is_the_mean_over_choices(rng: np.random.Generator) -> None:
    rows, target, weights = rng.normal(size=(50, 3)), rng.normal(size=(50, 1)), rng.random(50)
    penalty = np.array([1.0, 2.0, 3.0])
    mean = np.zeros(3)
    for columns in transfer.choices([2, 1]):
        part, _ = NormalEquations.of(rows[:, columns], target, weights).solve(penalty[columns])
        mean[columns] += part[:, 0] / 3
    found, intercept = transfer.solve(
        NormalEquations.of(rows, target, weights), penalty, transfer.choices([2, 1])
    )
    np.testing.assert_allclose(found, mean, atol=1e-10)
    average = np.average(target[:, 0] - rows @ found, weights=weights)
    assert intercept == pytest.approx(average, abs=1e-10)


def test_targets_are_ratings_then_quadrants_then_gems(rng: np.random.Generator) -> None:
    rated, moods = world(rng, "songs", 60), world(rng, "moods", 60)
    sorted_only = dataclasses.replace(world(rng, "pieces", 60), emotion=np.full((60, 2), np.nan))
    table = stack(rated, moods, sorted_only)
    for axis in range(2):
        found = transfer.targets(table, axis)
        for part, expected in (
            ("songs", rated.emotion[:, axis]),
            ("moods", gems_axes(moods.gems)[:, axis]),
        ):
            mine = found[table.dataset == part]
            assert np.corrcoef(mine, expected)[0, 1] == pytest.approx(1)
            assert (mine.mean(), mine.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
        signs = found[table.dataset == "pieces"]
        assert len(np.unique(signs.round(9))) == 2


def test_music_from_elsewhere_gets_the_scale_of_ratings_at_large(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    model = fit.fit(stack(world(rng, "songs", 200), world(rng, "pieces", 200)), toy)
    strange = world(rng, "songs", 400)
    # Far from every training piece, yet with scores like theirs.
    away = np.zeros(WIDTH)
    away[20:] = 60.0
    away -= model.transfer @ np.linalg.lstsq(model.transfer, away, rcond=None)[0]
    guess = model.predict((strange.vectors + away * model.spread).astype(np.float32))
    assert guess.familiarity.max() < 0.01
    score = model.standardise((strange.vectors + away * model.spread).astype(np.float32))
    score = score @ model.transfer + model.transfer_bias
    expected = score * model.transfer_slope[-1] + model.transfer_offset[-1]
    np.testing.assert_allclose(guess.values, np.clip(expected, -1, 1), atol=1e-4)


def test_a_domain_without_ratings_is_nobodys_home(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    pieces = dataclasses.replace(world(rng, "pieces", 200), emotion=np.full((200, 2), np.nan))
    model = fit.fit(stack(world(rng, "songs", 200), pieces), toy)
    assert model.rated.tolist() == [float(name == "recorded") for name in toy.domains]
    fresh = world(rng, "pieces", 300)
    score = model.standardise(fresh.vectors) @ model.transfer + model.transfer_bias
    expected = score * model.transfer_slope[-1] + model.transfer_offset[-1]
    members = model.members(model.standardise(fresh.vectors))[:, toy.domains.index("piano")]
    sure = members > 0.999
    assert sure.sum() > 30
    np.testing.assert_allclose(
        model.predict(fresh.vectors).values[sure], np.clip(expected, -1, 1)[sure], atol=5e-3
    )


def test_without_any_label_there_is_nothing_to_fit(
    toy: recipe.DefaultRecipe, rng: np.random.Generator
) -> None:
    bare = dataclasses.replace(world(rng, "moods", 40), gems=np.full((40, 9), np.nan))
    with raises(DataError, "no_labels"):
        transfer.fit(bare, basis.make_basis(bare, toy), toy, 0)


@pytest.mark.data
def test_the_recipe_has_the_spread_of_the_large_sets(data: Path) -> None:
    default = read(Path(__file__).parents[2] / "recipes" / "unified.toml", recipe.DefaultRecipe)
    for axis, (mean, std) in recipe_values.ratings(
        {name: data / name for name in recipe_values.RATED}
    ).items():
        assert default.ratings[axis].mean == pytest.approx(mean, abs=0.005)
        assert default.ratings[axis].std == pytest.approx(std, abs=0.005)
