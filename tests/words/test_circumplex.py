"""The 40 words on the circle."""

from __future__ import annotations

import math

import pytest

from hevner.words.circumplex import CLASSES, WORDS, of


def test_forty_words_run_clockwise_nine_degrees_apart() -> None:
    assert [len(names) for names in CLASSES] == [8] * 5
    assert len({word.name for word in WORDS}) == 40
    assert [word.angle % 360 for word in WORDS] == [(90 - 9 * k) % 360 for k in range(40)]
    assert all(-180 < word.angle <= 180 for word in WORDS)
    assert [word.name for word in WORDS] == [name for names in CLASSES for name in names]


@pytest.mark.parametrize(
    ("name", "angle", "group"),
    [
        *(("vehement", 90, 0), ("rowdy", 27, 0), ("fun", 0, 1), ("tender", -45, 1)),
        *(("pensive", -90, 2), ("autumnal", -117, 2), ("dark", -171, 3), ("creepy", 180, 3)),
        *(("tense", 171, 3), ("paranoid", 162, 4), ("fiery", 99, 4)),
    ],
)
def test_words_lie_where_they_were_published(name: str, angle: int, group: int) -> None:
    (word,) = [word for word in WORDS if word.name == name]
    assert (word.angle, word.group) == (angle, group)
    assert name in CLASSES[group]


def test_point_of_a_word() -> None:
    by_name = {word.name: word for word in WORDS}
    assert by_name["vehement"].point(0.5) == pytest.approx((0, 0.5))
    assert by_name["pensive"].point() == pytest.approx((0, -1))
    assert by_name["creepy"].point(0.2) == pytest.approx((-0.2, 0))
    assert by_name["tender"].point() == pytest.approx((0.5**0.5, -(0.5**0.5)))


@pytest.mark.parametrize("radius", [0.01, 0.3, 1.0])
def test_every_word_names_its_own_point(radius: float) -> None:
    assert [of(*word.point(radius)) for word in WORDS] == list(WORDS)


def test_a_word_holds_the_nine_degrees_from_its_angle_on() -> None:
    for tenths in range(-1800, 1800):
        angle = tenths / 10
        word = of(math.cos(math.radians(angle)), math.sin(math.radians(angle)))
        assert 0 <= round((angle - word.angle) % 360, 6) < 9, angle
