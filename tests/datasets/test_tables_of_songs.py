"""Film music, MUSIFEAST-17, 4Q and MIREX on replicas, and on the real clips if they are there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.emotion import Quadrant
from tests.datasets.tables import Rows, assert_found, changed, touch, write_csv

SCALES = ("valence", "energy", "tension", "anger", "fear", "happy", "sad", "tender")
FILM = (
    "id",
    *(f"{scale}_set1" for scale in SCALES),
    "target",
    "album",
    "track",
    "min_sec",
    *(f"{scale}_set2" for scale in SCALES),
)
FILM_ROWS: Rows = [
    ["001", 5, 7, 3, 1, 1, 9, 1, 2, "HAPPY", "Shallow Grave", 6, "02:02-02:17", 9, 1, 5, *[5] * 5],
    ["003", 8, 3, 2, 1, 1, 4, 2, 9, "TENDER", "The Rainmaker", 2, "00:10-00:25", *[3] * 8],
    ["002", 2, 6, 8, 5, 7, 1, 3, 1, "FEAR", "Shallow Grave", 2, "01:54-02:07", *[""] * 8],
]
FEAST = ("id", "GENRE", "TRACK_TITLE", "ARTIST", "valence", "valence_SD", "arousal", "arousal_SD")
FEAST_ROWS: Rows = [
    ["60s_HIGH_01", "60s", "As We Go Along", "The Monkees", 4, 1, 2, 0.8],
    ["Jazz_LOW_02", "Jazz", "So", "Them", 3, 0.5, 5, 0.2],
]
SONGS = ("id", "quadrant", "artist", "title", "moods", "genres")
SONG_ROWS: Rows = [
    ["MT1", "Q3", "Charlie", "Bulldog", "Greasy; Messy", "Country"],
    ["MT2", "Q2", "Golden", "Melt", "Fierce", "Electronic; Rock"],
    ["MT3", "Q1", "Charlie", "Up", "", "Pop"],
]
MIREX_ROWS: Rows = [["005", 1], ["009", 5]]


def _archive(folder: Path, table: str, header: tuple[str, ...], rows: Rows) -> Path:
    write_csv(folder / table, header, rows)
    touch(folder / "audio", [f"{row[0]}.ogg" for row in rows])
    return folder


def film(folder: Path, rows: Rows = FILM_ROWS) -> Path:
    return _archive(folder, "ratings.csv", FILM, rows)


def musifeast(folder: Path, rows: Rows = FEAST_ROWS) -> Path:
    return _archive(folder, "ratings.csv", FEAST, rows)


def quadrants(folder: Path, rows: Rows = SONG_ROWS) -> Path:
    return _archive(folder, "songs.csv", SONGS, rows)


def mirex(folder: Path, rows: Rows = MIREX_ROWS) -> Path:
    return _archive(folder, "clusters.csv", ("id", "cluster"), rows)


def test_film_has_eight_scales_and_albums(tmp_path: Path) -> None:
    first, third, second = datasets.load("film", film(tmp_path))
    assert (first.valence, first.arousal, first.tension) == (0, 0.5, -0.5)
    assert first.emotions == (-1, -1, 1, -1, -0.75)
    assert (first.group, first.album) == ("Shallow Grave", "Shallow Grave")
    assert (second.group, third.group) == ("Shallow Grave", "The Rainmaker")


def test_listeners_rated_some_of_the_film_music(tmp_path: Path) -> None:
    first, third = datasets.load("film_listeners", film(tmp_path))
    assert (first.id, third.id) == ("001", "003")
    assert (first.valence, first.arousal, first.tension) == (1, -1, 0)
    assert third.emotions == (-0.5,) * 5


def test_musifeast_is_on_one_to_five(tmp_path: Path) -> None:
    first, second = datasets.load("musifeast", musifeast(tmp_path))
    assert (first.valence, first.arousal) == (0.5, -0.5)
    assert (first.valence_std, first.arousal_std) == (0.5, 0.4)
    assert (first.group, first.genre, second.arousal) == ("The Monkees", "60s", 1)


def test_quadrants_of_songs(tmp_path: Path) -> None:
    first, second, third = datasets.load("quadrants4q", quadrants(tmp_path))
    assert (first.quadrant, second.quadrant) == (Quadrant.Q3, Quadrant.Q2)
    assert (first.tags, third.tags) == (("Greasy", "Messy"), ())
    assert first.group == third.group == "Charlie"
    assert first.valence is None


def test_clusters_of_songs(tmp_path: Path) -> None:
    first, second = datasets.load("mirex", mirex(tmp_path))
    assert (first.cluster, second.cluster) == (1, 5)
    assert first.quadrant is None


@pytest.mark.parametrize(
    ("name", "archive", "rows", "column", "value", "code"),
    [
        ("film", film, FILM_ROWS, 1, 9.5, "off_scale"),
        ("film", film, FILM_ROWS, 6, "", "not_a_number"),
        ("film_listeners", film, FILM_ROWS, 13, 0.5, "off_scale"),
        ("musifeast", musifeast, FEAST_ROWS, 4, 6, "off_scale"),
        ("quadrants4q", quadrants, SONG_ROWS, 1, "Q5", "not_a_quadrant"),
        ("mirex", mirex, MIREX_ROWS, 1, 6, "off_scale"),
        ("mirex", mirex, MIREX_ROWS, 1, "", "not_a_number"),
    ],
)
def test_a_bad_row_is_named(tmp_path, name, archive, rows, column, value, code) -> None:
    left = len(datasets.load(name, archive(tmp_path / "good", rows))) - 1
    folder = archive(tmp_path / "bad", changed(rows, 0, column, value))
    assert_found(name, folder, code, "csv, line 2", left)


@pytest.mark.data
def test_the_real_clips(data: Path) -> None:
    counts = {"film": 238, "musifeast": 201, "quadrants4q": 600, "mirex": 150}
    for name, count in counts.items():
        assert len(datasets.load(name, data / name)) == count
    assert len(datasets.load("film_listeners", data / "film")) == 55
    clusters = Counter(track.cluster for track in datasets.load("mirex", data / "mirex"))
    assert clusters == dict.fromkeys(range(1, 6), 30)


@pytest.mark.data
def test_valence_of_real_film_music_falls_with_tension(data: Path) -> None:
    tracks = datasets.load("film", data / "film")
    ratings = np.array([(t.valence, t.arousal, t.tension) for t in tracks], float)
    table = np.corrcoef(ratings.T)
    assert table[0, 1] == pytest.approx(-0.41, abs=0.06)
    assert table[0, 2] == pytest.approx(-0.91, abs=0.03)
