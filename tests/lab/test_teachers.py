"""Networks of others as teachers: the right numbers, kept once, for the right sound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from hevner import datasets
from hevner.audio.decode import Audio, open_audio
from hevner.cli import app
from hevner.datasets.track import Track
from hevner.emotion import GEMS, MOOD_TAGS
from hevner.errors import AudioError, DataError, ModelError
from hevner.lab.data.corpus import Variant, content_of
from hevner.lab.data.representations import gather
from hevner.lab.rehearsal.weights import random_tags, write_teachers
from hevner.lab.teachers import NAMES, compute_all, keep, load, tags, yamnet
from hevner.lab.teachers.recipe import TagTeacherRecipe
from hevner.store import FeatureStore
from tests.errors import raises
from tests.lab.tracks import musemo, track
from tests.sounds import music, write

onnx = pytest.importorskip("onnx")

ROOT = Path(__file__).resolve().parents[2]


# --- weights: random ones in the layout of the files, or the published ones ---


@pytest.fixture
def weights(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    write_teachers(folder, rng)
    return folder


@pytest.fixture
def published() -> Path:
    """The folder of the published weights, for tests marked ``data``."""
    default = ROOT.parent / "shared" / "weights"
    folder = Path(os.environ.get("HEVNER_WEIGHTS", default)) / "teachers"
    if not folder.is_dir():
        pytest.skip(f"no trained networks in {folder}")
    return folder


def noise(rng: np.random.Generator, teacher: object, count: int) -> np.ndarray:
    shape = (count, teacher.network.card.window_samples)
    return (0.1 * rng.normal(size=shape) * [[0.01], [1], [0.3]][:count]).astype(np.float32)


# --- what the networks hear ---


def test_yamnet_rows_are_means_over_three_patches(weights: Path, rng: np.random.Generator) -> None:
    teacher = load("yamnet", weights)
    window = noise(rng, teacher, 1)
    patches = window.reshape(3, 26, 600)
    loudness = np.abs(patches).mean(axis=2)
    model = onnx.load(weights / yamnet.FILE)
    matrices = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    scores = 1 / (1 + np.exp(-loudness @ matrices[f"w {yamnet.OUTPUTS[0]}"]))
    embedding = np.maximum(loudness @ matrices[f"w {yamnet.OUTPUTS[1]}"], 0)
    (row,) = teacher.network.encode(window)
    np.testing.assert_allclose(row[yamnet.SCORES], scores.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(row[yamnet.EMBEDDING], embedding.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_a_batch_equals_singles(weights: Path, rng: np.random.Generator) -> None:
    teacher = load("yamnet", weights)
    network, windows = teacher.network, noise(rng, teacher, 3)
    batch = network.encode(windows)
    singles = np.concatenate([network.encode(window[None]) for window in windows])
    np.testing.assert_array_equal(batch, singles)
    assert batch.shape == (3, network.card.dimension)
    assert batch.dtype == np.float32
    assert np.abs(np.diff(batch, axis=0)).max() > 1e-3
    assert network.encode(windows[:0]).shape == (0, network.card.dimension)
    with pytest.raises(ModelError, match="expected"):
        network.encode(windows[:, :-1])
    windows[0, 0] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        network.encode(windows)


def test_tags_are_read_from_the_mean_over_the_piece(weights: Path) -> None:
    teacher = load("yamnet-tags", weights)
    samples = np.concatenate([music(5.0), 0.01 * music(6.0)])
    found = teacher.entry(samples, "0" * 40)
    rows = load("yamnet", weights).entry(samples, "0" * 40).rows
    arrays = np.load(weights / tags.FILE)
    mean = rows[:, yamnet.EMBEDDING].mean(axis=0, dtype=float)
    components = (np.log1p(mean) - arrays["mean"]) / arrays["spread"] @ arrays["axes"]
    odds = [
        np.maximum(components @ arrays["first"][k] + arrays["first_bias"][k, 0], 0)
        @ arrays["second"][k]
        + arrays["second_bias"][k, 0]
        for k in range(2)
    ]
    assert found.rows.shape == (1, len(MOOD_TAGS))
    assert (found.starts.tolist(), found.duration) == ([0.0], 11.0)
    assert len(rows) == 4
    np.testing.assert_allclose(found.rows[0], 1 / (1 + np.exp(-np.mean(odds, 0))), atol=2e-3)


def test_short_clips_are_repeated_from_their_beginning(weights: Path) -> None:
    teacher = load("yamnet", weights)
    card = teacher.network.card
    found = teacher.entry(music(2.0), "0" * 40)
    clip = np.resize(music(2.0, card.sample_rate), (1, card.window_samples))
    (expected,) = teacher.network.encode(clip)
    assert found.rows.shape == (1, card.dimension)
    assert found.starts.tolist() == [0.0]
    assert found.duration == 2.0
    np.testing.assert_allclose(found.rows[0].astype(np.float32), expected, atol=2e-3, rtol=1e-3)


def test_long_clips_are_read_to_the_end(weights: Path) -> None:
    found = load("yamnet", weights).entry(music(44.0), "0" * 40)
    np.testing.assert_allclose(found.starts, [2.925 * row for row in range(15)], atol=1e-4)
    assert found.rows.dtype == np.float16


# --- wrong files ---


@pytest.mark.parametrize(("name", "file"), [("yamnet", yamnet.FILE), ("yamnet-tags", tags.FILE)])
def test_missing_and_wrong_weights_are_named(name: str, file: str, weights: Path) -> None:
    (other,) = {yamnet.FILE, tags.FILE} - {file}
    path = weights / file
    for content in (b"", b"no network", (weights / other).read_bytes()):
        path.write_bytes(content)
        with raises(ModelError, "wrong_weights", subject=str(path)):
            load(name, weights)
    path.unlink()
    with raises(ModelError, "file_missing", subject=str(path)):
        load(name, weights)


def test_code_in_a_weights_file_is_not_run(weights: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    arrays = dict(np.load(weights / tags.FILE))
    np.savez(weights / tags.FILE, **{**arrays, "first": np.array([Trap()], object)})
    with raises(ModelError, "wrong_weights"):
        load("yamnet-tags", weights)
    assert not (tmp_path / "sprung").exists()


def test_unknown_teachers_are_refused(weights: Path) -> None:
    with raises(ModelError, "unknown_name"):
        load("none", weights)


def test_other_weights_are_kept_apart(weights: Path, rng: np.random.Generator) -> None:
    first = load("yamnet-tags", weights).kind
    random_tags(rng).save(weights / tags.FILE)
    second = load("yamnet-tags", weights).kind
    assert first.encoder == second.encoder == "yamnet-tags"
    assert first.name != second.name


# --- the store ---


PLAIN = Variant()


class Plan(NamedTuple):
    """Teachers, the folder of their weights, and that of the store."""

    teachers: tuple[str, ...]
    weights: Path
    store: Path

    def keep(self, track: Track, variant: Variant = PLAIN) -> bool:
        return keep(track, variant, self.store, self.teachers, self.weights)


def read_all(audio: Audio) -> np.ndarray:
    return np.concatenate(list(audio.blocks))


@pytest.fixture
def plan(weights: Path, tmp_path: Path) -> Plan:
    return Plan(("yamnet",), weights, tmp_path / "store")


def test_predictions_are_kept_once_and_found_as_blocks(weights: Path, tmp_path: Path) -> None:
    plan = Plan(NAMES, weights, tmp_path / "store")
    song = track(write(tmp_path / "a.wav", music(7.0)))
    twin = track(write(tmp_path / "b.wav", music(7.0)), "b")
    assert plan.keep(song)
    assert not plan.keep(song)
    assert not plan.keep(twin, Variant())  # the same sound under another name
    assert plan.keep(song, Variant(seed=1))
    store = FeatureStore(plan.store)
    samples = read_all(open_audio(song.path))
    for name in plan.teachers:
        teacher = load(name, plan.weights)
        file = store.open("songs", teacher.kind)
        assert file.ids() == [("a", "recorded-0"), ("a", "recorded-1"), ("b", "recorded-0")]
        assert len(file) == 2
        stored = file.get("a", "recorded-0")
        assert stored.content == content_of(song, Variant(), store)
        np.testing.assert_array_equal(stored.rows, teacher.entry(samples, "0" * 40).rows)
        found = gather(store, [twin], [name]).blocks[name]
        np.testing.assert_allclose(found[0], stored.rows.mean(axis=0, dtype=float), rtol=1e-6)


def test_teachers_that_come_later_compute_only_what_is_missing(plan: Plan, tmp_path: Path) -> None:
    song = track(write(tmp_path / "a.wav"))
    assert plan.keep(song)
    both = Plan(NAMES, plan.weights, plan.store)
    assert both.keep(song)
    assert not both.keep(song)


def test_changed_audio_is_computed_anew(plan: Plan, tmp_path: Path) -> None:
    song = track(write(tmp_path / "a.wav", music(2.0)))
    plan.keep(song)
    write(song.path, music(4.0))
    assert plan.keep(song)
    file = FeatureStore(plan.store).open("songs", load("yamnet", plan.weights).kind)
    assert file.get("a", "recorded-0").duration == 4.0


def test_a_bad_file_does_not_stop_the_others(plan: Plan, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    tracks = [track(None, "gone"), track(bad, "bad"), track(write(tmp_path / "a.wav"))]
    work = [(one, Variant()) for one in tracks]
    done = list(compute_all(work, plan.store, 1, plan.teachers, plan.weights))
    assert isinstance(done[0].error, DataError)
    assert isinstance(done[1].error, AudioError)
    assert done[2].computed
    assert done[2].error is None


# --- the command ---


def arguments(plan: Plan, data: Path, *more: str) -> list[str]:
    return [
        *("extract", "--data", str(data), "--store", str(plan.store)),
        *("--weights", str(plan.weights), "--teacher", ",".join(plan.teachers), *more),
    ]


def test_the_command_predicts_what_is_there_and_names_what_failed(
    plan: Plan, tmp_path: Path
) -> None:
    bad = musemo(tmp_path / "data" / "musemo", 3) / "audio" / "out_blues.00001.ogg"
    content = bad.read_bytes()
    bad.write_bytes(b"no audio")
    call = arguments(plan, tmp_path / "data")
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 1
    assert "musemo recorded-0, 3 tracks: 2 computed, 0 stored before, 1 failed" in done.stderr
    assert "out_blues.00001: " in done.stderr
    bad.write_bytes(content)
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0
    assert "musemo recorded-0, 3 tracks: 1 computed, 2 stored before, 0 failed" in done.stderr
    done = CliRunner().invoke(app, [*call, "--variant", "recorded-2", "--variant", "FluidR3_GM-0"])
    assert done.exit_code == 0
    assert "musemo recorded-2, 3 tracks: 3 computed, 0 stored before, 0 failed" in done.stderr
    assert "FluidR3_GM" not in done.stderr


def test_calls_that_make_no_sense_are_refused(plan: Plan, tmp_path: Path) -> None:
    data = musemo(tmp_path / "data" / "musemo", 1).parent
    for more, message in (
        (["--dataset", "none"], "no dataset 'none'"),
        (["--variant", "FluidR3_GM-0"], "no dataset can have such a sound"),
        (["--variant", "recorded"], "is no variant"),
        (["--variant", "recorded-1", "--soundfont", "FluidR3_GM"], "without --variant"),
    ):
        done = CliRunner().invoke(app, arguments(plan, data, *more))
        assert done.exit_code == 2
        assert message in " ".join(done.stderr.split())
    (plan.weights / yamnet.FILE).unlink()
    done = CliRunner().invoke(app, arguments(plan, data))
    assert done.exit_code == 2
    assert "Put the weights of YAMNet" in done.stderr
    assert not plan.store.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_killed_run_goes_on_where_it_was(
    plan: Plan,
    tmp_path: Path,
) -> None:
    count = 40
    data = musemo(tmp_path / "data" / "musemo", count).parent
    argv = arguments(plan, data)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "hevner", *argv],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    last = load(plan.teachers[-1], plan.weights).kind
    while not list(plan.store.glob("*/*.features")) or not (
        FeatureStore(plan.store).open("musemo", last).ids()
    ):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()  # the pipe closes when the last worker has gone, too
    files = FeatureStore(plan.store).files()
    assert [file.verify() for file in files] == [[]]
    stored = len(files[0].ids())
    assert 0 < stored < count
    done = CliRunner().invoke(app, argv)
    assert done.exit_code == 0
    assert f"{count - stored} computed, {stored} stored before, 0 failed" in done.stderr
    assert all(len(file.ids()) == count for file in files)


# --- the published weights ---


@pytest.mark.data
def test_the_published_file_is_read(published: Path) -> None:
    rows = load("yamnet", published).entry(music(6.0), "0" * 40).rows
    scores = rows[:, yamnet.SCORES].astype(np.float32)
    assert (scores >= 0).all()
    assert (scores <= 1).all()
    assert scores.std() > 0.005


@pytest.mark.data
def test_tags_are_in_the_order_of_the_networks(data: Path, published: Path) -> None:
    listed = np.load(data / "mtg_jamendo" / "tag_list.npy", allow_pickle=True)
    assert tuple(f"mood/theme---{tag}" for tag in MOOD_TAGS) == tuple(listed[127:])
    lines = (published / "yamnet_class_map.csv").read_text().splitlines()[1:]
    names = {int(line.split(",")[0]): line.split(",", 2)[2] for line in lines}
    assert len(names) == yamnet.CLASSES
    for mood, place in yamnet.MOODS.items():
        assert names[place] == f"{mood.capitalize()} music"


@pytest.mark.data
def test_moods_agree_with_listeners(data: Path, published: Path) -> None:
    train_tags = pytest.importorskip("hevner.lab.teachers.train_tags")
    vectors = data / "features" / "yamnet_mean_mtg_jamendo.npz"
    if not vectors.is_file():
        pytest.skip("no embeddings of MTG-Jamendo")
    tagged = train_tags.read(data / "mtg_jamendo", vectors)
    reader = train_tags.fit(tagged, TagTeacherRecipe(), 1)
    teacher = replace(load("yamnet", published), reader=reader)
    tracks = list(datasets.load("emotify", data / "emotify", partial=True))[::5]
    predicted = []
    for one in tracks:
        samples = read_all(open_audio(one.path))
        predicted.append(teacher.entry(samples, "0" * 40).rows[0])
    predicted, felt = np.array(predicted), np.array([one.gems for one in tracks])
    for tag, emotion, least in (
        ("soft", "tenderness", 0.45),
        ("melancholic", "nostalgia", 0.5),
        ("energetic", "joyful activation", 0.45),
        ("relaxing", "calmness", 0.3),
    ):
        place = MOOD_TAGS.index(tag), GEMS.index(emotion)
        found = spearmanr(predicted[:, place[0]], felt[:, place[1]]).statistic
        assert found > least, (tag, found)
