"""Experiments across datasets: honest splits, right scores, nothing done twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner import datasets
from hevner.cli import app
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.errors import DataError
from hevner.lab.cross_dataset import experiments
from hevner.lab.cross_dataset.experiments import StudyData
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
from hevner.lab.cross_dataset.study import CrossDatasetStudy
from hevner.lab.data.labels import gems_axes
from hevner.lab.data.samples import label, stack
from hevner.lab.default.targets import CLUSTER_PLACES
from hevner.lab.metrics import regression
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.recipes import read
from hevner.lab.regression.adaptation import AdaptedRegressor, Switches
from hevner.lab.study import claims
from hevner.lab.study.engine import CellResult, run
from hevner.store import FeatureStore
from hevner.store.imports import Source, import_features
from tests.errors import raises
from tests.lab.study.rows import named

RECIPES = sorted((Path(__file__).parents[2] / "papers" / "distribution_gap").glob("*.toml"))
WIDTH = 5
TEXT = """
name = "toy"
seeds = 2
folds = 3
leaks = "refuse"
soundfont = ""
[datasets.musemo]
[datasets.vgmidi]
[datasets.emopia]
[datasets.emotify]
[representations]
good = ["good"]
bad = ["bad"]
[models.nominal]
[models.aligned]
align_labels = true
gems = true
[models.both]
mean_of = ["nominal", "aligned"]
"""


def write_recipe(folder: Path, more: str = "", text: str = TEXT) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text + more)
    return path


def study(folder: Path, more: str = "", text: str = TEXT) -> CrossDatasetRecipe:
    return read(write_recipe(folder, more, text), CrossDatasetRecipe)


def protocol(name: str, **options: object) -> str:
    values = {"name": f'"{name}"', **{key: str(value).replace("'", '"') for key, value in
                                      options.items()}}  # fmt: skip
    return "[[protocols]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def make_tracks(rng: np.random.Generator, name: str, count: int, truth: np.ndarray) -> list[Track]:
    """Rated sets; emopia has quadrants alone, emotify GEMS ratings alone."""
    tracks = []
    for k in range(count):
        one = Track(
            name, f"{k}", None, group=f"g{k // 2}", recording=f"{name}/{k}", genre="ab"[k % 4 // 2]
        )
        if name == "emopia":
            high = tuple(truth[k] > 0)
            names = {(True, True): "Q1", (False, True): "Q2", (False, False): "Q3"}
            one = dataclasses.replace(one, quadrant=Quadrant[names.get(high, "Q4")])
        elif name == "emotify":
            one = dataclasses.replace(one, gems=tuple(rng.uniform(size=9).tolist()))
        else:
            one = dataclasses.replace(one, valence=float(truth[k, 0]), arousal=float(truth[k, 1]))
        tracks.append(one)
    return tracks


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RESAMPLES", 60)


@pytest.fixture
def toy_data(rng: np.random.Generator) -> StudyData:
    tracks, good = [], []
    slope = rng.normal(size=(WIDTH, 2)) * 0.2
    for name, count in (("musemo", 30), ("vgmidi", 24), ("emopia", 40), ("emotify", 20)):
        vectors = rng.normal(size=(count, WIDTH))
        truth = vectors @ slope + 0.05 * rng.normal(size=(count, 2))
        tracks += make_tracks(rng, name, count, truth)
        good.append(vectors)
    blocks = {
        "good": np.concatenate(good).astype(np.float32),
        "bad": rng.normal(size=(len(tracks), WIDTH)).astype(np.float32),
    }
    return StudyData.of(tracks, label(tracks, blocks))


def changed(toy_data: StudyData, number: int, **fields: object) -> StudyData:
    """The same with one track changed."""
    tracks = list(toy_data.tracks)
    tracks[number] = dataclasses.replace(tracks[number], **fields)
    return StudyData.of(tracks, label(tracks, toy_data.samples.blocks))


def planned(folder: Path, data: StudyData, more: str, text: str = TEXT):
    found = study(folder, more, text)
    return experiments.plan(found.protocols[0], found, data)


def table(found: CrossDatasetRecipe, data: StudyData, folder: Path) -> dict:
    """Scores by protocol, training sets, test set, representation, model and axis."""
    kind = CrossDatasetStudy(found, data)
    return scored(kind, run(kind, kind.plan(), folder / "cells"))


def scored(kind: CrossDatasetStudy, results: list[CellResult]) -> dict:
    return {
        (one.protocol, one.train, one.test, one.representation, one.model, one.axis): one
        for one in named(kind.table(results), kind.columns)
    }


def verdicts_of(found: CrossDatasetRecipe, data: StudyData, folder: Path) -> list[SimpleNamespace]:
    kind = CrossDatasetStudy(found, data)
    verdicts = kind.compare(run(kind, kind.plan(), folder / "cells"))
    return named(verdicts, claims.COLUMNS)


# --- who is trained on and who is tested ---


def test_matrix_trains_on_each_and_tests_on_all(tmp_path: Path, toy_data: StudyData) -> None:
    found = planned(tmp_path, toy_data, protocol("matrix"))
    pairs = [(one.train, test) for one in found for test in one.tests]
    assert len(pairs) == len(set(pairs)) == 16
    for one in found:
        for parts in one.runs:
            tested = np.concatenate([part.test for part in parts])
            assert sorted(tested) == toy_data.rows(*one.tests).tolist()
            for part in parts:
                assert set(toy_data.samples.dataset[part.train]) == set(one.train)


@pytest.mark.parametrize(
    "name", ["in-domain", "matrix", "combinations", "leave-one-dataset-out", "leave-one-genre-out"]
)
def test_no_group_is_on_both_sides(tmp_path: Path, toy_data: StudyData, name: str) -> None:
    group = toy_data.samples.group
    found = planned(tmp_path, toy_data, protocol(name))
    assert found
    for one in found:
        assert len(one.runs) == 2
        for part in (part for parts in one.runs for part in parts):
            assert not set(group[part.train]) & set(group[part.test])


def test_seeds_fold_differently(tmp_path: Path, toy_data: StudyData) -> None:
    first, second = planned(tmp_path, toy_data, protocol("in-domain"))[0].runs
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(first, second, strict=True))


def test_one_dataset_is_left_out(tmp_path: Path, toy_data: StudyData) -> None:
    found = planned(tmp_path, toy_data, protocol("leave-one-dataset-out"))
    assert [one.tests for one in found] == [("musemo",), ("vgmidi",), ("emopia",), ("emotify",)]
    for one in found:
        assert set(one.train) == set(toy_data.kinds) - set(one.tests)


def test_unseen_datasets_are_never_trained_on(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol("combinations", datasets=["musemo", "vgmidi"], unseen=["emopia"])
    found = planned(tmp_path, toy_data, more)
    assert {one.train for one in found} == {("musemo",), ("vgmidi",), ("musemo", "vgmidi")}
    for one in found:
        for part in (part for parts in one.runs for part in parts):
            assert "emopia" not in toy_data.samples.dataset[part.train]
    tested = [(one.train, test) for one in found for test in one.tests if test == "emopia"]
    assert len(tested) == 3


def test_a_genre_is_left_out(tmp_path: Path, toy_data: StudyData) -> None:
    (one,) = planned(tmp_path, toy_data, protocol("leave-one-genre-out", datasets=["musemo"]))
    genre = toy_data.samples.genre
    assert [set(genre[part.test]) for part in one.runs[0]] == [{"a"}, {"b"}]
    for part in one.runs[0]:
        assert not set(genre[part.train]) & set(genre[part.test])


def test_a_stored_split_keeps_its_test_part_out_of_the_choice(tmp_path: Path) -> None:
    from hevner.datasets import splits

    stored = splits.load("emomusic", "artist_stratified")
    ids = [one for part in stored.parts.values() for one in part]
    tracks = [
        Track("emomusic", one, None, one, f"emomusic/{one}", valence=0.1, arousal=0.1)
        for one in ids
    ]
    toy_data = StudyData.of(tracks, label(tracks, {"x": np.ones((len(ids), 1), np.float32)}))
    text = TEXT.replace("[datasets.musemo]", "[datasets.emomusic]")
    options = {"datasets": ["emomusic"], "split": "'artist_stratified'", "seeds": 1}
    (inside,) = planned(tmp_path, toy_data, protocol("inside-split", **options), text)
    (final,) = planned(tmp_path, toy_data, protocol("split", **options), text)
    test = {f"emomusic/{one}" for one in stored.parts["test"]}
    assert set(toy_data.samples.track[final.runs[0][0].test]) == test
    for part in inside.runs[0]:
        assert not test & set(toy_data.samples.track[np.concatenate([part.train, part.test])])


# --- the leak check ---


def test_a_leak_refuses_the_cell(tmp_path: Path, toy_data: StudyData) -> None:
    leaky = changed(toy_data, 30, recording="musemo/3")  # vgmidi's first track
    found = study(tmp_path, protocol("matrix", representations=["good"], models=["aligned"]))
    rows = table(found, leaky, tmp_path)
    refused = rows["matrix", "musemo", "vgmidi", "good", "aligned", "valence"]
    assert refused.leaks == "refused; leaks: recording 1 of 24; sound of 54 tracks not compared"
    assert np.isnan(refused.pearson)
    assert refused.n == 0
    sound = rows["matrix", "musemo", "emopia", "good", "aligned", "valence"]
    assert sound.leaks.startswith("leaks: none")
    assert sound.auc > 0.8


def test_a_leak_can_be_labelled_instead(tmp_path: Path, toy_data: StudyData) -> None:
    leaky = changed(toy_data, 30, recording="musemo/3")
    text = TEXT.replace('"refuse"', '"label"')
    found = study(tmp_path, protocol("matrix", representations=["good"]), text)
    row = table(found, leaky, tmp_path)["matrix", "musemo", "vgmidi", "good", "nominal", "valence"]
    assert row.leaks.startswith("leaks: recording 1 of 24")
    assert row.pearson > 0.8


def test_the_same_sound_is_a_leak(
    tmp_path: Path, toy_data: StudyData, rng: np.random.Generator
) -> None:
    words = {
        f"{one.dataset}/{one.id}": rng.integers(1, 2**32, 400, dtype=np.uint32)
        for one in toy_data.tracks
    }
    words["vgmidi/5"] = words["musemo/7"]
    heard = StudyData.of(toy_data.tracks, toy_data.samples, words)
    found = planned(tmp_path, heard, protocol("matrix"))
    leaks = {(one.train, test): text for one in found for test, text in one.leaks.items()}
    assert leaks[("musemo",), "vgmidi"] == "refused; leaks: sound 1 of 24"
    assert leaks[("vgmidi",), "musemo"] == "refused; leaks: sound 1 of 30"
    assert leaks[("musemo",), "emopia"] == "leaks: none"


def test_what_all_tracks_share_can_be_put_up_with(tmp_path: Path, toy_data: StudyData) -> None:
    tracks = [dataclasses.replace(one, artist="Gould") for one in toy_data.tracks]
    shared = StudyData.of(tracks, toy_data.samples)
    more = protocol("in-domain", datasets=["musemo"])
    with pytest.raises(DataError, match="3 folds"):
        planned(tmp_path, shared, more)
    text = TEXT.replace("[datasets.musemo]", '[datasets.musemo]\nshared = ["artist", "credit"]')
    (one,) = planned(tmp_path, shared, more, text)
    assert one.leaks["musemo"].startswith("leaks: credit 30 of 30, artist 30 of 30")
    assert one.tests == ("musemo",)


@pytest.mark.data
def test_emomusic_inside_deam_is_found(tmp_path: Path, data: Path) -> None:
    tracks = [one for name in ("emomusic", "deam") for one in datasets.load(name, data / name)]
    toy_data = StudyData.of(tracks, label(tracks, {"x": np.ones((len(tracks), 1), np.float32)}))
    text = TEXT.replace("[datasets.musemo]", "[datasets.emomusic]")
    text = text.replace("[datasets.vgmidi]", "[datasets.deam]")
    found = planned(tmp_path, toy_data, protocol("leave-one-dataset-out"), text)
    assert [one.tests for one in found] == [(), ()]
    assert "recording 744 of 744" in found[0].leaks["emomusic"]
    assert "recording 744 of 1802" in found[1].leaks["deam"]
    text = text.replace("[datasets.deam]", "[datasets.deam]\nids = [1001, 2058]")
    apart = [one for one in tracks if one.dataset == "emomusic" or int(one.id) > 1000]
    toy_data = StudyData.of(apart, label(apart, {"x": np.ones((len(apart), 1), np.float32)}))
    found = planned(tmp_path, toy_data, protocol("leave-one-dataset-out"), text)
    assert [one.tests for one in found] == [("emomusic",), ("deam",)]


# --- scores ---


def test_scores_are_those_of_a_model_fitted_by_hand(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol("matrix", representations=["good"], models=["nominal"], seeds=1)
    rows = table(study(tmp_path, more), toy_data, tmp_path)
    samples = toy_data.samples.only("good")
    model = AdaptedRegressor().fit(samples.where(samples.of("musemo")))
    for test in ("vgmidi", "emopia"):
        mine = samples.of(test)
        guess = model.predict(samples.where(mine))[:, 1]
        cell = rows["matrix", "musemo", test, "good", "nominal", "arousal"]
        truth = toy_data.truth[mine, 1]
        assert (cell.n, cell.groups) == (mine.sum(), mine.sum() / 2)
        if test == "emopia":
            assert cell.auc == pytest.approx(roc_auc(truth > 0, guess))
            assert cell.auc_low < cell.auc <= cell.auc_high
            assert np.isnan([cell.r2, cell.pearson]).all()
        else:
            for name in ("r2", "pearson", "ccc"):
                value, low, high = (getattr(cell, name + end) for end in ("", "_low", "_high"))
                assert value == pytest.approx(getattr(regression, name)(truth, guess))
                assert low < value < high


def test_proxies_are_scored_by_order_alone(tmp_path: Path, toy_data: StudyData) -> None:
    assert toy_data.kinds["emotify"] == "proxies"
    mine = toy_data.rows("emotify")
    np.testing.assert_allclose(toy_data.truth[mine], gems_axes(toy_data.samples.gems[mine]))
    more = protocol("matrix", representations=["good"], models=["aligned"], seeds=1)
    rows = table(study(tmp_path, more), toy_data, tmp_path)
    other = rows["matrix", "musemo", "emotify", "good", "aligned", "valence"]
    assert np.isnan([other.r2, other.ccc]).all()
    assert np.isfinite([other.pearson, other.pearson_low]).all()
    own = rows["matrix", "emotify", "emotify", "good", "aligned", "valence"]
    assert np.isfinite(own.r2)


def test_a_model_without_proxies_is_not_asked_to_use_them(
    tmp_path: Path, toy_data: StudyData
) -> None:
    more = protocol("leave-one-dataset-out", representations=["good"]) + protocol(
        "matrix", representations=["good"]
    )
    cells = CrossDatasetStudy(study(tmp_path, more), toy_data).plan()
    nominal = {cell.train for cell in cells if cell.model == "nominal"}
    assert nominal
    assert not any("emotify" in train for train in nominal)
    both = {cell.train for cell in cells if cell.model == "both"}
    assert both == nominal
    assert ("emotify",) in {cell.train for cell in cells if cell.model == "aligned"}


def test_mood_clusters_are_tested_by_their_order_and_never_trained_on(
    tmp_path: Path, toy_data: StudyData
) -> None:
    tracks = [
        Track("mirex", f"{k}", None, group=f"{k}", recording="", cluster=k % 5 + 1)
        for k in range(20)
    ]
    vectors = CLUSTER_PLACES[[track.cluster - 1 for track in tracks if track.cluster]]
    with_clusters = StudyData.of(
        [*toy_data.tracks, *tracks],
        stack([toy_data.samples, label(tracks, {
            name: np.resize(vectors, (20, WIDTH)).astype(np.float32) for name in ("good", "bad")
        })]),
    )  # fmt: skip
    assert with_clusters.kinds["mirex"] == "clusters"
    np.testing.assert_array_equal(with_clusters.truth[with_clusters.rows("mirex")], vectors)
    text = TEXT.replace("[datasets.emotify]", "[datasets.emotify]\n[datasets.mirex]")
    more = protocol("leave-one-dataset-out", representations=["good"], models=["aligned"], seeds=1)
    found = study(tmp_path, more, text)
    assert not any("mirex" in c.train for c in CrossDatasetStudy(found, with_clusters).plan())
    rows = table(found, with_clusters, tmp_path)
    train = "musemo+vgmidi+emopia+emotify"
    row = rows["leave-one-dataset-out", train, "mirex", "good", "aligned", "valence"]
    assert (row.labels, row.n) == ("clusters", 20)
    assert np.isfinite(row.pearson)
    assert np.isnan(row.r2)


def test_a_mean_is_the_mean_of_its_members(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol(
        "leave-one-dataset-out", datasets=["musemo", "vgmidi"], representations=["good"], seeds=1
    )
    kind = CrossDatasetStudy(study(tmp_path, more), toy_data)
    results = run(kind, kind.plan(), tmp_path / "cells")
    name = "guesses.vgmidi"
    guesses = {one.cell.model: one.arrays[name] for one in results if name in one.arrays}
    mean = (guesses["nominal"] + guesses["aligned"]) / 2
    np.testing.assert_allclose(guesses["both"], mean)
    samples = toy_data.samples.only("good")
    model = AdaptedRegressor(Switches(align_labels=True, gems=True))
    model.fit(samples.where(samples.of("musemo")))
    direct = model.predict(samples.where(samples.of("vgmidi")))
    np.testing.assert_allclose(guesses["aligned"][0], direct)


# --- never twice ---


def test_finished_tasks_are_kept(
    tmp_path: Path, toy_data: StudyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study(tmp_path, protocol("matrix", representations=["good"], models=["aligned"]))
    seen: list[tuple[int, int]] = []
    kind = CrossDatasetStudy(found, toy_data)
    folder, planned_cells = tmp_path / "cells", kind.plan()
    first = run(kind, planned_cells, folder, progress=lambda *one: seen.append(one))
    assert seen[-1] == (8, 8)
    kept = sorted((tmp_path / "cells").iterdir())
    kept[3].unlink()  # as if the run had been killed before it
    fitted = []
    fit = AdaptedRegressor.fit

    def counting(self, samples):
        fitted.append(len(samples))
        return fit(self, samples)

    monkeypatch.setattr(AdaptedRegressor, "fit", counting)
    again = run(kind, planned_cells, folder)
    assert 1 <= len(fitted) <= 6  # one task: at most 2 seeds of 3 folds
    assert repr(scored(kind, again)) == repr(scored(kind, first))


def test_other_features_are_computed_anew(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol("matrix", datasets=["musemo", "vgmidi"], representations=["good"],
                    models=["aligned"])  # fmt: skip
    found = study(tmp_path, more)
    key = ("matrix", "musemo", "vgmidi", "good", "aligned", "valence")
    before = table(found, toy_data, tmp_path)[key]
    blocks = {**toy_data.samples.blocks, "good": toy_data.samples.blocks["bad"]}
    other = StudyData.of(toy_data.tracks, dataclasses.replace(toy_data.samples, blocks=blocks))
    after = table(found, other, tmp_path)[key]
    assert before.pearson > 0.8
    assert abs(after.pearson) < 0.6


def test_processes_give_the_same(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol("leave-one-dataset-out", representations=["good"], models=["aligned"])
    found = study(tmp_path, more)
    kind = CrossDatasetStudy(found, toy_data)
    one = run(kind, kind.plan(), tmp_path / "one")
    two = run(kind, kind.plan(), tmp_path / "two", jobs=2)
    assert len(one) == len(two) == 4
    for alone, beside in zip(one, two, strict=True):
        assert alone.arrays.keys() == beside.arrays.keys()
        for name in alone.arrays.keys() - {"table"}:  # its intervals have fewer resamples here
            np.testing.assert_array_equal(alone.arrays[name], beside.arrays[name])


def test_a_damaged_part_is_named(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol("in-domain", datasets=["musemo"], representations=["good"], models=["nominal"])
    table(study(tmp_path, more), toy_data, tmp_path)
    (kept,) = (tmp_path / "cells").iterdir()
    kept.write_bytes(b"PK nothing")
    with raises(DataError, "damaged_cell", subject=kept.name):
        table(study(tmp_path, more), toy_data, tmp_path)


# --- claims ---

LEFT_OUT = protocol("leave-one-dataset-out", models=["aligned"])


def claim(first: str, second: str) -> str:
    return f'[[claims]]\nclaim = "it is better"\nfirst = {{ {first} }}\nsecond = {{ {second} }}\n'


def test_a_better_representation_is_found_better(tmp_path: Path, toy_data: StudyData) -> None:
    found = study(
        tmp_path,
        LEFT_OUT + claim('representation = "good"', 'representation = "bad"')
        + claim('representation = "bad"', 'representation = "good"'),
    )  # fmt: skip
    kind = CrossDatasetStudy(found, toy_data)
    results = run(kind, kind.plan(), tmp_path / "cells")
    verdicts = named(kind.compare(results), claims.COLUMNS)
    assert len(verdicts) == 20
    for axis in ("valence", "arousal"):
        better, worse = (one for one in verdicts if (one.test, one.axis) == ("all", axis))
        assert (better.verdict, worse.verdict) == ("holds", "opposite")
        assert better.difference == pytest.approx(-worse.difference)
        assert 0 < better.low < better.difference < better.high
        assert (better.pairs, better.seeds) == (4, 2)
        assert better.leaks == "leaks: none; sound not compared"
        assert better.p < 0.05
    rows = scored(kind, results)
    single = next(one for one in verdicts if (one.test, one.axis) == ("emopia", "valence"))
    key = ("leave-one-dataset-out", "musemo+vgmidi+emotify", "emopia", "good", "aligned", "valence")
    assert single.metric == "auc"
    assert single.first_value == pytest.approx(rows[key].auc)


def test_no_difference_stays_open(tmp_path: Path, toy_data: StudyData) -> None:
    more = LEFT_OUT + claim('representation = "good"', 'representation = "good"')
    found = study(tmp_path, more)
    for one in verdicts_of(found, toy_data, tmp_path):
        assert (one.difference, one.p, one.verdict) == (0, 1, "open")


def test_training_sets_are_compared_on_the_same_rows(tmp_path: Path, toy_data: StudyData) -> None:
    more = protocol(
        "combinations", datasets=["musemo", "vgmidi", "emopia"], representations=["good"],
        models=["aligned"], seeds=1,
    )  # fmt: skip
    found = study(
        tmp_path,
        more + claim('train = "several", seen = false', 'protocol = "combinations", train = "one", '
                     "seen = false"),
    )  # fmt: skip
    verdicts = verdicts_of(found, toy_data, tmp_path)
    single = [one for one in verdicts if one.test != "all" and one.axis == "valence"]
    assert len(single) == 3 * 1 * 2  # test sets, unions of the others, single ones
    assert all(one.first.count("+") >= 1 and one.second.count("+") == 0 for one in single)


def test_a_claim_without_cells_has_no_row(tmp_path: Path, toy_data: StudyData) -> None:
    found = study(tmp_path, LEFT_OUT + claim('train = "one"', 'representation = "bad"'))
    assert verdicts_of(found, toy_data, tmp_path) == []


# --- recipes ---


def test_there_are_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"at_hand", "five_sets", "convnet", "deam"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_of_the_paper_can_be_read(path: Path) -> None:
    found = read(path, CrossDatasetRecipe)
    assert found.protocols
    for one in found.protocols:
        assert not set(one.unseen) & set(one.datasets)
    used = {name for one in found.protocols for name in one.models}
    members = {name for one in used for name in found.models[one].mean_of}
    assert used | members == set(found.models)


def test_wcmed_is_not_trained_on_in_the_diverse_mix() -> None:
    found = read(next(path for path in RECIPES if path.stem == "five_sets"), CrossDatasetRecipe)
    mix = next(one for one in found.protocols if one.name == "combinations")
    assert mix.datasets == ("emomusic", "pmemo", "wtc")
    assert mix.unseen == ("wcmed", "deam")
    assert found.datasets["deam"].ids == (1001, 2058)


# --- the command ---


@pytest.fixture
def place(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A folder with a dataset of one's own, its features and a recipe."""
    own = tmp_path / "data" / "own"
    own.mkdir(parents=True)
    vectors = rng.normal(size=(20, WIDTH)).astype(np.float32)
    values = np.clip(5 + vectors[:, :2], 1, 9)
    rows = [f"{k},{v:.3f},{a:.3f},g{k // 2}" for k, (v, a) in enumerate(values)]
    (own / "annotations.csv").write_text("\n".join(["id,valence,arousal,group", *rows]) + "\n")
    (own / "layout.toml").write_text('[scales]\nvalence = "1..9"\narousal = "1..9"\n')
    np.savez(tmp_path / "x.npz", ids=np.arange(20).astype(str), x=vectors)
    source = Source(tmp_path / "x.npz", "x", "ids")
    import_features(source, FeatureStore(tmp_path / "store"), "own", "x", "1")
    (tmp_path / "recipe.toml").write_text(
        'name = "own"\nseeds = 1\nfolds = 4\nleaks = "refuse"\nsoundfont = ""\n[datasets.own]\n'
        '[representations]\nx = ["x"]\n[models.ridge]\n[[protocols]]\nname = "in-domain"\n'
    )
    return tmp_path


def call(place: Path, *more: str, out: str = "out.csv"):
    places = ["--data", str(place / "data"), "--store", str(place / "store")]
    recipe = str(place / "recipe.toml")
    words = ["evaluate", recipe, *places, "--out", str(place / out), "--jobs", "1", *more]
    return CliRunner().invoke(app, words)


def test_the_command_writes_a_table(place: Path) -> None:
    result = call(place)
    assert result.exit_code == 0, result.output
    assert "1 of 1 done" in result.stderr
    header, valence, arousal = (place / "out.csv").read_text().splitlines()
    row = dict(zip(header.split(","), valence.split(","), strict=True))
    assert (row["train"], row["test"], row["axis"], row["n"]) == ("own", "own", "valence", "20")
    assert float(row["r2"]) > 0.9
    assert row["auc"] == ""
    assert row["recipe"] == read(place / "recipe.toml", CrossDatasetRecipe).digest
    assert ",arousal," in arousal


def test_a_dry_run_says_what_would_be_done(place: Path) -> None:
    result = call(place, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "own: 20 tracks with ratings in 10 groups" in result.stdout
    assert "in-domain: 1 cells, 4 fits" in result.stdout
    assert not (place / "out.csv").exists()
    assert not (place / "out.cells").exists()


def test_what_is_missing_is_named_and_left_out(place: Path) -> None:
    path = place / "recipe.toml"
    path.write_text(path.read_text().replace("[datasets.own]", "[datasets.own]\n[datasets.wcmed]"))
    for more in (["--dry-run"], []):
        result = call(place, *more)
        assert result.exit_code == 1
        assert f"Missing: wcmed, data: no folder {place / 'data' / 'wcmed'}" in result.stderr
    assert (place / "out.csv").read_text().count("\n") == 3
    path.write_text(path.read_text().replace('x = ["x"]', 'x = ["x"]\nj = ["jukebox"]\n'
                                             'c = ["chroma72"]'))  # fmt: skip
    result = call(place, "--dry-run")
    assert result.exit_code == 1
    assert "Missing: own, features jukebox: " in result.stderr
    assert "import them with 'hevner features import " in result.stderr
    assert "make them with 'hevner extract --dataset own --data " in result.stderr
    assert "--encoder default'" in result.stderr
    assert "no dataset is complete" in result.stderr


def test_wrong_usage(place: Path) -> None:
    assert call(place, out="out.txt").exit_code == 2
    path = place / "recipe.toml"
    path.write_text(path.read_text().replace('name = "own"', "name = 1", 1))
    result = call(place)
    assert result.exit_code == 2
    assert "$.name is 1" in result.stderr
    path.write_text("name = 1")
    result = call(place)
    assert result.exit_code == 2
    assert "of a known kind" in result.stderr
