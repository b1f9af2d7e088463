"""The log-frequency spectrum all harmony analysis starts from.

Conventions
-----------
A window of 8,192 samples at 16 kHz (0.512 s) becomes one frame of 252 numbers: seven octaves
from C1 (32.7 Hz), three bins per semitone. Bin ``3 * s + 1`` is centred on semitone ``s`` above
C1 in A4 = 440 Hz tuning; its neighbours lie 33 cents below and above. Frames are not corrected
for tuning (`hevner.music.tuning` does that once the whole file is known).

A value is ``log1p(100 * m / r) / 5`` where ``m`` is the magnitude in the bin and ``r`` the root
mean square of the frame's bins, so that level cancels out. A window without sound (root mean
square below 1e-5 of full scale) gives a frame of zeros, by which silence is
recognised later.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hevner.arrays import Doubles, Floats
from hevner.errors import ModelError

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 8_192
HOP_SAMPLES = 1_600
BINS_PER_SEMITONE = 3
SEMITONES = 84
BINS = BINS_PER_SEMITONE * SEMITONES
LOWEST_PITCH = 24  # MIDI number of C1

SILENCE_RMS = 1e-5
_COMPRESSION = 100.0
_SCALE = 0.2
# Few rows at a time stay in the processor's cache, which saves a third of the time.
_ROWS_AT_ONCE = 64


class HarmonySpectrum:
    """Windows of sound to log-frequency frames; see the module for what the numbers are."""

    id = "harmony-spectrum"
    version = "1"
    sample_rate = SAMPLE_RATE
    window_samples = WINDOW_SAMPLES
    hop_samples = HOP_SAMPLES
    dimension = BINS

    def encode(self, windows: Floats) -> Floats:
        """Turn windows ``(n, 8192)`` into frames ``(n, 252)``, independent of level.

        Raises
        ------
        ModelError
            If the windows have another length.
        """
        if windows.ndim != 2 or windows.shape[1] != WINDOW_SAMPLES:
            raise ModelError(
                f"harmony windows must have shape (n, {WINDOW_SAMPLES}), not {windows.shape}",
                remedy=f"Cut windows of {WINDOW_SAMPLES} samples at {SAMPLE_RATE} Hz",
                code="wrong_shape",
            )
        frames = np.zeros((len(windows), BINS), np.float32)
        for first in range(0, len(windows), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            frames[rows] = _encode_rows(np.asarray(windows[rows], np.float32))
        return frames


def frame_times(n_frames: int, duration: float) -> Doubles:
    """Centres of the frames in seconds, within ``0..duration``."""
    centres = (np.arange(n_frames) * HOP_SAMPLES + WINDOW_SAMPLES / 2) / SAMPLE_RATE
    last = max(duration - WINDOW_SAMPLES / 2 / SAMPLE_RATE, duration / 2)
    return np.minimum(centres, last)


def bin_frequencies() -> Doubles:
    """Centre frequency of every bin in hertz, shape ``(252,)``."""
    semitones = (np.arange(BINS) - 1) / BINS_PER_SEMITONE + LOWEST_PITCH
    return np.asarray(440.0 * 2.0 ** ((semitones - 69) / 12))


def _encode_rows(windows: Floats) -> Floats:
    import scipy.fft

    filters = _filters()
    level = np.sqrt(np.einsum("ij,ij->i", windows, windows) / WINDOW_SAMPLES)
    spectrum = scipy.fft.rfft(windows * _taper(), axis=1)[:, : filters[-1][1].stop]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    bins = np.empty((len(windows), BINS), np.float32)
    for columns, lines, weights in filters:
        bins[:, columns] = power[:, lines] @ weights
    reference = np.mean(bins, axis=1)
    audible = (level > SILENCE_RMS) & (reference > 0)
    bins /= np.where(audible, reference, 1)[:, None]
    frames = np.log1p(_COMPRESSION * np.sqrt(bins)) * np.float32(_SCALE)
    return np.asarray(np.where(audible[:, None], frames, 0), np.float32)


@lru_cache(maxsize=1)
def _taper() -> Floats:
    phase = 2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


@lru_cache(maxsize=1)
def _filters() -> tuple[tuple[slice, slice, Floats], ...]:
    """Triangles on the log-frequency axis, one small dense matrix per octave.

    A triangle has height 1 so that a sinusoid gives the same power in every octave; it is never
    narrower than the spacing of the spectral lines, where it interpolates between two of them.
    """
    spacing = SAMPLE_RATE / WINDOW_SAMPLES
    centres = bin_frequencies()
    step = 2.0 ** (1 / (12 * BINS_PER_SEMITONE))
    below = np.maximum(centres - centres / step, spacing)
    above = np.maximum(centres * step - centres, spacing)
    lines = np.arange(WINDOW_SAMPLES // 2 + 1) * spacing
    distance = lines[:, None] - centres[None, :]
    weights = np.clip(1 - np.where(distance < 0, -distance / below, distance / above), 0, None)
    octaves = []
    width = 12 * BINS_PER_SEMITONE
    for first in range(0, BINS, width):
        columns = slice(first, first + width)
        used = np.flatnonzero(weights[:, columns].any(axis=1))
        span = slice(int(used[0]), int(used[-1]) + 1)
        octaves.append((columns, span, weights[span, columns].astype(np.float32)))
    return tuple(octaves)
