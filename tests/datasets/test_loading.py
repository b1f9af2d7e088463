"""Loading a dataset: names, folders, and what may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hevner import datasets
from hevner.datasets import data_folder
from hevner.errors import DataError
from tests.datasets.tables import touch, write_csv
from tests.errors import raises

SCALES = '[scales]\nvalence = "-1..1"\narousal = "-1..1"\n'


def test_names_and_labels_are_checked(tmp_path: Path) -> None:
    with raises(DataError, "unknown_dataset"):
        datasets.load("deezer", tmp_path)
    with raises(DataError, "unknown_choice"):
        datasets.load("own", tmp_path, labels="raw")  # type: ignore[arg-type]


def test_tracks_without_a_file_can_be_left_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("id", "valence"), [["a", 0], ["b", 0], ["c", 9]])
    touch(tmp_path / "audio", ["a.wav", "c.wav"])
    (tmp_path / "layout.toml").write_text(SCALES)
    with raises(DataError, "file_missing", subject="line 3"):
        datasets.load("own", tmp_path)
    with raises(DataError, "off_scale", subject="line 4"):
        datasets.load("own", tmp_path, partial=True)
    write_csv(tmp_path / "annotations.csv", ("id", "valence"), [["a", 0], ["b", 0]])
    dataset = datasets.load("own", tmp_path, partial=True)
    assert [track.id for track in dataset] == ["a"]
    with raises(DataError, "unknown_id", subject="own"):
        dataset["b"]


def test_check_names_every_problem(tmp_path: Path) -> None:
    rows = [["a", 0], ["b", 0], ["a", 0], ["c", 9], ["d", "nan"], ["e", 0.5]]
    write_csv(tmp_path / "annotations.csv", ("id", "valence"), rows)
    touch(tmp_path / "audio", ["a.wav", "c.wav", "d.wav", "e.wav", "f.wav"])
    (tmp_path / "layout.toml").write_text(SCALES)
    report = datasets.check("own", tmp_path)
    assert sorted(problem.name for problem in report.problems) == [
        "bad-row",
        "bad-row",
        "duplicate-id",
        "missing-file",
        "unlabelled-file",
    ]
    assert [track.id for track in report] == ["a", "b", "e"]


def test_data_folder_by_argument_and_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEVNER_DATA", raising=False)
    with raises(DataError, "folder_missing"):
        data_folder()
    monkeypatch.setenv("HEVNER_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with raises(DataError, "folder_missing"):
        data_folder(tmp_path / "nowhere")
