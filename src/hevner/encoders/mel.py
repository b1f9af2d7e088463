"""Power spectra and log-mel spectrograms of self-contained windows.

Conventions
-----------
Audio is mono at 16 kHz. Frames are `N_FFT` samples under a periodic Hann window, `HOP` apart;
the first frame starts at the first sample, and nothing is padded. A window of `WINDOW_SAMPLES`
holds exactly `FRAMES` frames, and windows that start ``FRAMES * HOP`` samples apart have the
frames of the whole stream, each once.

The mel scale is Slaney's: linear below 1 kHz, logarithmic above, triangles of equal area. The
numbers are those of ``librosa.feature.melspectrogram`` with ``center=False``.

References
----------
M. Slaney, "Auditory Toolbox, version 2", Interval Research Corporation technical report 1998-010.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import rfft

from hevner.arrays import Doubles, Floats
from hevner.audio.decode import SAMPLE_RATE
from hevner.encoders.base import check_windows

N_FFT = 512
HOP = 256
BINS = N_FFT // 2 + 1
FRAMES = 187
WINDOW_SAMPLES = (FRAMES - 1) * HOP + N_FFT  # 48128 samples, 3.008 s
N_MELS = 96

LOG_GAIN = 1e4
"""The logarithm is ``log10(1 + LOG_GAIN * mel)``: linear for what is quiet."""

# Slaney's scale: 200/3 Hz to a mel up to 1 kHz, from there 27 mel to a factor of 6.4.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0
_HIGHEST_MEL = _KNEE_MEL + np.log(SAMPLE_RATE / 2 / _KNEE_HZ) / _LOG_STEP


def power_spectrum(windows: Floats) -> Floats:
    """Return the squared magnitude of every frame.

    Parameters
    ----------
    windows
        Shape ``(n, WINDOW_SAMPLES)``, full scale 1.

    Returns
    -------
    Floats
        Shape ``(n, FRAMES, BINS)``.

    Raises
    ------
    ModelError
        If the windows have another length or hold values that are not finite.
    """
    windows = check_windows(windows, WINDOW_SAMPLES)
    hann = _hann_window()
    power = np.empty((len(windows), FRAMES, BINS), np.float32)
    for window, result in zip(windows, power, strict=True):  # one window stays in the cache
        frames = np.lib.stride_tricks.sliding_window_view(window, N_FFT)[::HOP]
        spectrum = rfft(frames * hann, overwrite_x=True)
        np.square(spectrum.real, out=result)
        result += np.square(spectrum.imag)
    return power


def log_mel_of_power(power: Floats) -> Floats:
    """Return ``log10(1 + 1e4 * mel)`` of power spectra, shape ``(n, FRAMES, N_MELS)``."""
    bank = mel_filterbank().T
    result = np.empty((*power.shape[:2], N_MELS), np.float32)
    for spectrum, patch in zip(power, result, strict=True):  # so that a batch equals singles
        np.matmul(spectrum, bank, out=patch)
    result *= np.float32(LOG_GAIN)
    result += np.float32(1.0)
    return np.log10(result, out=result)


@lru_cache(maxsize=8)
def mel_filterbank(n_mels: int = N_MELS) -> Floats:
    """Return the weights of `n_mels` bands from 0 to 8000 Hz, shape ``(n_mels, BINS)``.

    Triangles between neighbouring edges on the mel scale, divided by half their width in hertz.
    The array is shared and cannot be written to.
    """
    edges = _mel_to_hz(np.linspace(0.0, _HIGHEST_MEL, n_mels + 2))
    bins = np.arange(BINS) * (SAMPLE_RATE / N_FFT)
    low, centre, high = (edges[start : start + n_mels, None] for start in range(3))
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    weights: Floats = (triangles * (2.0 / (high - low))).astype(np.float32)
    weights.flags.writeable = False
    return weights


def _mel_to_hz(mels: Doubles) -> Doubles:
    linear = mels * _HZ_PER_MEL
    logarithmic = _KNEE_HZ * np.exp(_LOG_STEP * (mels - _KNEE_MEL))
    return np.where(mels < _KNEE_MEL, linear, logarithmic)


@lru_cache(maxsize=1)
def _hann_window() -> Floats:
    phase = 2.0 * np.pi * np.arange(N_FFT) / N_FFT
    window: Floats = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    window.flags.writeable = False
    return window
