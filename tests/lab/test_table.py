"""Rows of labelled vectors."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from hevner.datasets.track import Curve, Track
from hevner.lab.default import table


def test_windows_cover_a_piece_half_overlapping() -> None:
    spans = table.windows(40.0, 15.0)
    assert spans[0] == (0.0, 15.0)
    assert spans[-1] == (25.0, 40.0)
    steps = np.diff([start for start, _ in spans])
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] <= 7.5
    assert table.windows(9.0, 15.0) == [(0.0, 9.0)]


def test_a_window_has_the_ratings_of_its_own_time() -> None:
    times = np.arange(10) + 0.5
    curve = Curve(times, times / 10, -times / 10)
    clip = Track("vgmidi", "a", Path("a"), "a", "a", valence=0.9, arousal=0.8, curve=curve)
    np.testing.assert_allclose(table._emotion(clip, None), [0.9, 0.8])
    np.testing.assert_allclose(table._emotion(clip, (2.0, 5.0)), [0.35, -0.35])
    np.testing.assert_allclose(table._emotion(clip, (2.1, 2.2)), [0.25, -0.25])
    assert np.isnan(table._emotion(dataclasses.replace(clip, valence=None), None)[0])
