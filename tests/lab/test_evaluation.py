from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from hevner.datasets.track import Track
from hevner.emotion import BASIC, MOOD_TAGS
from hevner.errors import DataError, ModelError
from hevner.heads import HEADS
from hevner.lab.default import recipe
from hevner.lab.default.evaluate import (
    cross_validate,
    first_variant,
    leave_one_dataset_out,
    leave_one_genre_out,
    predict_held_out,
)
from hevner.lab.default.scores import coverage, label_scores
from hevner.lab.default.table import Table
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.report import Report, into_card, write
from hevner.model.prediction import Prediction
from tests.worlds import RECIPE, TAGS, read_toy, stack, world


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


# --- scores ---


def said(values: np.ndarray, **more: np.ndarray) -> Prediction:
    """A prediction of these values, and of other heads."""
    outputs = {
        name: np.asarray(one, np.float32) for name, one in {"emotion": values, **more}.items()
    }
    missing = {h.name: np.zeros((len(values), 0), np.float32) for h in HEADS}
    missing["quadrants"] = np.zeros((len(values), 4), np.float32)
    halves = np.full(values.shape, 0.5, np.float32)
    return Prediction(missing | outputs, {"emotion": halves}, np.zeros(len(values), np.float32))


def scored(table: Table, guess: Prediction) -> dict[str, float]:
    rows = np.arange(len(table))
    return {name: score(0, rows) for name, score in label_scores(table, [guess]).items()}


def unrated(table: Table, **labels: np.ndarray) -> Table:
    count = len(table)
    blank = {"emotion": np.full((count, 2), np.nan), "quadrant": np.full(count, -1)}
    return dataclasses.replace(table, **{**blank, **labels})


def test_classes_are_scored_in_pairs_and_by_signs(rng: np.random.Generator) -> None:
    rows = world(rng, "songs", 80)
    quadrant = np.arange(80) % 4
    values = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])[quadrant]
    table = unrated(rows, quadrant=quadrant)
    found = scored(table, said(values, quadrants=np.eye(4)[quadrant]))
    assert set(found.values()) == {1.0}
    pairs = {"happy against sad", "happy against angry", "calm against sad", "auc"}
    other = {"arousal auc", "quadrant signs", "quadrant accuracy"}
    assert set(found) == {f"valence {one}" for one in pairs} | other
    # Angry music that is told to be happier than happy music concerns its pair alone.
    values[quadrant == 1, 0] = 0.9
    found = scored(table, said(values, quadrants=np.eye(4)[quadrant]))
    assert found["valence happy against angry"] == 0
    assert found["valence happy against sad"] == found["valence calm against sad"] == 1
    assert found["quadrant signs"] == 0.75
    assert found["valence auc"] == 0.5

    cluster = np.arange(80) % 5
    places = np.array([[0, 0], [0.9, 0], [0.1, -0.5], [0, 0], [0.3, 0.5]])[cluster]
    found = scored(unrated(rows, cluster=cluster), said(places))
    assert found == {
        "valence cheerful against wistful": 1, "valence cheerful against aggressive": 1,
        "arousal aggressive against wistful": 1,
    }  # fmt: skip
    found = scored(unrated(rows, cluster=cluster), said(-places))
    assert set(found.values()) == {0.0}


def test_a_shift_of_a_genre_is_no_error_within_genres(rng: np.random.Generator) -> None:
    genre = np.where(np.arange(80) % 2, "quiet", "loud")
    table = dataclasses.replace(world(rng, "songs", 80), kind=genre)
    shifted = table.emotion + np.where(genre == "loud", 2.0, 0.0)[:, None]
    found = scored(table, said(shifted))
    for axis in ("valence", "arousal"):
        assert found[f"{axis} r within genres"] == pytest.approx(1, abs=1e-5)
        assert found[f"{axis} r"] < 0.6
    one = dataclasses.replace(table, kind=np.full(80, "x"))
    assert "valence r within genres" not in scored(one, said(shifted))


def test_tension_and_basic_emotions_are_scored_where_rated_and_predicted(
    rng: np.random.Generator,
) -> None:
    rows = world(rng, "songs", 80)
    tension, emotions = rng.uniform(-1, 1, 80), rng.uniform(-1, 1, (80, 5))
    table = dataclasses.replace(rows, tension=tension, emotions=emotions)
    shares = (emotions + 1) / 2
    shares[:, BASIC.index("fear")] = 1 - shares[:, BASIC.index("fear")]
    found = scored(table, said(rows.emotion, tension=tension[:, None], emotions=shares))
    assert found["tension r"] == pytest.approx(1)
    assert found["tension ccc"] == pytest.approx(1)
    for name in BASIC:
        assert found[f"{name} ccc"] == pytest.approx(-1 if name == "fear" else 1, abs=0.15)
        assert found[f"{name} r"] == pytest.approx(-1 if name == "fear" else 1)
    assert not {"tension r", "joy r"} & set(scored(table, said(rows.emotion)))
    assert not {"tension r", "joy r"} & set(scored(rows, said(rows.emotion, tension=shares)))


# --- whole protocols, on a made-up world ---


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    monkeypatch.setattr("hevner.lab.default.evaluate.OUTER_FOLDS", 4)
    monkeypatch.setattr("hevner.lab.metrics.report.RESAMPLES", 50)
    return read_toy(tmp_path, monkeypatch)


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


def test_sets_of_classes_are_left_out_too(
    toy: recipe.DefaultRecipe, known: Table, rng: np.random.Generator
) -> None:
    cuts = world(rng, "cuts", 100)
    number = np.digitize(cuts.emotion[:, 0], [-0.1, 0.3]).astype(int)
    table = stack(known, unrated(cuts, cluster=np.array([2, 0, 1])[number]))
    report = Report()
    models = leave_one_dataset_out(report, table, toy, tracks_of(table))
    assert set(models) == {"songs", "pieces", "cuts"}
    found = {(row["dataset"], row["metric"]): row["value"] for row in report.rows}
    assert found["cuts", "valence cheerful against wistful"] > 0.95


def test_tags_are_scored_against_network_and_listeners(
    tmp_path: Path, toy: recipe.DefaultRecipe, known: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    del toy
    plan = read_toy(tmp_path, monkeypatch, RECIPE + TAGS)
    odds = known.vectors[:, np.arange(len(MOOD_TAGS)) % 5].astype(float) - 3
    odds[:, MOOD_TAGS.index("happy")] *= -1
    quadrants = known.dataset == "pieces"
    table = dataclasses.replace(
        known,
        tags=1 / (1 + np.exp(-odds)),
        quadrant=np.where(quadrants, known.quadrant, -1),
        emotion=np.where(quadrants[:, None], np.nan, known.emotion),
    )
    report = Report()
    cross_validate(report, table, plan, 1, tracks_of(table))
    found = {(row["dataset"], row["metric"]): row["value"] for row in report.rows}
    for dataset in ("songs", "moods", "pieces"):
        assert found[dataset, "tags spearman"] > 0.7
        assert found[dataset, "tags ece"] < 0.05
    own, network = (
        found["pieces", f"tag auc, happy{by}"] for by in ("", ", by the tagging network")
    )
    more = found["pieces", "tag auc, happy, more than the tagging network"]
    assert more == pytest.approx(own - network, abs=1e-4)
    assert ("moods", "tag auc, melancholic") in found


def test_groups_that_a_left_out_set_shares_are_not_trained_on(
    toy: recipe.DefaultRecipe, known: Table
) -> None:
    shared = (known.dataset == "pieces") & (np.arange(len(known)) % 100 < 60)
    group = np.where(shared, "songs/0", known.group)
    table = dataclasses.replace(known, group=group)
    models = leave_one_dataset_out(Report(), table, toy, tracks_of(table))
    fewer = known.where(~shared)
    again = leave_one_dataset_out(Report(), fewer, toy, tracks_of(fewer))
    assert models["songs"].graph == again["songs"].graph
    assert models["pieces"].graph != again["pieces"].graph


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
