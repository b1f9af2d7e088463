from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.evaluation.spine import (
    METRICS,
    Report,
    affine,
    bootstrap,
    concordance,
    coverage,
    cross_validate,
    determination,
    first_variant,
    leave_one_dataset_out,
    pearson,
    predict_held_out,
    separation,
    write,
)
from hevner.models import head
from hevner.models.head import Prediction
from hevner.training import recipe
from hevner.training.table import Table
from tests.worlds import RECIPE, WIDTH, stack, world


@pytest.fixture
def pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.normal(size=80)
    return truth, 0.6 * truth + 0.5 * rng.normal(size=80) + 0.3


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_guess_scores_one(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, guess = pair
    assert METRICS[name](truth, truth) == pytest.approx(1)
    assert METRICS[name](truth, guess) < 1


def test_concordance_is_symmetric_and_below_the_correlation(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, guess = pair
    assert concordance(truth, guess) == pytest.approx(concordance(guess, truth))
    assert concordance(-truth, -guess) == pytest.approx(concordance(truth, guess))
    assert concordance(truth, -truth + 2 * truth.mean()) == pytest.approx(-1)
    assert abs(concordance(truth, guess)) < abs(pearson(truth, guess))
    # A shift by d of a perfect guess: 2 v / (2 v + d²).
    variance = truth.var()
    assert concordance(truth, truth + 0.7) == pytest.approx(2 * variance / (2 * variance + 0.49))


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_correlation_and_affine_r2_do_not_see_an_affine_change(scale: float, shift: float) -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=50)
    guess = truth + rng.normal(size=50)
    moved = shift + scale * guess
    assert pearson(truth, moved) == pytest.approx(pearson(truth, guess))
    assert affine(truth, moved) == pytest.approx(affine(truth, guess))
    assert affine(truth, -moved) == pytest.approx(affine(truth, guess))


def test_determination_is_zero_for_the_mean_and_at_most_the_affine_one(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, guess = pair
    assert determination(truth, np.full(80, truth.mean())) == pytest.approx(0)
    slope, offset = np.polyfit(guess, truth, 1)
    assert determination(truth, slope * guess + offset) == pytest.approx(affine(truth, guess))
    assert determination(truth, guess) < affine(truth, guess)


def test_separation_is_the_share_of_pairs_in_the_right_order() -> None:
    high = np.array([1.0, 1.0, 0.0, 0.0])
    assert separation(high, np.array([4.0, 3.0, 2.0, 1.0])) == 1
    assert separation(high, np.array([4.0, 1.5, 2.0, 1.0])) == pytest.approx(0.75)


def test_coverage_counts_what_is_inside() -> None:
    values = np.zeros((4, 2), np.float32)
    halves = np.tile(np.array([0.5, 0.1], np.float32), (4, 1))
    guess = Prediction(values, halves, *(np.zeros((4, k), np.float32) for k in (4, 9, 1)))
    truth = np.array([0.0, 0.4, -0.6, 0.05])
    rows = np.arange(4)
    assert coverage(truth, guess, rows, 0) == 0.75
    assert coverage(truth, guess, rows, 1) == 0.5


def test_the_bootstrap_holds_the_value_and_repeats(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, guess = pair
    groups = np.arange(80).astype(str)
    low, high = bootstrap(lambda rows: pearson(truth[rows], guess[rows]), groups)
    assert low < pearson(truth, guess) < high
    assert (low, high) == bootstrap(lambda rows: pearson(truth[rows], guess[rows]), groups)


def test_the_bootstrap_resamples_whole_groups(rng: np.random.Generator) -> None:
    values = np.repeat(rng.normal(size=10), 20)
    groups = np.repeat(np.arange(10), 20).astype(str)
    counts = []

    def score(rows: np.ndarray) -> float:
        counts.append(np.bincount(rows, minlength=200).reshape(10, 20))
        return float(values[rows].mean())

    low, high = bootstrap(score, groups)
    assert all((count == count[:, :1]).all() for count in counts)
    one_by_one = bootstrap(lambda r: float(values[r].mean()), np.arange(200).astype(str))
    assert high - low > 2 * (one_by_one[1] - one_by_one[0])


def test_results_are_written_as_a_table(tmp_path: Path) -> None:
    write([{"metric": "r", "value": 0.5}, {"metric": "ccc", "value": 0.4}], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "metric,value\nr,0.5\nccc,0.4\n"


# --- whole protocols, on a made-up world ---


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.Recipe:
    monkeypatch.setattr(recipe, "BLOCKS", {"sound": WIDTH})
    monkeypatch.setattr(head, "DIMENSION", WIDTH)
    monkeypatch.setattr("hevner.evaluation.spine.OUTER_FOLDS", 4)
    monkeypatch.setattr("hevner.evaluation.spine.RESAMPLES", 50)
    (tmp_path / "toy.toml").write_text(RECIPE)
    return recipe.read(tmp_path / "toy.toml")


@pytest.fixture
def known(rng: np.random.Generator) -> Table:
    return stack(*(world(rng, name, 100) for name in ("songs", "moods", "pieces")))


def test_held_out_predictions_know_nothing_of_meaningless_labels(
    toy: recipe.Recipe, known: Table
) -> None:
    order = np.random.default_rng(0).permutation(len(known))
    meaningless = dataclasses.replace(known, vectors=known.vectors[order])
    for axis in range(2):
        for table, expected in ((known, 0.95), (meaningless, 0.0)):
            guess, _ = predict_held_out(table, toy, seed=0)
            rows = known.dataset == "songs"
            r = pearson(table.emotion[rows, axis], guess.values[rows, axis])
            assert r == pytest.approx(expected, abs=0.05 if expected else 0.3)


def test_cross_validation_reports_what_the_labels_allow(toy: recipe.Recipe, known: Table) -> None:
    report = Report()
    cross_validate(report, known, toy, seeds=2)
    found = {(row["dataset"], row["metric"]): row for row in report.rows}
    for dataset in ("songs", "pieces"):
        row = found[dataset, "valence r"]
        assert row["n"] == 100
        assert row["groups"] == 50
        assert row["seeds"] == 2
        assert 0.9 < row["low"] <= row["value"] <= row["high"] <= 1
        assert 0.8 <= found[dataset, "valence coverage"]["value"] <= 1
        assert found[dataset, "quadrant accuracy"]["value"] > 0.5
        assert (dataset, "gems mean r") not in found
    assert found["moods", "gems mean r"]["value"] > 0.9
    assert ("moods", "valence r") not in found


def test_leaving_a_dataset_out_trains_on_the_others(toy: recipe.Recipe, known: Table) -> None:
    report = Report()
    models = leave_one_dataset_out(report, known, toy)
    assert set(models) == {"songs", "pieces"}
    alone = dataclasses.replace(known, emotion=known.emotion.copy())
    mine = known.dataset == "songs"
    alone.emotion[mine] = -alone.emotion[mine]  # labels of the left-out set change nothing
    again = leave_one_dataset_out(Report(), alone, toy)
    vectors = known.vectors[mine]
    np.testing.assert_array_equal(
        models["songs"].predict(vectors).values, again["songs"].predict(vectors).values
    )


def test_only_the_first_variant_of_a_clip_is_followed_over_time(rng: np.random.Generator) -> None:
    one = world(rng, "pieces", 2)
    clip = np.array(["a", "a", "b", "b", "a", "a", "b"])
    window = np.array([False, True, False, True, False, True, False])
    rows = {
        field.name: np.repeat(getattr(one, field.name)[:1], 7, axis=0)
        for field in dataclasses.fields(Table)
    }
    table = Table(**{**rows, "clip": clip, "window": window})
    assert first_variant(table).tolist() == [True, True, True, True, False, False, False]
