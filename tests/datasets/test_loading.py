"""The door to all datasets: names, folders, and what may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hevner import datasets
from hevner.datasets import data_folder
from hevner.errors import DataError
from tests.datasets.tables import touch, write_csv

SCALES = '[scales]\nvalence = "-1..1"\narousal = "-1..1"\n'


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_missing_folder_says_where_to_get_the_dataset(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder\. Get ") as caught:
        datasets.load(name, tmp_path / "nowhere")
    assert datasets.card(name).source in str(caught.value)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_an_empty_folder_is_one_problem(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=str(tmp_path)):
        datasets.load(name, tmp_path)
    report = datasets.check(name, tmp_path)
    assert len(report) == 0
    assert len(report.problems) == 1


def test_names_and_labels_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no dataset 'deezer'\. Choose one of emomusic"):
        datasets.load("deezer", tmp_path)
    with pytest.raises(DataError, match=r"no labels 'raw'\. Choose repaired or as_published"):
        datasets.load("own", tmp_path, labels="raw")  # type: ignore[arg-type]


def test_tracks_without_a_file_can_be_left_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("id", "valence"), [["a", 0], ["b", 0], ["c", 9]])
    touch(tmp_path / "audio", ["a.wav", "c.wav"])
    (tmp_path / "layout.toml").write_text(SCALES)
    with pytest.raises(DataError, match="line 3: label for a missing file 'b'"):
        datasets.load("own", tmp_path)
    with pytest.raises(DataError, match="line 4: 9 in column valence lies outside"):
        datasets.load("own", tmp_path, partial=True)
    write_csv(tmp_path / "annotations.csv", ("id", "valence"), [["a", 0], ["b", 0]])
    dataset = datasets.load("own", tmp_path, partial=True)
    assert [track.id for track in dataset] == ["a"]
    with pytest.raises(DataError, match=r"no track 'b'\. Check the id"):
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
    with pytest.raises(DataError, match=r"no data folder given\. .*HEVNER_DATA"):
        data_folder()
    monkeypatch.setenv("HEVNER_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(DataError, match=r"no data folder at '.*nowhere'"):
        data_folder(tmp_path / "nowhere")
