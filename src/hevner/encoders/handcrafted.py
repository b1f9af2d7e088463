"""Classic descriptors of loudness, timbre and rhythm, one vector per three-second window.

They describe what a tagging network leaves out: dynamics, brightness, attack, pulse. Harmony is
in `hevner.music`. Every descriptor but ``level_db`` is invariant to gain: spectra
are taken relative to the window's own maximum.

Conventions
-----------
Windows and frames are those of MusiCNN (16 kHz, 512-point Hann frames every 256 samples, not
padded), so that one pass over the audio serves both. Names of the dimensions are in `NAMES`.
A digitally silent window gives the descriptors of a flat spectrum at the floor level.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.fft import dct, rfft

from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE
from hevner.encoders.base import EncoderCard
from hevner.encoders.mel import HOP, N_FFT, WINDOW_SAMPLES, mel_filterbank, power_spectrum

FRAME_RATE = SAMPLE_RATE / HOP
"""Frames per second: 62.5."""

FLOOR_DB = -90.0
"""Level, relative to full scale, below which everything counts as silent."""

DYNAMIC_DB = 60.0
"""Range below the loudest band of a window that timbre descriptors look at, in decibels."""

N_MELS = 40
N_MFCC = 13

CONTRAST_EDGES_HZ = (0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 8000.0)
MODULATION_EDGES_HZ = (0.5, 1.5, 3.0, 6.0, 12.0, 31.0)
PULSE_BPM = (40.0, 240.0)

_FRAME_NAMES = (
    *("centroid", "spread", "rolloff", "flatness", "crossings", "flux", "bass_share"),
    *(f"contrast_{int(low)}" for low in CONTRAST_EDGES_HZ[:-1]),
    *(f"mfcc_{k}" for k in range(1, N_MFCC)),
)
_WINDOW_NAMES = (
    "level_db",
    "level_std_db",
    "crest_db",
    "quiet_share",
    "onset_rate",
    "onset_sharpness",
    "attack_db_per_frame",
    "pulse_clarity",
    "pulse_log_bpm",
    "pulse_fast_share",
    "percussive_share",
    *(f"modulation_{low:g}" for low in MODULATION_EDGES_HZ[:-1]),
)

NAMES: tuple[str, ...] = (
    *(f"{name}_mean" for name in _FRAME_NAMES),
    *(f"{name}_std" for name in _FRAME_NAMES),
    *(f"mfcc_{k}_delta" for k in range(1, N_MFCC)),
    *_WINDOW_NAMES,
)

CARD = EncoderCard(
    id="handcrafted",
    version="1",
    sample_rate=SAMPLE_RATE,
    window_samples=WINDOW_SAMPLES,
    hop_samples=187 * HOP,
    dimension=len(NAMES),
    licence="MIT",
    commercial_use=True,
    citation="",
    description="Descriptors of loudness, timbre and rhythm",
)


class Handcrafted:
    """The encoder; the module explains its numbers."""

    card = CARD

    def encode(self, windows: Floats) -> Floats:
        """Describe windows ``(n, window_samples)``: ``(n, dimension)``, columns as in `NAMES`."""
        power = power_spectrum(windows)
        return self.describe(windows, power, band_levels(power))

    def describe(self, windows: Floats, power: Floats, mel_db: Floats) -> Floats:
        """Like `encode`, for a caller that has power spectra and `band_levels`."""
        if not len(windows):
            return np.zeros((0, len(NAMES)), np.float32)
        frames = _frame_descriptors(windows, power, mel_db)
        mfcc = frames[..., -(N_MFCC - 1) :]
        columns = [
            frames.mean(axis=1),
            frames.std(axis=1),
            np.abs(np.diff(mfcc, axis=1)).mean(axis=1),
            _window_descriptors(windows, mel_db),
        ]
        return np.concatenate(columns, axis=1).astype(np.float32)


def band_levels(power: Floats) -> Floats:
    """Level of every mel band and frame, in decibels below the window's loudest.

    From power spectra ``(n, frames, bins)``; shape ``(n, frames, N_MELS)``, in [-DYNAMIC_DB, 0].
    """
    return _relative_db(power @ mel_filterbank(N_MELS).T, axis=(1, 2))


def onset_strength(mel_db: Floats) -> Floats:
    """Mean rise in decibels over the mel bands, from frame to frame, shape ``(n, frames - 1)``."""
    return np.asarray(np.maximum(np.diff(mel_db, axis=1), 0.0).mean(axis=2), np.float32)


def _relative_db(energy: Floats, axis: int | tuple[int, ...]) -> Floats:
    """Decibels below the maximum over ``axis``, in [-DYNAMIC_DB, 0]."""
    top = np.maximum(energy.max(axis=axis, keepdims=True), 1e-12)
    levels = 10 * np.log10(np.maximum(energy / top, 10 ** (-DYNAMIC_DB / 10)))
    return np.asarray(levels, np.float32)


def _frame_descriptors(windows: Floats, power: Floats, mel_db: Floats) -> Floats:
    """Spectral shape of every frame, shape ``(n, frames, len(_FRAME_NAMES))``."""
    frequency = np.linspace(0, SAMPLE_RATE / 2, power.shape[2], dtype=np.float32)
    # A floor far below the window's maximum keeps quiet frames from having the shape of noise.
    floor = power.max(axis=(1, 2), keepdims=True) * 1e-7 + 1e-12
    lifted = power + floor
    total = lifted.sum(axis=2)
    octave = np.log2(np.maximum(frequency, 50.0) / 50.0)
    centroid = (lifted @ octave) / total
    spread = np.sqrt(np.maximum((lifted @ octave**2) / total - centroid**2, 0))
    cumulative = np.cumsum(lifted, axis=2)
    rolloff = octave[np.argmax(cumulative >= 0.85 * cumulative[..., -1:], axis=2)]
    flatness = np.log(lifted).mean(axis=2) - np.log(total / lifted.shape[2])
    flux = np.pad(onset_strength(mel_db), ((0, 0), (1, 0)))
    bass = lifted[..., frequency < 200.0].sum(axis=2) / total
    shape = [centroid, spread, rolloff, flatness, _crossings(windows, power), flux, bass]
    contrast = [_contrast(lifted[..., band]) for band in _contrast_bands(frequency)]
    mfcc = dct(mel_db, axis=2, norm="ortho")[..., 1:N_MFCC]
    return np.concatenate([np.stack(shape + contrast, axis=2), mfcc], axis=2)


def _contrast_bands(frequency: Floats) -> list[slice]:
    edges = np.searchsorted(frequency, CONTRAST_EDGES_HZ)
    return [slice(low, max(high, low + 2)) for low, high in pairwise(edges)]


def _contrast(band: Floats) -> Floats:
    """Peak against valley inside a band, as the log ratio of maximum and mean."""
    return np.asarray(np.log(band.max(axis=2) / band.mean(axis=2)), np.float32)


def _crossings(windows: Floats, power: Floats) -> Floats:
    """Share of neighbouring samples with a change of sign, per frame."""
    changes = (windows[:, 1:] >= 0) != (windows[:, :-1] >= 0)
    summed = np.cumsum(np.pad(changes, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    starts = np.arange(power.shape[1]) * HOP
    count = summed[:, starts + N_FFT - 1] - summed[:, starts]
    return np.asarray(count / (N_FFT - 1), np.float32)


def _window_descriptors(windows: Floats, mel_db: Floats) -> Floats:
    """Dynamics and rhythm of every window, shape ``(n, len(_WINDOW_NAMES))``."""
    usable = (windows.shape[1] // HOP) * HOP
    energy = (windows[:, :usable].reshape(len(windows), -1, HOP) ** 2).mean(axis=2)
    # The variance, not the mean square: a constant offset is inaudible.
    variance = windows[:, :usable].var(axis=1)
    level = 10 * np.log10(np.maximum(variance, 10 ** (FLOOR_DB / 10)))
    relative = _relative_db(energy, axis=1)
    peak = 20 * np.log10(np.maximum(np.abs(windows).max(axis=1), 10 ** (FLOOR_DB / 20)))
    quiet = (energy < 0.5 * energy.mean(axis=1, keepdims=True)).mean(axis=1)
    strength = onset_strength(mel_db)
    dynamics = [level, relative.std(axis=1), peak - level, quiet]
    return np.stack(
        dynamics + _onsets(strength) + _pulse(strength) + [_percussive(mel_db)]
        + _modulation(energy),
        axis=1,
    )  # fmt: skip


def _onsets(strength: Floats) -> list[Floats]:
    """Rate per second, sharpness and mean height of the peaks of onset strength."""
    threshold = np.maximum(
        strength.mean(axis=1, keepdims=True) + 0.5 * strength.std(axis=1, keepdims=True), 0.5
    )
    middle = strength[:, 1:-1]
    peaks = (middle > strength[:, :-2]) & (middle >= strength[:, 2:]) & (middle > threshold)
    count = peaks.sum(axis=1)
    height = (middle * peaks).sum(axis=1) / np.maximum(count, 1)
    seconds = strength.shape[1] / FRAME_RATE
    sharpness = height / np.maximum(strength.mean(axis=1), 0.1)
    return [count / seconds, sharpness, height]


def autocorrelation(strength: Floats) -> Floats:
    """Normalised autocorrelation of onset strength over lags in frames, shape ``(n, frames)``."""
    centred = strength - strength.mean(axis=1, keepdims=True)
    size = 2 * centred.shape[1]
    spectrum = rfft(centred, size, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    correlation = np.fft.irfft(power, size, axis=1)[:, : centred.shape[1]].astype(np.float32)
    return np.asarray(correlation / np.maximum(correlation[:, :1], 1e-6), np.float32)


def _pulse(strength: Floats) -> list[Floats]:
    """Clarity and rate of the strongest pulse, and how much of it lies in fast lags."""
    correlation = autocorrelation(strength)
    shortest = int(60 * FRAME_RATE / PULSE_BPM[1])
    longest = min(int(60 * FRAME_RATE / PULSE_BPM[0]), correlation.shape[1] - 1)
    lags = np.arange(shortest, longest + 1)
    bpm = 60 * FRAME_RATE / lags
    # A log-Gaussian around 120 beats per minute decides between a pulse and its multiples.
    preference = np.exp(-0.5 * (np.log2(bpm / 120.0) / 1.0) ** 2).astype(np.float32)
    weighted = correlation[:, lags] * preference
    best = weighted.argmax(axis=1)
    clarity = np.take_along_axis(correlation[:, lags], best[:, None], axis=1)[:, 0]
    positive = np.maximum(correlation[:, lags], 0)
    fast = positive[:, bpm >= 120].mean(axis=1) / np.maximum(positive.mean(axis=1), 1e-3)
    return [clarity, np.log2(bpm[best]).astype(np.float32), fast]


def _percussive(mel_db: Floats) -> Floats:
    """How much more the spectrum changes over time than over frequency, in [0, 1]."""
    over_time = np.abs(np.diff(mel_db, axis=1)).mean(axis=(1, 2))
    over_frequency = np.abs(np.diff(mel_db, axis=2)).mean(axis=(1, 2))
    return np.asarray(over_time / np.maximum(over_time + over_frequency, 1e-6), np.float32)


def _modulation(energy: Floats) -> list[Floats]:
    """Share of the envelope's modulation energy in each band of `MODULATION_EDGES_HZ`."""
    envelope = np.sqrt(energy)
    envelope = envelope / np.maximum(envelope.mean(axis=1, keepdims=True), 1e-7) - 1
    spectrum = np.abs(rfft(envelope * np.hanning(envelope.shape[1]).astype(np.float32), axis=1))
    frequency = np.fft.rfftfreq(envelope.shape[1], HOP / SAMPLE_RATE)
    power = spectrum**2
    total = np.maximum(power[:, frequency >= MODULATION_EDGES_HZ[0]].sum(axis=1), 1e-6)
    return [
        np.sqrt(power[:, (frequency >= low) & (frequency < high)].sum(axis=1) / total)
        for low, high in pairwise(MODULATION_EDGES_HZ)
    ]
