"""What decides an analysis, without the analysis."""

from __future__ import annotations

import pytest

from hevner.defaults import (
    DEFAULT_WINDOW_S,
    MINIMUM_WINDOW_S,
    MUSIC_WEIGHTS,
    checked_window,
    identity,
)
from hevner.errors import HevnerError
from hevner.features import PATCH_S
from hevner.music import modes, network, rhythm_network
from tests.errors import raises


def test_constants_are_those_of_the_heavy_modules() -> None:
    assert MINIMUM_WINDOW_S == PATCH_S
    assert all(path.is_file() for path in MUSIC_WEIGHTS)
    assert [path.name for path in MUSIC_WEIGHTS] == [
        network.WEIGHTS,
        modes.WEIGHTS,
        rhythm_network.WEIGHTS,
    ]


def test_window_is_the_usual_one_unless_told() -> None:
    assert checked_window(None) == DEFAULT_WINDOW_S
    assert checked_window(20) == 20.0


@pytest.mark.parametrize("window", [0.0, 3.0, float("inf"), float("nan")])
def test_senseless_window_is_refused(window: float) -> None:
    with raises(HevnerError, "window_too_short"):
        identity(window)
