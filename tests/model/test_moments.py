"""The course of a piece: moments follow the piece and what was heard before them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hevner.model.moments import STEP_S, Within, ending, predict
from hevner.model.prediction import Prediction

WINDOW = 15.0
WITHIN = Within(
    np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32) * 0.02,
    np.array([0.03, 0.04], np.float32),
)


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


def test_differences_are_around_the_mean_of_what_sounds(rng: np.random.Generator) -> None:
    x = rng.normal(size=(12, 6)).astype(np.float32)
    sounding = np.arange(12) % 5 != 4
    found = WITHIN.differences(x, sounding, WINDOW)
    np.testing.assert_allclose(found[sounding].mean(axis=0), 0, atol=1e-6)
    assert np.abs(found[~sounding].mean(axis=0)).max() > 1e-3


def test_what_comes_later_changes_no_step_before(rng: np.random.Generator) -> None:
    x = rng.normal(size=(12, 6)).astype(np.float32)
    changed = x.copy()
    # The window around the moment 8 ends with the moment 10.
    changed[8:] += 5
    every = np.ones(12, bool)
    first, second = (np.diff(WITHIN.differences(a, every, WINDOW), axis=0) for a in (x, changed))
    np.testing.assert_allclose(first[:9], second[:9], atol=1e-5)
    assert np.abs(first[9] - second[9]).max() > 1e-2


def test_a_moment_has_the_value_of_the_piece_and_its_difference() -> None:
    whole, moments = one([[0.5, -0.2]], [0.4, 0.3]), one([[0.9, 0.9]] * 3, [0.6, 0.6])
    differences = np.array([[0.1, 0.0], [-0.8, 0.1], [0.7, -0.1]], np.float32)
    model = SimpleNamespace(
        within=replace(WITHIN, weights=np.eye(2)),
        standardise=lambda vectors: vectors,
        predict=lambda _vectors, windows: moments if windows else whole,
    )
    found = predict(model, whole, differences, np.ones(3, bool), STEP_S)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.values, [[0.6, -0.2], [-0.3, -0.1], [1.0, -0.3]], atol=1e-6)
    expected = [np.hypot(0.4, 0.03), np.hypot(0.3, 0.04)]
    np.testing.assert_allclose(found.halves, [expected] * 3, rtol=1e-6)
    # Tension falls where valence rises and rises with arousal.
    tension = found.outputs["tension"][:, 0]
    np.testing.assert_allclose(tension[:2], [-0.5 - 0.086, -0.5 + 0.688 + 0.027], atol=1e-6)
    half = np.hypot(0.4, 0.03 * 0.86 + 0.04 * 0.27)
    np.testing.assert_allclose(found.half_widths["tension"], [[half]] * 3, rtol=1e-5)
    np.testing.assert_array_equal(found.outputs["gems"], moments.outputs["gems"])
    np.testing.assert_array_equal(found.familiarity, moments.familiarity)


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_piece_has_the_value_of_the_piece(count: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(count, 6)).astype(np.float32)
    found = WITHIN.differences(x, np.ones(count, bool), WINDOW)
    np.testing.assert_allclose(found, 0, atol=1e-7)
