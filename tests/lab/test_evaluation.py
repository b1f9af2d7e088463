from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from hevner.datasets.track import Track
from hevner.errors import DataError, ModelError
from hevner.lab.default import recipe
from hevner.lab.default.evaluate import (
    coverage,
    cross_validate,
    first_variant,
    leave_one_dataset_out,
    leave_one_genre_out,
    predict_held_out,
)
from hevner.lab.default.table import Table
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.report import Report, into_card, write
from hevner.lab.recipes import read
from hevner.model import predict
from hevner.model.prediction import Prediction
from tests.worlds import RECIPE, WIDTH, stack, world


def test_coverage_counts_what_is_inside() -> None:
    values = np.zeros((4, 2), np.float32)
    halves = np.tile(np.array([0.5, 0.1], np.float32), (4, 1))
    guess = Prediction({"emotion": values}, {"emotion": halves}, np.zeros(4, np.float32))
    truth = np.array([0.0, 0.4, -0.6, 0.05])
    rows = np.arange(4)
    assert coverage(truth, guess, rows, 0) == 0.75
    assert coverage(truth, guess, rows, 1) == 0.5


def test_results_are_written_as_a_table(tmp_path: Path) -> None:
    write([{"metric": "r", "value": 0.5}, {"metric": "ccc", "value": 0.4}], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "metric,value\nr,0.5\nccc,0.4\n"


def test_scores_are_kept_in_a_card(tmp_path: Path) -> None:
    card = tmp_path / "model.json"
    card.write_text('{"name": "toy"}')
    row = {"protocol": "p", "dataset": "d", "metric": "m", "value": 0.5, "low": 0.4, "high": 0.6}
    counts = {"n": 10, "groups": 5, "seeds": 1}
    into_card([{**row, "seed_std": 0.1, **counts}], card, "a run")
    facts = json.loads(card.read_text())
    assert facts == {"name": "toy", "scores": {"run": "a run", "rows": [{**row, **counts}]}}
    with pytest.raises(ModelError, match="Train the model first"):
        into_card([], tmp_path / "nothing.json", "a run")


# --- whole protocols, on a made-up world ---


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    monkeypatch.setattr(recipe, "WIDTHS", {"sound": WIDTH})
    monkeypatch.setattr(recipe, "NAMES", ("songs", "moods", "pieces"))
    monkeypatch.setattr(predict, "DIMENSION", WIDTH)
    monkeypatch.setattr("hevner.lab.default.evaluate.OUTER_FOLDS", 4)
    monkeypatch.setattr("hevner.lab.metrics.report.RESAMPLES", 50)
    (tmp_path / "toy.toml").write_text(RECIPE)
    return read(tmp_path / "toy.toml", recipe.DefaultRecipe)


@pytest.fixture
def known(rng: np.random.Generator) -> Table:
    return stack(*(world(rng, name, 100) for name in ("songs", "moods", "pieces")))


def tracks_of(table: Table) -> dict[str, Track]:
    """Bare tracks with the groups of a table."""
    return {
        str(clip): Track(dataset, clip.split("/")[1], None, group=group, recording=str(clip))
        for clip, dataset, group in zip(table.clip, table.dataset, table.group, strict=True)
    }


def test_a_leak_stops_the_evaluation(toy: recipe.DefaultRecipe, known: Table) -> None:
    tracks = tracks_of(known)
    twin = dataclasses.replace(tracks["pieces/0"], recording=tracks["songs/0"].recording)
    with pytest.raises(DataError, match=r"same recording for 1 of \d+ \(\w+/0 as \w+/0\)"):
        leave_one_dataset_out(Report(), known, toy, {**tracks, "pieces/0": twin})


def test_held_out_predictions_know_nothing_of_meaningless_labels(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    order = np.random.default_rng(0).permutation(len(known))
    meaningless = dataclasses.replace(known, vectors=known.vectors[order])
    for axis in range(2):
        for table, expected in ((known, 0.95), (meaningless, 0.0)):
            guess = predict_held_out(table, toy, 1, tracks_of(table))[0]["whole"]
            rows = known.dataset == "songs"
            r = pearson(table.emotion[rows, axis], guess.values[rows, axis])
            assert r == pytest.approx(expected, abs=0.05 if expected else 0.3)


def test_cross_validation_reports_what_the_labels_allow(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    report = Report()
    cross_validate(report, known, toy, 2, tracks_of(known))
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


def test_leaving_a_dataset_out_trains_on_the_others(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    report = Report()
    models = leave_one_dataset_out(report, known, toy, tracks_of(known))
    assert set(models) == {"songs", "pieces"}
    alone = dataclasses.replace(known, emotion=known.emotion.copy())
    mine = known.dataset == "songs"
    alone.emotion[mine] = -alone.emotion[mine]  # labels of the left-out set change nothing
    again = leave_one_dataset_out(Report(), alone, toy, tracks_of(alone))
    vectors = known.vectors[mine]
    np.testing.assert_array_equal(
        models["songs"].predict(vectors).values, again["songs"].predict(vectors).values
    )


def test_leaving_genres_out_tests_every_clip_once(toy: recipe.DefaultRecipe, known: Table) -> None:
    genres = np.where(np.arange(len(known)) // 2 % 2 == 0, "quiet", "loud")
    table = dataclasses.replace(known, kind=genres)
    report = Report()
    leave_one_genre_out(report, table, toy, tracks_of(table))
    (row,) = report.rows
    assert (row["protocol"], row["dataset"]) == ("leave-one-genre-out", "moods")
    assert (row["metric"], row["n"]) == ("gems mean r", 100)
    assert row["value"] > 0.8


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
