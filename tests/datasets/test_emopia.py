"""EMOPIA on replicas of both layouts, and on the real clips if they are there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hevner import datasets
from hevner.emotion import Quadrant
from tests.datasets.tables import Rows, assert_found, changed, touch, write_csv

HEADER = ("clip", "song", "quadrant", "official_split")
ROWS: Rows = [
    ["Q1_a-a_0", "a-a", "Q1", "train"],
    ["Q4_a-a_1", "a-a", "Q4", "train"],
    ["Q3__b_b_10", "_b_b", "Q3", ""],
]


def listed(folder: Path, rows: Rows = ROWS) -> Path:
    write_csv(folder / "clips.csv", HEADER, rows)
    touch(folder / "midi", [f"{row[0]}.mid" for row in ROWS])
    return folder


def official(folder: Path, split: bool = True) -> Path:
    rows: Rows = [[row[0], str(row[2])[1], "A"] for row in ROWS]
    write_csv(folder / "label.csv", ("ID", "4Q", "annotator"), rows)
    touch(folder / "midis", [f"{row[0]}.mid" for row in ROWS])
    touch(folder / "midis", ["._Q1_a-a_0.mid"])  # what a Mac leaves in an archive
    if split:
        write_csv(
            folder / "split" / "train.csv", ("fname", "label"), [[r[0], r[2]] for r in ROWS[:2]]
        )
    return folder


def test_quadrants_songs_and_parts(tmp_path: Path) -> None:
    tracks = datasets.load("emopia", listed(tmp_path)).tracks
    assert [track.quadrant for track in tracks] == [Quadrant.Q1, Quadrant.Q4, Quadrant.Q3]
    assert [track.group for track in tracks] == ["a-a", "a-a", "_b_b"]
    assert [track.official_split for track in tracks] == ["train", "train", ""]
    assert tracks[0].valence is None
    assert tracks[2].path == tmp_path / "midi" / "Q3__b_b_10.mid"


def test_the_archive_holds_the_same(tmp_path: Path) -> None:
    theirs = datasets.load("emopia", official(tmp_path / "theirs")).tracks
    ours = datasets.load("emopia", listed(tmp_path / "ours")).tracks
    assert [(t.id, t.group, t.quadrant, t.official_split) for t in theirs] == [
        (t.id, t.group, t.quadrant, t.official_split) for t in ours
    ]
    assert not datasets.check("emopia", tmp_path / "theirs").problems


def test_the_archive_alone_has_no_parts(tmp_path: Path) -> None:
    tracks = datasets.load("emopia", official(tmp_path, split=False))
    assert {track.official_split for track in tracks} == {""}


@pytest.mark.parametrize(
    ("row", "column", "value", "code"),
    [
        (2, 2, "Q7", "not_a_quadrant"),
        (2, 2, "", "value_missing"),
        (0, 2, "Q2", "contradiction"),
        (0, 0, "a-a_0", "unknown_name"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, row: int, column: int, value: object, code: str
) -> None:
    folder = listed(tmp_path, changed(ROWS, row, column, value))
    assert_found("emopia", folder, code, f"clips.csv, line {row + 2}", 2)


@pytest.mark.data
def test_the_real_clips(data: Path) -> None:
    dataset = datasets.load("emopia", data / "emopia")
    assert (len(dataset), len({track.group for track in dataset})) == (990, 352)
    assert Counter(track.official_split for track in dataset) == {"train": 767, "val": 198, "": 25}
    assert not datasets.check("emopia", data / "emopia").problems


@pytest.mark.data
def test_the_real_parts_share_no_song_but_the_repeated_videos(data: Path) -> None:
    tracks = datasets.load("emopia", data / "emopia")
    songs = {
        part: {track.group for track in tracks if track.official_split == part}
        for part in ("train", "val")
    }
    assert songs["train"] & songs["val"] == {"Ie5koh4qvJc"}
    recordings = [track.recording for track in tracks]
    assert len(recordings) - len(set(recordings)) == 4
