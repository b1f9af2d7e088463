"""How far a recording is from A4 = 440 Hz, and frames moved back to that tuning.

Conventions
-----------
Tuning is in cents, -50..50: positive when the recording is sharp. Frames are those of
`hevner.music.spectrum`, three bins per semitone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats
from hevner.music.spectrum import BINS, BINS_PER_SEMITONE

# Two octaves at either end are left out: at the bottom the window cannot resolve a third of a
# semitone, at the top harmonics of natural instruments run sharp.
_LOWEST_BIN, _HIGHEST_BIN = 72, 216


def estimate(frames: Floats | NDArray[np.float16]) -> float:
    """Tuning in cents of frames ``(n, 252)``; 0 where there is no sound.

    The bins of a semitone are three samples of a periodic function of frequency; the phase of its
    fundamental is the tuning (Dressler and Streich 2007 use the same idea on peaks).
    """
    total = 0j
    turns = np.exp(2j * np.pi * (np.arange(BINS) - 1) / BINS_PER_SEMITONE)
    for first in range(0, len(frames), 2048):
        block = np.asarray(frames[first : first + 2048], np.float32)
        peaks = block[:, 1:-1] - 0.5 * (block[:, :-2] + block[:, 2:])
        salience = np.square(np.clip(peaks, 0, None)).sum(axis=0)
        padded = np.concatenate([[0], salience, [0]])
        total += complex(np.dot(padded[_LOWEST_BIN:_HIGHEST_BIN], turns[_LOWEST_BIN:_HIGHEST_BIN]))
    if abs(total) == 0:
        return 0.0
    return float(np.angle(total) / (2 * np.pi) * 100)


def correct(frames: Floats | NDArray[np.float16], cents: float) -> Floats:
    """Move frames ``(n, 252)`` down by ``cents``, by cubic interpolation between bins."""
    values = np.asarray(frames, np.float32)
    offset = cents / 100 * BINS_PER_SEMITONE
    if abs(offset) < 0.02:
        return values
    whole = int(np.floor(offset))
    part = offset - whole
    taps = _cubic(part)
    padded = np.pad(values, ((0, 0), (4, 4)), mode="edge")
    start = 4 + whole - 1
    moved = sum(tap * padded[:, start + k : start + k + BINS] for k, tap in enumerate(taps))
    return np.clip(np.asarray(moved, np.float32), 0, None)


def _cubic(part: float) -> tuple[np.float32, ...]:
    """Catmull-Rom weights of the four bins around a position ``part`` after the second."""
    p = part
    taps = (
        -0.5 * p**3 + p**2 - 0.5 * p,
        1.5 * p**3 - 2.5 * p**2 + 1,
        -1.5 * p**3 + 2 * p**2 + 0.5 * p,
        0.5 * p**3 - 0.5 * p**2,
    )
    return tuple(np.float32(tap) for tap in taps)
