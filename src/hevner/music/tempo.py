"""Tempo from onset strength.

Conventions
-----------
Onset strength comes in rows, one per patch, at `FRAME_RATE` frames per second; see
`hevner.encoders.handcrafted.onset_strength`. Tempo is in beats per minute.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from hevner.encoders.handcrafted import FRAME_RATE

SLOWEST, FASTEST = 45.0, 210.0
"""Range of tempi that are considered."""

PREFERRED = 115.0
"""Centre of the preference that decides between a tempo and its half or double; listeners tap
near two beats a second (van Noorden and Moelants, 1999)."""

PREFERENCE_OCTAVES = 0.9
FRAME_S = 8.2
CLARITY = 0.05
"""Mean autocorrelation at the beat and its multiples below which there is no pulse.
White noise stays below .035; slow strings reach .07, most songs .1 to .4, dance music .6."""

STEADY_DB = 0.01
"""Root mean square variation of onset strength, in decibels, below which a sound is steady: a held
tone beats faintly with the frames, and that is no pulse."""

MULTIPLES = 4


def tempo(onsets: NDArray[np.floating]) -> float | None:
    """Beats per minute of a recording.

    Parameters
    ----------
    onsets
        Onset strength, shape ``(n_patches, frames - 1)``; rows follow each other in time.

    Returns
    -------
    float or None
        None if the recording is too short or has no clear pulse.
    """
    correlation = _autocorrelation(_envelope(onsets))
    if correlation is None:
        return None
    candidates = np.geomspace(SLOWEST, FASTEST, 400)
    lags = 60 * FRAME_RATE / candidates
    support = np.zeros_like(lags)
    for multiple in range(1, MULTIPLES + 1):
        support += np.interp(lags * multiple, np.arange(len(correlation)), correlation)
    support /= MULTIPLES
    preference = np.exp(-0.5 * (np.log2(candidates / PREFERRED) / PREFERENCE_OCTAVES) ** 2)
    best = int(np.argmax(support * preference))
    return round(float(candidates[best]), 1) if support[best] >= CLARITY else None


def _envelope(onsets: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows joined; the frame between two patches, whose onset is not known, repeats the next."""
    rows = np.asarray(onsets, np.float32)
    return np.concatenate([rows[:, :1], rows], axis=1).reshape(-1)


def _autocorrelation(envelope: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Mean normalised autocorrelation of overlapping frames; None if nothing changes."""
    longest = int(60 * FRAME_RATE * MULTIPLES / SLOWEST) + 2
    length = min(int(FRAME_S * FRAME_RATE), len(envelope))
    if length < 2 * FRAME_RATE:
        return None
    starts = range(0, len(envelope) - length + 1, max(1, length // 2))
    frames = np.stack([envelope[start : start + length] for start in starts])
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = rfft(frames, 2 * length, axis=1)
    raw = irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, :length]
    active = raw[:, 0] > length * STEADY_DB**2
    if not active.any():
        return None
    # Long lags rest on fewer products; dividing by the overlap makes them comparable.
    overlap = 1 - np.arange(length) / length
    mean = (raw[active] / raw[active, :1]).mean(axis=0) / np.maximum(overlap, 0.25)
    padded = np.zeros(max(longest, length), np.float32)
    padded[:length] = mean
    return padded
