"""Training examples of harmony: frames with a chord class each and one key.

Conventions
-----------
An example is made from its number and the seed alone, so a set can be extended or made in
pieces. Frames are those of `hevner.music.spectrum`, not corrected for tuning, as float16.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats, Integers
from hevner.lab.music import composer, pieces, render, spectral
from hevner.lab.music.pieces import UNKNOWN, Piece
from hevner.music import chord_labels, tuning
from hevner.music.spectrum import BINS, BINS_PER_SEMITONE, SAMPLE_RATE, frame_times

LENGTH_S = 30.0
_POP909, _NO_HARMONY, _PIANO = 0.55, 0.04, 0.12


@dataclass(frozen=True)
class Example:
    """Frames ``(n, 252)``, chord class per frame ``(n,)`` and key class; -1 where unknown."""

    frames: NDArray[np.float16]
    chords: NDArray[np.int16]
    key: int


def make(number: int, data: Path, subset: str, seed: int) -> Example:
    """Draw, render and analyse one example.

    ``subset`` is ``"train"`` or ``"validation"`` of POP909 in the folder ``data``, or ``"plain"``:
    chords alone, all equally frequent, without sound.
    """
    rng = np.random.default_rng([seed, number, {"train": 0, "validation": 1, "plain": 2}[subset]])
    if subset == "plain":
        piece = composer.compose(LENGTH_S, rng, plain=True)
        return _example(spectral.frames(piece, rng), piece)
    source = rng.random()
    if source < _POP909:
        song_id = str(rng.choice(pieces.song_ids(data, subset)))
        piece = pieces.draw_pop909(data / song_id, LENGTH_S, rng)
        if rng.random() < 0.3:
            piece = pieces.parallel(piece, raised_seventh=bool(rng.random() < 0.5))
    else:
        piece = composer.compose(LENGTH_S, rng)
    if source > 1 - _NO_HARMONY:
        silent = {"drums": piece.parts["drums"]}
        piece = Piece(LENGTH_S, silent, ((0.0, LENGTH_S, chord_labels.NO_CHORD),))
    plain = _PIANO * (source < _POP909)
    sound = render.played(piece, render.SOUNDFONTS, rng, plain=plain, rate=render.RATE)
    if source > 1 - 0.3 * _NO_HARMONY:
        sound = rng.standard_normal(len(sound)).astype(np.float32)
    cents = float(rng.uniform(-40, 40)) if rng.random() < 0.7 else 0.0
    sound = render.detune(sound, cents, render.RATE)
    if rng.random() < 0.85:
        sound = render.roughen(sound, render.RATE, rng)
    samples: Floats = np.asarray(soxr.resample(sound, render.RATE, SAMPLE_RATE), np.float32)
    return _example(render.spectrum(samples), piece, 2 ** (cents / 1200))


def _example(frames: NDArray[np.float16], piece: Piece, speed: float = 1.0) -> Example:
    """An example whose sound plays a piece at a speed."""
    times = frame_times(len(frames), piece.duration / speed) * speed
    return Example(frames, targets(piece, times), piece.key)


def targets(piece: Piece, times: Doubles) -> NDArray[np.int16]:
    """Chord class at every time; `UNKNOWN` before the first and after the last chord."""
    classes = np.full(len(times), UNKNOWN, np.int16)
    for start, end, number in piece.chords:
        classes[(times >= start) & (times < end)] = number
    return classes


def disturb(
    example: Example, cents: float, crop: int, rng: np.random.Generator
) -> tuple[Floats, Integers, int]:
    """Take a random piece of an example, transposed, equalised, masked, slightly out of tune."""
    spare = max(len(example.frames) - crop, 0)
    first = int(rng.integers(spare + 1))
    rows = slice(first, first + crop)
    frames = tuning.correct(example.frames[rows], cents + rng.normal(0, 4))
    shift = int(rng.integers(-6, 6))
    bins = shift * BINS_PER_SEMITONE
    padded = np.pad(frames, ((0, 0), (max(bins, 0), max(-bins, 0))))
    frames = padded[:, max(-bins, 0) :][:, :BINS]
    curve = np.interp(np.arange(BINS), np.linspace(0, BINS, 6), rng.normal(0, 0.08, 6))
    sounding = frames.any(axis=1, keepdims=True)
    floor = abs(rng.normal(0, 0.05)) * rng.random(frames.shape, np.float32)
    frames = np.where(sounding, np.clip(frames + curve, 0, None) + floor, 0).astype(np.float32)
    if rng.random() < 0.3:
        begin = int(rng.integers(BINS - 40))
        frames[:, begin : begin + int(rng.integers(6, 40))] *= rng.uniform(0, 0.5)
    chords = pieces.shift_chords(example.chords[rows], shift)
    return frames, chords, pieces.shift_key(example.key, shift)
