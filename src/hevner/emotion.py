"""The words and scales of emotion: valence, arousal, quadrants, GEMS emotions, mood tags.

Conventions
-----------
Inside hevner valence (unpleasant to pleasant) and arousal (calm to excited) lie on the nominal
scale [-1, 1] with 0 neutral. Other scales are linear images of it. Valence and arousal are always
named, never given as a bare pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from hevner.errors import HevnerError
from hevner.moods import MOOD_TAGS as MOOD_TAGS

AXES = ("valence", "arousal")

BASIC = ("anger", "fear", "joy", "sadness", "tenderness")
"""Basic emotions that listeners hear in music (Juslin, 2013; Eerola and Vuoskoski, 2011)."""

SOUNDS_LIKE = ("song", "film score", "solo piano")
"""Kinds of music that the model tells apart by their sound, as each rates emotion its own way."""

GEMS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful activation",
    "tension",
    "sadness",
)
"""The nine factors of the Geneva Emotional Music Scale (Zentner, Grandjean and Scherer, 2008),
in the order of the Emotify ratings."""


@dataclass(frozen=True)
class Scale:
    """A linear scale for valence and arousal.

    Attributes
    ----------
    low, high
        The nominal ends, e.g. 1 and 9; the neutral point lies half way.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high or not math.isfinite(self.high - self.low):
            raise HevnerError(
                f"scale {self.name} does not rise from one number to another",
                remedy="Write it as LOW..HIGH, e.g. 1..9",
                stage="scale",
                code="bad_scale",
            )

    @property
    def neutral(self) -> float:
        """The value that stands for neither."""
        return (self.low + self.high) / 2

    @property
    def name(self) -> str:
        """The scale in words, e.g. ``1..9``; `parse` reads it back without loss."""
        return f"{self.low!r}..{self.high!r}".replace(".0..", "..").removesuffix(".0")

    @classmethod
    def parse(cls, text: str) -> Scale:
        """Read ``LOW..HIGH``.

        Raises
        ------
        HevnerError
            If the text is not of that form.
        """
        low, dots, high = str(text).partition("..")
        try:
            if not dots:
                raise ValueError(text)
            return cls(float(low), float(high))
        except ValueError as error:
            raise HevnerError(
                f"'{text}' is not a scale",
                remedy="Write it as LOW..HIGH, e.g. -1..1, 0..1 or 1..9",
                stage="scale",
                code="bad_scale",
            ) from error

    def from_unit(self, value: float) -> float:
        """Bring a value from [-1, 1] to this scale."""
        return self.neutral + value * (self.high - self.low) / 2

    @property
    def digits(self) -> int:
        """Decimals that are as fine on this scale as four on [-1, 1], or a little finer."""
        return max(0, 4 - math.floor(math.log10((self.high - self.low) / 2)))

    def to_unit(self, value: float) -> float:
        """Bring a value of this scale to [-1, 1]."""
        return (value - self.neutral) * 2 / (self.high - self.low)


UNIT = Scale(-1, 1)
"""The internal scale."""


class Quadrant(Enum):
    """A quarter of the valence-arousal plane, numbered counter-clockwise as usual."""

    Q1 = "happy, excited"
    Q2 = "tense, angry"
    Q3 = "sad, gloomy"
    Q4 = "calm, content"

    @classmethod
    def of(cls, valence: float, arousal: float) -> Quadrant:
        """The quadrant of a point on the unit scale; zero counts as positive."""
        if valence >= 0:
            return cls.Q1 if arousal >= 0 else cls.Q4
        return cls.Q2 if arousal >= 0 else cls.Q3
