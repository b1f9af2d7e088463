"""MemoMusic on a replica with its stray spaces and tabs, and numbers in addresses and files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hevner import datasets
from tests.datasets.tables import Rows, assert_found, changed

SITE = "https://example.org"
ROWS: Rows = [
    [" Theme (Andante) with Variations", f"{SITE}/ClassicMusic/1.mp3", 1, 3, 3],
    [" Prelude in D(S. Rachmaninoff)", f" {SITE}/ClassicMusic/2.mp3\t", 1, -1, 2],
    [" Lilacs Op. 21 No. 5(S. Rachmaninov)", f"{SITE}/ClassicMusic/3.mp3", 1, 1, 3],
    [" Isoldes Liebestod S. 447(F. Liszt / R. Wagner)", f"{SITE}/ClassicMusic/4.mp3", 1, 0, 0],
    [" YMCA\t", f"{SITE}/PopularMusic/1.mp3", 2, 5, 10],
    [" A Love For Life", f"{SITE}/YanniMusic/1.mp3", 3, -5, 0],
    [" Whispers In The Dark", f"{SITE}/YanniMusic/48.mp3", 3, -1, 5],
]
FILES = (
    "Classic/1.mid",
    "Classic/2.mid",
    "Classic/3.mid",
    "Classic/4.mid",
    "Pop/1.mid",
    "Yanni/1 A Love For Life.MID",
)


def archive(folder: Path, rows: Rows = ROWS) -> Path:
    (folder / "File").mkdir(parents=True)
    lines = [",".join(str(value) for value in row) for row in rows]
    (folder / "File" / "CSV File.csv").write_text("\n".join(lines), encoding="utf-8")
    for name in FILES:
        (folder / "MIDI" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "MIDI" / name).touch()
    return folder


def test_labels_come_from_their_two_scales(tmp_path: Path) -> None:
    dataset = datasets.load("memomusic", archive(tmp_path))
    first, pop, yanni = (dataset[name] for name in ("Classic-1", "Pop-1", "Yanni-1"))
    assert (first.valence, first.arousal) == pytest.approx((0.6, -0.4))
    assert (pop.valence, pop.arousal) == (1, 1)
    assert (yanni.valence, yanni.arousal) == (-1, -1)
    assert [track.genre for track in (first, pop, yanni)] == ["classic", "pop", "yanni"]
    assert (pop.title, pop.artist) == ("YMCA", "")


def test_groups_are_composers_where_known(tmp_path: Path) -> None:
    dataset = datasets.load("memomusic", archive(tmp_path))
    assert [track.group for track in dataset] == [
        "Theme (Andante) with Variations",
        "Rachmaninoff",
        "Rachmaninoff",
        "Liszt",
        "YMCA",
        "Yanni",
        "Yanni",
    ]


def test_files_are_found_by_style_and_number(tmp_path: Path) -> None:
    dataset = datasets.load("memomusic", archive(tmp_path))
    assert dataset["Pop-1"].path == tmp_path / "MIDI" / "Pop" / "1.mid"
    assert dataset["Yanni-1"].path.name == "1 A Love For Life.MID"
    assert dataset["Yanni-48"].media is None
    assert [(f.kind, f.name) for f in dataset.findings] == [("note", "missing-midi")]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [(2, 4, "unknown_style"), (1, SITE, "unknown_name"), (3, 6, "off_scale"), (4, -1, "off_scale")],
)
def test_a_bad_row_is_named(tmp_path: Path, column: int, value: object, code: str) -> None:
    rows = changed(ROWS, 4, column, value)
    assert_found("memomusic", archive(tmp_path, rows), code, "CSV File.csv, line 5", 6)


def test_a_short_row_and_two_tables(tmp_path: Path) -> None:
    table = archive(tmp_path) / "File" / "CSV File.csv"
    table.write_text(f"Title,{SITE}/PopularMusic/1.mp3,2\n")
    assert_found("memomusic", tmp_path, "not_a_number", "line 1", 0)
    shutil.copy(table, tmp_path / "labels.csv")
    assert_found("memomusic", tmp_path, "table_missing", str(tmp_path), 0)
