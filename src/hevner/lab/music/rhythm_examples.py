"""Training examples of rhythm: input of the network with times of beats, tempo and meter.

Conventions
-----------
An example is made from its number and the seed alone. One in ten has no pulse: noise, tones,
hum, syllables, applause, held or scattered notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats
from hevner.audio.decode import SAMPLE_RATE, open_audio
from hevner.blocks import PATCHES, Windows
from hevner.lab.music import composer, pieces, render
from hevner.lab.music.pieces import Piece
from hevner.music import analyse, onsets

UNKNOWN = -1.0
"""Tempo of music with a pulse that nobody has counted."""

SOUNDFONTS = ("FluidR3_GM", "TimGM6mb")
_NOTHING, _POP909 = 0.1, 0.34
_SONG_S = (4, 24)


@dataclass(frozen=True)
class Example:
    """Input ``(n, INPUTS)``, times of beats and downbeats, tempo (0: none), meter ("": unknown)."""

    inputs: NDArray[np.float16]
    beats: Doubles
    downbeats: Doubles
    tempo: float
    meter: str


def rendered(number: int, pop909: Path, seed: int) -> Example:
    """Draw, render and analyse one piece."""
    rng = np.random.default_rng([seed, number])
    kind = rng.random()
    if kind < _NOTHING:
        piece, sound = Piece(14.0, {}), _nothing(14.0, rng)
    else:
        if kind < _POP909:
            song_id = str(rng.choice(pieces.song_ids(pop909, "train")))
            piece = pieces.draw_pop909(pop909 / song_id, 24.0, rng)
        else:
            piece = composer.compose(16.0, rng)
        plain = 0.3 * (kind < _POP909)
        sound = render.played(piece, SOUNDFONTS, rng, plain=plain, rate=SAMPLE_RATE)
    if rng.random() < 0.8:
        sound = render.roughen(sound, SAMPLE_RATE, rng)
    return Example(inputs_of(sound), piece.beats, piece.downbeats, piece.tempo, piece.meter)


def real(path: Path) -> Example:
    """Twenty seconds of a recording."""
    first, last = (second * SAMPLE_RATE for second in _SONG_S)
    sound = np.concatenate(list(open_audio(path).blocks))[first:last]
    return Example(inputs_of(sound), np.zeros(0), np.zeros(0), UNKNOWN, "")


def inputs_of(sound: Floats) -> NDArray[np.float16]:
    """Input of the network, as an analysis makes it, of a sound at 16 kHz."""
    patches, starts = render.windows(sound, PATCHES)
    rows = onsets.rises(Windows(patches).levels).astype(np.float16)
    spectrum = render.spectrum(sound)
    harmony = analyse(spectrum, len(sound) / SAMPLE_RATE)
    return onsets.inputs(rows, starts, spectrum, harmony).astype(np.float16)


def _nothing(length: float, rng: pieces.Rng) -> Floats:
    """Sound without a pulse."""
    time = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    noise = rng.standard_normal(len(time))
    edges = np.cumsum(rng.gamma(3, 0.06, 400))
    match rng.choice(["noise", "hum", "syllables", "applause", "notes", "notes"]):
        case "noise":
            sound = noise * np.interp(time, np.linspace(0, length, 12), rng.uniform(0.3, 1, 12))
        case "hum":
            pitch = float(rng.choice([50, 60, 100, 120, rng.uniform(40, 2000)]))
            sound = rng.choice([0, 0.001, 0.02]) * noise
            for k in range(1, min(int(rng.integers(2, 12)), int(SAMPLE_RATE / 2 / pitch) + 1)):
                angle = 2 * np.pi * k * pitch * time + rng.uniform(0, 6)
                sound += rng.random() ** 3 * np.sin(angle)
        case "syllables":
            loud = np.interp(time, edges, rng.random(400) * (rng.random(400) < 0.8))
            wave = np.sin(2 * np.pi * rng.uniform(0.3, 1) * time)
            melody = rng.uniform(90, 240) * (1 + 0.1 * wave)
            voice = scipy.signal.sawtooth(2 * np.pi * np.cumsum(melody) / SAMPLE_RATE)
            hiss = np.interp(time, edges, rng.random(400)) > 0.7
            sound = loud * np.where(hiss, 0.7 * noise, voice)
        case "applause":
            struck = (rng.random(len(time)) < rng.uniform(2, 200) / SAMPLE_RATE) * noise
            clap = rng.standard_normal(800) * np.exp(-np.arange(800) / rng.uniform(30, 200))
            sound = scipy.signal.fftconvolve(struck, clap)[: len(time)] + 0.002 * noise
        case _:  # notes, held or scattered
            held = rng.random() < 0.5
            gap = rng.uniform(1.5, 7) if held else rng.choice([0.2, 0.5])
            starts = np.cumsum(rng.exponential(gap, 60) + 0.05)
            ends = starts + (gap if held else 0.4)
            pitches, loud = rng.integers(42, 82, 60), rng.uniform(40, 110, 60)
            notes = np.stack([starts, ends, pitches, loud], axis=1)[starts < length - 0.1]
            program = int(rng.choice([48, 50, 52, 89, 92] if held else [0, 24, 40, 73, 11]))
            part, font = render.Instrument("pad", program, notes), str(rng.choice(SOUNDFONTS))
            return render.render([part], length, font, rate=SAMPLE_RATE)
    return np.asarray(sound, np.float32)
