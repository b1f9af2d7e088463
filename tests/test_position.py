"""Where a piece may lie, and what may be said of it: one distribution, so no contradictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hevner
from hevner.emotion import Quadrant
from hevner.model.tagging import agreeing
from hevner.position import NEUTRAL, Position
from hevner.result import SURE, Estimate
from hevner.words import DEGREES, WORDS
from hevner.words.headline import LIKELY, NEAR_NEUTRAL, degree_of, derived_fields, headline
from tests.sounds import music

values = st.floats(-1, 1).map(lambda x: round(x, 4))
halves = st.floats(0.01, 1)


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value, max(value - half, -1.0), min(value + half, 1.0))


@given(values, values, halves, halves)
def test_words_never_contradict_the_values(
    v: float, a: float, half_v: float, half_a: float
) -> None:
    said = derived_fields(estimate(v, half_v), estimate(a, half_a))
    shares = said["quadrant_probabilities"]
    assert sum(shares.values()) == pytest.approx(1, abs=3e-4)
    assert shares[said["quadrant"]] == max(shares.values())
    if abs(v) > 1e-3 and abs(a) > 1e-3:
        assert said["quadrant"] == Quadrant.of(v, a).name
    phrase = said["headline"]
    share = shares[said["quadrant"]]
    plain = phrase.removeprefix("very ").removeprefix("extremely ")
    if plain in [one.value for one in Quadrant]:
        assert plain == said["quadrant_words"]
        assert share >= SURE - 1e-4
    elif phrase.startswith("perhaps "):
        assert phrase == f"perhaps {said['quadrant_words']}"
        assert LIKELY - 1e-4 <= share < SURE + 1e-4
    else:
        assert "unsure" in phrase
        assert share < LIKELY + 1e-4


@pytest.mark.parametrize(
    ("point", "half", "phrase"),
    [
        ((-0.4, -0.4), 0.3, "sad, gloomy"),
        ((-0.3, -0.3), 0.3, "perhaps sad, gloomy"),
        ((-0.9, -0.9), 0.1, "extremely sad, gloomy"),
        ((0.9, -0.9), 0.1, "extremely calm, content"),
        ((-0.5, 0.05), 0.3, "between tense and sad, unsure (unpleasant)"),
        ((-0.5, -0.05), 0.3, "between sad and tense, unsure (unpleasant)"),
        ((0.5, 0.05), 0.3, "between happy and calm, unsure (pleasant)"),
        ((0.05, 0.5), 0.3, "between happy and tense, unsure (high energy)"),
        ((-0.05, -0.5), 0.3, "between sad and calm, unsure (low energy)"),
        ((0.05, 0.05), 0.3, NEAR_NEUTRAL),
        ((-0.2, -0.2), 0.9, NEAR_NEUTRAL),
    ],
)
def test_headline_says_what_the_interval_allows(
    point: tuple[float, float], half: float, phrase: str
) -> None:
    found = headline(Position.of(*(Estimate(x, x - half, x + half) for x in point)))
    assert found == phrase


def test_wider_intervals_never_say_more() -> None:
    order = ["extremely sad, gloomy", "very sad, gloomy", "sad, gloomy", "perhaps sad, gloomy"]
    last = 0
    for half in np.linspace(0.05, 1.5, 40):
        said = headline(Position.of(*(Estimate(-0.8, -0.8 - half, -0.8 + half),) * 2))
        place = order.index(said) if said in order else len(order)
        assert place >= last
        last = place
    assert last == len(order)


def test_an_interval_that_is_cut_counts_as_symmetric() -> None:
    cut, whole = Estimate(0.8, 0.4, 1.0), Estimate(0.8, 0.4, 1.2)
    assert Position.of(cut, cut) == Position.of(whole, whole)
    assert Position.of(cut, cut).valence_sd > NEUTRAL[0]


def test_share_around_a_direction_is_that_of_random_points() -> None:
    position = Position(0.3, -0.2, 0.3, 0.2)
    points = np.random.default_rng(1).normal((0.3, -0.2), (0.3, 0.2), (200_000, 2))
    right = Position.around(position, 1, -1)
    both = np.mean((points[:, 0] > 0) & (points[:, 1] < 0))
    assert right == pytest.approx(both, abs=0.02)
    assert right == pytest.approx(position.quadrants[Quadrant.Q4], abs=0.02)
    far = np.mean(points[:, 0] >= np.maximum(np.abs(points[:, 1]), 0.4))
    assert position.around(2, 0, 0.4) == pytest.approx(far, abs=0.02)


@given(values, values, halves)
def test_a_degree_is_only_said_if_sure(v: float, a: float, half: float) -> None:
    position = Position.of(estimate(v, half), estimate(a, half))
    for word in WORDS[::7]:
        if word.valence is None or word.arousal is None:
            continue
        degree, share = degree_of(position, word.valence, word.arousal)
        assert share >= SURE or not degree.name
        assert degree in DEGREES
        if share >= LIKELY:
            assert v * word.valence + a * word.arousal > 0


def test_an_analysis_says_what_its_values_allow() -> None:
    found = hevner.analyze(music(6.0), 16_000)
    assert found.valence is not None
    assert found.arousal is not None
    said = derived_fields(found.valence, found.arousal)
    assert {name: getattr(found, name) for name in said} == said
    tags = agreeing(found.tags, found.valence.value, found.arousal.value)
    assert tags == found.tags
