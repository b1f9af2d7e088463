"""Pitch-class shares of log-frequency frames.

Conventions
-----------
Frames are those of `hevner.music.spectrum`, corrected for tuning. A row of chroma adds up to 1,
or to 0 where the frame is silent; C comes first.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hevner.arrays import Floats
from hevner.music.spectrum import BINS, BINS_PER_SEMITONE, LOWEST_PITCH, SEMITONES


def from_frames(frames: Floats) -> Floats:
    """Chroma ``(n, 12)`` of tuning-corrected frames ``(n, 252)``.

    Only what stands out of its neighbourhood of a tone either side counts, which leaves noise and
    drums out; the weight of a pitch falls off below 65 Hz and above 1.5 kHz.
    """
    energy = np.square(_salience(frames)) @ _fold()
    total = energy.sum(axis=1, keepdims=True)
    return np.asarray(energy / np.where(total > 0, total, 1), np.float32)


def semitones(frames: Floats) -> Floats:
    """Energy of every semitone that stands out, ``(n, 84)``, of such frames."""
    energy = np.square(_salience(frames))
    return np.asarray(energy.reshape(len(frames), SEMITONES, -1).sum(axis=2))


def _salience(frames: Floats) -> Floats:
    return np.clip(frames - frames @ _neighbourhood(), 0, None)


@lru_cache(maxsize=1)
def _neighbourhood() -> Floats:
    distance = np.abs(np.arange(BINS)[:, None] - np.arange(BINS)[None, :])
    near = (distance <= 2 * BINS_PER_SEMITONE).astype(np.float32)
    return np.asarray(near / near.sum(axis=0), np.float32)


@lru_cache(maxsize=1)
def _fold() -> Floats:
    pitch = np.arange(SEMITONES) + LOWEST_PITCH
    weight = 1 / (1 + np.exp((36 - pitch) / 2)) / (1 + np.exp((pitch - 91) / 2))
    fold = np.zeros((BINS, 12), np.float32)
    for semitone in range(SEMITONES):
        rows = slice(semitone * BINS_PER_SEMITONE, (semitone + 1) * BINS_PER_SEMITONE)
        fold[rows, semitone % 12] = weight[semitone]
    return fold
