"""PMEmo on replicas of its archive and of a copy, and on the real labels if they are there."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from tests.datasets.tables import assert_found

METADATA = """musicId,fileName,title,artist,album,duration,chorus_start_time,chorus_end_time
1,1.mp3,Good Drank,2 Chainz,"Def Jam Presents: Direct Deposit, Vol. 2",32.1,02:35,03:05
4,4.mp3,X Bitch (feat. Future),21 Savage,Savage Mode,28.09,03:00,03:26
5,5.mp3,No Heart,21 SAVAGE,,84.23,00:41,02:03
6,6.mp3,Good Drank,2 Chainz,Another album,32.1,02:35,03:05
7,7.mp3,Unrated,Adele,25,20.1,00:41,01:01
"""
MEANS = "musicId,Arousal(mean),Valence(mean)\n1,0.4,0.575\n4,0.2625,0.2875\n5,0,1\n6,0.5,0.5\n"
STDS = "musicId,Arousal(std),Valence(std)\n1,0.15,0.16\n4,0.2,0.3\n5,0,0\n6,0.1,0.1\n"
OVER_TIME = """musicId,frameTime,Arousal(mean),Valence(mean)
1,15.5,0.4,0.5
1,16.0,0.5,0.75
4,15.5,1,0
5,15.5,0.5,0.5
6,15.5,0.5,0.5
"""
OVER_TIME_STD = """musicId,frameTime,Arousal(std),Valence(std)
1,15.5,0.1,0.2
1,16.0,0.3,0.4
4,15.5,0.1,0.1
5,15.5,0.1,0.1
"""
COPY = """song_id,valence_mean,valence_std,arousal_mean,arousal_std
1,5.6,0.16,4.2,0.15
4,3.3,0.3,3.1,0.2
5,9,0,1,0
6,5,0.1,5,0.1
"""


def archive(folder: Path, *, audio: bool = True, **changed: str) -> Path:
    """A replica; ``changed`` replaces the text of files."""
    files = {
        "static_annotations": MEANS,
        "static_annotations_std": STDS,
        "dynamic_annotations": OVER_TIME,
        "dynamic_annotations_std": OVER_TIME_STD,
    }
    (folder / "annotations").mkdir()
    (folder / "metadata.csv").write_text(changed.pop("metadata", METADATA))
    for name, text in {**files, **changed}.items():
        (folder / "annotations" / f"{name}.csv").write_text(text)
    if audio:
        (folder / "chorus").mkdir()
        for song in (1, 4, 5, 6, 7):
            (folder / "chorus" / f"{song}.mp3").touch()
    return folder


def copy(folder: Path, static: str = COPY) -> Path:
    """The layout of a copy: means on 1..9, everything in one folder."""
    (folder / "metadata.csv").write_text(METADATA)
    (folder / "static_annotations.csv").write_text(static)
    return folder


def test_labels_of_the_archive_lie_on_zero_to_one(tmp_path: Path) -> None:
    first, _, third, _ = datasets.load("pmemo", archive(tmp_path))
    assert (first.valence, first.arousal) == pytest.approx((0.15, -0.2))
    assert (first.valence_std, first.arousal_std) == pytest.approx((0.32, 0.3))
    assert (third.valence, third.arousal) == (1, -1)
    assert first.path == tmp_path / "chorus" / "1.mp3"


def test_the_archive_has_nothing_to_repair(tmp_path: Path) -> None:
    loaded = datasets.load("pmemo", archive(tmp_path))
    assert [(f.kind, f.name, f.tracks) for f in loaded.findings] == [("note", "unlabelled-file", 1)]


def test_deviations_of_the_copy_are_read_in_their_own_unit(tmp_path: Path) -> None:
    loaded = datasets.load("pmemo", copy(tmp_path))
    first = loaded["1"]
    assert (first.valence, first.arousal) == pytest.approx((0.15, -0.2))
    assert (first.valence_std, first.arousal_std) == pytest.approx((0.32, 0.3))
    (repair,) = (finding for finding in loaded.findings if finding.kind == "repair")
    assert (repair.name, repair.tracks) == ("std-units", 4)
    assert "0.300" in repair.cause


def test_deviations_of_the_copy_as_published(tmp_path: Path) -> None:
    loaded = datasets.load("pmemo", copy(tmp_path), labels="as_published")
    assert loaded["1"].valence_std == pytest.approx(0.16 / 4)
    assert all(finding.kind == "note" for finding in loaded.findings)


def test_a_repaired_copy_is_left_alone(tmp_path: Path) -> None:
    loaded = datasets.load("pmemo", copy(tmp_path, COPY.replace("0.16", "1.28")))
    assert loaded["1"].valence_std == pytest.approx(1.28 / 4)
    assert all(finding.kind != "repair" for finding in loaded.findings)


def test_curves(tmp_path: Path) -> None:
    first, *_, last = datasets.load("pmemo", archive(tmp_path))
    assert first.curve is not None
    assert first.curve.times.tolist() == [15.5, 16]
    assert first.curve.valence == pytest.approx([0, 0.5])
    assert first.curve.arousal == pytest.approx([-0.2, 0])
    assert first.curve.valence_std == pytest.approx([0.4, 0.8])
    assert first.curve.arousal_std == pytest.approx([0.2, 0.6])
    assert last.curve is not None
    assert last.curve.valence_std is None


def test_songs_without_curve_are_noted(tmp_path: Path) -> None:
    loaded = datasets.load("pmemo", copy(tmp_path))
    (note,) = (finding for finding in loaded.findings if finding.name == "no-curve")
    assert note.tracks == 4
    assert all(track.curve is None for track in loaded)


def test_groups_and_repeated_songs(tmp_path: Path) -> None:
    first, second, third, fourth = datasets.load("pmemo", archive(tmp_path))
    assert second.group == third.group == "savage"  # not its guest
    assert (first.title, first.album) == ("Good Drank", "Def Jam Presents: Direct Deposit, Vol. 2")
    assert first.recording == fourth.recording == "pmemo/1"
    assert second.recording == "pmemo/4"


BAD = {
    "large deviation": (
        {"static_annotations_std": STDS.replace("0.3", "1.3")},
        ("off_scale", "static_annotations_std.csv, line 3", 3),
    ),
    "no deviation": (
        {"static_annotations_std": STDS.replace("\n4,", "\n44,")},
        ("row_missing", "static_annotations.csv, line 3", 3),
    ),
    "repeated moment": (
        {"dynamic_annotations": OVER_TIME.replace("1,16.0", "1,15.5")},
        ("wrong_order", "dynamic_annotations.csv, line 3", 4),
    ),
    "no metadata": (
        {"metadata": METADATA.replace("\n4,", "\n44,")},
        ("row_missing", "static_annotations.csv, line 3", 3),
    ),
    "no artist": (
        {"metadata": METADATA.replace("21 SAVAGE", "")},
        ("value_missing", "metadata.csv, line 4", 3),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_name_file_and_row(tmp_path: Path, name: str) -> None:
    changed, found = BAD[name]
    assert_found("pmemo", archive(tmp_path, **changed), *found)


def test_bad_rows_of_the_copy(tmp_path: Path) -> None:
    text = COPY.replace("1,5.6", "1,0.6").replace("0.3,", "-0.3,")
    checked = datasets.check("pmemo", copy(tmp_path, text))
    assert [problem.cause.split(" in ")[0] for problem in checked.problems] == ["0.6", "-0.3"]
    assert [track.id for track in checked] == ["5", "6"]


def test_more_choruses_without_label_than_published(tmp_path: Path) -> None:
    folder = archive(tmp_path)
    for song in range(100, 127):
        (folder / "chorus" / f"{song}.mp3").touch()
    problems = datasets.check("pmemo", folder).problems
    assert {problem.name for problem in problems} == {"unlabelled-file"}
    assert len(problems) == 28
    assert len(datasets.load("pmemo", folder)) == 4


@cache
def published(data: Path, labels: datasets.Labels = "repaired") -> datasets.Dataset:
    return datasets.load("pmemo", data / "pmemo", labels=labels)


@pytest.mark.data
def test_the_published_figures(data: Path) -> None:
    valence, arousal = np.array([(t.valence, t.arousal) for t in published(data)]).T * 4 + 5
    assert len(valence) == 767
    assert (valence.mean(), valence.std()) == pytest.approx((5.773, 1.296), abs=0.002)
    assert (arousal.mean(), arousal.std()) == pytest.approx((5.979, 1.478), abs=0.002)
    assert np.corrcoef(valence, arousal)[0, 1] == pytest.approx(0.711, abs=0.002)
    raw = (valence - 1) / 8, (arousal - 1) / 8
    assert [(v.min(), v.max()) for v in raw] == [
        pytest.approx((0.125, 0.912), abs=0.001),
        pytest.approx((0.087, 0.975), abs=0.001),
    ]
    assert [v.std() for v in raw] == pytest.approx([0.162, 0.185], abs=0.001)


@pytest.mark.data
def test_deviations_differ_by_eight(data: Path) -> None:
    repaired, as_published = published(data), published(data, "as_published")
    (repair,) = (finding for finding in repaired.findings if finding.kind == "repair")
    assert (repair.name, repair.tracks) == ("std-units", 767)
    for new, old in zip(repaired, as_published, strict=True):
        assert old.valence_std is not None
        assert old.arousal_std is not None
        assert (new.valence_std, new.arousal_std) == pytest.approx(
            (8 * old.valence_std, 8 * old.arousal_std)
        )
    first = repaired["1"]
    assert first.valence_std == pytest.approx(2 * 0.160078105936)


@pytest.mark.data
def test_deviations_agree_with_those_over_time_only_when_repaired(data: Path) -> None:
    """Both lie on the unit scale; static ones eight times smaller cannot be right."""

    def ratio(labels: datasets.Labels) -> float:
        pairs = [
            (track.arousal_std, track.curve.arousal_std.mean())
            for track in published(data, labels)
            if track.curve is not None and track.curve.arousal_std is not None
        ]
        static, over_time = np.array(pairs, dtype=float).T
        return float(np.median(static / over_time))

    assert 0.4 < ratio("repaired") < 1.6
    assert ratio("as_published") < 0.2


@pytest.mark.data
def test_curves_of_every_song(data: Path) -> None:
    curves = [track.curve for track in published(data) if track.curve is not None]
    assert len(curves) == 767
    assert sum(len(curve.times) for curve in curves) == 36434
    assert {float(curve.times[0]) for curve in curves} == {15.5}
    assert all(curve.valence_std is not None for curve in curves)
    static = [track.arousal for track in published(data)]
    assert np.corrcoef(static, [curve.arousal.mean() for curve in curves])[0, 1] > 0.8


@pytest.mark.data
def test_the_random_split_leaks_artists(data: Path) -> None:
    parts = {
        part: (data / "pmemo" / "splits" / f"random_{part}.txt").read_text().split()
        for part in ("train", "validation", "test")
    }
    assert [len(ids) for ids in parts.values()] == [536, 116, 115]
    for field, leaked in (("artist", 62), ("group", 63)):
        names = {track.id: getattr(track, field) for track in published(data)}
        trained = {names[song] for song in parts["train"]}
        assert sum(names[song] in trained for song in parts["test"]) == leaked


@pytest.mark.data
def test_spellings_of_artists_and_songs_rated_twice(data: Path) -> None:
    groups: dict[str, set[str]] = {}
    for track in published(data):
        groups.setdefault(track.group, set()).add(track.artist)
    assert {"Blink 182", "Blink-182"} in groups.values()
    assert {"Lady GaGa", "Lady Gaga"} in groups.values()
    assert len(groups) == 393
    twice = [name for name, n in Counter(t.recording for t in published(data)).items() if n == 2]
    assert len(twice) == 9
    assert len({track.recording for track in published(data)}) == 767 - 9
