"""Features of tracks: computed once, kept, and made anew when the sound is another."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from hevner import features
from hevner.audio import isolated
from hevner.audio.decode import open_audio
from hevner.cli import app
from hevner.datasets.track import Track
from hevner.errors import AudioError, DataError, MissingDependencyError
from hevner.features import Features
from hevner.lab.data import corpus
from hevner.lab.data.corpus import (
    Done,
    Variant,
    compute_all,
    content_of,
    features_of,
    keep,
    sound,
)
from hevner.lab.data.extraction import DEFAULT, PASS, kinds
from hevner.store import FeatureStore
from tests import deadly
from tests.errors import raises
from tests.lab.tracks import musemo, track
from tests.sounds import music, write

ROOT = Path(__file__).resolve().parents[2]


def assert_same(one: Features, other: Features) -> None:
    assert one.duration == other.duration
    np.testing.assert_array_equal(one.starts, other.starts)
    assert one.rows.keys() == other.rows.keys()
    for name, rows in one.rows.items():
        assert rows.dtype == other.rows[name].dtype
        np.testing.assert_array_equal(rows, other.rows[name])


@pytest.fixture
def song(tmp_path: Path) -> Track:
    return track(write(tmp_path / "audio" / "a.wav", music(4.0)))


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nothing may be computed."""

    def refuse(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(corpus, "sound", refuse)


def test_variant_names_are_read_back() -> None:
    for variant in (
        Variant(),
        Variant("FluidR3_GM", 2),
        Variant("A-B", 0),
        Variant("A", narrow=True),
    ):
        assert Variant.parse(variant.name) == variant
    for wrong in ("FluidR3_GM", "recorded-", "-1", "recorded-x"):
        with raises(DataError, "unknown_name"):
            Variant.parse(wrong)


def test_features_are_those_of_the_analysis_and_kept(
    song: Track, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first = features_of(song, Variant(), tmp_path)
    assert_same(first, features.extract(open_audio(song.path)))
    request.getfixturevalue("deaf")
    again = features_of(song, Variant(), tmp_path)
    assert_same(first, again)
    assert isinstance(again.duration, float)


def test_what_verify_drops_is_made_again(song: Track, tmp_path: Path) -> None:
    first = features_of(song, Variant(), tmp_path)
    (path,) = tmp_path.glob("songs/onsets-*.features")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE entries SET vectors = zeroblob(length(vectors))")
    dropped = [one for file in FeatureStore(tmp_path).files() for one in file.verify()]
    assert [one.tracks for one in dropped] == [(("a", "recorded-0"),)]
    assert keep(song, Variant(), tmp_path)
    assert_same(features_of(song, Variant(), tmp_path), first)


def test_a_track_counts_as_done_only_if_all_its_features_are_stored(
    song: Track, tmp_path: Path
) -> None:
    assert keep(song, Variant(), tmp_path, ("musicnn", "handcrafted"))
    assert not keep(song, Variant(), tmp_path, ("handcrafted",))
    assert keep(song, Variant(), tmp_path)
    assert not keep(song, Variant(), tmp_path)
    assert not keep(song, Variant(), tmp_path, ("harmony", "musicnn"))
    assert keep(song, Variant(), tmp_path, ("musicnn-mtt",))  # hears every window


def test_single_encoders_give_the_numbers_of_the_default_pass(song: Track, tmp_path: Path) -> None:
    names = ("musicnn", "handcrafted", "harmony")
    keep(song, Variant(), tmp_path / "one", names)
    keep(song, Variant(), tmp_path / "other")
    for kind in kinds(names):
        one, other = (
            FeatureStore(tmp_path / folder).open("songs", kind).get("a", "recorded-0")
            for folder in ("one", "other")
        )
        np.testing.assert_array_equal(one.rows, other.rows)
        assert one.content == other.content
        assert one.duration == other.duration
        assert (one.starts is None) == (other.starts is None)
        if one.starts is not None:
            np.testing.assert_array_equal(one.starts, other.starts)
    assert len({kind.name for kind in PASS.values()} | {kinds(["musicnn-mtt"])[0].name}) == 6


def test_names_of_encoders_are_checked() -> None:
    for names in (("musicnn", "nonsense"), (DEFAULT, "musicnn")):
        with raises(DataError, "unknown_name"):
            kinds(names)
    assert kinds(("musicnn", "musicnn")) == [PASS["musicnn"]]


def test_other_audio_under_the_same_name_is_heard_anew(song: Track, tmp_path: Path) -> None:
    before = features_of(song, Variant(), tmp_path)
    write(song.path, 0.5 * music(5.0))
    after = features_of(song, Variant(), tmp_path)
    assert after.duration == 5.0
    assert before.duration == 4.0
    assert len(FeatureStore(tmp_path).open("songs", PASS["musicnn"])) == 2


def test_the_same_audio_under_another_name_is_not_heard_again(
    song: Track, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    features_of(song, Variant(), tmp_path)
    twin = track(tmp_path / "twin.wav", "b")
    shutil.copyfile(song.path, twin.path)
    request.getfixturevalue("deaf")
    assert_same(features_of(twin, Variant(), tmp_path), features_of(song, Variant(), tmp_path))


def test_features_outlive_the_audio(song: Track, tmp_path: Path) -> None:
    first = features_of(song, Variant(), tmp_path)
    song.path.unlink()
    assert_same(features_of(song, Variant(), tmp_path), first)
    assert_same(features_of(track(None), Variant(), tmp_path), first)
    with raises(DataError, "media_missing", subject="songs, track b"):
        features_of(track(None, "b"), Variant(), tmp_path)
    with pytest.raises(DataError, match=r"a\.wav: cannot be read"):
        features_of(song, Variant(seed=1), tmp_path)


def test_a_disturbed_variant_is_fixed_by_track_and_number(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, music(2.0, channels=2), 16_000)
    one, other = track(path, "a"), track(path, "b")
    first = features_of(one, Variant(seed=1), tmp_path / "x")
    assert_same(features_of(one, Variant(seed=1), tmp_path / "y"), first)
    for changed in (
        features_of(one, Variant(seed=2), tmp_path / "x"),
        features_of(other, Variant(seed=1), tmp_path / "x"),
        features_of(one, Variant(), tmp_path / "x"),
    ):
        moved = first.rows["handcrafted"] - changed.rows["handcrafted"]
        assert np.abs(moved).max() > 1e-3
    (tmp_path / "b.wav").write_bytes(b"no audio")
    with raises(AudioError, "not_readable", subject="b.wav"):
        features_of(track(tmp_path / "b.wav"), Variant(seed=1), tmp_path)


def test_a_narrow_sound_lacks_high_frequencies(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 64_000), 16_000)
    clean, narrow = (
        np.concatenate(list(sound(track(path), variant, tmp_path).blocks))
        for variant in (Variant(), Variant(narrow=True))
    )
    power = [np.abs(np.fft.rfft(samples)) ** 2 for samples in (clean, narrow)]
    frequency = np.fft.rfftfreq(len(clean), 1 / 16_000)[: len(power[1])]
    assert power[1][frequency > 6_100].sum() < 1e-3 * power[0][frequency > 6_100].sum()
    assert power[1][frequency < 3_300].sum() > 0.98 * power[0][frequency < 3_300].sum()
    assert Variant.parse("recorded-narrow") == Variant(narrow=True)


def test_a_render_is_known_by_midi_and_soundfont(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEVNER_SOUNDFONTS", str(tmp_path))
    store = FeatureStore(tmp_path / "store")
    midi, font = tmp_path / "a.mid", tmp_path / "Toy.sf2"
    keys = set()
    for notes, sounds in ((b"notes", b"sounds"), (b"other", b"sounds"), (b"notes", b"others")):
        midi.write_bytes(notes)
        font.write_bytes(sounds)
        keys.add(content_of(track(midi), Variant("Toy"), store))
    keys.add(content_of(track(midi), Variant("Toy", 1), store))
    keys.add(content_of(track(midi, "b"), Variant("Toy", 1), store))
    keys.add(content_of(track(midi), Variant(), store))
    assert len(keys) == 6
    font.unlink()
    with pytest.raises(MissingDependencyError, match=r"Toy\.sf2"):
        features_of(track(midi), Variant("Toy"), tmp_path)


def test_a_bad_file_does_not_stop_the_others(song: Track, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    tracks = [song, track(bad, "bad"), track(None, "gone")]
    done = list(compute_all([(one, Variant()) for one in tracks], tmp_path, jobs=1))
    assert [one.track.id for one in done] == ["a", "bad", "gone"]
    assert [one.computed for one in done] == [True, False, False]
    assert done[0].error is None
    assert isinstance(done[1].error, AudioError)
    assert "only its labels" in str(done[2].error)
    (again,) = compute_all([(song, Variant())], tmp_path, jobs=1)
    assert not again.computed
    assert again.error is None


# --- the command line ---


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["extract", *map(str, arguments)])
    return result.exit_code, result.stderr


def test_failures_with_one_cause_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work, *_: object) -> Iterator[Done]:
        for number, (one, variant) in enumerate(work):
            yield Done(one, variant, error=DataError("torn" if number == 1 else "no soundfont"))

    monkeypatch.setattr("hevner.lab.data.corpus.compute_all", fail)
    data = musemo(tmp_path / "musemo", 4)
    status, errors = call("--dataset", "musemo", "--data", data, "--store", tmp_path / "store")
    assert status == 1
    assert "0 stored before, 4 failed.\n" in errors
    assert "Failed: out_blues.00000 and 2 more: no soundfont\n" in errors
    assert "Failed: out_blues.00001: torn\n" in errors


def test_extracting_a_dataset_says_what_failed_and_goes_on_later(tmp_path: Path) -> None:
    data, store = musemo(tmp_path / "musemo", 3), tmp_path / "store"
    bad = data / "audio" / "out_blues.00001.ogg"
    content = bad.read_bytes()
    bad.write_bytes(b"no audio")
    what = ["--dataset", "musemo", "--data", data, "--store", store, "--jobs", 1]
    what += ["--encoder", "handcrafted,harmony"]
    status, errors = call(*what)
    assert status == 1
    assert "3 tracks: 2 computed, 0 stored before, 1 failed." in errors
    assert "Failed: out_blues.00001: " in errors
    bad.write_bytes(content)
    assert call(*what) == (
        0,
        "musemo recorded-0, 3 tracks: 1 computed, 2 stored before, 0 failed.\n",
    )
    bad.unlink()
    status, errors = call(*what)
    assert status == 1
    assert "1 tracks left out; 'hevner datasets check musemo" in errors
    files = FeatureStore(store).files()
    assert {file.kind.encoder for file in files} == {"handcrafted", "harmony-spectrum"}
    assert all(len(file.ids()) == 3 for file in files)


def test_shards_share_the_tracks(tmp_path: Path) -> None:
    data, store = musemo(tmp_path / "musemo", 3), tmp_path / "store"
    what = ["--dataset", "musemo", "--data", data, "--store", store, "--encoder", "handcrafted"]
    for shard, said in (("2/2", "1 tracks: 1 computed"), ("1/2", "2 tracks: 2 computed")):
        status, errors = call(*what, "--jobs", 1, "--shard", shard)
        assert status == 0
        assert said in errors


def test_calls_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    data = musemo(tmp_path / "musemo", 1)
    empty = tmp_path / "labels"
    empty.mkdir()
    shutil.copy(data / "annotations.csv", empty)
    what = ["--store", tmp_path / "store", "--dataset", "musemo", "--data"]
    for arguments, message in (
        ([*what, data, "--encoder", "nonsense"], "'nonsense' cannot be extracted"),
        ([*what, data, "--encoder", ","], "names no encoder"),
        ([*what, data, "--soundfont", "FluidR3_GM"], "musemo: recorded, needs none"),
        ([*what, empty], "no audio of musemo"),
        ([*what, data, "--shard", "3/2"], "is no K/N"),
        ([*what, tmp_path / "nowhere"], "no such folder"),
        (["--store", "x", "--dataset", "none", "--data", data], "no dataset 'none'"),
    ):
        status, errors = call(*arguments)
        assert status == 2, errors
        assert message in " ".join(errors.replace("│", " ").split())
    assert not (tmp_path / "store").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_a_sound_store_and_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    count = 80  # enough that no machine is done before it is told to stop
    data, store = musemo(tmp_path / "musemo", count), tmp_path / "store"
    what = ["--dataset", "musemo", "--data", data, "--store", store, "--jobs", 1]
    what += ["--encoder", "handcrafted,harmony"]
    command = [sys.executable, "-m", "hevner", "extract", *map(str, what)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    second = PASS["harmony"]
    files = FeatureStore(store)
    while not files.paths() or not files.open("musemo", second).ids():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.kill()
    errors = process.communicate()[1]  # the pipe closes when the last worker has gone, too
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "Stopped; the same command goes on from here." in errors
        assert "Traceback" not in errors
    files = FeatureStore(store).files()
    assert [file.verify() for file in files] == [[], []]
    stored = min(len(file.ids()) for file in files)
    assert 0 < stored < count
    status, errors = call(*what)
    assert status == 0, errors
    assert f"{count - stored} computed, {stored} stored before" in errors
    assert all(len(file.ids()) == count for file in files)


def stumble(*_: object) -> bool:
    raise ZeroDivisionError("odd file")


def test_whatever_a_file_provokes_is_an_error_of_that_track(tmp_path: Path) -> None:
    song = Track("songs", "a", tmp_path / "a.wav", group="a", recording="a")
    (done,) = corpus.each(stumble, [(song, Variant())], jobs=1)
    assert "songs, track a: ZeroDivisionError: odd file" in str(done.error)


def test_a_track_that_kills_its_decoder_is_one_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = [
        track(write(tmp_path / f"{name}.wav", music(4.0)), name) for name in ("a", "crash", "b")
    ]
    with closing(deadly.decoders()) as own:
        monkeypatch.setattr(isolated, "shared", own)
        heard = [len(list(corpus.sound(one, Variant(), tmp_path).blocks)) for one in tracks[::2]]
        with raises(AudioError, "decoder_crashed"):
            list(corpus.sound(tracks[1], Variant(), tmp_path).blocks)
    assert all(heard)
