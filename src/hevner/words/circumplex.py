"""The circle of 40 emotion words of Dufour and Tzanetakis (2018), a word every 9 degrees.

Conventions
-----------
The standard library only. Angles are in degrees, counter-clockwise from positive valence, in
(-180, 180]: 0 is pleasant, 90 aroused. The words run clockwise from 90 degrees, in five classes of
eight. They are those of the code published with the composite loss of Takashima et al. (2023), in
lower case and with the typing errors corrected. A word says a direction only; how strong an
emotion is, is its distance from neutral.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STEP = 9
"""Degrees between neighbours."""

CLASSES = (
    ("vehement", "thrilling", "epic", "rousing", "exhilarated", "exalted", "spirited", "rowdy"),
    ("boisterous", "rollicking", "fun", "cheerful", "summery", "playful", "sweet", "tender"),
    (
        *("romantic", "sentimental", "nostalgic", "bittersweet"),
        *("pensive", "wistful", "sad", "autumnal"),
    ),
    ("melancholic", "brooding", "poignant", "gloomy", "tragic", "dark", "creepy", "tense"),
    (
        *("paranoid", "alarming", "threatening", "hostile"),
        *("angry", "belligerent", "aggressive", "fiery"),
    ),
)
"""The words clockwise, by class."""


@dataclass(frozen=True)
class Word:
    """A word on the circle.

    Attributes
    ----------
    name
        In lower case.
    angle
        In degrees, in (-180, 180].
    group
        The number of its class in `CLASSES`.
    """

    name: str
    angle: int
    group: int

    def point(self, radius: float = 1.0) -> tuple[float, float]:
        """Valence and arousal at a distance from neutral."""
        turned = math.radians(self.angle)
        return radius * math.cos(turned), radius * math.sin(turned)


def _words() -> tuple[Word, ...]:
    found: list[Word] = []
    for group, names in enumerate(CLASSES):
        for name in names:
            angle = 90 - STEP * len(found)
            found.append(Word(name, angle if angle > -180 else angle + 360, group))
    return tuple(found)


WORDS = _words()
"""The 40 words, clockwise from 90 degrees."""


def of(valence: float, arousal: float) -> Word:
    """The word whose 9 degrees, counter-clockwise from its angle on, hold a point.

    The neutral point has no direction and counts as pleasant.
    """
    # Rounded so that the point of a word is of that word, whatever the last digit of its cosine.
    angle = round(math.degrees(math.atan2(arousal, valence)), 9)
    # Words run clockwise from 90 degrees, so a bin further counter-clockwise is a word earlier.
    return WORDS[(90 // STEP - math.floor(angle / STEP)) % len(WORDS)]
