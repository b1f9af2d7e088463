"""MusEmo on a replica with its copies and repeats, and on the real clips if they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.emotion import Quadrant
from tests.datasets.tables import Rows, assert_found, changed, touch, write_csv

HEADER = ("Id", "Name", "Arousal", "Valence", "EmoCat")
ROWS: Rows = [
    [115, "out_blues.00002.wav", 5.8, 2.6, "e1"],
    [116, "out_blues.00032.wav", -10, 10, "e4"],
    [117, "out_blues.00032 - Kopia.wav", -8, 8, "e4"],  # a copy with ratings of its own
    [118, "out_jazz.00002 - Kopia.wav", 1, -1, "e2"],  # a copy whose original is not there
    [119, "out_jazz.00033.wav", 4, -4, "e2"],
    [120, "out_jazz.00051.wav", 5, -5, "e2"],  # the recording of number 33
    [121, "out_jazz.00055.wav", -6, -5, "e3"],  # the recording of number 35, which is not there
    [122, "out_rock.00051.wav", 3, 3, "e1"],
]


def archive(folder: Path, rows: Rows = ROWS) -> Path:
    write_csv(folder / "annotations.csv", HEADER, rows)
    touch(folder / "audio", [str(row[1]).replace(".wav", ".ogg") for row in ROWS])
    return folder


def test_repeats_are_left_out_if_their_original_is_there(tmp_path: Path) -> None:
    dataset = datasets.load("musemo", archive(tmp_path))
    assert [track.id for track in dataset] == [
        "out_blues.00002",
        "out_blues.00032",
        "out_jazz.00002 - Kopia",
        "out_jazz.00033",
        "out_jazz.00055",
        "out_rock.00051",
    ]
    assert [(f.kind, f.name, f.tracks) for f in dataset.findings] == [
        ("repair", "copied-file", 1),
        ("repair", "repeated-recording", 1),
    ]
    assert "out_blues.00032 - Kopia" in dataset.findings[0].cause
    assert {f.name for f in dataset.findings} <= {d.name for d in dataset.card.defects}


def test_as_published_keeps_repeats_with_their_recording(tmp_path: Path) -> None:
    dataset = datasets.load("musemo", archive(tmp_path), labels="as_published")
    assert len(dataset) == 8
    assert not dataset.findings
    assert dataset["out_jazz.00051"].recording == dataset["out_jazz.00033"].recording
    copy, original = dataset["out_blues.00032 - Kopia"], dataset["out_blues.00032"]
    assert copy.recording == original.recording == "gtzan/blues.00032"
    assert copy.valence != original.valence
    assert dataset["out_jazz.00055"].recording == "gtzan/jazz.00035"
    assert dataset["out_rock.00051"].recording == "gtzan/rock.00051"


def test_labels_and_groups(tmp_path: Path) -> None:
    first, second, third, *_ = datasets.load("musemo", archive(tmp_path))
    assert (first.valence, first.arousal) == pytest.approx((0.26, 0.58))
    assert (second.valence, second.arousal) == (1.0, -1.0)
    assert (first.quadrant, second.quadrant) == (Quadrant.Q1, Quadrant.Q4)
    assert (first.group, second.group, third.group) == ("blues-0", "blues-3", "jazz-0")
    assert (first.genre, third.genre) == ("blues", "jazz")
    assert first.path == tmp_path / "audio" / "out_blues.00002.ogg"
    assert first.gems is None
    assert first.curve is None


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [(4, "e5", "not_a_quadrant"), (1, "blues2.wav", "unknown_name"), (4, "", "value_missing")],
)
def test_a_bad_row_is_named(tmp_path: Path, column: int, value: object, code: str) -> None:
    rows = changed(ROWS, 0, column, value)
    assert_found("musemo", archive(tmp_path, rows), code, "annotations.csv, line 2", 5)


@pytest.mark.data
def test_the_real_clips(data: Path) -> None:
    dataset = datasets.load("musemo", data / "musemo")
    assert len(dataset) == 258
    assert len({track.recording for track in dataset}) == 257  # metal 4 and 13 are alike
    assert {f.name: f.tracks for f in dataset.findings} == {
        "copied-file": 2,
        "repeated-recording": 4,
    }
    assert len(datasets.load("musemo", data / "musemo", labels="as_published")) == 264
    assert not datasets.check("musemo", data / "musemo").problems


@pytest.mark.data
def test_real_valence_and_arousal_do_not_correlate(data: Path) -> None:
    tracks = datasets.load("musemo", data / "musemo")
    ratings = np.array([(track.valence, track.arousal) for track in tracks], float)
    assert abs(np.corrcoef(ratings.T)[0, 1]) < 0.1
    assert all(t.quadrant is Quadrant.of(t.valence or 0, t.arousal or 0) for t in tracks)


@pytest.mark.data
def test_real_clips_join_the_stored_features_by_recording(data: Path) -> None:
    stored = np.load(data / "features" / "choi_convnet_gtzan.npz")
    names = {f"gtzan/{name}" for name in stored["name"]}
    assert {track.recording for track in datasets.load("musemo", data / "musemo")} <= names
