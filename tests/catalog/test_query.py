"""What can be wanted, and what makes no sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.catalog import course
from hevner.catalog.course import Course
from hevner.catalog.query import Query
from hevner.errors import DataError, HevnerError
from hevner.model.description import CURVE_POINTS
from hevner.words import Lexicon
from hevner.words.describing import describe
from tests.errors import raises

UNIT = st.floats(-1, 1)
RISING = st.lists(st.tuples(st.floats(0.1, 10), UNIT, UNIT), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("scale", "values"),
    [("-1..1", (0.5, -0.25, 0.2)), ("1..9", (7, 4, 0.8)), ("0..1", (0.75, 0.375, 0.1))],
)
def test_points_may_be_on_any_scale(scale: str, values: tuple[float, float, float]) -> None:
    valence, arousal, radius = values
    place = Query.of(valence=valence, arousal=arousal, radius=radius, scale=scale).place
    assert place is not None
    assert (place.valence, place.arousal) == pytest.approx((0.5, -0.25))
    assert place.radius == pytest.approx(0.2)


def test_point_and_words_may_be_wanted_together() -> None:
    query = Query.of(valence=0.1, arousal=0, mood="calm, slightly nostalgic", unwanted="very sad")
    assert query.place is not None
    assert [str(one) for one in query.feelings] == ["calm", "slightly nostalgic"]
    assert [str(one) for one in query.unwanted] == ["very sad"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "nothing_wanted"),
        ({"text": "  "}, "nothing_wanted"),
        ({"unwanted": "sad"}, "nothing_wanted"),
        ({"valence": 0.5}, "incomplete"),
        ({"arousal": 0.5, "mood": "calm"}, "incomplete"),
        ({"radius": 0.5, "mood": "calm"}, "incomplete"),
        ({"valence": 2, "arousal": 0}, "out_of_range"),
        ({"valence": 0, "arousal": float("nan")}, "out_of_range"),
        ({"valence": float("inf"), "arousal": 0}, "out_of_range"),
        ({"valence": 0, "arousal": 0, "radius": 0}, "out_of_range"),
        ({"valence": 0, "arousal": 0, "radius": float("nan")}, "out_of_range"),
        ({"valence": 0, "arousal": 0, "radius": float("inf")}, "out_of_range"),
        ({"mood": "calm", "like": "a.mp3"}, "conflict"),
        ({"path": "sad->calm", "like": "a.mp3"}, "conflict"),
        ({"path": "sad->calm", "mood": "calm"}, "conflict"),
        ({"path": "sad->calm", "moments": True}, "conflict"),
        ({"text": "rain", "path": "tense->calm"}, "conflict"),
        ({"text": "rain", "moments": True}, "conflict"),
        ({"mood": "calm, sad", "unwanted": "sad"}, "conflict"),
        ({"mood": "calm", "count": 0}, "out_of_range"),
        ({"mood": "calm", "count": -3}, "out_of_range"),
        ({"path": "film->calm"}, "word_without_place"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict, code: str) -> None:
    with raises(HevnerError, code) as caught:
        Query.of(**asked)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "asked",
    [
        {"mood": "calmm"},
        {"mood": "calm", "unwanted": "sadd"},
        {"mood": "calm", "scale": "9..1"},
        {"path": "calm->"},
    ],
)
def test_unknown_words_and_scales_are_refused(asked: dict) -> None:
    with pytest.raises(HevnerError) as caught:
        Query.of(**asked)
    assert caught.value.remedy


def test_shades_of_a_word_may_be_wanted_and_not_wanted() -> None:
    query = Query.of(mood="slightly sad", unwanted="very sad")
    assert str(query.unwanted[0]) == "very sad"


# Courses


@pytest.mark.parametrize("text", ["tense->very calm", "tense → very calm", " Tension -> very calm"])
def test_words_with_arrows_are_a_course(text: str) -> None:
    wanted = Query.of(path=text).course
    assert wanted is not None
    ends = describe(Lexicon().parse("tense, very calm")).point
    # A straight line: each eighth is as far from the next, and the middle is the mean of the ends.
    np.testing.assert_allclose(np.diff(wanted.points, n=2), 0, atol=1e-5)
    np.testing.assert_allclose(wanted.mean, ends.mean(axis=0), atol=1e-5)
    step = (ends[1] - ends[0]) / CURVE_POINTS
    np.testing.assert_allclose(wanted.points[:, 0], ends[0] + step / 2, atol=0.01)


@given(RISING, st.floats(0.01, 1000), st.floats(-50, 50))
def test_units_of_time_do_not_matter(
    rows: list[tuple[float, float, float]], unit: float, start: float
) -> None:
    steps, valence, arousal = np.array(rows).T
    times = np.cumsum(steps)
    first = Course.through(times, valence, arousal)
    second = Course.through(start + unit * times, valence, arousal)
    np.testing.assert_allclose(first.points, second.points, atol=1e-3)
    assert np.abs(first.points).max() <= 1 + 0.01


def test_course_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "drawn.csv"
    path.write_text("note, time ,valence,arousal\nx,0,1,9\ny,10,9,1\n\n", "utf-8-sig")
    read = Query.of(path=path, scale="1..9").course
    assert read is not None
    np.testing.assert_allclose(read.mean, 0, atol=1e-5)
    assert read.points[0, 0] == pytest.approx(-1 + 1 / CURVE_POINTS, abs=0.01)
    assert read.points[1, 0] == pytest.approx(1 - 1 / CURVE_POINTS, abs=0.01)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("time,valence\n0,0\n1,1\n", "arousal"),
        ("time,valence,arousal\n", "no rows"),
        ("time,valence,arousal\n0,0,0\n", "do not rise"),
        ("time,valence,arousal\n1,0,0\n0,0,0\n", "do not rise"),
        ("time,valence,arousal\n0,0,0\n0,0,0\n", "do not rise"),
        ("time,valence,arousal\n0,0,0\n1,nan,0\n", "not a number"),
        ("time,valence,arousal\n0,0,0\n1,,0\n", "not a number"),
        ("time,valence,arousal\n0,0,0\n1,2,0\n", "outside the scale"),
        ("", "."),
    ],
)
def test_files_that_draw_no_course_are_refused(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "drawn.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=cause):
        course.read(path)


def test_missing_file_is_named_with_the_other_way(tmp_path: Path) -> None:
    with raises(DataError, "file_missing", subject="none.csv") as caught:
        Query.of(path=str(tmp_path / "none.csv"))
    assert "tense->calm" in caught.value.remedy
