"""WCMED and its twin CCMED on replicas: an unpublished layout, values from -1 to 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from hevner import datasets
from tests.datasets.tables import Rows, touch, write_csv

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
