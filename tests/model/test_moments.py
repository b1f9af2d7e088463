"""The course of a piece: moments follow the piece and what was heard before them."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.arrays import Floats, Mask
from hevner.model.moments import STEP_S, ending, predict
from hevner.model.prediction import Prediction

WINDOW = 15.0


def one(values: list[list[float]], halves: list[float]) -> Prediction:
    array, count = np.array(values, np.float32), len(values)
    widths = np.tile(np.array(halves, np.float32), (count, 1))
    return Prediction(
        {"emotion": array, "tension": -array[:, :1], "gems": array * 2},
        {"emotion": widths, "tension": widths[:, :1]},
        np.full(count, 0.5, np.float32),
    )


def test_a_window_ends_with_its_moment() -> None:
    # Of fifteen seconds around a moment, the moment two steps later is the end.
    np.testing.assert_array_equal(ending(6, WINDOW), [0, 0, 0, 1, 2, 3])
    np.testing.assert_array_equal(ending(3, 3.01), [0, 1, 2])
    middle = np.arange(20) * STEP_S
    ends = middle[ending(20, 30.0)] + 15.0
    assert np.abs(ends[8:] - (middle[8:] + STEP_S / 2)).max() < STEP_S


class Following:
    """A model whose course is the first two numbers of a vector; its windows are all alike."""

    def __init__(self, windows: Prediction) -> None:
        self.windows, self.card = windows, {"course_half_width": [0.03, 0.04]}

    def predict(self, vectors: Floats, seconds: float, *, windows: bool) -> Prediction:
        assert windows
        assert seconds == 40
        return self.windows.where(slice(len(vectors)))

    def course(self, vectors: Floats) -> Floats | None:
        return vectors[:, :2]


WHOLE, WINDOWS = one([[0.5, -0.2]], [0.4, 0.3]), one([[0.9, 0.9]] * 12, [0.6, 0.6])
EVERY = np.ones(12, bool)


def follow(vectors: Floats, sounding: Mask = EVERY, window: float = WINDOW) -> Prediction:
    return predict(Following(WINDOWS), WHOLE, vectors, 40.0, sounding, window)  # type: ignore[arg-type]


def test_moments_lie_around_the_piece_as_far_as_they_sound(rng: np.random.Generator) -> None:
    sounding = np.arange(12) % 5 != 4
    found = follow((0.1 * rng.normal(size=(12, 6))).astype(np.float32), sounding).values
    np.testing.assert_allclose(found[sounding].mean(axis=0), WHOLE.values[0], atol=1e-6)
    assert np.abs(found[~sounding].mean(axis=0) - WHOLE.values[0]).max() > 1e-3


def test_what_comes_later_changes_no_step_before(rng: np.random.Generator) -> None:
    vectors = (0.02 * rng.normal(size=(12, 6))).astype(np.float32)
    changed = vectors.copy()
    # The window around the moment 8 ends with the moment 10.
    changed[8:] += 0.1
    first, second = (np.diff(follow(one).values, axis=0) for one in (vectors, changed))
    np.testing.assert_allclose(first[:9], second[:9], atol=1e-5)
    assert np.abs(first[9] - second[9]).max() > 1e-2


def test_a_moment_has_the_value_of_the_piece_and_its_difference() -> None:
    differences = np.array([[0.1, 0.0], [-0.8, 0.1], [0.7, -0.1]], np.float32)
    # Where scores begin means nothing.
    found = follow(differences + 3, np.ones(3, bool), STEP_S)
    np.testing.assert_allclose(found.values, [[0.6, -0.2], [-0.3, -0.1], [1.0, -0.3]], atol=1e-6)
    expected = [np.hypot(0.4, 0.03), np.hypot(0.3, 0.04)]
    np.testing.assert_allclose(found.halves, [expected] * 3, rtol=1e-6)
    # Tension falls where valence rises and rises with arousal.
    tension = found.outputs["tension"][:, 0]
    np.testing.assert_allclose(tension[:2], [-0.5 - 0.086, -0.5 + 0.688 + 0.027], atol=1e-6)
    half = np.hypot(0.4, 0.03 * 0.86 + 0.04 * 0.27)
    np.testing.assert_allclose(found.half_widths["tension"], [[half]] * 3, rtol=1e-5)
    np.testing.assert_array_equal(found.outputs["gems"], WINDOWS.outputs["gems"][:3])
    np.testing.assert_array_equal(found.familiarity, WINDOWS.familiarity[:3])


def test_a_model_without_a_course_takes_each_window_on_its_own() -> None:
    model = Following(WINDOWS)
    model.course = lambda vectors: None  # type: ignore[method-assign]
    found = predict(model, WHOLE, np.zeros((3, 6), np.float32), 40.0, EVERY[:3], WINDOW)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.values, WINDOWS.values[:3])
    np.testing.assert_array_equal(found.halves, WINDOWS.halves[:3])


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_piece_has_the_value_of_the_piece(count: int, rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(count, 6)).astype(np.float32)
    found = follow(vectors, np.ones(count, bool))
    np.testing.assert_allclose(found.values, np.repeat(WHOLE.values, count, axis=0), atol=1e-6)
