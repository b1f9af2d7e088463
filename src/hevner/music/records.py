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

#: A mode is named if it has this share of the probability of its key.
MODE_SHARE = 0.6
#: Keys below this probability are no candidates.
LEAST_PROBABILITY = 0.02


@dataclass(frozen=True)
class Candidate:
    """A key with its mode, None where that is unsure, and the probability of the key, 0..1."""

    key: str
    mode: str | None
    probability: float


@dataclass(frozen=True)
class Key:
    """Tonic, third and mode of a piece.

    Attributes
    ----------
    probabilities
        Of every tonic, C first, and mode, ``(12, 7)``; what lacks to 1 is the probability that
        there is no key.
    """

    probabilities: NDArray[np.float32]

    @property
    def thirds(self) -> NDArray[np.float32]:
        """Probability of every key class, ``(24,)``: the modes with one third added up."""
        minor = np.array(chord_labels.MINOR_MODES)
        sums = [self.probabilities[:, kind].sum(axis=1) for kind in (~minor, minor)]
        return np.concatenate(sums)

    @property
    def number(self) -> int:
        """Key class 0..23."""
        return int(np.argmax(self.thirds))

    @property
    def confidence(self) -> float:
        """Probability of this tonic with this third, 0..1."""
        return float(self.thirds[self.number])

    @property
    def label(self) -> str:
        """Text such as ``"A minor"``, spelled as the key signature is written."""
        return chord_labels.key_label(self.number)

    @property
    def mode(self) -> str | None:
        """One of `hevner.music.chord_labels.MODES`; None where it is unsure."""
        return self._mode(self.number)

    def candidates(self, count: int = 5) -> list[Candidate]:
        """The most probable keys, best first; only the first may be below `LEAST_PROBABILITY`."""
        thirds = self.thirds
        order = np.argsort(-thirds, kind="stable")[:count]
        kept = [int(k) for k in order if k == order[0] or thirds[k] >= LEAST_PROBABILITY]
        return [Candidate(chord_labels.key_label(k), self._mode(k), float(thirds[k])) for k in kept]

    def _mode(self, number: int) -> str | None:
        shares = self.probabilities[number % 12] * (
            np.array(chord_labels.MINOR_MODES) == (number >= 12)
        )
        best = int(shares.argmax())
        sure = shares[best] >= MODE_SHARE * max(float(shares.sum()), 1e-9)
        return chord_labels.MODES[best] if sure else None


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
