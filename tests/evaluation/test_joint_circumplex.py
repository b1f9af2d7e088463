"""Emotion words of points, rightly and as published."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hevner.circumplex import WORDS
from hevner.errors import DataError
from hevner.evaluation.joint.circumplex import Mode, classes, words


def at(*angles: float) -> np.ndarray:
    return np.array([[math.cos(math.radians(a)), math.sin(math.radians(a))] for a in angles])


def names(points: np.ndarray, mode: Mode = "repaired") -> list[str]:
    return [WORDS[number].name for number in words(points, mode)]


def test_repaired_bins() -> None:
    assert names(at(47, -170, 0.5, 8.7, -0.5, 179.5, -179.5)) == [
        *("exalted", "dark", "fun", "fun", "cheerful", "tense", "creepy")
    ]


def test_published_bins_with_their_faults() -> None:
    # 47 falls to 36; -170 and -164 to -180, which is turned to 0; -175 to -189, turned to -9.
    faulty = at(47, -170, -164, -175)
    assert names(faulty, "as_published") == ["spirited", "fun", "fun", "cheerful"]
    assert names(faulty) == ["exalted", "dark", "dark", "creepy"]
    # Fractions are lost towards 0, so that of -0.5 it is found at 0 and 9.8 at 9.
    assert names(at(9.8, -0.5), "as_published") == ["rollicking", "fun"]
    exact = np.array([[1, 1], [0, 1], [1, 0], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]])
    assert names(exact, "as_published") == names(exact)


def test_published_bins_of_every_whole_degree() -> None:
    for degree in range(-179, 180):
        # Away from whole numbers by less than their fraction, which is dropped towards 0.
        ((number,),) = [words(at(degree + math.copysign(0.5, degree)), "as_published")]
        lowered = degree if degree % 9 == 0 and degree > -180 else degree - degree % 9 - 9
        expected = lowered if lowered > -180 else lowered + 180
        assert WORDS[number].angle == expected, degree


def test_classes_of_eight_words() -> None:
    centres = np.array([word.point() for word in WORDS])
    assert classes(centres).tolist() == [word.group for word in WORDS]
    assert classes(at(-170), "as_published") == [1]
    assert classes(at(-170)) == [3]


def test_ratings_on_0_to_1_all_lie_in_the_first_quadrant() -> None:
    rated = np.random.default_rng(0).random((200, 2))
    assert set(classes(rated, "as_published")) <= {0, 1}
    assert set(classes(2 * rated - 1)) == {0, 1, 2, 3, 4}


def test_points_are_checked() -> None:
    with pytest.raises(DataError, match="shape"):
        words([[0.1, 0.2, 0.3]])
    with pytest.raises(DataError, match="NaN"):
        words([[0.1, np.nan]])
