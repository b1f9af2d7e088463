"""The example pieces are analysed as they were when the model was accepted.

Tolerances allow for other processors and library versions, not for another model;
`tests/golden/regenerate.py` writes the file anew.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.regenerate import AUDIO, GOLDEN, describe

EXPECTED: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_example_is_there() -> None:
    assert set(EXPECTED) == {path.stem for path in AUDIO.glob("*.ogg")}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_is_analysed_as_before(name: str) -> None:
    found, expected = describe(AUDIO / f"{name}.ogg"), EXPECTED[name]
    assert found.keys() == expected.keys()
    assert found["key"] == expected["key"]
    assert found["quadrants"] == pytest.approx(expected["quadrants"], abs=0.02)
    for block, numbers in expected["embedding"].items():
        assert found["embedding"][block] == pytest.approx(numbers, abs=0.02, rel=0.005), block
    assert found["duration"] == pytest.approx(expected["duration"], abs=0.01)
    assert found["tempo"] == pytest.approx(expected["tempo"], rel=0.01)
    assert found["key_confidence"] == pytest.approx(expected["key_confidence"], abs=0.03)
    for axis in ("valence", "arousal", "valence_width", "arousal_width"):
        assert found[axis] == pytest.approx(expected[axis], abs=0.02), axis
    assert found["timeline_arousal"] == pytest.approx(expected["timeline_arousal"], abs=0.04)
    assert found["tension"] == pytest.approx(expected["tension"], abs=0.02)
    assert found["emotions"] == pytest.approx(expected["emotions"], abs=0.02)
    assert found["sounds_like"] == pytest.approx(expected["sounds_like"], abs=0.03)
    assert found["moods"] == pytest.approx(expected["moods"], abs=0.02)
    # A tag at its threshold may come or go.
    both = found["tags"].keys() & expected["tags"].keys()
    assert len(both) >= 0.8 * len(expected["tags"])
    for tag in both:
        assert found["tags"][tag] == pytest.approx(expected["tags"][tag], rel=0.1), tag
    assert [label for label, _ in found["chords"]] == [label for label, _ in expected["chords"]]
    starts = [start for _, start in expected["chords"]]
    assert [start for _, start in found["chords"]] == pytest.approx(starts, abs=0.15)
