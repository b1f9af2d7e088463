"""EmoMusic on a replica of its archive, and on the real labels if they are there."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets import emomusic
from hevner.datasets.emomusic import artist_key, artist_stratified, seconds
from tests.datasets.tables import assert_found

STATIC = """song_id,mean_arousal,std_arousal,mean_valence,std_valence
2,3.1,0.99443,3,0.66667
3,9,1.8409,1,1.7029
4,5,0,5.8,1.2
"""
INFO = """"song_id","file_name","Artist","Song title","start of the segment (min.sec)",\
"end of the segment (min.sec)","Genre","Mediaeval 2013 set"
2,"\t2.mp3","The New Mystikal Troubadours\t","\tTonight  A Lonely Century\t","\t0.48\t","\t1.33\t",\
"\tBlues\t","development"
3,"\t3.mp3","Kevin MacLeod\t","\tDD Groove\t","\t0.35\t","\t1.2\t","\tBlues\t","evaluation"
4,"\t4.mp3","…Vieux Farka Touré\t","\tFafa, live\t","\t1\t","\t1.45\t","\tFolk\t","development"
"""
MOMENTS = "song_id,sample_15000ms,sample_15500ms,sample_16000ms\n"
CURVES = {
    "arousal_cont_average": MOMENTS + "2,-0.1,-0.2,-0.3\n3,1,0.5,0\n4,0,0,\n",
    "valence_cont_average": MOMENTS + "2,0.1,0.2,0.3\n3,-1,-0.5,0\n4,0,0,0.5\n",
    "arousal_cont_std": MOMENTS + "2,0.4,0.3,0.2\n3,0.1,0.1,0.1\n4,0,0,0\n",
    "valence_cont_std": MOMENTS + "2,0.5,0.6,0.7\n3,0.1,0.1,0.1\n4,0,0,0\n",
}


def archive(folder: Path, audio: bool = True, **changed: str) -> Path:
    """A replica; ``changed`` replaces the text of files."""
    files = {"static_annotations": STATIC, "songs_info": INFO, **CURVES, **changed}
    (folder / "annotations").mkdir()
    for name, text in files.items():
        (folder / "annotations" / f"{name}.csv").write_text(text, encoding="utf-8")
    if audio:
        (folder / "clips_45seconds").mkdir()
        for song in (2, 3, 4):
            (folder / "clips_45seconds" / f"{song}.mp3").touch()
    return folder


def test_labels_are_on_the_unit_scale_arousal_first_in_the_file(tmp_path: Path) -> None:
    first, second, third = datasets.load("emomusic", archive(tmp_path))
    assert (first.valence, first.arousal) == pytest.approx((-0.5, -0.475))
    assert (first.valence_std, first.arousal_std) == pytest.approx((0.66667 / 4, 0.99443 / 4))
    assert (second.valence, second.arousal) == (-1, 1)
    assert third.arousal_std == 0


def test_fields_lose_their_tabs(tmp_path: Path) -> None:
    first, second, third = datasets.load("emomusic", archive(tmp_path))
    assert (first.artist, first.title, first.genre) == (
        "The New Mystikal Troubadours",
        "Tonight  A Lonely Century",
        "Blues",
    )
    assert (third.title, third.group) == ("Fafa, live", "vieux farka tour")
    assert (first.official_split, second.official_split) == ("development", "evaluation")
    assert first.recording == "mediaeval/2"
    assert first.path.name == "2.mp3"


def test_curves_take_their_times_from_the_columns(tmp_path: Path) -> None:
    first, _, third = datasets.load("emomusic", archive(tmp_path))
    assert first.curve is not None
    assert first.curve.times.tolist() == [15, 15.5, 16]
    assert first.curve.valence.tolist() == [0.1, 0.2, 0.3]
    assert first.curve.arousal.tolist() == [-0.1, -0.2, -0.3]
    assert first.curve.valence_std is not None
    assert first.curve.valence_std.tolist() == [0.5, 0.6, 0.7]
    assert first.curve.arousal_std is not None
    assert first.curve.arousal_std.tolist() == [0.4, 0.3, 0.2]
    assert third.curve is not None
    assert third.curve.times.tolist() == [15, 15.5]  # arousal has no third moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("0.05", 5), ("0.5", 50), ("1.2", 80), ("1.02", 62), ("12", 720)],
)
def test_times_are_minutes_and_seconds_without_trailing_zeros(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "1.", "1.6", "1.75", "0:30", "-1"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        seconds(text)


def test_artist_key_ignores_case_marks_and_spaces() -> None:
    assert artist_key("  The  Agrarians\t") == artist_key("the agrarians!")
    assert artist_key("방탄소년단 ") == "방탄소년단"  # no letters a-z: only lower case


def test_evaluation_clips_are_the_test_part(tmp_path: Path) -> None:
    parts = [artist_stratified(track) for track in datasets.load("emomusic", archive(tmp_path))]
    assert parts[1] == "test"
    assert {parts[0], parts[2]} <= {"train", "valid"}


@cache
def published(data: Path) -> datasets.Dataset:
    return datasets.load("emomusic", data / "emomusic")


BAD = {
    "negative deviation": (
        {"static_annotations": STATIC.replace("0.99443", "-1")},
        ("off_scale", "static_annotations.csv, line 2", 2),
    ),
    "NaN over time": (
        {"valence_cont_average": CURVES["valence_cont_average"].replace("0.2", "nan")},
        ("not_a_number", "valence_cont_average.csv, line 2", 2),
    ),
    "no info": (
        {"songs_info": "\n".join(INFO.splitlines()[:-1]) + "\n"},
        ("row_missing", "static_annotations.csv, line 4", 2),
    ),
    "no ratings": (
        {"static_annotations": STATIC.replace("4,5,0,5.8,1.2\n", "")},
        ("row_missing", "songs_info.csv, line 4", 2),
    ),
    "short segment": (
        {"songs_info": INFO.replace("1.33", "1.3")},
        ("wrong_length", "songs_info.csv, line 2", 2),
    ),
    "no time": (
        {"songs_info": INFO.replace("1.33", "1:33")},
        ("not_a_time", "songs_info.csv, line 2", 2),
    ),
    "no moments": (
        {"arousal_cont_std": "song_id,mean\n2,1\n"},
        ("column_missing", "arousal_cont_std.csv", 0),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_name_file_and_row(tmp_path: Path, name: str) -> None:
    changed, found = BAD[name]
    assert_found("emomusic", archive(tmp_path, **changed), *found)


@pytest.mark.data
def test_the_published_figures(data: Path) -> None:
    tracks = published(data).tracks
    valence = np.array([track.valence for track in tracks]) * 4 + 5
    arousal = np.array([track.arousal for track in tracks]) * 4 + 5
    assert len(tracks) == emomusic.CARD.tracks == 744
    assert (valence.mean(), valence.std()) == pytest.approx((5.006, 1.246), abs=0.002)
    assert (arousal.mean(), arousal.std()) == pytest.approx((4.786, 1.376), abs=0.002)
    assert np.corrcoef(valence, arousal)[0, 1] == pytest.approx(0.599, abs=0.002)
    assert Counter(track.genre for track in tracks) == {
        "Classical": 116,
        "Country": 105,
        "Jazz": 105,
        "Blues": 100,
        "Electronic": 92,
        "Pop": 78,
        "Rock": 77,
        "Folk": 71,
    }
    assert len({track.artist for track in tracks}) == 411
    assert len({track.group for track in tracks}) == 409
    assert Counter(t.official_split for t in tracks) == {"development": 619, "evaluation": 125}


@pytest.mark.data
def test_genre_means(data: Path) -> None:
    tracks = published(data).tracks
    expected = {"Rock": (5.51, 5.15), "Classical": (3.88, 4.33), "Country": (5.04, 5.52)}
    for genre, (arousal, valence) in expected.items():
        own = [track for track in tracks if track.genre == genre]
        assert np.mean([t.arousal for t in own]) * 4 + 5 == pytest.approx(arousal, abs=0.006)
        assert np.mean([t.valence for t in own]) * 4 + 5 == pytest.approx(valence, abs=0.006)


@pytest.mark.data
def test_every_clip_has_61_moments_that_agree_with_its_static_rating(data: Path) -> None:
    tracks = published(data).tracks
    curves = [track.curve for track in tracks if track.curve is not None]
    assert {(len(c.times), c.times[0], c.times[-1]) for c in curves} == {(61, 15.0, 45.0)}
    for axis, agreement in (("arousal", 0.956), ("valence", 0.950)):
        static = [getattr(track, axis) for track in tracks]
        over_time = [getattr(curve, axis).mean() for curve in curves]
        assert np.corrcoef(static, over_time)[0, 1] == pytest.approx(agreement, abs=0.002)


@pytest.mark.data
def test_the_hash_of_the_artist_gives_the_stratified_split(data: Path) -> None:
    tracks = published(data).tracks
    parts = {track.id: artist_stratified(track) for track in tracks}
    with (data / "emomusic" / "splits" / "artist_stratified.csv").open(newline="") as file:
        expected = {row["song_id"]: row["split"] for row in csv.DictReader(file)}
    assert parts == expected
    assert Counter(parts.values()) == {"train": 504, "valid": 115, "test": 125}


@pytest.mark.data
def test_the_random_split_leaks_artists(data: Path) -> None:
    loaded = published(data)
    splits = data / "emomusic" / "splits"
    parts = {
        part: (splits / f"random_{part}.txt").read_text().split()
        for part in ("train", "validation", "test")
    }
    assert {part: len(ids) for part, ids in parts.items()} == {
        "train": 495,
        "validation": 124,
        "test": 125,
    }
    artists = {track.id: track.artist for track in loaded}
    trained = {artists[song] for song in parts["train"]}
    assert sum(artists[song] in trained for song in parts["test"]) == 59
    assert {t.id for t in loaded if t.official_split == "evaluation"} == set(parts["test"])
