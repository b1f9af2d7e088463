"""VGMIDI on replicas of both layouts, and on the real ratings if they are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets.track import Track
from tests.datasets.tables import assert_found, touch
from tests.reliability import reliability

Ratings = Sequence[Sequence[float]]


def piece(name: str, raters: Ratings, **changes: object) -> dict[str, Any]:
    mirrored = [[-value for value in rater] for rater in raters]
    entry = {"id": name, "measures": 3, "duration_s": 6.0, "valence": raters, "arousal": mirrored}
    return {**entry, **changes}


PIECES = [
    piece("Zelda_SNES_Link_Overworld", [[0.0, 0.3, 0.6], [0.2, 0.5, 1.0]]),
    # The second rater has a value more than there are measures.
    piece("Zelda_SNES_Link_Dungeon", [[0.1, 0.1, 0.1], [0.3, 0.3, 0.3, -1.0]]),
    piece("Mario_NES_Bros_Castle_Hall", [[-0.5, -0.5, -0.5], [-0.5, -0.5, -0.5]]),
]


def listed(folder: Path, pieces: object = PIECES) -> Path:
    touch(folder / "midi", [f"{entry['id']}.mid" for entry in PIECES])
    (folder / "ratings.json").write_text(json.dumps(pieces), encoding="utf-8")
    return folder


def official(folder: Path) -> Path:
    """Two rounds, pieces and ratings apart, raters of a piece numbered, one piece unknown."""
    root = folder / "labelled"
    (root / "annotations").mkdir(parents=True)
    touch(root / "midi", [f"{entry['id']}.mid" for entry in PIECES])
    for number, members in enumerate((PIECES[:2], PIECES[2:]), start=1):
        pieces, annotations = {}, {}
        for place, entry in enumerate(members):
            pieces[f"piece{place}"] = {
                "audio": "audio/Some Piece.wav",
                "duration": 6,
                "measures": 3,
                "midi": f"{entry['id']}.mid",
                "name": "Some Piece",
            }
            for rater, (v, a) in enumerate(zip(entry["valence"], entry["arousal"], strict=True)):
                rating = {"age": "21-25", "valence": v, "arousal": a, "musicianship": 1}
                annotations[f"piece{place}_{rater + 1}"] = rating
        if number == 1:
            annotations["piece81_1"] = {"valence": [0, 0], "arousal": [0, 0]}
        content = {"annotations": annotations, "pieces": pieces}
        (root / "annotations" / f"vgmidi_raw_{number}.json").write_text(json.dumps(content))
    return folder


def labels_of(track: Track) -> list[object]:
    assert track.curve is not None
    return [
        track.id,
        track.valence,
        track.arousal_std,
        track.valence_by_rater,
        track.curve.times.tolist(),
        track.curve.arousal.tolist(),
    ]


def test_means_curves_and_groups(tmp_path: Path) -> None:
    first, second, third = datasets.load("vgmidi", listed(tmp_path))
    assert first.curve is not None
    np.testing.assert_allclose(first.curve.valence, [0.1, 0.4, 0.8])
    np.testing.assert_allclose(first.curve.arousal, [-0.1, -0.4, -0.8])
    np.testing.assert_allclose(first.curve.times, [1.0, 3.0, 5.0])
    assert first.valence == pytest.approx(1.3 / 3)
    assert first.group == second.group == "Zelda-SNES-Link"
    assert (third.group, third.collection, third.genre) == ("Mario-NES-Bros", "Mario", "")
    assert (first.title, third.title) == ("Overworld", "Castle_Hall")
    assert first.path == tmp_path / "midi" / "Zelda_SNES_Link_Overworld.mid"


def test_single_raters_are_kept(tmp_path: Path) -> None:
    first = datasets.load("vgmidi", listed(tmp_path)).tracks[0]
    assert first.curve is not None
    assert first.raters == 2
    assert first.valence_by_rater == pytest.approx((0.3, 1.7 / 3))
    assert first.arousal_by_rater == pytest.approx((-0.3, -1.7 / 3))
    np.testing.assert_allclose(first.curve.valence_by_rater, PIECES[0]["valence"])
    np.testing.assert_allclose(first.curve.arousal_by_rater, PIECES[0]["arousal"])
    assert first.valence_std == pytest.approx(np.std([0.3, 1.7 / 3], ddof=1))
    np.testing.assert_allclose(first.curve.valence_std, np.array([0.2, 0.2, 0.4]) / np.sqrt(2))


def test_a_surplus_value_is_left_out_of_repaired_labels(tmp_path: Path) -> None:
    dataset = datasets.load("vgmidi", listed(tmp_path))
    second = dataset["Zelda_SNES_Link_Dungeon"]
    assert second.curve is not None
    np.testing.assert_allclose(second.curve.valence, [0.2, 0.2, 0.2])
    assert second.valence == pytest.approx(0.2)
    (repair,) = dataset.findings
    assert (repair.kind, repair.name, repair.tracks) == ("repair", "surplus-value", 1)
    assert second.id in repair.cause
    published = datasets.load("vgmidi", tmp_path, labels="as_published")
    assert not published.findings
    assert published[second.id].valence == pytest.approx((0.1 - 0.1 / 4) / 2)


def test_the_authors_repository_holds_the_same(tmp_path: Path) -> None:
    theirs = datasets.load("vgmidi", official(tmp_path / "theirs"))
    ours = datasets.load("vgmidi", listed(tmp_path / "ours"))
    assert [labels_of(track) for track in theirs] == [labels_of(track) for track in ours]
    notes = [finding for finding in theirs.findings if finding.kind == "note"]
    assert [(note.name, "piece81" in note.cause) for note in notes] == [
        ("ratings-without-piece", True)
    ]


LAST = "Mario_NES_Bros_Castle_Hall"


@pytest.mark.parametrize(
    ("bad", "left", "code"),
    [
        (piece(LAST, [[0.1, 0.2], [0, 0, 0]]), 2, "wrong_count"),
        (piece(LAST, [[0, 0, 0]]), 2, "wrong_count"),
        (piece(LAST, [[0] * 3] * 2, arousal=[[0] * 3] * 3), 2, "wrong_count"),
        (piece(LAST, [[0.1, np.nan, 0.2]] * 2), 2, "not_a_number"),
        (piece(LAST, [[0] * 3] * 2, valence=[["x", 0, 0]] * 2), 2, "not_a_number"),
        (piece(LAST, [[0, 0, 1.5]] * 2), 2, "off_scale"),
        ({"id": LAST}, 2, "value_missing"),
        ("Mario", 2, "value_missing"),
        (piece("Mario", [[0.1, 0.2, 0.3]] * 2), 2, "unknown_name"),
        (piece(LAST, [[0, 0, 0]] * 2, duration_s=0), 2, "unknown_name"),
        (piece("Mario_NES_Bros_Lost", [[0, 0, 0]] * 2), 3, "file_missing"),
        (PIECES[0], 2, "duplicate_id"),
    ],
)
def test_a_bad_piece_is_named(tmp_path: Path, bad: Any, left: int, code: str) -> None:
    folder = listed(tmp_path, [*PIECES[:2], bad])
    assert_found("vgmidi", folder, code, "ratings.json, piece 2", left)


def test_files_that_are_no_rating_files(tmp_path: Path) -> None:
    path = listed(tmp_path) / "ratings.json"
    for text, code in (('[{"id": ', "not_json"), ("{}", "wrong_type")):
        path.write_text(text)
        assert_found("vgmidi", tmp_path, code, "ratings.json", 0)
    path.unlink()
    assert_found("vgmidi", tmp_path, "unreadable_file", "ratings.json", 0)
    raw = official(tmp_path / "theirs") / "labelled" / "annotations" / "vgmidi_raw_1.json"
    raw.write_text('{"pieces": {"piece0": {"name": "x"}}, "annotations": {}}')
    assert_found("vgmidi", tmp_path / "theirs", "value_missing", "raw_1.json, piece0 ('midi')", 1)
    raw.write_text('{"pieces": {}}')
    assert_found("vgmidi", tmp_path / "theirs", "wrong_type", "raw_1.json", 0)


def test_four_files_are_known_to_have_no_ratings(tmp_path: Path) -> None:
    touch(listed(tmp_path) / "midi", [f"more{number}.mid" for number in range(4)])
    report = datasets.check("vgmidi", tmp_path)
    assert not report.problems
    assert [f.tracks for f in report.findings if f.name == "unlabelled-file"] == [4]
    touch(tmp_path / "midi", ["more4.mid"])
    assert len(datasets.check("vgmidi", tmp_path).problems) == 5


@pytest.mark.data
def test_the_real_pieces(data: Path) -> None:
    dataset = datasets.load("vgmidi", data / "vgmidi")
    assert (len(dataset), len({track.group for track in dataset})) == (151, 28)
    assert {track.raters for track in dataset} == {28, 29, 30, 31, 32}
    assert [(f.name, f.tracks) for f in dataset.findings] == [("surplus-value", 3)]
    assert not datasets.check("vgmidi", data / "vgmidi").problems
    ratings = np.array([(track.valence, track.arousal) for track in dataset], float)
    assert abs(np.corrcoef(ratings.T)[0, 1]) < 0.1


@pytest.mark.data
def test_the_real_means_are_reliable(data: Path) -> None:
    tracks = datasets.load("vgmidi", data / "vgmidi")
    valence = reliability([track.valence_by_rater or () for track in tracks])
    arousal = reliability([track.arousal_by_rater or () for track in tracks])
    assert (valence, arousal) == pytest.approx((0.92, 0.94), abs=0.01)
