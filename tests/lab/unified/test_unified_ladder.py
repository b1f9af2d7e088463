"""Studies of the unified model: recipes, splits, cells, scores, runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="the unified model is trained with torch")

import torch
from msgspec import structs

from hevner.cli import app
from hevner.datasets.leaks import links
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.errors import DataError
from hevner.lab import recipes
from hevner.lab.data.labels import labels_of
from hevner.lab.data.samples import label
from hevner.lab.metrics import regression
from hevner.lab.study import claims, engine
from hevner.lab.study.sources import IncompleteError
from hevner.lab.unified import data as ladder_data
from hevner.lab.unified import runs, scores
from hevner.lab.unified.chord_sequence import ChordSequence
from hevner.lab.unified.data import StudyData
from hevner.lab.unified.fit import Preparation, _held_out, fit
from hevner.lab.unified.recipe import Source, UnifiedRecipe
from hevner.lab.unified.study import Cell, UnifiedStudy, recipe_of_run
from hevner.store import Entry, FeatureStore, Kind
from tests.errors import raises
from tests.lab.study.rows import named

PAPERS = sorted((Path(__file__).parents[3] / "papers" / "unified").glob("*.toml"))
TEXT = """
name = "toy"
seeds = 2
folds = 2
leaks = "refuse"
soundfont = ""
[datasets.musemo]
[datasets.vgmidi]
[datasets.emopia]
[heads.musemo]
kind = "gaussian"
source = "emotion"
scale = "standard"
datasets = ["musemo"]
[heads.quadrants]
kind = "classes"
source = "quadrants"
datasets = ["emopia"]
[heads.axes]
kind = "values"
source = "axes"
scale = "standard"
datasets = ["musemo", "vgmidi", "emopia"]
[base]
variant = "repaired"
blocks = ["sound"]
datasets = ["musemo", "vgmidi", "emopia"]
heads = ["musemo", "quadrants", "axes"]
protocols = ["folds", "leave-one-dataset-out"]
chords = false
key = false
held_out = 0.0
steps = 40
network = { width = 16, hidden = 8, dropout = 0.0 }
training = { learning_rate = 1e-2, batch = 32, patience = 99 }
[[rows]]
name = "apart"
apart = true
[[rows]]
name = "together"
[[rows]]
name = "taught"
teachers = "apart"
training = { distillation = "repaired" }
[[rows]]
name = "deaf"
blocks = ["noise"]
protocols = ["folds"]
[[claims]]
claim = "Sound helps"
first = "together"
second = "deaf"
"""


def write(folder: Path, text: str = TEXT) -> Path:
    path = folder / "toy.toml"
    path.write_text(text)
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> UnifiedRecipe:
    return recipes.read(write(tmp_path), UnifiedRecipe)


@pytest.fixture(scope="module")
def material() -> StudyData:
    """Three datasets whose valence and arousal are linear in the block ``sound``."""
    rng = np.random.default_rng(0)
    tracks, sound = [], []
    for dataset in ("musemo", "vgmidi", "emopia"):
        for number in range(40):
            vector = rng.normal(size=4)
            valence, arousal = 0.3 * vector[:2]
            order = [(True, True), (False, True), (False, False), (True, False)]
            quadrant = list(Quadrant)[order.index((valence >= 0, arousal >= 0))]
            rated = dataset != "emopia"
            tracks.append(
                Track(
                    dataset,
                    str(number),
                    None,
                    group=f"song {number // 2}",
                    recording="",
                    valence=float(valence) if rated else None,
                    arousal=float(arousal) if rated else None,
                    quadrant=None if rated else quadrant,
                )
            )
            sound.append(vector)
    blocks = {
        "sound": np.array(sound, np.float32),
        "noise": rng.normal(size=(len(tracks), 4)).astype(np.float32),
    }
    samples = label(tracks, blocks)
    quadrants = np.where(
        samples.quadrant[:, None] < 0, np.nan, np.eye(len(Quadrant))[samples.quadrant]
    )
    labels = {
        "emotion": samples.emotion,
        "axes": labels_of(samples, gems=True),
        "quadrants": quadrants,
    }
    chord = ChordSequence(
        np.array([0, 7]), np.array([0, 0]), np.array([1.0, 2.0], np.float32), minor=0.75
    )
    return StudyData(tuple(tracks), samples, labels, {"repaired": (chord,) * len(tracks)})


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_the_recipes_of_the_paper_can_be_read(path: Path) -> None:
    recipe = recipes.read(path, UnifiedRecipe)
    assert any(row.teachers for row in recipe.rows)
    assert recipe.claims


def test_entries_of_a_row_are_added_to_those_of_the_base(recipe: UnifiedRecipe) -> None:
    taught = recipe.row("taught").training
    assert (taught.distillation, taught.batch) == ("repaired", 32)


def test_every_track_is_tested_once_and_linked_tracks_stay_together(
    recipe: UnifiedRecipe, material: StudyData
) -> None:
    parts = UnifiedStudy(recipe, material).splits()
    for seed in range(2):
        folds = [part for part in parts if part.protocol == "folds" and part.seed == seed]
        tested = np.concatenate([part.test for part in folds])
        assert sorted(tested) == list(range(len(material.tracks)))
    for part in parts:
        train, test = (
            {key for row in side for keys in links(material.tracks[row]).values() for key in keys}
            for side in (part.train, part.test)
        )
        assert not train & test
    left = [part for part in parts if part.protocol == "leave-one-dataset-out"]
    assert {part.name for part in left} == {"musemo", "vgmidi", "emopia"}


def test_a_dataset_with_a_split_keeps_it_among_the_folds_of_others(
    recipe: UnifiedRecipe, material: StudyData
) -> None:
    parts = ("train", "validation", "test")
    tracks = tuple(
        dataclasses.replace(one, official_split=parts[int(one.id) // 2 % 3])
        if one.dataset == "emopia" else one
        for one in material.tracks
    )  # fmt: skip
    asked = structs.replace(
        recipe, seeds=1, datasets=dict(recipe.datasets) | {"emopia": Source(split="official")}
    )
    kept = {side: {k for k, t in enumerate(tracks) if t.official_split == side} for side in parts}
    data = dataclasses.replace(material, tracks=tracks)
    folds = [one for one in UnifiedStudy(asked, data).splits() if one.protocol == "folds"]
    for number, fold in enumerate(folds):
        assert fold.validation is not None
        assert set(fold.validation) == kept["validation"]
        assert kept["train"] <= set(fold.train)
        assert (kept["test"] <= set(fold.test)) == (number == 0)
    # What nobody gave a validation part stops by groups that are held out.
    row = structs.replace(recipe.row("together"), held_out=0.25)
    train, stop = _held_out(row, data, folds[0].train, 0, folds[0].validation)
    assert kept["validation"] <= set(stop)
    assert kept["train"] <= set(train)
    assert set(data.samples.dataset[stop]) == {"musemo", "vgmidi", "emopia"}
    assert not set(train) & set(stop)


def test_tracks_without_a_vector_can_be_left_out(
    recipe: UnifiedRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs = [Track("musemo", n, None, group=n, recording=n, valence=0.1, arousal=0.1) for n in "ab"]
    monkeypatch.setattr(ladder_data, "load_tracks", lambda *args, **options: songs)
    store, rows = FeatureStore(tmp_path), np.ones((1, 4), np.float32)
    for block in ("sound", "noise"):
        store.open("musemo", Kind(block, "1", 4)).add(Entry("ab" * 20, rows), "a", "")
    with pytest.raises(IncompleteError):
        ladder_data.load_dataset(recipe, "musemo", tmp_path, store)
    sources = dict(recipe.datasets) | {"musemo": Source(partial=True)}
    asked = structs.replace(recipe, datasets=sources)
    part = ladder_data.load_dataset(asked, "musemo", tmp_path, store)
    assert [track.id for track in part.tracks] == ["a"]


def test_inputs_are_in_units_of_the_training_rows(
    recipe: UnifiedRecipe, material: StudyData
) -> None:
    row, index = recipe.row("together"), np.arange(60)
    vector = Preparation.fit(row, material, index).inputs(material, index).vector.numpy()
    weights = np.where(index < 40, 1 / 40, 1 / 20)
    np.testing.assert_allclose(np.average(vector, axis=0, weights=weights), 0, atol=1e-5)
    variance = np.average(vector**2, axis=0, weights=weights)
    np.testing.assert_allclose(variance.mean(), 1, atol=1e-3)


def test_chords_and_key_are_heard_only_where_the_row_says_so(
    recipe: UnifiedRecipe, material: StudyData
) -> None:
    index = np.arange(3)

    def heard(**changes: object) -> tuple[int, float]:
        row = structs.replace(recipe.row("together"), **changes)  # type: ignore[arg-type]
        inputs = Preparation.fit(row, material, index).inputs(material, index)
        return int(inputs.present.sum()), float(inputs.minor[0])

    assert heard() == (0, 0.0)
    assert heard(key=True) == (0, 0.75)
    assert heard(chords=True) == (6, 0.0)
    assert heard(chords=True, chord_limit=1) == (3, 0.0)


def test_a_study_finds_what_can_be_learned_and_goes_on_where_it_was(
    recipe: UnifiedRecipe, material: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RESAMPLES", 100)
    study = UnifiedStudy(structs.replace(recipe, seeds=1), material)
    cells = study.plan()
    results = engine.run(study, cells, tmp_path / "cells")
    for result in results:
        for name, array in result.arrays.items():
            if name.startswith("values."):
                predicted = np.isfinite(array).any(axis=1)
                assert set(np.flatnonzero(predicted)) <= set(result.cell.split.test)
    table = {
        (one.row, one.protocol, one.test, one.output, one.metric): one
        for one in named(study.table(results), study.columns)
    }
    for row in ("apart", "together", "taught"):
        assert table[row, "folds", "musemo", "valence", "r2"].value > 0.7
        assert table[row, "folds", "emopia", "all", "accuracy"].value > 0.7
        assert table[row, "leave-one-dataset-out", "vgmidi", "arousal", "r"].value > 0.8
        assert table[row, "leave-one-dataset-out", "emopia", "valence", "auc"].value > 0.8
    assert table["deaf", "folds", "musemo", "valence", "r2"].value < 0.3
    verdicts = named(study.compare(results), claims.COLUMNS)
    assert {one.verdict for one in verdicts if "musemo" in one.test} == {"holds"}
    assert {(one.seeds, one.leaks) for one in verdicts} == {(1, "leaks: none; sound not compared")}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    engine.run(study, cells, tmp_path / "cells")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_pupil_is_taught_on_training_rows_alone(
    recipe: UnifiedRecipe, material: StudyData, tmp_path: Path
) -> None:
    study = UnifiedStudy(recipe, material)
    part = study.splits()[0]
    arrays = study.compute(Cell(recipe.row("apart"), part), tmp_path)
    taught = np.isfinite(arrays["lesson.musemo"]).all(axis=1)
    mine = material.samples.of("musemo")[part.train]
    assert set(np.flatnonzero(taught)) == set(part.train[mine])


def test_a_leak_is_refused_or_labelled(recipe: UnifiedRecipe, material: StudyData) -> None:
    tracks = list(material.tracks)
    split = dataclasses.replace(tracks[0], group="song 19", official_split="train")
    names = ("train", "test")
    tracks = [dataclasses.replace(t, official_split=names[k % 2]) for k, t in enumerate(tracks)]
    tracks[0] = split
    leaking = dataclasses.replace(material, tracks=tuple(tracks))
    rows = tuple(structs.replace(row, protocols=("split",)) for row in recipe.rows)
    sources = {name: Source(split="official") for name in recipe.datasets}
    asked = structs.replace(recipe, rows=rows, datasets=sources)
    with pytest.raises(DataError, match="known from training"):
        UnifiedStudy(asked, leaking).splits()
    parts = UnifiedStudy(structs.replace(asked, leaks="label"), leaking).splits()
    assert "group" in parts[0].leaks


def test_scores_are_those_of_the_metrics() -> None:
    rng = np.random.default_rng(1)
    truth, guess = rng.normal(size=(2, 30))
    pair = truth[:, None], guess[:, None, None] + 0.5 * truth[:, None, None]
    flat = guess + 0.5 * truth
    assert scores._pearson(*pair) == pytest.approx(regression.pearson(truth, flat))
    assert scores._r2(*pair) == pytest.approx(regression.r2(truth, flat))
    assert scores._ccc(*pair) == pytest.approx(regression.ccc(truth, flat))


def test_calibration_error_is_the_gap_between_probability_and_label() -> None:
    labels = np.full((50, 2), 0.25)
    assert scores._calibration_error(labels, np.full((50, 1, 2), 0.25)) == pytest.approx(0)
    assert scores._calibration_error(labels, np.full((50, 1, 2), 0.35)) == pytest.approx(0.1)


def test_a_run_can_be_used_again(
    recipe: UnifiedRecipe, material: StudyData, tmp_path: Path
) -> None:
    row = recipe.row("taught")
    runs.train_row(recipe, row, material, tmp_path / "run")
    weights = torch.load(tmp_path / "run" / "seed-1" / "weights.pt", weights_only=True)
    lessons = runs.lessons_of(recipe, row, material, np.arange(120), 1)
    again = fit(recipe, row, material, np.arange(120), 1, teachers=lessons)
    assert all(
        torch.equal(value, weights[name]) for name, value in again.network.state_dict().items()
    )
    found = recipe_of_run(tmp_path / "run")
    assert [one.name for one in found.rows] == ["apart", "taught"]
    with raises(DataError, "no_run"):
        recipe_of_run(tmp_path)


def test_what_is_missing_is_named(recipe: UnifiedRecipe, tmp_path: Path) -> None:
    from hevner.store import FeatureStore

    found, missing = UnifiedStudy.load(
        recipe, dict.fromkeys(recipe.datasets, tmp_path / "no"), FeatureStore(tmp_path)
    )
    assert found is None
    assert [line.split(",")[0] for line in missing] == ["musemo", "vgmidi", "emopia"]


def test_training_wants_a_recipe_or_ratings(tmp_path: Path) -> None:
    call = CliRunner().invoke
    assert call(app, ["train", "--out", "x"]).exit_code == 2
    path = str(write(tmp_path))
    assert call(app, ["train", path, "--out", "x"]).exit_code == 2
    options = ["--data", str(tmp_path), "--store", str(tmp_path), "--out", str(tmp_path / "run")]
    assert call(app, ["train", path, *options]).exit_code == 2
    result = call(app, ["train", path, *options, "--row", "together", "--dry-run"])
    assert result.exit_code == 1
    assert "musemo" in result.output
    assert not (tmp_path / "run").exists()


def test_chords_are_heard_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hevner.lab.data.extraction import PASS
    from hevner.lab.unified import data as chords
    from hevner.store import Entry, FeatureStore

    store, kind = FeatureStore(tmp_path), PASS["harmony"]
    rows = np.random.default_rng(2).random((200, kind.dimension)).astype(np.float16)
    track = Track("musemo", "one", None, group="one", recording="")
    with pytest.raises(DataError, match="one"):
        chords.sequences(store, [track], "repaired", "")
    store.open("musemo", kind).add(Entry("ab" * 20, rows, duration=20.0), "one", "recorded-0")
    (first,) = chords.sequences(store, [track], "repaired", "")
    monkeypatch.delattr(chords, "analyse")
    (again,) = chords.sequences(store, [track], "repaired", "")
    assert first.durations.sum() > 0
    assert 0 <= first.minor <= 1
    for name in ("roots", "qualities", "durations", "minor"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
