"""Made-up music that carries valence and arousal a little, as notes, as sound and as features.

Conventions
-----------
Valence decides between major and minor chords, arousal tempo, velocity and brightness; chance has
its share in all of them. Notes are rows ``(start, end, pitch, velocity)``, in seconds and MIDI
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np

from hevner.arrays import Doubles, Floats
from hevner.lab.music.pieces import Notes

RATE = 22_050
CHANCE = 0.3
"""Standard deviation of chance on the unit scale."""

ROOTS = (0, 5, 7, 0)
WINDOW_S = 0.96


@dataclass(frozen=True)
class Piece:
    """A piece and its ratings; ``name``, unique among all datasets, decides everything about it."""

    name: str

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers of this piece, from the beginning."""
        return np.random.default_rng(crc32(self.name.encode()))

    @cached_property
    def emotion(self) -> tuple[float, float]:
        """Valence and arousal on the unit scale, to two decimals."""
        valence, arousal = self.rng.uniform(-0.9, 0.9, 2).round(2).tolist()
        return valence, arousal

    def curve(self, count: int) -> Doubles:
        """Valence and arousal at some moments around the mean, ``(count, 2)``."""
        moved = np.cumsum(self.rng.normal(0, 0.02, (count, 2)), axis=0)
        rated: Doubles = np.clip(self.emotion + moved - moved.mean(axis=0), -1, 1)
        return rated.round(4)

    def notes(self, seconds: float) -> Notes:
        """Broken chords of a piece of so many seconds."""
        rng = self.rng
        valence, arousal = np.array(self.emotion) + rng.normal(0, CHANCE, 2)
        third, beat = 4 if valence > 0 else 3, 0.5 - 0.2 * np.clip(arousal, -1, 1)
        tonic, loud = int(rng.integers(48, 60)), 80 + 30 * np.clip(arousal, -1, 1)
        rows = []
        for number, start in enumerate(np.arange(0, seconds - 0.2, beat)):
            chord = tonic + ROOTS[number // 4 % len(ROOTS)]
            end = min(start + 1.5 * beat, seconds)
            tones = (chord - 12, chord + (0, third, 7, 12)[int(rng.integers(4))] + 12)
            rows += [(start, end, tone, loud) for tone in tones]
        return np.array(rows)

    def sound(self, seconds: float, rate: int = RATE) -> Floats:
        """The piece as mono samples."""
        played = sound(self.notes(seconds), seconds, rate, 0.55 + 0.25 * self.emotion[1])
        return np.asarray(0.5 * played / np.abs(played).max(), np.float32)


def sound(notes: Notes, seconds: float, rate: int, brightness: float = 0.6) -> Floats:
    """Notes as sums of four harmonics, each ``brightness`` times as strong as the one before."""
    played = np.zeros(int(seconds * rate), np.float32)
    for start, end, pitch, velocity in notes:
        time = np.arange(int((end - start) * rate)) / rate
        angle = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time
        note = np.sum([brightness**k * np.sin((k + 1) * angle + k) for k in range(4)], axis=0)
        note = note * np.exp(-1.5 * time) * np.minimum(1, np.minimum(time, end - start - time) * 80)
        kept = played[int(start * rate) :][: len(note)]
        kept += (velocity / 100 * note[: len(kept)]).astype(np.float32)
    return played


def bands(samples: Floats, count: int) -> Floats:
    """Log energy in ``count`` bands of windows of .96 s, ``(windows, count)``, at `RATE`."""
    length = int(WINDOW_S * RATE)
    windows = samples[: len(samples) // length * length].reshape(-1, length)
    power = np.abs(np.fft.rfft(windows * np.hanning(length), axis=1)) ** 2
    edges = np.geomspace(30, power.shape[1] - 1, count + 1).astype(int)
    return np.log(np.add.reduceat(power, edges[:-1], axis=1) + 1e-3).astype(np.float32)
