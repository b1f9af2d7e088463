"""WTC on a replica of 48 pieces by six pianists."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hevner import datasets
from tests.datasets.tables import Rows, assert_found, changed, touch, write_csv

HEADER = ("id", "piece", "pianist", "valence", "arousal")
PIANISTS = ("Gould", "Gulda", "Hewitt", "Richter", "Schiff", "Tureck")
PIECES = [f"{kind}{number}" for kind in ("prelude", "fugue") for number in range(1, 25)]
ROWS: Rows = [
    [f"{piece}_{pianist}", piece, pianist, place - 2.5, 20 * place]
    for piece in PIECES
    for place, pianist in enumerate(PIANISTS)
]


def archive(folder: Path, rows: Rows = ROWS) -> Path:
    write_csv(folder / "annotations.csv", HEADER, rows)
    touch(folder / "audio", [f"{row[0]}.flac" for row in ROWS])
    return folder


def test_all_performances_of_a_piece_are_one_group(tmp_path: Path) -> None:
    dataset = datasets.load("wtc", archive(tmp_path))
    assert not dataset.findings
    assert len(dataset) == dataset.card.tracks == 288
    assert Counter(track.group for track in dataset) == dict.fromkeys(PIECES, 6)
    assert Counter(track.artist for track in dataset) == dict.fromkeys(PIANISTS, 48)
    first = dataset.tracks[0]
    assert (first.recording, first.path.name) == ("wtc/prelude1/Gould", "prelude1_Gould.flac")
    assert len({track.recording for track in dataset}) == 288


def test_valence_and_arousal_have_scales_of_their_own(tmp_path: Path) -> None:
    first, *_, last = datasets.load("wtc", archive(tmp_path)).tracks[:6]
    assert (first.valence, first.arousal) == (-0.5, -1)
    assert (last.valence, last.arousal) == (0.5, 1)


def test_what_is_missing_or_repeated_is_noted(tmp_path: Path) -> None:
    rows = changed(ROWS[1:], 6, 2, "Gould")  # was Gulda's second prelude
    (archive(tmp_path, rows) / "audio" / f"{ROWS[0][0]}.flac").unlink()
    notes = datasets.load("wtc", tmp_path).findings
    assert [(note.kind, note.subject, note.cause) for note in notes] == [
        ("note", "", "287 clips of 288: 48 pieces, 6 pianists"),
        ("note", "piece prelude1", "not by Gould"),
        ("note", "piece prelude2", "not by Gulda"),
        ("note", "piece prelude2", "more than once by Gould"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [(4, 101, "off_scale"), (1, "", "value_missing"), (2, "", "value_missing")],
)
def test_a_bad_row_is_named(tmp_path: Path, column: int, value: object, code: str) -> None:
    rows = changed(ROWS, 1, column, value)
    assert_found("wtc", archive(tmp_path, rows), code, "annotations.csv, line 3", 287)


@pytest.mark.parametrize("column", range(5))
def test_every_column_must_be_there(tmp_path: Path, column: int) -> None:
    header = [name for place, name in enumerate(HEADER) if place != column]
    write_csv(tmp_path / "annotations.csv", header, [["x"] * 4])
    assert_found("wtc", tmp_path, "column_missing", "annotations.csv", 0)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    archive(tmp_path)
    write_csv(tmp_path / "annotations.csv", ("clip", "bwv", *HEADER[2:]), ROWS)
    (tmp_path / "layout.toml").write_text('[columns]\nid = "clip"\ngroup = "bwv"\n')
    assert len({track.group for track in datasets.load("wtc", tmp_path)}) == 48
