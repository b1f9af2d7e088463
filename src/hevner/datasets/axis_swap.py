"""Test whether valence and arousal are exchanged, with other ratings of the same songs.

Conventions
-----------
Correlations are Pearson's, so the two scales may differ; NaN where ratings do not vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hevner.arrays import Doubles

FEWEST_SONGS = 10
"""Below this there is no verdict."""

CLEARLY = 0.2
"""How much larger one correlation must be than another to decide."""


@dataclass(frozen=True)
class Comparison:
    """Agreement of ratings with other ratings of the same songs: Pearson correlations.

    Attributes
    ----------
    songs
        Number of songs compared.
    valence_valence, valence_arousal
        Correlation of valence with the other valence and with the other arousal.
    arousal_arousal, arousal_valence
        Correlation of arousal with the other arousal and with the other valence.
    """

    songs: int
    valence_valence: float
    valence_arousal: float
    arousal_arousal: float
    arousal_valence: float

    @property
    def verdict(self) -> Literal["exchanged", "right", "undecided"]:
        """``exchanged`` or ``right`` if both axes show it clearly, else ``undecided``."""
        valence = self.valence_arousal - self.valence_valence
        arousal = self.arousal_valence - self.arousal_arousal
        if self.songs >= FEWEST_SONGS and min(valence, arousal) > CLEARLY:
            return "exchanged"
        if self.songs >= FEWEST_SONGS and max(valence, arousal) < -CLEARLY:
            return "right"
        return "undecided"

    def __str__(self) -> str:
        return (
            f"over {self.songs} songs valence correlates {self.valence_arousal:.3f} with arousal "
            f"and {self.valence_valence:.3f} with valence, arousal {self.arousal_valence:.3f} with "
            f"valence and {self.arousal_arousal:.3f} with arousal"
        )


Ratings = Mapping[int, tuple[float, float]]
"""Valence and arousal by song."""


def compare(ratings: Ratings, others: Ratings) -> Comparison:
    """Correlate ratings with other ratings, over the songs that have both."""
    both = [song for song in ratings if song in others]
    valence, arousal = np.array([ratings[song] for song in both]).reshape(-1, 2).T
    other_valence, other_arousal = np.array([others[song] for song in both]).reshape(-1, 2).T
    return Comparison(
        len(both),
        correlation(valence, other_valence),
        correlation(valence, other_arousal),
        correlation(arousal, other_arousal),
        correlation(arousal, other_valence),
    )


def correlation(one: Doubles, other: Doubles) -> float:
    """Pearson's correlation; NaN where there is none."""
    if len(one) < 2 or not one.std() or not other.std():
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
