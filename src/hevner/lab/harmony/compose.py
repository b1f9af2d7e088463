"""Composed songs: chord sequences of every quality in every key, played in common textures.

POP909 is piano, nearly all triads. What it lacks comes from here: sevenths, diminished, augmented
and suspended chords, minor keys with a leading note, borrowed chords, loops, arpeggios, walking
basses, passages without harmony.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hevner.lab.harmony.songs import SCALES, TABLES, UNKNOWN, Chord, Notes, Song, chord_tones
from hevner.music import chord_labels

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
        "melody": _melody(chords, key, beat, rng),
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


def _melody(chords: list[Chord], key: int, beat: float, rng: Rng) -> Notes:
    """Draw a line of chord notes on strong beats, scale steps between, and rests."""
    scale = [(key + degree) % 12 for degree in SCALES[key // 12]]
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
