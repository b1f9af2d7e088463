"""Any table beside a folder of audio: scales are stated, never guessed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hevner import datasets
from hevner.errors import DataError
from tests.datasets.tables import Rows, assert_found, changed, touch, write_csv
from tests.errors import raises

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
    folder = archive(tmp_path, toml='[scales]\nvalence = "1..9"\n')
    assert_found("own", folder, "scale_missing", "annotations.csv", 0)
    (tmp_path / "layout.toml").unlink()
    with raises(DataError, "scale_missing") as caught:
        datasets.load("own", tmp_path)
    assert re.search(r'layout\.toml.*\[scales\].* valence = "1\.\.9"', caught.value.remedy)


def test_a_table_without_labels(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("id", "V"), [["one", 5]])
    assert_found("own", tmp_path, "column_missing", "annotations.csv", 0)


def test_tags_alone_need_no_scale(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("id", "tags"), [["one", "calm, dark"], ["two", ""]])
    first, second = datasets.load("own", tmp_path)
    assert (first.tags, second.tags, first.valence) == (("calm", "dark"), (), None)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        (2, -1, "off_scale"),
        (2, 9, "off_scale"),
        (5, 2.5, "not_a_number"),
        (0, "", "value_missing"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, column: int, value: object, code: str) -> None:
    rows = changed(ROWS, 1, column, value)
    assert_found("own", archive(tmp_path, rows), code, "annotations.csv, line 3", 2)
