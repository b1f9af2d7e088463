"""The emotion words of hevner: where each lies on the plane, and what else it names.

Conventions
-----------
The standard library only. Words are in lower case, in alphabetical order; what is known of them
besides the tags is in ``words.toml``. Valence and arousal are on the unit scale and those of the
plain word, without a degree. They come from the first of these that places a word:

1. for a word that names a GEMS emotion, its place, which is ours;
2. for a mood tag, the ratings of the word in `hevner.moods`, unless it is rated closer than
   `NEAREST` to neutral, where it has no direction;
3. for one of the 40 words of the circle of Dufour and Tzanetakis (2018), its angle, at `RADIUS`; a
   word there says a direction, and how strong an emotion is, is its distance from neutral;
4. for a word that names a quadrant, the middle of the quadrant, at `RADIUS`.

Tags that name a sound, a theme or a use ("heavy", "space", "film") have no place: the ratings are
of the word and not of music that carries it.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner.emotion import Quadrant
from hevner.moods import TAGS, Tag

NEAREST = 0.3
"""Words rated closer to neutral than this have no direction on the plane."""

RADIUS = 0.61
"""Distance from neutral of words that are known by their angle alone: the mean distance of the 25
tags that name an emotion."""


@dataclass(frozen=True)
class Word:
    """A word for what music feels like.

    Attributes
    ----------
    name
        In lower case.
    sources
        Sources of the word: ``tag``, ``circumplex``, ``gems``, ``quadrant`` or ``own``.
    valence, arousal
        Valence and arousal of the plain word, in [-1, 1]; None for a word without a place on the
        plane.
    tag
        The mood or theme tag of `hevner.moods` that it names.
    gems
        The emotion of `hevner.emotion.GEMS` that it names.
    quadrant
        The quadrant that it names.
    synonyms
        Other words for it.
    """

    name: str
    sources: tuple[str, ...]
    valence: float | None = None
    arousal: float | None = None
    tag: str | None = None
    gems: str | None = None
    quadrant: Quadrant | None = None
    synonyms: tuple[str, ...] = ()


QUADRANT_NAMES = {word: quadrant for quadrant in Quadrant for word in quadrant.value.split(", ")}
"""The words that name quadrants."""

DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
"""The tables of ``words.toml``: the circle, degrees, GEMS emotions and synonyms."""

ANGLES = {name: 180 - (90 + 9 * number) % 360 for number, name in enumerate(DATA["circle"])}
"""Angle of each word of the circle in degrees, counter-clockwise from positive valence, in
(-180, 180]: 0 is pleasant, 90 aroused."""


def _place(name: str, tag: Tag | None) -> tuple[float, float] | None:
    """Valence and arousal of a word, by the order of the module."""
    if place := DATA["gems"].get(name, {}).get("place"):
        return place[0], place[1]
    is_feeling = tag is not None and tag.group == "emotion"
    if tag and is_feeling and math.hypot(tag.valence, tag.arousal) >= NEAREST:
        return tag.valence, tag.arousal
    if name in ANGLES:
        turned = math.radians(ANGLES[name])
        return RADIUS * math.cos(turned), RADIUS * math.sin(turned)
    if name in QUADRANT_NAMES:
        middle = RADIUS / math.sqrt(2)
        right = QUADRANT_NAMES[name] in (Quadrant.Q1, Quadrant.Q4)
        up = QUADRANT_NAMES[name] in (Quadrant.Q1, Quadrant.Q2)
        return (middle if right else -middle), (middle if up else -middle)
    return None


def _words() -> tuple[Word, ...]:
    tags, gems = {tag.name: tag for tag in TAGS}, DATA["gems"]
    sources = {"tag": tags, "circumplex": ANGLES, "gems": gems, "quadrant": QUADRANT_NAMES}
    words = []
    for name in sorted({*tags, *ANGLES, *gems, *QUADRANT_NAMES}):
        place = _place(name, tags.get(name))
        words.append(
            Word(
                name,
                tuple(source for source, known in sources.items() if name in known),
                None if place is None else round(place[0], 4),
                None if place is None else round(place[1], 4),
                name if name in tags else None,
                gems[name]["emotion"] if name in gems else None,
                QUADRANT_NAMES.get(name),
                tuple(DATA["synonyms"].get(name, ())),
            )
        )
    return tuple(words)


WORDS = _words()
"""All words that hevner knows by itself."""
