"""At which multiple of a pulse the beat is counted, by what the music is like.

Conventions
-----------
A preference adds to the log-odds of every tempo of `hevner.music.rhythm_network.TEMPI`: a line in
the octaves above `MIDDLE`, its square, and a line above `MIDDLE` alone, whose slopes depend on how
often notes begin and how much and how often the harmony changes. `benchmarks/tempo_level.py` fits
it to rendered pieces and to recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Floats
from hevner.music.onsets import BANDS, FRAME_RATE, RATE
from hevner.music.rhythm_network import TEMPI

MIDDLE = 100.0
"""Beats per minute."""
_FURTHEST = 2.5  # standard deviations
_CHORD = 0.35  # change of chord probabilities at a change of chords

OCTAVES = np.log2(TEMPI / MIDDLE)
SHAPES = np.stack([OCTAVES, OCTAVES**2, np.maximum(OCTAVES, 0)])
"""Shape ``(3, 103)``."""


@dataclass(frozen=True)
class Preference:
    """What is added to the log-odds of tempi.

    Attributes
    ----------
    mean, spread
        Of the numbers of `describe` in what it was fitted to, ``(6,)``.
    slopes
        Of `SHAPES`, ``(3, 7)``: constant, then by each number in standard deviations.
    trust
        Factor of the log-odds that it is added to.
    """

    mean: Floats
    spread: Floats
    slopes: Floats
    trust: float

    def apply(self, odds: Floats, inputs: Floats) -> Floats:
        """Log-odds ``(103,)`` of tempi of a piece, from those of the network."""
        standard = np.clip((describe(inputs) - self.mean) / self.spread, -_FURTHEST, _FURTHEST)
        slopes = self.slopes[:, 0] + self.slopes[:, 1:] @ standard
        return np.asarray(self.trust * odds + slopes @ SHAPES, np.float32)


def describe(inputs: Floats) -> Floats:
    """Logarithm of notes per second, mean changes of harmony, and of chord changes per second.

    ``inputs`` are those of the rhythm network, ``(n, INPUTS)``; the result has shape ``(6,)``.
    """
    rises = np.expm1(inputs[:, : 2 * BANDS]).reshape(-1, BANDS).mean(axis=1)
    changes = inputs[:, 2 * BANDS :]
    notes = _peaks(rises, float(rises.mean() + 0.5 * rises.std())) / len(rises) * FRAME_RATE
    chords = _peaks(changes[:, 3], _CHORD) / len(changes) * RATE
    return np.array([np.log(notes + 0.2), *changes.mean(axis=0), np.log(chords + 0.1)], np.float32)


def _peaks(values: Floats, least: float) -> int:
    middle = values[1:-1]
    higher = (middle > values[:-2]) & (middle >= values[2:]) & (middle > least)
    return int(higher.sum())


#: What `hevner.music.rhythm.analyse` prefers; printed by `benchmarks/tempo_level.py`.
PREFERENCE = Preference(
    mean=np.array([1.587, 0.294, 0.283, 0.246, 0.464, -0.331], np.float32),
    spread=np.array([0.486, 0.111, 0.119, 0.153, 0.167, 0.593], np.float32),
    slopes=np.array(
        [
            [-0.22, -0.13, 0.21, 0.04, -0.22, 0.07, -0.07],
            [-0.49, 0.0, -0.05, 0.0, -0.01, -0.03, 0.08],
            [0.09, -0.12, 0.03, 0.01, -0.05, -0.01, -0.06],
        ],
        np.float32,
    ),
    trust=0.93,
)
