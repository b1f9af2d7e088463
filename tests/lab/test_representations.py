"""Stored features as blocks: the right numbers for the right track, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hevner.blocks import DIMENSION
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.features import pool
from hevner.lab.data import representations
from hevner.lab.data.corpus import Variant, features_of, keep
from hevner.lab.data.extraction import PASS
from hevner.lab.data.representations import PLACES, chroma_statistics, gather
from hevner.music import analyse
from hevner.store import Entry, FeatureStore, Kind, digest
from tests.errors import raises
from tests.sounds import music, write

DEFAULT_BLOCKS = list(PLACES)


def track(name: str, path: Path | None = None, dataset: str = "songs", **labels: float) -> Track:
    return Track(dataset, name, path, group=name, recording=name, **labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two songs and two others, all different."""
    folder = tmp_path_factory.mktemp("store")
    for number, (name, dataset) in enumerate(
        [("a", "songs"), ("b", "songs"), ("c", "pieces"), ("d", "pieces")]
    ):
        sound = music(3.0 + number)[:: 1 if number % 2 else -1].copy()
        keep(track(name, write(folder / f"{name}.wav", sound), dataset), Variant(), folder)
    return folder


@pytest.fixture
def songs(folder: Path) -> list[Track]:
    return [
        track("c", folder / "c.wav", "pieces", valence=0.3, arousal=0.1),
        track("a", folder / "a.wav", valence=-0.5, arousal=0.2),
        track("d", folder / "d.wav", "pieces"),
        track("b", folder / "b.wav", valence=0.5, arousal=0.4),
    ]


def imported(store: FeatureStore, dataset: str, name: str, vectors: dict[str, list], v: str = "1"):
    width = np.shape(next(iter(vectors.values())))[-1]
    file = store.open(dataset, Kind(name, v, width))
    for one, rows in vectors.items():
        matrix = np.array(rows, np.float32).reshape(-1, width)
        file.add(Entry(digest(f"{dataset} {one} {v}"), matrix), one)


def test_blocks_are_those_of_the_default_model(songs: list[Track], folder: Path) -> None:
    samples = gather(FeatureStore(folder), songs, DEFAULT_BLOCKS)
    widths = {name: block.shape for name, block in samples.blocks.items()}
    assert widths == {
        "musicnn": (4, 200), "musicnn-mtt": (4, 200), "handcrafted": (4, 78), "harmony": (4, 46),
        "chroma72": (4, 72), "chroma12": (4, 12),
    }  # fmt: skip
    for row, song in enumerate(songs):
        heard = features_of(song, Variant(), folder)
        harmony = analyse(heard.spectrum.astype(np.float32), heard.duration)
        names = ("musicnn", "musicnn-mtt", "handcrafted", "harmony")
        joined = np.concatenate([samples.blocks[name][row] for name in names])
        np.testing.assert_allclose(joined, pool(heard, harmony, 0.0, heard.duration), atol=1e-6)
        mean = harmony.chroma.mean(axis=0)
        np.testing.assert_allclose(samples.blocks["chroma12"][row], mean, atol=1e-6)
        np.testing.assert_array_equal(
            samples.blocks["chroma72"][row], chroma_statistics(harmony.chroma)
        )


def test_rows_keep_order_and_labels_over_datasets(songs: list[Track], folder: Path) -> None:
    samples = gather(FeatureStore(folder), songs, ["musicnn"])
    assert samples.track.tolist() == ["pieces/c", "songs/a", "pieces/d", "songs/b"]
    np.testing.assert_array_equal(samples.emotion[:, 0], [0.3, -0.5, np.nan, 0.5])
    backwards = gather(FeatureStore(folder), songs[::-1], ["musicnn"])
    np.testing.assert_array_equal(backwards.blocks["musicnn"][::-1], samples.blocks["musicnn"])
    assert len(np.unique(samples.blocks["musicnn"], axis=0)) == 4


def test_harmony_is_analysed_once(
    songs: list[Track], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = gather(FeatureStore(folder), songs, DEFAULT_BLOCKS)

    def refuse(*_: object) -> None:
        raise AssertionError("analysed again")

    monkeypatch.setattr(representations, "analyse", refuse)
    again = gather(FeatureStore(folder), songs, ["harmony", "chroma72"])
    for name in ("harmony", "chroma72"):
        np.testing.assert_array_equal(first.blocks[name], again.blocks[name])


def test_processes_give_the_same(tmp_path: Path) -> None:
    songs = [track(name, write(tmp_path / f"{name}.wav", music(3.0 + k))) for k, name in
             enumerate("abc")]  # fmt: skip
    for song in songs:
        keep(song, Variant(), tmp_path)
    parallel = gather(FeatureStore(tmp_path), songs, DEFAULT_BLOCKS, jobs=2)
    for path in (tmp_path / "songs").glob("pooled-*"):
        path.unlink()
    single = gather(FeatureStore(tmp_path), songs, DEFAULT_BLOCKS)
    for name in DEFAULT_BLOCKS:
        np.testing.assert_array_equal(parallel.blocks[name], single.blocks[name])


def test_other_sound_is_pooled_anew(tmp_path: Path) -> None:
    song = track("a", write(tmp_path / "a.wav", music(3.0)))
    store = FeatureStore(tmp_path)
    keep(song, Variant(), tmp_path)
    before = gather(store, [song], ["handcrafted"]).blocks["handcrafted"].copy()
    write(tmp_path / "a.wav", 0.3 * music(4.0))
    keep(song, Variant(), tmp_path)
    after = gather(store, [song], ["handcrafted"]).blocks["handcrafted"]
    assert np.abs(before - after).max() > 0.1


def test_midi_is_heard_through_the_chosen_soundfont(folder: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    for variant, source in (("One-0", "c"), ("Two-0", "d"), ("Two-3", "c")):
        for kind in PASS.values():
            entry = FeatureStore(folder).open("pieces", kind).get(source, "recorded-0")
            store.open("pieces", kind).add(entry, "x", variant)
    midi = track("x", Path("x.mid"), "pieces")
    expected = gather(
        FeatureStore(folder),
        [track("c", Path("c.wav"), "pieces"), track("d", Path("d.wav"), "pieces")],
        ["musicnn"],
    ).blocks["musicnn"]
    one, two, disturbed = (
        gather(store, [midi], ["musicnn"], soundfont=font, seed=seed).blocks["musicnn"][0]
        for font, seed in (("One", 0), ("Two", 0), ("Two", 3))
    )
    np.testing.assert_array_equal([one, two, disturbed], expected[[0, 1, 0]])


def test_a_missing_track_is_named(songs: list[Track], folder: Path) -> None:
    for names in (["musicnn"], ["chroma12"]):
        with pytest.raises(
            DataError, match=r"songs, track ghost.*no harmony-spectrum-1-.* features"
        ):
            gather(FeatureStore(folder), [*songs, track("ghost")], names)


def test_features_of_two_passes_are_refused(folder: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    for field, kind in PASS.items():
        entry = FeatureStore(folder).open("pieces", kind).get("d" if field == "onsets" else "c",
                                                              "recorded-0")  # fmt: skip
        store.open("pieces", kind).add(entry, "x", "recorded-0")
    with raises(DataError, "mixed_features", subject="pieces, track x"):
        gather(store, [track("x", dataset="pieces")], ["musicnn"])


def test_silence_is_named(tmp_path: Path) -> None:
    song = track("mute", write(tmp_path / "mute.wav", np.zeros(48_000, np.float32)))
    keep(song, Variant(), tmp_path)
    with raises(DataError, "silent", subject="songs, track mute"):
        gather(FeatureStore(tmp_path), [song], ["musicnn"])


def test_imported_vectors_are_means_over_windows(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    imported(store, "songs", "jukebox", {"a": [[1, 2], [3, 6]], "b": [[5, 5]]})
    imported(store, "pieces", "jukebox", {"c": [[7, 8]]})
    tracks = [track("b"), track("c", dataset="pieces"), track("a")]
    samples = gather(store, tracks, ["jukebox"])
    np.testing.assert_array_equal(samples.blocks["jukebox"], [[5, 5], [7, 8], [2, 4]])
    with pytest.raises(DataError, match=r"songs, track z.*no jukebox-1 features are stored"):
        gather(store, [track("a"), track("z")], ["jukebox"])


def test_imported_vectors_join_those_of_the_default_pass(songs: list[Track], folder: Path,
                                                         tmp_path: Path) -> None:  # fmt: skip
    store = FeatureStore(folder)
    imported(store, "songs", "mfcc", {"a": [[1, 2, 3]], "b": [[4, 5, 6]]})
    samples = gather(store, [songs[3], songs[1]], ["mfcc", "harmony"])
    np.testing.assert_array_equal(samples.blocks["mfcc"], [[4, 5, 6], [1, 2, 3]])
    assert samples.blocks["harmony"].shape == (2, 46)


def test_unclear_names_are_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    with raises(DataError, "features_missing", subject="songs"):
        gather(store, [track("a")], ["jukebox"])
    imported(store, "songs", "jukebox", {"a": [[1, 2]]})
    imported(store, "songs", "jukebox", {"a": [[3, 4]]}, v="2")
    with raises(DataError, "ambiguous_name", subject="songs"):
        gather(store, [track("a")], ["jukebox"])
    samples = gather(store, [track("a")], ["jukebox-2"])
    np.testing.assert_array_equal(samples.blocks["jukebox-2"], [[3, 4]])
    with raises(DataError, "empty"):
        gather(store, [], ["musicnn"])


def test_vectors_of_different_width_are_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    imported(store, "songs", "jukebox", {"a": [[1, 2]]})
    imported(store, "pieces", "jukebox", {"c": [[1, 2, 3]]})
    with raises(DataError, "wrong_shape", subject="block jukebox"):
        gather(store, [track("a"), track("c", dataset="pieces")], ["jukebox"])


def test_places_cover_the_kept_vector() -> None:
    places = [PLACES[name] for name in ("musicnn", "musicnn-mtt", "handcrafted", "harmony")]
    assert [place.start for place in places[1:]] == [place.stop for place in places[:-1]]
    assert places[-1].stop == DIMENSION == PLACES["chroma72"].start
    assert PLACES["chroma12"] == slice(DIMENSION, DIMENSION + 12)


chromagrams = st.integers(3, 30).flatmap(
    lambda n: arrays(np.float32, (n, 12), elements=st.floats(0, 1, width=32))
)


@given(chromagrams, st.integers(0, 11))
def test_chroma_statistics_move_with_the_key(chroma: np.ndarray, semitones: int) -> None:
    one = chroma_statistics(chroma).reshape(6, 12)
    other = chroma_statistics(np.roll(chroma, semitones, axis=1)).reshape(6, 12)
    np.testing.assert_allclose(np.roll(one, semitones, axis=1), other, atol=1e-6)


@given(chromagrams)
def test_chroma_statistics_by_definition(chroma: np.ndarray) -> None:
    numbers = chroma_statistics(chroma).reshape(3, 2, 12)
    np.testing.assert_allclose(numbers[0], [chroma.mean(0), chroma.std(0)], atol=1e-5)
    np.testing.assert_allclose(numbers[1, 0], (chroma[-1] - chroma[0]) / (len(chroma) - 1),
                               atol=1e-5)  # fmt: skip
    second = chroma[2:] - 2 * chroma[1:-1] + chroma[:-2]
    np.testing.assert_allclose(numbers[2, 1], second.std(0), atol=1e-5)


def test_too_little_chroma_is_refused() -> None:
    for shape in ((2, 12), (5, 11), (12,)):
        with raises(DataError, "too_short"):
            chroma_statistics(np.zeros(shape, np.float32))
