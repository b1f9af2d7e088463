"""Tables described in layout.toml: names, scales, tags, and what a person can get wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hevner import datasets
from hevner.datasets.layout import Layout, read_layout
from hevner.emotion import Scale
from hevner.errors import DataError
from tests.datasets.tables import Rows, assert_found, touch, write_csv
from tests.errors import raises

TOML = """
annotations = "tables/labels.csv"
audio = "wav"
delimiter = ";"
tag_separator = "|"

[columns]
id = "song"
file = "path"
valence = "V"
valence_std = "V sd"
arousal = "A"
raters = "n"
artist = "by"
group = "session"
tags = "moods"
split = "part"

[scales]
valence = "1..9"
arousal = "0..100"
"""
HEADER = ("song", " path", "V", "V sd", "A", "n", "by", "session", "moods", "part", "title")
ROWS: Rows = [
    ["a", "x/one.wav", 9, 2, 50, 7, "Ann", "s1", "calm | sad", "train", "First"],
    ["b", "x/two", 1, 0, 0, 1, "Ben", "", "", "", ""],
]


def archive(folder: Path, toml: str = TOML) -> Path:
    write_csv(folder / "tables" / "labels.csv", HEADER, ROWS, delimiter=";")
    touch(folder / "wav", ["x/one.wav", "x/two.flac"])
    (folder / "layout.toml").write_text(toml, encoding="utf-8")
    return folder


def test_a_layout_names_everything(tmp_path: Path) -> None:
    first, second = datasets.load("own", archive(tmp_path))
    assert (first.id, first.path) == ("a", tmp_path / "wav" / "x" / "one.wav")
    assert (first.valence, first.valence_std, first.arousal) == (1, 0.5, 0)
    assert first.arousal_std is None
    assert (first.raters, first.artist, first.group, first.title) == (7, "Ann", "s1", "First")
    assert (first.tags, first.official_split) == (("calm", "sad"), "train")
    assert (second.valence, second.arousal, second.tags) == (-1, -1, ())
    assert second.group == "Ben"
    assert second.path.name == "two.flac"


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    default = Layout(audio="clips")
    assert read_layout(tmp_path, default) is default


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    default = Layout(audio="clips", scales={"valence": Scale(1, 9)})
    (tmp_path / "layout.toml").write_text('[columns]\nid = "name"\n[scales]\narousal = "0..1"')
    layout = read_layout(tmp_path, default)
    assert (layout.audio, layout.annotations) == ("clips", "annotations.csv")
    assert (layout.columns["id"], layout.columns["artist"]) == ("name", "artist")
    assert layout.scales == {"valence": Scale(1, 9), "arousal": Scale(0, 1)}


@pytest.mark.parametrize(
    ("toml", "code", "place"),
    [
        ("annotations = ", "not_toml", ""),
        ('folder = "wav"', "unknown_key", ""),
        ("audio = 3", "wrong_type", ""),
        ('delimiter = ", "', "wrong_value", ""),
        ('delimiter = "\\n"', "wrong_value", ""),
        ('columns = "id"', "wrong_type", ", [columns]"),
        ('[columns]\nmood = "m"', "unknown_key", ", [columns]"),
        ("[columns]\nid = 1", "wrong_type", ", [columns]"),
        ('[columns]\nid = ""', "wrong_type", ", [columns]"),
        ("[scales]\nvalence = [1, 9]", "wrong_type", ", [scales]"),
        ('[scales]\nvalence = "1-9"', "wrong_value", ", [scales]"),
        ('[scales]\nvalence = "9..1"', "wrong_value", ", [scales]"),
        ('[scales]\nloudness = "0..1"', "unknown_key", ", [scales]"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, toml: str, code: str, place: str) -> None:
    (tmp_path / "layout.toml").write_text(toml)
    with raises(DataError, code, subject=f"layout.toml{place}") as caught:
        read_layout(tmp_path, Layout())
    assert caught.value.remedy


def test_a_column_that_is_named_must_be_there(tmp_path: Path) -> None:
    archive(tmp_path, TOML.replace('"session"', '"sitting"'))
    assert_found("own", tmp_path, "column_missing", "labels.csv", 0)
