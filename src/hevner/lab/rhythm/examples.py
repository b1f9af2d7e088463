"""Training examples of rhythm: input of the network with times of beats, tempo and meter.

Conventions
-----------
An example is made from its number and the seed alone. One in ten has no pulse: noise, tones,
hum, syllables, applause, held or scattered notes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE, open_audio
from hevner.audio.windows import Windower
from hevner.blocks import FRAMES, PATCHES, Grid, Windows
from hevner.lab.harmony import render
from hevner.lab.harmony.songs import song_ids
from hevner.lab.rhythm import pieces
from hevner.music import analyse, onsets
from hevner.music.spectrum import HarmonySpectrum

UNKNOWN = -1.0
"""Tempo of music with a pulse that nobody has counted."""

SOUNDFONTS = ("FluidR3_GM", "TimGM6mb")
_NOTHING, _POP909 = 0.1, 0.34
_SONG_S = (4, 24)


@dataclass(frozen=True)
class Example:
    """Input ``(n, INPUTS)``, times of beats and downbeats, tempo (0: none), meter ("": unknown)."""

    inputs: NDArray[np.float16]
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    tempo: float
    meter: str


def kept(path: Path, make: Callable[[], Example]) -> Example:
    """The example in a file, made and written if it is not there."""
    if path.exists():
        with np.load(path) as stored:
            inputs, beats, downbeats = (stored[name] for name in ("inputs", "beats", "downbeats"))
            return Example(inputs, beats, downbeats, float(stored["tempo"]), str(stored["meter"]))
    example = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(partial, allow_pickle=False, **vars(example))
    os.replace(partial, path)
    return example


def rendered(number: int, pop909: Path, seed: int) -> Example:
    """Draw, render and hear one piece."""
    rng = np.random.default_rng([seed, number])
    kind = rng.random()
    sung = np.zeros((0, 4))
    if kind < _NOTHING:
        sound = _nothing(14.0, rng)
        piece = pieces.Piece([], 14.0, np.zeros(0), np.zeros(0), 0.0, "")
    else:
        if kind < _POP909:
            folder = pop909 / str(rng.choice(song_ids(pop909, "train")))
            piece, sung = pieces.from_pop909(folder, 24.0, rng)
        else:
            piece = pieces.compose(16.0, rng)
        sound = _played(piece.parts, piece.duration, rng)
        if len(sung):
            voice = render.sing(sung, piece.duration, rng, rate=SAMPLE_RATE)
            sound = render.mix(sound, voice, rng)
    if rng.random() < 0.8:
        sound = render.roughen(sound, SAMPLE_RATE, rng)
    return Example(heard(sound), piece.beats, piece.downbeats, piece.tempo, piece.meter)


def real(path: Path) -> Example:
    """Twenty seconds of a recording."""
    first, last = (second * SAMPLE_RATE for second in _SONG_S)
    sound = np.concatenate(list(open_audio(path).blocks))[first:last]
    return Example(heard(sound), np.zeros(0), np.zeros(0), UNKNOWN, "")


def heard(sound: Floats) -> NDArray[np.float16]:
    """Input of the network, as an analysis makes it."""
    patches, starts = _cut(sound, PATCHES)
    rows = onsets.rises(Windows(patches).levels).astype(np.float16)
    spectrum = HarmonySpectrum().encode(_cut(sound, FRAMES)[0]).astype(np.float16)
    harmony = analyse(spectrum, len(sound) / SAMPLE_RATE)
    return onsets.inputs(rows, starts, spectrum, harmony).astype(np.float16)


def _cut(sound: Floats, grid: Grid) -> tuple[Floats, NDArray[np.float64]]:
    windower = Windower(*grid)
    windows = np.concatenate([windower.push(sound), windower.finish()])
    return windows, np.array(windower.starts) / SAMPLE_RATE


def _played(parts: list[render.Instrument], length: float, rng: render.Rng) -> Floats:
    return render.render(parts, length, str(rng.choice(SOUNDFONTS)), rate=SAMPLE_RATE)


def _nothing(length: float, rng: render.Rng) -> Floats:
    """Sound without a pulse."""
    time = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    noise = rng.standard_normal(len(time))
    match rng.choice(["noise", "hum", "syllables", "applause", "held", "scattered"]):
        case "noise":
            sound = noise * np.interp(time, np.linspace(0, length, 12), rng.uniform(0.3, 1, 12))
        case "hum":
            pitch = float(rng.choice([50, 60, 100, 120, rng.uniform(40, 2000)]))
            partials = range(1, int(rng.integers(2, 12)))
            sound = rng.choice([0, 0.001, 0.02]) * noise
            for k in (k for k in partials if k * pitch < SAMPLE_RATE / 2):
                sound += rng.random() ** 3 * np.sin(
                    2 * np.pi * k * pitch * time + rng.uniform(0, 6)
                )
        case "syllables":
            edges = np.cumsum(rng.gamma(3, 0.06, 400))
            loud = np.interp(time, edges, rng.random(400) * (rng.random(400) < 0.8))
            melody = rng.uniform(90, 240) * (
                1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.3, 1) * time)
            )
            voice = scipy.signal.sawtooth(2 * np.pi * np.cumsum(melody) / SAMPLE_RATE)
            hiss = np.interp(time, edges, rng.random(400)) > 0.7
            sound = loud * np.where(hiss, 0.7 * noise, voice)
        case "applause":
            struck = (rng.random(len(time)) < rng.uniform(2, 200) / SAMPLE_RATE) * noise
            clap = rng.standard_normal(800) * np.exp(-np.arange(800) / rng.uniform(30, 200))
            sound = scipy.signal.fftconvolve(struck, clap)[: len(time)] + 0.002 * noise
        case kind:
            held = kind == "held"
            gap = rng.uniform(1.5, 7) if held else rng.choice([0.2, 0.5])
            starts = np.cumsum(rng.exponential(gap, 60) + 0.05)
            ends = starts + (gap if held else 0.4)
            pitches, loud = rng.integers(42, 82, 60), rng.uniform(40, 110, 60)
            notes = np.stack([starts, ends, pitches, loud], axis=1)[starts < length - 0.1]
            program = int(rng.choice([48, 50, 52, 89, 92] if held else [0, 24, 40, 73, 11]))
            return _played([render.Instrument("pad", program, notes)], length, rng)
    return np.asarray(sound, np.float32)
