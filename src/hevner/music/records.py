"""Results of the harmony analysis.

Conventions
-----------
Times are seconds from the beginning of the sound. Classes are numbered as in
`hevner.music.chord_labels`. Arrays over time have one row per frame of
`hevner.music.spectrum` (ten a second).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.music import chord_labels


@dataclass(frozen=True)
class Key:
    """The most probable of 24 keys.

    Attributes
    ----------
    probabilities
        All 24, major keys C..B first; they add up to 1.
    """

    probabilities: NDArray[np.float32]

    @property
    def number(self) -> int:
        """Key class 0..23."""
        return int(np.argmax(self.probabilities))

    @property
    def confidence(self) -> float:
        """Probability of this key among the 24, 0..1."""
        return float(self.probabilities[self.number])

    @property
    def label(self) -> str:
        """Text such as ``"A minor"``, spelled as the key signature is written."""
        return chord_labels.key_label(self.number)


@dataclass(frozen=True)
class Chord:
    """One chord: label in Harte notation, start and end in seconds, mean probability 0..1."""

    label: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Harmony:
    """The harmony of one file.

    Attributes
    ----------
    duration
        Seconds.
    tuning
        Deviation from A4 = 440 Hz in cents, -50..50.
    key
        None where there is no harmony to find a key in.
    chords
        Without gaps from 0 to ``duration``; ``"N"`` where there is no chord.
    times
        Centre of every frame in seconds, ``(n_frames,)``.
    chroma
        Share of every pitch class, C first, tuning corrected, ``(n_frames, 12)``. Rows add up to
        1, or to 0 where the frame is silent.
    chord_posterior
        Probability of every chord class, ``(n_frames, 121)`` float16.
    key_evidence
        Features that the key estimator pools over time, ``(n_frames, 12 * k)`` float16; for
        `hevner.music.key.probabilities` over any span.
    """

    duration: float
    tuning: float
    key: Key | None
    chords: tuple[Chord, ...]
    times: NDArray[np.float64]
    chroma: NDArray[np.float32]
    chord_posterior: NDArray[np.float16]
    key_evidence: NDArray[np.float16]

    def rows(self, start: float, end: float) -> slice:
        """Frames whose centre lies in ``start..end`` seconds; the nearest one if none does."""
        first, last = (int(i) for i in np.searchsorted(self.times, [start, end]))
        if last <= first:
            first = min(first, len(self.times) - 1)
            last = first + 1
        return slice(first, last)
