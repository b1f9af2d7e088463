"""Where a piece may lie on the plane of valence and arousal: the source of all words about it.

Valence and arousal with their intervals are one distribution over the plane. Quadrants, the
headline and the degrees of words are probabilities under it, so none of them can contradict the
values, nor each other.

Listeners of one study have their neutral point elsewhere than those of another; what is called
"pleasant" moves with it, so `NEUTRAL` is added to the spread of the values. Errors of the two axes
count as independent: they correlate in one set (.29 in MusEmo) and not in another (-.06 in VGMIDI),
and only so has the most probable quadrant always the signs of the values.

Conventions
-----------
Valence and arousal are on the unit scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Self

import numpy as np

from hevner.arrays import Doubles
from hevner.emotion import Quadrant
from hevner.result import COVERAGE, Estimate

NEUTRAL = (0.16, 0.13)
"""Standard deviation of the neutral point of valence and arousal between sets of listeners: root
mean square of the mean errors for MusEmo, VGMIDI and EMOPIA, each left out of training
unified-3. For six sets and unified-4.1 it is .15 and .10 (`benchmarks/words.py`)."""

_NORMAL = NormalDist()
_HALF = _NORMAL.inv_cdf((1 + COVERAGE) / 2)
_QUANTILES = 32


@dataclass(frozen=True)
class Position:
    """A normal distribution over the plane: means and standard deviations."""

    valence: float
    arousal: float
    valence_sd: float
    arousal_sd: float

    @classmethod
    def of(cls, valence: Estimate, arousal: Estimate) -> Self:
        """The distribution of which these are the means and intervals, on the unit scale.

        An interval that is cut at the end of the scale counts as symmetric.
        """
        spreads = (
            math.hypot(max(one.high - one.value, one.value - one.low) / _HALF, neutral)
            for one, neutral in zip((valence, arousal), NEUTRAL, strict=True)
        )
        return cls(valence.value, arousal.value, *spreads)

    @cached_property
    def quadrants(self) -> dict[Quadrant, float]:
        """Probability of each quadrant; they add up to 1."""
        right = _NORMAL.cdf(self.valence / self.valence_sd)
        up = _NORMAL.cdf(self.arousal / self.arousal_sd)
        return {
            Quadrant.Q1: right * up,
            Quadrant.Q2: (1 - right) * up,
            Quadrant.Q3: (1 - right) * (1 - up),
            Quadrant.Q4: right * (1 - up),
        }

    @property
    def quadrant(self) -> Quadrant:
        """The most probable quadrant."""
        return max(self.quadrants, key=lambda one: self.quadrants[one])

    def around(self, valence: float, arousal: float, least: float = 0.0) -> float:
        """Probability of the quarter of the plane around a direction, at least so far out.

        Parameters
        ----------
        valence, arousal
            The direction, of any length but 0.
        least
            Distance from neutral along the direction.
        """
        length = math.hypot(valence, arousal)
        v, a = valence / length, arousal / length
        along = self._points @ np.array([v, a])
        across = np.abs(self._points @ np.array([-a, v]))
        return float(np.mean(along >= np.maximum(across, least)))

    @cached_property
    def _points(self) -> Doubles:
        """Points of equal probability, shape ``(n, 2)``."""
        levels = [_NORMAL.inv_cdf((step + 0.5) / _QUANTILES) for step in range(_QUANTILES)]
        steps = np.stack(np.meshgrid(levels, levels), axis=-1).reshape(-1, 2)
        means, spreads = (self.valence, self.arousal), (self.valence_sd, self.arousal_sd)
        return np.asarray(means + steps * spreads, np.float64)
