"""Training examples of harmony: frames with a chord class each and one key.

Conventions
-----------
An example is made from its number and the seed alone, so a set can be extended or made in
pieces. Frames are those of `hevner.music.spectrum`, not corrected for tuning, as float16.

POP909 is piano, nearly all triads. What it lacks is composed: sevenths, diminished, augmented and
suspended chords, minor keys with a leading note, borrowed chords, loops, arpeggios, walking basses,
passages without harmony.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hevner.lab.harmony import render, songs
from hevner.lab.harmony.songs import SCALES, TABLES, UNKNOWN, Chord, Notes, Song, chord_tones
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
        song = compose_plain(rng, LENGTH_S)
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
    frames = frames_of(sound, rate)
    times = frame_times(len(frames), len(sound) / rate) * speed
    return Example(frames, targets(song, times), song.key)


def frames_of(sound: NDArray[np.float32], rate: int) -> NDArray[np.float16]:
    """Frames ``(n, 252)`` of a sound."""
    samples = np.asarray(soxr.resample(sound, rate, SAMPLE_RATE), np.float32)
    views = np.lib.stride_tricks.sliding_window_view(samples, HarmonySpectrum.window_samples)
    return HarmonySpectrum().encode(views[::HOP_SAMPLES]).astype(np.float16)


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
    song = compose(rng, LENGTH_S)
    if source == "no_harmony":
        chords = ((0.0, LENGTH_S, chord_labels.NO_CHORD),)
        empty = {role: np.zeros((0, 4)) for role in song.parts}
        return Song(LENGTH_S, empty, chords, UNKNOWN, song.beats)
    return song


Rng = np.random.Generator


def compose(rng: Rng, length: float) -> Song:
    """Compose ``length`` seconds with exact chords; one in ten has no key at all."""
    beat = 60 / rng.uniform(60, 165)
    key = int(rng.integers(24))
    keyless = rng.random() < 0.1
    sequence = _keyless(rng) if keyless else _progression(key, rng)
    beats_per_chord = int(rng.choice([1, 2, 4, 4, 8], p=[0.08, 0.3, 0.3, 0.22, 0.1]))
    chords: list[Chord] = []
    time = 0.0
    rest = 0.02 if rng.random() < 0.5 else 0.0
    while time < length:
        for number in sequence:
            span = beat * beats_per_chord * (2 if rng.random() < 0.1 else 1)
            silent = rng.random() < rest
            chords.append(
                (time, min(time + span, length), chord_labels.NO_CHORD if silent else number)
            )
            time += span
            if time >= length:
                break
        if rng.random() < 0.4 and not keyless:
            sequence = _progression(key, rng)
    parts = {
        "bass": _bass(chords, beat, rng),
        "chords": _comping(chords, beat, rng),
        "pad": _pad(chords, rng),
        "melody": _melody(chords, key % 12, SCALES[key // 12], beat, rng),
        "counter": np.zeros((0, 4)),
    }
    parts = {role: notes[notes[:, 0] < length - 0.05] for role, notes in parts.items()}
    return Song(
        length, parts, tuple(chords), UNKNOWN if keyless else key, np.arange(0, length, beat)
    )


def compose_plain(rng: Rng, length: float) -> Song:
    """Chords of every quality alike, in no key, held or broken, over a bass; nothing else."""
    beat = 60 / rng.uniform(60, 165)
    chords: list[Chord] = []
    time = 0.0
    while time < length:
        span = beat * float(rng.choice([2, 3, 4]))
        number = int(rng.integers(chord_labels.NO_CHORD))
        chords.append((time, min(time + span, length), number))
        time += span
    parts = {"bass": _bass(chords, beat, rng), "chords": _comping(chords, beat, rng)}
    return Song(length, parts, tuple(chords), UNKNOWN, np.arange(0, length, beat))


def _progression(key: int, rng: Rng) -> list[int]:
    """Four or eight chords in a key; the tonic opens or closes most of them."""
    table = TABLES["minor" if key >= 12 else "major"]
    weights = np.array([row[2] for row in table])
    size = int(rng.choice([2, 4, 4, 4, 8]))
    picks = list(rng.choice(len(table), size=size, p=weights / weights.sum()))
    draw = rng.random()
    if draw < 0.55:
        picks[0] = 0
    elif draw < 0.75:
        picks[-1] = 0
    if rng.random() < 0.35:
        dominants = [k for k, row in enumerate(table) if row[0] == 7]
        picks[-1] = int(rng.choice(dominants[:2]))
    for k in range(1, size):
        if picks[k] == picks[k - 1] and rng.random() < 0.8:
            picks[k] = int(rng.integers(len(table) // 2))
    richness = rng.choice([0.05, 0.3, 0.85], p=[0.5, 0.25, 0.25])
    chosen = [table[k] for k in picks]
    return [_decorate(key, degree, quality, richness, rng) for degree, quality, _ in chosen]


def _decorate(key: int, degree: int, quality: str, richness: float, rng: Rng) -> int:
    if rng.random() < richness:
        if quality == "min":
            quality = "min7"
        elif quality == "dim":
            quality = "hdim7"
        elif quality == "maj":
            dominant = degree == 7 or rng.random() < 0.35
            quality = "7" if dominant else "maj7"
    elif quality in ("maj", "min") and rng.random() < 0.07:
        quality = str(rng.choice(["sus2", "sus4"]))
    root = (key + degree) % 12
    return root * len(chord_labels.QUALITIES) + chord_labels.QUALITIES.index(quality)


def _keyless(rng: Rng) -> list[int]:
    numbers: list[int] = rng.integers(chord_labels.NO_CHORD, size=int(rng.integers(4, 12))).tolist()
    return numbers


def _sounding(chords: list[Chord]) -> list[Chord]:
    return [chord for chord in chords if chord[2] != chord_labels.NO_CHORD]


def _array(rows: Sequence[tuple[float, float, float, float]]) -> Notes:
    return np.array(rows, np.float64).reshape(-1, 4)


def _near(tone: int, centre: float) -> int:
    """Return the pitch of a pitch class nearest to a centre."""
    return int(tone + 12 * np.round((centre - tone) / 12))


def _bass(chords: list[Chord], beat: float, rng: Rng) -> Notes:
    style = rng.choice(["hold", "pulse", "fifths", "walk"])
    centre = rng.uniform(36, 46)
    inversions = rng.choice([0.0, 0.25])
    rows = []
    for start, end, number in _sounding(chords):
        tones = chord_tones(number)
        low = tones[0] if rng.random() >= inversions else int(rng.choice(tones))
        step = end - start if style == "hold" else beat * (0.5 if style == "pulse" else 1)
        for k, time in enumerate(np.arange(start, end - 0.05, max(step, 0.12))):
            tone = low
            if k and style == "fifths" and k % 2:
                tone = tones[2]
            elif k and style == "walk":
                tone = int(rng.choice(tones) if rng.random() < 0.6 else low + rng.integers(12))
            stop = min(time + step * rng.uniform(0.7, 1.0), end)
            rows.append((time, stop, _near(tone % 12, centre), rng.uniform(70, 110)))
    return _array(rows)


def _voicing(number: int, centre: float, rng: Rng) -> list[int]:
    tones = chord_tones(number)
    if len(tones) == 4 and rng.random() < 0.3:
        tones.pop(2 if rng.random() < 0.6 else 0)
    pitches = [_near(tone, centre + rng.uniform(-4, 4)) for tone in tones]
    if rng.random() < 0.4:
        pitches += [p + 12 for p in pitches if rng.random() < 0.5]
    return sorted(set(pitches))


def _comping(chords: list[Chord], beat: float, rng: Rng) -> Notes:
    style = rng.choice(["block", "eighths", "offbeat", "arpeggio", "alberti", "strum"])
    centre = rng.uniform(52, 68)
    loud = rng.uniform(55, 95)
    rows = []
    for start, end, number in _sounding(chords):
        pitches = _voicing(number, centre, rng)
        if style in ("arpeggio", "alberti"):
            broken = style == "arpeggio"
            order = pitches + pitches[-2:0:-1] if broken else pitches[::2] + pitches[1:]
            step = beat * float(rng.choice([0.25, 0.5]))
            for k, time in enumerate(np.arange(start, end - 0.03, max(step, 0.08))):
                stop = min(time + step * rng.uniform(0.8, 2.5), end)
                rows.append((time, stop, order[k % len(order)], loud + rng.uniform(-8, 8)))
            continue
        step = {"eighths": beat / 2, "offbeat": beat, "strum": beat}.get(str(style), end - start)
        shift = beat / 2 if style == "offbeat" else 0.0
        spread = 0.02 if style == "strum" else 0.0
        for time in np.arange(start + shift, end - 0.05, max(step, 0.1)):
            stop = min(time + step * rng.uniform(0.5, 1.0), end)
            for k, pitch in enumerate(pitches):
                rows.append((time + k * spread, max(stop, time + 0.12), pitch, loud))
    return _array(rows)


def _pad(chords: list[Chord], rng: Rng) -> Notes:
    centre = rng.uniform(56, 74)
    rows = []
    for start, end, number in _sounding(chords):
        loud = rng.uniform(45, 75)
        rows += [(start, end, pitch, loud) for pitch in _voicing(number, centre, rng)]
    return _array(rows)


def _melody(
    chords: list[Chord], tonic: int, steps: tuple[int, ...], beat: float, rng: Rng
) -> Notes:
    """Draw a line of chord notes on strong beats, scale steps between, and rests."""
    scale = [(tonic + step) % 12 for step in steps]
    pitch = rng.uniform(64, 78)
    loud = rng.uniform(70, 110)
    density = rng.uniform(0.4, 0.95)
    rows = []
    for start, end, number in _sounding(chords):
        tones = chord_tones(number)
        time = start
        while time < end - 0.08:
            step = beat * float(rng.choice([0.25, 0.5, 0.5, 1, 1, 2]))
            if rng.random() < density:
                on_chord = rng.random() < 0.6
                allowed = tones if on_chord else scale
                pitch = np.clip(pitch + rng.normal(0, 3), 58, 86)
                note = min((_near(tone, pitch) for tone in allowed), key=lambda p: abs(p - pitch))
                stop = min(time + step * rng.uniform(0.6, 1.0), end)
                rows.append((time, max(stop, time + 0.08), note, loud + rng.uniform(-10, 10)))
            time += step
    return _array(rows)
