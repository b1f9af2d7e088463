"""Any table beside a folder of audio: scales are stated, never guessed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hevner import datasets
from tests.datasets.tables import (
    Rows,
    assert_found,
    assert_labels_only,
    assert_unlabelled,
    changed,
    touch,
    write_csv,
)

HEADER = ("id", "valence", "valence_std", "arousal", "artist", "raters")
ROWS: Rows = [["one.wav", 5, 1, 9, "Ann", 3], ["two", 1, 0, 5, "", 4], ["3.1", 2, 1, 2, "Ann", 2]]
SCALES = '[scales]\nvalence = "1..9"\narousal = "1..9"\n'


def archive(folder: Path, rows: Rows = ROWS, toml: str = SCALES) -> Path:
    write_csv(folder / "annotations.csv", HEADER, rows)
    touch(folder / "audio", ["one.wav", "two.mp3", "3.1.ogg"])
    (folder / "layout.toml").write_text(toml)
    return folder


def test_labels_files_and_groups(tmp_path: Path) -> None:
    first, second, third = datasets.load("own", archive(tmp_path))
    assert (first.id, first.path.name) == ("one", "one.wav")
    assert (third.id, third.path.name) == ("3.1", "3.1.ogg")
    assert (first.valence, first.arousal, first.valence_std) == (0, 1, 0.25)
    assert [track.group for track in (first, second, third)] == ["Ann", "two", "Ann"]
    assert (first.raters, first.tags) == (3, None)
    assert (first.recording, second.recording) == ("own/one", "own/two")


def test_a_scale_is_asked_for_with_an_example(tmp_path: Path) -> None:
    message = r"the scale of column arousal is not stated\. State it in .*layout\.toml, for exam"
    assert_found("own", archive(tmp_path, toml='[scales]\nvalence = "1..9"\n'), message, 0)
    (tmp_path / "layout.toml").unlink()
    message = r'annotations\.csv: the scale of column valence .*\[scales\].* valence = "1\.\.9"'
    assert_found("own", tmp_path, message, 0)


def test_tags_alone_need_no_scale(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("id", "tags"), [["one", "calm, dark"], ["two", ""]])
    first, second = datasets.load("own", tmp_path)
    assert (first.tags, second.tags, first.valence) == (("calm", "dark"), (), None)


@pytest.mark.parametrize(
    ("row", "column", "value", "left", "message"),
    [
        (
            1,
            1,
            0.5,
            2,
            r"annotations\.csv, line 3: 0\.5 in column valence lies outside the scale 1",
        ),
        (1, 3, "nan", 2, r"line 3: 'nan' in column arousal is not a number\. Correct"),
        (1, 3, "", 2, r"line 3: '' in column arousal is not a number"),
        (1, 2, -1, 2, r"line 3: -1 in column valence_std is no standard deviation on 1\.\.9"),
        (1, 2, 9, 2, r"line 3: 9 in column valence_std is no standard deviation"),
        (1, 5, 2.5, 2, r"line 3: '2\.5' in column raters is not a whole number"),
        (1, 0, "", 2, r"line 3: column id is empty\. Fill it"),
        (1, 0, "four", 3, r"line 3: label for a missing file 'four'"),
        (2, 0, "two", 2, r"line 4: 'two' in column id occurs before, in .*line 3\. Keep one"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, row: int, column: int, value: object, left: int, message: str
) -> None:
    assert_found("own", archive(tmp_path, changed(ROWS, row, column, value)), message, left)


def test_a_table_without_ids_without_labels_or_none_at_all(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("song", "valence"), [["one", 5]])
    assert_found("own", tmp_path, r"column id is missing\. Expected the columns id", 0)
    write_csv(tmp_path / "annotations.csv", ("id", "V"), [["one", 5]])
    assert_found("own", tmp_path, r"no column of valence, arousal or tags\. Name the columns in", 0)
    (tmp_path / "annotations.csv").unlink()
    assert_found("own", tmp_path, r"annotations\.csv: cannot be read", 0)


def test_files_and_labels_need_not_match(tmp_path: Path) -> None:
    assert_unlabelled("own", archive(tmp_path), tmp_path / "audio" / "four.wav")
    shutil.rmtree(tmp_path / "audio")
    assert_labels_only("own", tmp_path)
