"""Training examples of harmony: frames with a chord class each and one key.

Conventions
-----------
An example is made from its number and the seed alone, so a set can be extended or made in
pieces. Frames are those of `hevner.music.spectrum`, not corrected for tuning, as float16.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hevner.lab.harmony import compose, render, songs
from hevner.lab.harmony.songs import UNKNOWN, Song
from hevner.music import chord_labels, tuning
from hevner.music.spectrum import (
    BINS,
    BINS_PER_SEMITONE,
    HOP_SAMPLES,
    SAMPLE_RATE,
    HarmonySpectrum,
    frame_times,
)

LENGTH_S = 30.0
_RENDER_RATE = 32_000
_SHARES = {"pop909": 0.55, "composed": 0.41, "no_harmony": 0.04}


@dataclass(frozen=True)
class Example:
    """Frames ``(n, 252)``, chord class per frame ``(n,)`` and key class; -1 where unknown."""

    frames: NDArray[np.float16]
    chords: NDArray[np.int16]
    key: int


def load_or_make(number: int, data: Path, subset: str, seed: int, cache: Path) -> Example:
    """Take example ``number`` of a set from the cache folder, making it if need be."""
    path = cache / f"{subset}-{seed}" / f"{number:06d}.npz"
    if path.exists():
        with np.load(path) as stored:
            return Example(stored["frames"], stored["chords"], int(stored["key"]))
    example = make(number, data, subset, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(partial, frames=example.frames, chords=example.chords, key=np.int16(example.key))
    os.replace(partial, path)
    return example


def make(number: int, data: Path, subset: str, seed: int) -> Example:
    """Draw, render and analyse one example.

    ``subset`` is ``"train"``, ``"validation"`` or ``"plain"``: chords alone, all equally frequent,
    from sums of harmonics.
    """
    rng = np.random.default_rng([seed, number, {"train": 0, "validation": 1, "plain": 2}[subset]])
    if subset == "plain":
        song = compose.compose_plain(rng, LENGTH_S)
        sound = render.synthesise(list(song.parts.values()), LENGTH_S, rng, rate=SAMPLE_RATE)
        return _example(render.roughen(sound, SAMPLE_RATE, rng), SAMPLE_RATE, song)
    source = rng.choice(list(_SHARES), p=list(_SHARES.values()))
    song = _draw_song(str(source), data, subset, rng)
    soundfont = str(rng.choice(render.SOUNDFONTS))
    if source == "pop909" and rng.random() < 0.12:
        parts, sung = render.piano(song), np.zeros((0, 4))
    else:
        parts, sung = render.arrange(song, rng)
    sound = render.render(parts, song.duration, soundfont, rate=_RENDER_RATE)
    voice = render.sing(sung, song.duration, rng, rate=_RENDER_RATE)
    sound = render.mix(sound, voice, rng)
    if source == "no_harmony" and rng.random() < 0.3:
        sound = rng.standard_normal(len(sound)).astype(np.float32)
    cents = float(rng.uniform(-40, 40)) if rng.random() < 0.7 else 0.0
    sound = render.detune(sound, cents, _RENDER_RATE)
    if rng.random() < 0.85:
        sound = render.roughen(sound, _RENDER_RATE, rng)
    return _example(sound, _RENDER_RATE, song, 2 ** (cents / 1200))


def disturb(
    example: Example, cents: float, crop: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
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
    chords = songs.shift_chords(example.chords[rows], shift)
    return frames, chords, songs.shift_key(example.key, shift)


def _example(sound: NDArray[np.float32], rate: int, song: Song, speed: float = 1.0) -> Example:
    """Frames of a sound that plays a song at a speed."""
    samples = np.asarray(soxr.resample(sound, rate, SAMPLE_RATE), np.float32)
    views = np.lib.stride_tricks.sliding_window_view(samples, HarmonySpectrum.window_samples)
    frames = HarmonySpectrum().encode(views[::HOP_SAMPLES])
    times = frame_times(len(frames), len(sound) / rate) * speed
    return Example(frames.astype(np.float16), targets(song, times), song.key)


def targets(song: Song, times: NDArray[np.float64]) -> NDArray[np.int16]:
    """Chord class at every time; `UNKNOWN` before the first and after the last chord."""
    classes = np.full(len(times), UNKNOWN, np.int16)
    for start, end, number in song.chords:
        classes[(times >= start) & (times < end)] = number
    return classes


def _draw_song(source: str, data: Path, subset: str, rng: np.random.Generator) -> Song:
    if source == "pop909":
        ids = songs.song_ids(data, subset)
        song, keys = songs.load_pop909(data / str(rng.choice(ids)))
        start = rng.uniform(0, max(song.duration - LENGTH_S, 0))
        song = songs.excerpt(song, keys, float(start), LENGTH_S)
        if rng.random() < 0.3:
            song = songs.parallel(song, raised_seventh=bool(rng.random() < 0.5))
        return songs.transpose(song, int(rng.integers(-5, 7)))
    song = compose.compose(rng, LENGTH_S)
    if source == "no_harmony":
        chords = ((0.0, LENGTH_S, chord_labels.NO_CHORD),)
        empty = {role: np.zeros((0, 4)) for role in song.parts}
        return Song(LENGTH_S, empty, chords, UNKNOWN, song.beats)
    return song
