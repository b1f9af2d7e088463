"""Agreement of raters over time."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from hevner.datasets.reliability import STEP_S, table, together
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
