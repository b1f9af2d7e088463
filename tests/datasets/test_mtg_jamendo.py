"""MTG-Jamendo mood/theme on replicas of its splits, and on the real ones if they are there."""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets.mtg_jamendo import split
from hevner.emotion import MOOD_TAGS
from hevner.errors import DataError
from tests.datasets.tables import assert_found
from tests.errors import raises

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
PARTS = {
    "train": HEADER
    + "track_0000948\tartist_000087\talbum_000149\t48/948.mp3\t212.7\tmood/theme---background\n"
    + "track_0000950\tartist_000087\talbum_000150\t50/950.mp3\t248.0\t"
    + "mood/theme---film\tmood/theme---epic\tmood/theme---dark\n",
    "validation": HEADER
    + "track_0003346\tartist_000517\talbum_000521\t46/3346.mp3\t195.0\tmood/theme---calm\t\n",
    "test": HEADER
    + "track_0003524\tartist_000530\talbum_000552\t24/3524.mp3\t266.1\tmood/theme---melodic\n",
}


def archive(folder: Path, number: int = 0, place: str = "data/splits", **changed: str) -> Path:
    """A replica of one split; ``changed`` replaces the text of parts."""
    split_folder = folder / place / f"split-{number}"
    split_folder.mkdir(parents=True)
    for part, text in {**PARTS, **changed}.items():
        text = text.replace("\n", "\r\n")
        (split_folder / f"autotagging_moodtheme-{part}.tsv").write_text(text, newline="")
    return folder


def add_audio(folder: Path, place: str, ending: str = ".mp3") -> None:
    for name in ("48/948", "50/950", "46/3346", "24/3524"):
        path = folder / place / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("place", ["data/splits", "."])
def test_all_tags_of_a_row_are_read(tmp_path: Path, place: str) -> None:
    first, second, third, fourth = datasets.load("mtg_jamendo", archive(tmp_path, place=place))
    assert first.tags == ("background",)
    assert second.tags == ("film", "epic", "dark")
    assert third.tags == ("calm",)
    assert [t.official_split for t in (first, third, fourth)] == ["train", "validation", "test"]
    assert first.group == second.group == "artist_000087"
    assert (second.album, second.id) == ("album_000150", "track_0000950")
    assert first.valence is None


@pytest.mark.parametrize("place", ["audio", "raw_30s/audio", "autotagging_moodtheme/audio-low"])
@pytest.mark.parametrize("ending", [".mp3", ".low.mp3"])
def test_audio_is_found(tmp_path: Path, place: str, ending: str) -> None:
    folder = archive(tmp_path)
    add_audio(folder, place, ending)
    track = datasets.load("mtg_jamendo", folder)["track_0000948"]
    assert track.path == folder / place / f"48/948{ending}"


def test_other_splits(tmp_path: Path) -> None:
    moved = HEADER + PARTS["train"].splitlines()[1] + "\n"
    archive(tmp_path, 3, train=PARTS["test"], test=moved)
    assert split(tmp_path, 3) == {
        "track_0003524": "train",
        "track_0003346": "validation",
        "track_0000948": "test",
    }
    with raises(DataError, "unreadable_file", subject="split-4"):
        split(tmp_path, 4)


def test_a_track_in_two_parts_of_a_split(tmp_path: Path) -> None:
    archive(tmp_path, 1, test=PARTS["train"])
    with raises(DataError, "duplicate_id", subject="line 2"):
        split(tmp_path, 1)


BAD = {
    "unknown tag": (
        {"train": PARTS["train"].replace("---epic", "---joyful")},
        ("unknown_tag", "moodtheme-train.tsv, line 3", 3),
    ),
    "tag of another kind": (
        {"validation": PARTS["validation"].replace("mood/theme---calm", "genre---calm")},
        ("unknown_tag", "moodtheme-validation.tsv, line 2", 3),
    ),
    "no tag": (
        {"test": PARTS["test"].replace("mood/theme---melodic", "")},
        ("value_missing", "moodtheme-test.tsv, line 2", 3),
    ),
    "a track of another part": (
        {"test": PARTS["test"] + PARTS["train"].splitlines()[1] + "\n"},
        ("duplicate_id", "moodtheme-test.tsv, line 3", 4),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_name_file_and_row(tmp_path: Path, name: str) -> None:
    changed, found = BAD[name]
    assert_found("mtg_jamendo", archive(tmp_path, **changed), *found)


@cache
def published(data: Path) -> datasets.Dataset:
    return datasets.load("mtg_jamendo", data / "mtg_jamendo")


@pytest.mark.data
def test_the_published_counts(data: Path) -> None:
    tracks = published(data).tracks
    parts = {name: [t for t in tracks if t.official_split == name] for name in PARTS}
    assert [len(own) for own in parts.values()] == [9949, 3802, 4231]
    assert [len({t.group for t in own}) for own in parts.values()] == [874, 307, 327]
    assert len({track.group for track in tracks}) == 874 + 307 + 327  # artists are disjoint
    means = [np.mean([len(t.tags or ()) for t in own]) for own in parts.values()]
    assert means == pytest.approx([1.80, 1.66, 1.79], abs=0.006)
    assert split(data / "mtg_jamendo", 0) == {track.id: track.official_split for track in tracks}


@pytest.mark.data
def test_the_published_tags(data: Path) -> None:
    listed = [str(tag) for tag in np.load(data / "mtg_jamendo" / "tag_list.npy")]
    assert tuple(tag.removeprefix("mood/theme---") for tag in listed[127:]) == MOOD_TAGS
    with (data / "mtg_jamendo" / "moodtag_va_scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["MoodTag"] for row in rows} == set(MOOD_TAGS)
    assert all(1 <= float(row[axis]) <= 9 for row in rows for axis in ("Valence", "Arousal"))
    counts = {
        part: Counter(
            tag for t in published(data) if t.official_split == part for tag in t.tags or ()
        )
        for part in PARTS
    }
    for tag, expected in {
        "action": [296, 55, 56],
        "happy": [927, 392, 338],
        "sexy": [59, 37, 26],
        "uplifting": [449, 139, 105],
    }.items():
        assert [own[tag] for own in counts.values()] == expected


@pytest.mark.data
def test_the_tags_are_the_ground_truth_of_the_baseline(data: Path) -> None:
    truth = np.load(data / "mtg_jamendo" / "baseline_vggish" / "groundtruth.npy")
    test = [track for track in published(data) if track.official_split == "test"]
    tags = np.array([[tag in (track.tags or ()) for tag in MOOD_TAGS] for track in test])
    assert truth.shape == (4231, 56)
    np.testing.assert_array_equal(tags, truth.astype(bool))
