from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hevner.emotion import GEMS, UNIT, Quadrant, Scale
from hevner.errors import HevnerError
from tests.errors import raises

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    low, high = draw(numbers), draw(numbers)
    # Closer ends than this are lost in rounding when values travel to the unit scale and back.
    assume(high - low > 1e-3)
    return Scale(low, high)


@given(scales())
def test_name_of_a_scale_reads_back_without_loss(scale: Scale) -> None:
    assert Scale.parse(scale.name) == scale


@given(scales(), st.floats(-1, 1))
def test_values_survive_the_round_trip_to_another_scale(scale: Scale, value: float) -> None:
    size = max(abs(scale.low), abs(scale.high)) / (scale.high - scale.low)
    assert scale.to_unit(scale.from_unit(value)) == pytest.approx(value, abs=1e-12 * (1 + size))


@given(scales())
def test_ends_and_middle_of_the_unit_scale_are_those_of_any_other(scale: Scale) -> None:
    size = max(abs(scale.low), abs(scale.high))
    assert scale.from_unit(-1) == pytest.approx(scale.low, abs=1e-12 * size)
    assert scale.from_unit(0) == scale.neutral
    assert scale.from_unit(1) == pytest.approx(scale.high, abs=1e-12 * size)


@given(scales(), st.floats(-1, 1), st.floats(-1, 1))
def test_scales_keep_the_order_of_values(scale: Scale, first: float, second: float) -> None:
    first, second = sorted((first, second))
    assert scale.from_unit(first) <= scale.from_unit(second)


@pytest.mark.parametrize(
    ("text", "low", "high", "name"),
    [("-1..1", -1, 1, "-1..1"), ("0..1", 0, 1, "0..1"), ("1..9", 1, 9, "1..9"),
     ("0.5..2.5", 0.5, 2.5, "0.5..2.5"), ("-10..-2", -10, -2, "-10..-2")],
)  # fmt: skip
def test_scale_is_parsed(text: str, low: float, high: float, name: str) -> None:
    assert Scale.parse(text) == Scale(low, high)
    assert Scale.parse(text).name == name


@pytest.mark.parametrize(
    "text", ["", "1", "1-9", "..", "1..", "a..b", "9..1", "1..1", "nan..1", "-inf..inf", "0..1e999"]
)
def test_what_is_no_scale_is_refused_with_an_example(text: str) -> None:
    with raises(HevnerError, "bad_scale") as caught:
        Scale.parse(text)
    assert caught.value.stage == "scale"


@pytest.mark.parametrize("value", [5, None, 1.5, ("1", "9")])
def test_what_is_no_text_is_no_scale(value: object) -> None:
    with raises(HevnerError, "bad_scale"):
        Scale.parse(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("valence", "arousal", "quadrant"),
    [(0.5, 0.5, "Q1"), (-0.5, 0.5, "Q2"), (-0.5, -0.5, "Q3"), (0.5, -0.5, "Q4"), (0, 0, "Q1")],
)
def test_quadrants_are_counted_counter_clockwise(
    valence: float, arousal: float, quadrant: str
) -> None:
    assert Quadrant.of(valence, arousal).name == quadrant


def test_vocabularies_have_no_repeats() -> None:
    assert len(set(GEMS)) == 9
    assert len({quadrant.value for quadrant in Quadrant}) == 4
    assert UNIT.name == "-1..1"
