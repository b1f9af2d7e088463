"""The emotion of a piece in words, as far as its interval allows.

Where the piece clearly lies in a quadrant, the phrase is the quadrant's words, with a degree if
that is clear too; where that is likely, they follow "perhaps". Else it names the two quadrants that
share most of the probability, with what they have in common; else the piece lies near neutral.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from hevner.emotion import Quadrant
from hevner.position import Position
from hevner.result import SURE, Estimate
from hevner.words.degrees import DEGREES, PLAIN, Degree
from hevner.words.describing import REACH
from hevner.words.entries import RADIUS

LIKELY = 0.7
"""Probability from which a quadrant is said with "perhaps", and two quadrants as "unsure"."""

SIDES: tuple[tuple[Quadrant, Quadrant, str], ...] = (
    (Quadrant.Q1, Quadrant.Q2, "high energy"),
    (Quadrant.Q3, Quadrant.Q4, "low energy"),
    (Quadrant.Q1, Quadrant.Q4, "pleasant"),
    (Quadrant.Q2, Quadrant.Q3, "unpleasant"),
)
"""Neighbouring quadrants, and what they have in common."""

NEAR_NEUTRAL = "near neutral, unsure"

_LEAST = {degree: (before.factor + degree.factor) / 2 for before, degree in pairwise(DEGREES)} | {
    DEGREES[0]: DEGREES[0].factor / 2
}


def least(degree: Degree, radius: float = RADIUS) -> float:
    """Distance from neutral from which a degree of a word holds, half way from the degree before.

    ``radius`` is the distance of the word itself.
    """
    return _LEAST[degree] * REACH * radius


def headline(position: Position) -> str:
    """Say what a piece feels like: ``very sad, gloomy``, ``between sad and tense, unsure ...``."""
    quadrant = position.quadrant
    if position.quadrants[quadrant] >= SURE:
        return f"{_degree(position, quadrant)} {quadrant.value}".strip()
    if position.quadrants[quadrant] >= LIKELY:
        return f"perhaps {quadrant.value}"
    shares = {side: position.quadrants[side[0]] + position.quadrants[side[1]] for side in SIDES}
    side = max(shares, key=lambda one: shares[one])
    if shares[side] < LIKELY:
        return NEAR_NEUTRAL
    two = sorted(side[:2], key=lambda one: -position.quadrants[one])
    first, second = (one.value.split(", ")[0] for one in two)
    return f"between {first} and {second}, unsure ({side[2]})"


def degree_of(position: Position, valence: float, arousal: float) -> tuple[Degree, float]:
    """The highest degree of a word that is sure, and its probability.

    Where none is, the plain word with the probability of its lowest degree: then it is "perhaps"
    so. ``valence`` and ``arousal`` are the word's.
    """
    radius = math.hypot(valence, arousal)
    shares = [position.around(valence, arousal, least(one, radius)) for one in DEGREES]
    sure = [number for number, share in enumerate(shares) if share >= SURE]
    return (DEGREES[sure[-1]], shares[sure[-1]]) if sure else (PLAIN, shares[0])


def derived_fields(valence: Estimate, arousal: Estimate) -> dict[str, Any]:
    """Fields of an analysis that follow from valence and arousal, on the unit scale."""
    position = Position.of(valence, arousal)
    return {
        "headline": headline(position),
        "quadrant": position.quadrant.name,
        "quadrant_words": position.quadrant.value,
        "quadrant_probabilities": {
            one.name: round(share, 4) for one, share in position.quadrants.items()
        },
    }


def _degree(position: Position, quadrant: Quadrant) -> str:
    """The degree above the plain word that is sure; empty if none is."""
    right = quadrant in (Quadrant.Q1, Quadrant.Q4)
    up = quadrant in (Quadrant.Q1, Quadrant.Q2)
    side = RADIUS / math.sqrt(2)
    degree, share = degree_of(position, side if right else -side, side if up else -side)
    return degree.name if share >= SURE and degree.factor > PLAIN.factor else ""
