"""Mel bands as the teachers were trained with: Slaney's scale, or that of HTK.

Both put triangles between neighbouring edges, from 0 to half the sample rate. Slaney's scale is
linear below 1 kHz and logarithmic above, and its triangles have equal area; that of HTK is
``2595 log10(1 + f / 700)``, and its triangles have equal height.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

BANDS = 96

_KNEE_HZ = 1000.0
_KNEE_MEL = 15.0
_LOG_STEP = np.log(6.4) / 27.0


def slaney_filterbank(bands: int, sample_rate: int, n_fft: int) -> Array:
    """Weights of the bins of a power spectrum, shape ``(bands, n_fft // 2 + 1)``."""
    top = sample_rate / 2  # above the knee
    mels = np.linspace(0.0, _KNEE_MEL + np.log(top / _KNEE_HZ) / _LOG_STEP, bands + 2)
    logarithmic = _KNEE_HZ * np.exp(_LOG_STEP * (mels - _KNEE_MEL))
    edges = np.where(mels < _KNEE_MEL, mels * _KNEE_HZ / _KNEE_MEL, logarithmic)
    areas = (edges[2:] - edges[:-2]) / 2
    return (_triangles(edges, sample_rate, n_fft) / areas[:, None]).astype(np.float32)


def htk_filterbank(bands: int, sample_rate: int, n_fft: int) -> Array:
    """Weights of the bins of a power spectrum, shape ``(bands, n_fft // 2 + 1)``."""
    mels = np.linspace(0.0, 2595.0 * np.log10(1 + sample_rate / 2 / 700.0), bands + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1)
    return _triangles(edges, sample_rate, n_fft).astype(np.float32)


def _triangles(edges: NDArray[np.float64], sample_rate: int, n_fft: int) -> NDArray[np.float64]:
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, centre, high = (edges[start : len(edges) - 2 + start, None] for start in range(3))
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return triangles
