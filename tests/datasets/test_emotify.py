"""Emotify on replicas of both layouts, and on the real votes if they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets.emotify import COLUMNS
from hevner.emotion import GEMS
from tests.datasets.tables import Rows, assert_found, changed, touch, write_csv
from tests.reliability import reliability

HEADER = ("track id", "genre", *COLUMNS, "mood")
ROWS: Rows = [
    [2, "classical", 0, 1, 0, 0, 0, 0, 1, 1, 0, 3],
    [2, "classical", 0, 0, 0, 1, 0, 0, 1, 0, 0, 3],
    [101, "rock", 1, 0, 0, 0, 0, 1, 0, 0, 0, 4],
    [2, "classical", 0, 0, 0, 0, 0, 0, 1, 0, 0, 3],
    [2, "classical", 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
    [400, "pop", 0, 0, 0, 0, 0, 0, 1, 0, 0, 3],
]


def listed(folder: Path, rows: Rows = ROWS) -> Path:
    write_csv(folder / "ratings.csv", HEADER, rows)
    touch(folder / "audio", ["002.ogg", "101.ogg", "400.ogg"])
    return folder


def official(folder: Path, inside: str = "") -> Path:
    """Column names with a space before them, a folder per genre."""
    write_csv(folder / "data.csv", [HEADER[0], *(f" {name}" for name in HEADER[1:])], ROWS)
    touch(folder / inside, ["classical/2.mp3", "rock/1.mp3", "pop/100.mp3"])
    return folder


def test_shares_and_votes_of_listeners(tmp_path: Path) -> None:
    first, second, third = datasets.load("emotify", listed(tmp_path))
    assert first.gems == (0, 0.25, 0, 0.25, 0, 0, 0.75, 0.25, 0)
    assert second.gems == (1, 0, 0, 0, 0, 1, 0, 0, 0)
    assert (first.id, first.genre, second.id, second.genre) == ("002", "classical", "101", "rock")
    assert (first.raters, second.raters) == (4, 1)
    assert first.gems_by_rater is not None
    assert first.gems_by_rater[1] == (0, 0, 0, 1, 0, 0, 1, 0, 0)
    assert third.path == tmp_path / "audio" / "400.ogg"
    assert third.valence is None


def test_columns_are_in_the_order_of_the_emotions() -> None:
    assert tuple(name.replace("_", " ") for name in COLUMNS) == GEMS


@pytest.mark.parametrize("inside", ["", "emotifymusic"])
def test_the_archive_holds_the_same(tmp_path: Path, inside: str) -> None:
    theirs = datasets.load("emotify", official(tmp_path / "theirs", inside)).tracks
    ours = datasets.load("emotify", listed(tmp_path / "ours")).tracks
    assert [(t.id, t.genre, t.gems) for t in theirs] == [(t.id, t.genre, t.gems) for t in ours]
    assert [t.path.relative_to(tmp_path / "theirs" / inside).as_posix() for t in theirs] == [
        "classical/2.mp3",
        "rock/1.mp3",
        "pop/100.mp3",
    ]
    assert not datasets.check("emotify", tmp_path / "theirs").problems


def test_the_alphabetical_list_is_noted_and_not_read(tmp_path: Path) -> None:
    before = datasets.load("emotify", listed(tmp_path))
    write_csv(tmp_path / "info.csv", ("Track ID", "Genre"), [[101, "electronic"]])
    after = datasets.load("emotify", tmp_path)
    assert [(f.kind, f.name, f.subject) for f in after.findings] == [
        ("note", "genre-order", "info.csv")
    ]
    assert [t.genre for t in after] == [t.genre for t in before]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        (5, 2, "off_scale"),
        (1, "electronic", "contradiction"),
        (0, 401, "unknown_id"),
        (0, 1.5, "not_a_number"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, column: int, value: object, code: str) -> None:
    folder = listed(tmp_path, changed(ROWS, 2, column, value))
    assert_found("emotify", folder, code, "ratings.csv, line 4", 2)


def test_a_bad_vote_costs_one_listener(tmp_path: Path) -> None:
    report = datasets.check("emotify", listed(tmp_path, changed(ROWS, 1, 5, 2)))
    assert report["002"].raters == 3


@pytest.mark.data
def test_the_real_votes(data: Path) -> None:
    dataset = datasets.load("emotify", data / "emotify")
    assert len(dataset) == 321
    assert sum(track.raters or 0 for track in dataset) == 6701
    assert min(track.raters or 0 for track in dataset) == 11
    assert not datasets.check("emotify", data / "emotify").problems
    shares = np.array([track.gems for track in dataset])
    assert shares.shape == (321, 9)
    assert 0 <= shares.min() < shares.max() <= 1


@pytest.mark.data
def test_the_real_votes_are_as_reliable_as_measured(data: Path) -> None:
    expected = {
        "joyful activation": 0.81,
        "calmness": 0.76,
        "power": 0.73,
        "tenderness": 0.72,
        "tension": 0.67,
        "nostalgia": 0.64,
        "sadness": 0.63,
        "solemnity": 0.56,
        "amazement": 0.28,
    }
    tracks = datasets.load("emotify", data / "emotify")
    for emotion, published in expected.items():
        place = GEMS.index(emotion)
        votes = [[vote[place] for vote in track.gems_by_rater or ()] for track in tracks]
        assert reliability(votes) == pytest.approx(published, abs=0.03), emotion
