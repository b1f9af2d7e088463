"""What of a test set a model knows from training: by name, by artist, by sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hevner.datasets.track import Track
from hevner.encoders.fingerprint import Words
from hevner.errors import ModelError
from hevner.lab.scoring import known
from tests.errors import raises

RNG = np.random.default_rng(3)


def words(seconds: float = 30.0) -> Words:
    """The fingerprint of a sound that is like no other."""
    return RNG.integers(1, 2**32, round(seconds * 31.25), dtype=np.uint32)


def track(name: str, dataset: str = "own", artist: str = "", title: str = "") -> Track:
    recording = f"{dataset}/{name}"
    return Track(dataset, name, None, name, recording, artist=artist, title=title)


TRAINED = [track("1", "film", artist="Ann", title="Dawn"), track("2", artist="Bob"), track("3")]
SOUNDS = {"film/1": words(), "own/2": words(), "own/3": words(2.0)}


@pytest.fixture
def music(tmp_path: Path) -> known.Known:
    known.write(tmp_path / "m.onnx", TRAINED, SOUNDS)
    found = known.load(tmp_path / "m.onnx")
    assert found is not None
    return found


def judged(music: known.Known | None, one: Track, sound: Words | None = None) -> str:
    name = f"{one.dataset}/{one.id}"
    sounds = {} if sound is None else {name: sound}
    return known.compare(music, ["film"], [one], sounds).status[0]


def test_names_and_the_middle_of_each_sound_are_kept(music: known.Known) -> None:
    assert [(t.dataset, t.id, t.artist, t.media) for t in music.tracks][:2] == [
        ("film", "1", "Ann", None), ("own", "2", "Bob", None),
    ]  # fmt: skip
    kept = music.words["film/1"]
    assert len(kept) == round(known.KEPT_S * 31.25)
    start = (len(SOUNDS["film/1"]) - len(kept)) // 2
    np.testing.assert_array_equal(kept, SOUNDS["film/1"][start : start + len(kept)])
    np.testing.assert_array_equal(music.words["own/3"], SOUNDS["own/3"])


def test_the_same_sound_under_another_name_is_seen(music: known.Known) -> None:
    copy = SOUNDS["film/1"] ^ (RNG.random(len(SOUNDS["film/1"])) < 0.5).astype(np.uint32)
    assert judged(music, track("x"), np.concatenate([words(3.0), copy])) == "seen"
    assert judged(music, track("x"), words()) == "unseen"


def test_ids_of_published_sets_count_and_ones_own_only_where_the_sound_cannot(
    music: known.Known,
) -> None:
    assert judged(music, track("1", "film"), words()) == "seen"
    assert judged(music, track("2"), words()) == "unseen"
    assert judged(music, track("2"), SOUNDS["own/2"]) == "seen"
    assert judged(music, track("3"), SOUNDS["own/3"]) == "seen"
    assert judged(music, track("3"), words(3.0)) == "seen"


def test_an_artist_in_common_is_related_and_a_song_is_seen(music: known.Known) -> None:
    assert judged(music, track("x", artist="ANN"), words()) == "related"
    assert judged(music, track("x", artist="Ann", title="Dawn"), words()) == "seen"


def test_without_training_music_only_whole_datasets_are_known() -> None:
    assert judged(None, track("1", "film")) == "seen"
    assert judged(None, track("1", "deam")) == "not compared"
    assert judged(None, track("1")) == "not compared"


def test_the_label_counts(music: known.Known) -> None:
    tracks = [track("a", artist="Ann"), track("b"), track("c")]
    sounds = {"own/a": words(), "own/b": SOUNDS["own/2"]}
    found = known.compare(music, [], tracks, sounds)
    assert found.status == ("related", "seen", "unseen")
    assert found.label == (
        "1 seen, 1 related, 1 unseen by credit, artist, sound; sound of 1 not compared"
    )
    assert found.example == "test/b is own/2"


def test_a_model_knows_what_the_one_it_was_made_from_knows(
    tmp_path: Path, music: known.Known
) -> None:
    known.write(tmp_path / "n.onnx", [track("9")], {"own/9": words()}, base=music)
    both = known.load(tmp_path / "n.onnx")
    assert both is not None
    assert len(both.tracks) == 4
    assert both.words.keys() == {*SOUNDS, "own/9"}


def test_no_file_and_a_damaged_one(tmp_path: Path) -> None:
    assert known.load(tmp_path / "m.onnx") is None
    known.place(tmp_path / "m.onnx").write_bytes(b"PK\x03\x04 no archive")
    with raises(ModelError, "unreadable", subject="m.music.npz"):
        known.load(tmp_path / "m.onnx")
