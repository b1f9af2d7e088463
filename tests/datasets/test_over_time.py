"""Agreement of raters over time."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from hevner.datasets.reliability import LEAST, STEP_S, courses_of, table, together
from hevner.datasets.track import Curve, Track

TIMES = np.arange(0, 30, STEP_S)


def test_courses_are_correlated_in_pairs() -> None:
    rng = np.random.default_rng(1)
    rows = np.cumsum(rng.normal(size=(4, len(TIMES))), axis=1)
    pairs = [np.corrcoef(one, other)[0, 1] for one, other in combinations(rows, 2)]
    assert together([(TIMES, row) for row in rows]) == pytest.approx(np.mean(pairs))


def test_courses_are_compared_at_common_moments() -> None:
    wave = np.sin(TIMES / 3)
    late, seldom = TIMES[20:] + 0.2, TIMES[::3]
    assert together([(TIMES, wave), (late, np.sin(late / 3) - 5)]) == pytest.approx(1, abs=1e-3)
    assert together([(TIMES, wave), (seldom, -np.sin(seldom / 3))]) == pytest.approx(-1, abs=0.02)


def test_who_does_not_move_or_meets_nobody_is_left_out() -> None:
    wave, still = (TIMES, np.sin(TIMES)), (TIMES, np.full(len(TIMES), 0.3))
    later = (TIMES + 28, np.cos(TIMES))
    assert together([wave, still, wave, later]) == pytest.approx(1)
    for courses in ([], [wave], [wave, still], [wave, later]):
        assert np.isnan(together(courses))


def test_two_have_as_many_moments_in_common_as_it_takes() -> None:
    wave = np.sin(TIMES)
    for count, is_enough in ((LEAST, True), (LEAST - 1, False)):
        start = TIMES[:count], wave[:count]
        assert np.isfinite(together([(TIMES, wave), start])) == is_enough


def test_one_who_ends_early_cuts_nobody_else_off() -> None:
    """Two who differ at first and agree later, beside one who gives up before."""
    one = np.sin(TIMES)
    other = np.where(TIMES < 8, -one, one)
    still = TIMES[:8], np.full(8, 0.3)
    whole = together([(TIMES, one), (TIMES, other)])
    assert together([(TIMES, one), (TIMES, other), still]) == whole


def test_rounding_is_no_movement_and_the_origin_of_a_scale_does_not_count() -> None:
    wave = np.sin(TIMES)
    rounded = np.where(np.arange(len(TIMES)) % 2, 0.3, 0.1 + 0.2)
    assert np.ptp(rounded) > 0
    assert np.isnan(together([(TIMES, wave), (TIMES, rounded)]))
    small = 1e-4 * np.cos(TIMES / 2)
    found = together([(TIMES, wave), (TIMES, small)])
    assert together([(TIMES, wave + 5), (TIMES, small + 100)]) == pytest.approx(found)


def track(number: int, sign: float) -> Track:
    wave = np.sin(TIMES * (1 + number / 5))
    rows = np.array([wave, sign * wave])
    rows[1, :4] = np.nan
    curve = Curve(TIMES, wave, wave, valence_by_rater=rows, arousal_by_rater=rows * 0)
    given = {"valence": 0.1 * number, "arousal": 0.0}
    return Track("own", str(number), None, group=str(number), recording=str(number),
                 curve=curve, by_rater={"Ann": given, "Ben": given})  # fmt: skip


def test_agreement_over_time_is_a_mean_over_pieces() -> None:
    rows: list[Any] = table([track(number, -1 if number == 3 else 1) for number in range(4)])
    (found,) = [row for row in rows if row["measure"] == "over time"]
    assert (found["label"], found["value"], found["n"]) == ("valence", 0.5, 4)
    assert found["raters"] == 2
    assert found["low"] is not None
    assert -1 <= found["low"] < 0.5 < found["high"] <= 1
    few = table([track(number, 1) for number in range(2)])
    assert [row for row in few if row["measure"] == "over time"] == []


def test_pieces_that_nobody_rated_over_time_stand_behind_no_interval() -> None:
    some = [track(number, -1 if number == 3 else 1) for number in range(4)]
    alone = replace(track(9, 1), curve=None)
    (found,) = [row for row in table([alone, *some]) if row["measure"] == "over time"]
    (without,) = [row for row in table(some) if row["measure"] == "over time"]
    assert found == without


def test_a_rater_without_any_moment_has_no_course() -> None:
    both = track(0, 1)
    assert both.curve is not None
    rows = np.array([*both.curve.valence_by_rater, np.full(len(TIMES), np.nan)])
    three = replace(both, curve=replace(both.curve, valence_by_rater=rows))
    assert len(courses_of(three, "valence")) == len(courses_of(both, "valence")) == 2
    assert together(courses_of(three, "valence")) == pytest.approx(1)
