"""Spectra of songs without their sound: notes as sums of harmonics in the bins of the spectrum.

Conventions
-----------
Frames are those of `hevner.music.spectrum` in A4 = 440 Hz. It takes a hundredth of the time of
rendering and analysing sound, so the key estimator can learn from thousands of pieces.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats
from hevner.lab.music.pieces import Notes, Piece, Rng
from hevner.music.spectrum import BINS, bin_frequencies, frame_times

_HARMONICS = np.arange(1, 13)


@lru_cache(maxsize=1)
def _kernels() -> Floats:
    """Power of every harmonic of every pitch in every bin, ``(128, 12, 252)``."""
    centres = bin_frequencies()
    pitches = 440 * 2.0 ** ((np.arange(128)[:, None] - 69) / 12) * _HARMONICS
    # A bin is about 2 % wide, but never narrower than what the window can resolve.
    width = np.maximum(centres * 0.0105, 2.0)
    return np.exp(-0.5 * np.square((pitches[:, :, None] - centres) / width)).astype(np.float32)


def frames(song: Piece, rng: Rng, *, pure: bool = False) -> NDArray[np.float16]:
    """Frames ``(n, 252)`` of a song with timbres, room, noise and equaliser drawn at random.

    ``pure`` leaves little of the harmonics.
    """
    count = max(round((song.duration - 0.512) * 10) + 1, 1)
    times = frame_times(count, song.duration)
    power = np.zeros((count, BINS), np.float32)
    one, timbre = rng.random() < 0.3, None
    for role, notes in song.parts.items():
        if role == "drums" or not len(notes):
            continue
        if timbre is None or not one:
            timbre = _timbre(rng, pure)
        strengths, fall, release = timbre
        table = np.einsum("h,phb->pb", strengths, _kernels())
        table *= np.exp(rng.normal(0, 0.35, (128, 1)))
        power += rng.uniform(0.3, 1.2) ** 2 * (_activity(notes, times, fall, release) @ table)
    return _recorded(power, rng)


def _timbre(rng: Rng, pure: bool) -> tuple[Floats, float, float]:
    """Power of the harmonics, decay per second, release in seconds."""
    kind = rng.integers(4)
    strength = (
        rng.uniform(0.25, 0.9) ** (_HARMONICS - 1.0)
        if kind < 2 else _HARMONICS ** -rng.uniform(0.5, 2.5)
    )  # fmt: skip
    if kind == 1:
        strength[1::2] *= rng.uniform(0.05, 0.6)
    strength = strength * np.exp(rng.normal(0, 0.6, len(_HARMONICS)))
    strength[0] *= rng.choice([1, 1, 0.3])
    if pure:
        strength[1:] *= 10 ** -rng.uniform(1, 6)
    fall = float(rng.uniform(0.3, 6)) if rng.random() < 0.6 else 0.0
    return np.square(strength).astype(np.float32), fall, float(rng.uniform(0.05, 0.6))


def _activity(notes: Notes, times: Doubles, fall: float, release: float) -> Floats:
    """Power of every pitch over time, ``(n, 128)``."""
    found = np.zeros((len(times), 128), np.float32)
    firsts = np.searchsorted(times, notes[:, 0] - 0.25)
    lasts = np.searchsorted(times, notes[:, 1] + 0.35)
    for (start, end, pitch, velocity), first, last in zip(notes, firsts, lasts, strict=True):
        now = times[first:last]
        envelope = np.clip((now - start + 0.2) / 0.3, 0, 1)
        envelope *= np.exp(-fall * np.maximum(now - start, 0))
        envelope *= np.clip((end + release / 2 + 0.1 - now) / (release / 2 + 0.1), 0, 1)
        found[first:last, int(np.clip(pitch, 0, 127))] += np.square(velocity / 90 * envelope)
    return found


def _recorded(power: Floats, rng: Rng) -> NDArray[np.float16]:
    """Beats between partials, strokes of noise, a noise floor, an equaliser and a room."""

    def tilt(points: int, spread: float) -> Doubles:
        curve = rng.normal(0, spread, points)
        return np.exp(np.interp(np.arange(BINS), np.linspace(0, BINS, points), curve))

    loudest = power.mean(axis=1).max() or 1.0
    power = power * np.exp(rng.normal(0, 0.5, power.shape))
    if rng.random() < 0.5:
        struck = rng.random(len(power)) < rng.choice([0.2, 0.5, 1])
        strokes = struck[:, None] * tilt(5, 1.2) * rng.gamma(1, 1, power.shape)
        power += loudest * 10 ** -rng.uniform(0.5, 3.5) * strokes
    power += loudest * 10 ** -rng.uniform(3, 8) * rng.gamma(1, 1, power.shape)
    power *= tilt(6, 0.7)
    if rng.random() < 0.3:
        room = np.exp(-np.arange(12) / rng.uniform(1, 5))
        room /= room.sum()
        power = np.stack([np.convolve(line, room)[: len(power)] for line in power.T], axis=1)
    mean = power.mean(axis=1, keepdims=True)
    found = 0.2 * np.log1p(100 * np.sqrt(power / np.maximum(mean, 1e-20)))
    return np.where(mean > loudest * 1e-7, found, 0).astype(np.float16)
