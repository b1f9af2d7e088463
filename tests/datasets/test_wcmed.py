"""WCMED and its twin CCMED on replicas: an unpublished layout, values from -1 to 1."""

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

HEADER = ("id", "valence", "arousal")
ROWS: Rows = [["1", -1, 1], ["2.wav", 0.25, -0.5], ["3", 0, 0]]

both = pytest.mark.parametrize("name", ["wcmed", "ccmed"])


def archive(folder: Path, rows: Rows = ROWS) -> Path:
    write_csv(folder / "annotations.csv", HEADER, rows)
    touch(folder / "audio", ["1.wav", "2.wav", "3.wav"])
    return folder


@both
def test_values_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    dataset = datasets.load(name, archive(tmp_path))
    first, second, _ = dataset
    assert (dataset.card.name, first.dataset, dataset.card.tracks) == (name, name, 400)
    assert (first.valence, first.arousal) == (-1, 1)
    assert (second.id, second.valence, second.arousal) == ("2", 0.25, -0.5)
    assert (second.path.name, second.group, second.recording) == ("2.wav", "2", f"{name}/2")


@both
def test_names_and_folders_are_configurable(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / "ranks.tsv", ("clip", "V", "A"), ROWS, delimiter="\t")
    touch(tmp_path / "excerpts", ["1.wav", "2.wav", "3.wav"])
    (tmp_path / "layout.toml").write_text(
        'annotations = "ranks.tsv"\naudio = "excerpts"\ndelimiter = "\\t"\n'
        '[columns]\nid = "clip"\nvalence = "V"\narousal = "A"\n'
    )
    assert [track.valence for track in datasets.load(name, tmp_path)] == [-1, 0.25, 0]


@both
@pytest.mark.parametrize(
    ("column", "value", "left", "message"),
    [
        (1, 5.4, 2, r"annotations\.csv, line 2: 5\.4 in column valence lies outside the scale -1"),
        (2, "nan", 2, r"line 2: 'nan' in column arousal is not a number"),
        (0, "4", 3, r"line 2: label for a missing file '4'"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, name: str, column: int, value: object, left: int, message: str
) -> None:
    assert_found(name, archive(tmp_path, changed(ROWS, 0, column, value)), message, left)


@both
def test_a_repeated_id_and_a_missing_column(tmp_path: Path, name: str) -> None:
    message = r"line 4: '1' in column id occurs before, in .*line 2\. Keep"
    assert_found(name, archive(tmp_path, changed(ROWS, 2, 0, "1")), message, 2)
    write_csv(tmp_path / "annotations.csv", HEADER[:2], [row[:2] for row in ROWS])
    assert_found(name, tmp_path, r"column arousal is missing\. Expected the columns id, val", 0)


@both
def test_files_and_labels_need_not_match(tmp_path: Path, name: str) -> None:
    assert_unlabelled(name, archive(tmp_path), tmp_path / "audio" / "4.wav")
    shutil.rmtree(tmp_path / "audio")
    assert_labels_only(name, tmp_path)
