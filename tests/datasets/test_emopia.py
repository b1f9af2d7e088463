"""EMOPIA on replicas of both layouts, and on the real clips where they are at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hevner import datasets
from hevner.emotion import Quadrant
from tests.datasets.tables import (
    Rows,
    assert_found,
    assert_labels_only,
    assert_unlabelled,
    changed,
    touch,
    write_csv,
)

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


def test_the_archive_says_the_same(tmp_path: Path) -> None:
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
    ("row", "column", "value", "left", "message"),
    [
        (2, 2, "Q7", 2, r"clips\.csv, line 4: 'Q7' is not a quadrant\. Expected Q1"),
        (2, 2, "", 2, r"clips\.csv, line 4: column quadrant is empty\. Fill"),
        (0, 2, "Q2", 2, r"line 2: quadrant Q2 contradicts the name Q1_a-a_0\. Fetch"),
        (0, 0, "a-a_0", 2, r"line 2: 'a-a_0' does not name a clip\. Expected"),
        (1, 0, "Q4_a-a_9", 3, r"clips\.csv, line 3: label for a missing file 'Q4_a-a_9'"),
        (1, 0, "Q1_a-a_0", 2, r"line 3: 'Q1_a-a_0' in column clip occurs before, in .*line 2"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, row: int, column: int, value: object, left: int, message: str
) -> None:
    assert_found("emopia", listed(tmp_path, changed(ROWS, row, column, value)), message, left)


def test_a_missing_column_and_a_missing_table(tmp_path: Path) -> None:
    write_csv(tmp_path / "clips.csv", ("clip", "song"), [["a", "b"]])
    assert_found("emopia", tmp_path, r"column quadrant, official_split is missing\. Expected", 0)
    (tmp_path / "clips.csv").unlink()
    assert_found("emopia", tmp_path, r"clips\.csv: cannot be read", 0)


def test_files_and_labels_need_not_match(tmp_path: Path) -> None:
    assert_unlabelled("emopia", listed(tmp_path), tmp_path / "midi" / "Q1_c_0.mid")
    write_csv(tmp_path / "labels" / "clips.csv", HEADER, ROWS)
    assert_labels_only("emopia", tmp_path / "labels")


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
