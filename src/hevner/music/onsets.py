"""What rhythm is found from: rises of level in bands, and changes of harmony.

Conventions
-----------
A block of features keeps the rises, a row per patch (`rises`). `inputs` puts them on the time axis
of the rhythm network, `RATE` steps a second; a step holds two frames of 16 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats
from hevner.music import chroma
from hevner.music.records import Harmony

VERSION = "2"
FRAME_RATE = 62.5
RATE = FRAME_RATE / 2
BANDS = 8
INPUTS = 2 * BANDS + 4

_BASS_BINS = 84
# Frames of harmony, a tenth of a second apart and half a second long, that lie wholly on one side.
_NEAR, _FAR, _FURTHER = 3, 7, 14
# Frames, and columns of all frames, at a time: recordings may be hours long.
_BLOCK, _COLUMNS = 8192, 16


def rises(levels: Floats) -> Floats:
    """Mean rise in decibels from frame to frame, in bands.

    Parameters
    ----------
    levels
        Mel band levels of patches, decibels, shape ``(n, frames, bands)``; the number of bands is a
        multiple of `BANDS`.

    Returns
    -------
    NDArray
        Shape ``(n, (frames - 1) * BANDS)``, bands of a frame side by side, low to high.
    """
    rise = np.maximum(np.diff(levels, axis=1), 0)
    banded = rise.reshape(*rise.shape[:2], BANDS, -1).mean(axis=3)
    return np.asarray(banded.reshape(len(levels), -1), np.float32)


def inputs(
    rows: NDArray[np.floating],
    starts: Doubles,
    spectrum: NDArray[np.floating],
    harmony: Harmony,
) -> Floats:
    """Input of the rhythm network.

    Parameters
    ----------
    rows
        `rises` of all patches.
    starts
        Their starts in seconds.
    spectrum
        Frames of the harmony spectrum, ``(n_frames, 252)``.
    harmony
        Harmony found in them.

    Returns
    -------
    NDArray
        Shape ``(n_steps, INPUTS)``, `RATE` a second.
    """
    steps = int(harmony.duration * RATE)
    if not steps:
        return np.zeros((0, INPUTS), np.float32)
    joined = np.log1p(_joined(rows, starts, 2 * steps)).reshape(steps, -1)
    return np.concatenate([joined, _changes(spectrum, harmony, np.arange(steps) / RATE)], axis=1)


def _joined(rows: NDArray[np.floating], starts: Doubles, length: int) -> Floats:
    """Rises on one time axis; the frame between two patches, unknown, is as its neighbours."""
    known = np.asarray(rows, np.float32).reshape(len(rows), -1, BANDS)
    size = known.shape[1] + 1
    first = np.round(starts * FRAME_RATE).astype(int)
    joined = np.zeros((first[-1] + size + 1, BANDS), np.float32)
    for start, patch in zip(first, known, strict=True):
        joined[start + 1 : start + size] = patch
        joined[start] = (joined[start - 1] + patch[0]) / 2 if start else patch[0]
    return np.pad(joined, ((0, max(length - len(joined), 0)), (0, 0)))[:length]


def _changes(spectrum: NDArray[np.floating], harmony: Harmony, times: Doubles) -> Floats:
    """How much chroma, bass and chords differ before and after each time, ``(n, 4)`` in 0..1."""
    columns = [
        _turn(harmony.chroma, _FAR),
        _turn(harmony.chroma, _FURTHER),
        _turn(_bass(spectrum), _FAR),
        0.5 * _distance(harmony.chord_posterior, _FAR),
    ]
    return np.stack([np.interp(times, harmony.times, one) for one in columns], axis=1).astype(
        np.float32
    )


def _bass(spectrum: NDArray[np.floating]) -> Floats:
    """Chroma of the bass alone, ``(n_frames, 12)``."""
    found = [np.zeros((0, 12), np.float32)]
    for begin in range(0, len(spectrum), _BLOCK):
        low = spectrum[begin : begin + _BLOCK].astype(np.float32)
        low[:, _BASS_BINS:] = 0
        found.append(chroma.from_frames(low))
    return np.concatenate(found)


def _distance(rows: NDArray[np.floating], far: int) -> Floats:
    """Sum of absolute differences between the means before and after each row."""
    total = np.zeros(len(rows), np.float32)
    for begin in range(0, rows.shape[1], _COLUMNS):
        part = rows[:, begin : begin + _COLUMNS].astype(np.float32)
        total += np.abs(np.subtract(*_sides(part, far))).sum(axis=1)
    return total


def _turn(rows: Floats, far: int) -> Floats:
    """One minus the cosine between the means before and after each row."""
    before, after = _sides(rows, far)
    size = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.asarray(
        np.where(size > 1e-6, 1 - (before * after).sum(axis=1) / np.maximum(size, 1e-6), 0),
        np.float32,
    )


def _sides(rows: Floats, far: int) -> tuple[Floats, Floats]:
    """Means of the rows `_NEAR` to ``far`` before and after each row; the ends are repeated."""
    padded = np.pad(rows, ((far, far), (0, 0)), mode="edge")
    summed = np.pad(np.cumsum(padded, axis=0, dtype=np.float64), ((1, 0), (0, 0)))
    count, width = len(rows), far - _NEAR
    before = summed[width : width + count] - summed[:count]
    begin = far + _NEAR + 1
    after = summed[begin + width : begin + width + count] - summed[begin : begin + count]
    return np.asarray(before / width, np.float32), np.asarray(after / width, np.float32)
