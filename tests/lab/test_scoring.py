"""Scores of readings whose agreement with the labels is known."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.datasets.track import Curve, Track
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.heads import HEADS
from hevner.lab.scoring import page, scores
from hevner.lab.scoring.readings import Readings
from hevner.model.prediction import Prediction

N = 40


def prediction(count: int, **outputs: np.ndarray) -> Prediction:
    """Readings of some heads; the others are lacking."""
    blank = np.zeros((count, 0), np.float32)
    made = {head.name: outputs.get(head.name, blank) for head in HEADS} | outputs
    halves = {head.name: np.full_like(made[head.name], 0.2) for head in HEADS if head.has_intervals}
    return Prediction(made, halves, np.ones(count, np.float32))


def found(
    tracks: list[Track],
    names: dict[str, tuple[str, ...]] | None = None,
    courses: dict[int, np.ndarray] | None = None,
    **outputs: np.ndarray,
) -> tuple[dict[tuple[str, str], scores.OfRows], list[str]]:
    outputs.setdefault("emotion", np.zeros((len(tracks), 2), np.float32))
    readings = Readings(tuple(tracks), prediction(len(tracks), **outputs), courses or {})
    named, notes = scores.scores_of(readings, names or {})
    return {(label, metric): of for label, metric, of, _ in named}, notes


def track(number: int, **labels: object) -> Track:
    return Track("own", str(number), None, group=str(number // 2), recording="", **labels)  # type: ignore[arg-type]


ALL = np.arange(N)


def test_ratings_and_intervals() -> None:
    truth = np.linspace(-0.8, 0.8, N)
    guess = np.stack([truth / 2 + 0.1, -truth], axis=1).astype(np.float32)
    tracks = [track(k, valence=v, arousal=v) for k, v in enumerate(truth)]
    table, _ = found(tracks, emotion=guess)
    assert table["valence", "r"](ALL) == pytest.approx(1)
    assert table["arousal", "r"](ALL) == pytest.approx(-1)
    assert table["valence", "r2_affine"](ALL) == pytest.approx(1)
    error = ((truth - guess[:, 0]) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    assert table["valence", "r2"](ALL) == pytest.approx(1 - error, abs=1e-6)
    inside = np.abs(truth - guess[:, 0]) <= 0.2
    assert table["valence", "coverage"](ALL) == pytest.approx(inside.mean())
    assert table["valence", "interval width"](ALL) == pytest.approx(0.4)


def test_basic_emotions_are_compared_on_their_own_scale() -> None:
    nan = float("nan")
    given = np.linspace(-1, 1, N)
    tracks = [track(k, emotions=(nan, nan, v, nan, nan)) for k, v in enumerate(given)]
    read = np.tile(((given + 1) / 2)[:, None], (1, 5)).astype(np.float32)
    table, _ = found(tracks, emotions=read)
    assert table["joy", "r2"](ALL) == pytest.approx(1)
    assert ("anger", "r2") not in table


def test_what_is_not_predicted_is_said_and_not_scored() -> None:
    table, notes = found([track(k, tension=0.1 * (k % 5)) for k in range(N)])
    assert table == {}
    assert notes == ["the model does not predict tension"]


def test_quadrants_by_head_and_by_signs() -> None:
    quadrants = list(Quadrant)
    tracks = [track(k, quadrant=quadrants[k % 4]) for k in range(N)]
    places = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)[ALL % 4] / 2
    wrong = np.roll(np.eye(4, dtype=np.float32)[ALL % 4], 1, axis=1)
    table, _ = found(tracks, emotion=places, quadrants=wrong)
    assert table["quadrant", "accuracy by signs"](ALL) == 1
    assert table["quadrant", "auc of valence"](ALL) == 1
    assert table["quadrant", "accuracy"](ALL) == 0
    assert table["quadrant", "share of the largest class"](ALL) == 0.25
    assert table["quadrant Q1", "auc"](ALL) < 0.5


def test_mood_clusters_by_the_axis_that_parts_them() -> None:
    tracks = [track(k, cluster=2 + k % 2) for k in range(N)]
    places = np.array([[0.5, 0], [-0.5, 0]], np.float32)[ALL % 2]
    table, _ = found(tracks, emotion=places)
    assert table["cluster", "auc of valence, cheerful against wistful"](ALL) == 1


def test_own_classes_by_name() -> None:
    tracks = [track(k, category=("waltz", "march")[k % 2]) for k in range(N)]
    chances = np.array([[0.2, 0.8], [0.9, 0.1]], np.float32)[ALL % 2]
    table, notes = found(tracks, {"classes": ("march", "waltz")}, classes=chances)
    assert table["category", "accuracy"](ALL) == 1
    assert table["category waltz", "auc"](ALL) == 1
    assert notes == []
    table, notes = found(tracks)
    assert table == {}
    assert notes == ["the model does not know the classes march, waltz"]


def test_classes_that_are_words_are_scored_by_a_model_that_never_saw_them() -> None:
    """ "sad" is a tag; "sorrowful" only a place on the plane."""
    tracks = [track(k, category=("sad", "happy")[k % 2]) for k in range(N)]
    tags = np.zeros((N, len(MOOD_TAGS)), np.float32)
    tags[::2, MOOD_TAGS.index("sad")] = tags[1::2, MOOD_TAGS.index("happy")] = 0.5
    table, _ = found(tracks, tags=tags)
    assert table["category sad", "auc"](ALL) == 1
    places = np.array([[-0.5, -0.5], [0.5, 0.5]], np.float32)[ALL % 2]
    table, _ = found(tracks, emotion=places)
    assert table["category", "mean auc"](ALL) == 1
    assert ("category", "accuracy") not in table  # distances to words are no probabilities


def test_tags_known_and_own_and_unknown() -> None:
    tracks = [track(k, tags=("Sad", "waltz", "noise") if k % 2 else ()) for k in range(N)]
    tags = np.zeros((N, len(MOOD_TAGS)), np.float32)
    tags[1::2, MOOD_TAGS.index("sad")] = 0.5
    own = (1 - ALL % 2)[:, None].astype(np.float32)
    table, notes = found(tracks, {"own_tags": ("waltz",)}, tags=tags, own_tags=own)
    assert table["tag Sad", "auc"](ALL) == 1
    assert table["tag waltz", "auc"](ALL) == 0
    assert table["tags", "mean auc"](ALL) == 0.5
    assert table["tag Sad", "ap"](ALL) == 1
    assert notes == ["the model does not know the tags noise"]


def test_shares_of_listeners() -> None:
    tracks = [track(k, gems=tuple((k + j) % 9 / 9 for j in range(9))) for k in range(N)]
    shares = np.array([one.gems for one in tracks], np.float32)
    table, _ = found(tracks, gems=shares)
    assert all(table[f"felt {name}", "r"](ALL) == pytest.approx(1) for name in GEMS)


def test_moments_within_pieces() -> None:
    """The level of a piece says nothing about its course."""
    times = np.arange(6.0)
    courses, tracks = {}, []
    for k in range(4):
        wave = np.sin(times + k) / 2
        tracks.append(track(k, curve=Curve(times, wave, wave), valence=0.0, arousal=0.0))
        courses[k] = np.stack([wave / 2 + k, -wave], axis=1)
    table, _ = found(tracks, courses=courses)
    assert table["valence over time", "r within a piece"](np.arange(4)) == pytest.approx(1)
    assert table["arousal over time", "r within a piece"](np.arange(4)) == pytest.approx(-1)


def scored(status: list[str]) -> list[dict[str, object]]:
    """Rows of a model that is right on the first half and says the opposite on the second."""
    truth = np.tile(np.linspace(-0.8, 0.8, N // 2), 2)
    guess = np.where(ALL < N // 2, truth, -truth)
    tracks = [track(k, valence=v) for k, v in enumerate(truth)]
    pairs = np.stack([guess, guess], axis=1).astype(np.float32)
    readings = Readings(tuple(tracks), prediction(N, emotion=pairs), {})
    named, _ = scores.scores_of(readings, {})
    return scores.rows_of(readings, named, np.array(status), {"model": "m-1", "dataset": "own"})


def test_rows_are_labelled_and_seen_music_is_scored_apart() -> None:
    rows = scored(["unseen"] * N)
    assert {row["music"] for row in rows} == {"unseen"}
    (first,) = [row for row in rows if row["metric"] == "r"]
    assert (first["n"], first["groups"], first["model"]) == (N, N // 2, "m-1")
    assert first["low"] < first["value"] < first["high"]  # type: ignore[operator]
    rows = scored(["seen"] * (N // 2) + ["unseen"] * (N // 2))
    r = {row["music"]: row["value"] for row in rows if row["metric"] == "r"}
    assert r == {"seen and unseen": pytest.approx(0), "seen": 1, "not seen": -1}


def test_the_page_shows_plots_and_worst_errors() -> None:
    truth = np.linspace(-0.8, 0.8, N)
    guess = truth.copy()
    guess[7] = 0.9
    tracks = [
        track(k, valence=v, category=("sad", "<b>")[k % 2], title=f"song {k}")
        for k, v in enumerate(truth)
    ]
    chances = np.eye(2, dtype=np.float32)[ALL % 2]
    pairs = np.stack([guess, guess], axis=1).astype(np.float32)
    readings = Readings(tuple(tracks), prediction(N, emotion=pairs, classes=chances), {})
    names = {"classes": ("sad", "<b>")}
    named, _ = scores.scores_of(readings, names)
    rows = scores.rows_of(readings, named, np.array(["unseen"] * N), {"dataset": "own"})
    axes, classes = scores.pictures(readings, names)
    sheet = page.Sheet("m on own", ["a & b"], True, rows, tracks, axes, classes)
    text = page.page([sheet], "m", lambda one: f"[{one.id}]")
    assert text.count("<circle") == N
    assert '<p class="warning">a &amp; b</p>' in text
    assert "<b>" not in text
    first = text[text.index("Worst errors") :].split("<tr>")[2]
    assert "song 7<" in first
    assert first.endswith("<td>[7]</td></tr>\n")
    assert "http:" not in text
    assert "https:" not in text
