"""Music of known tonic and mode, composed to train the key estimator.

Conventions
-----------
A tonic is a pitch class, `NO_TONIC` for sound without a key. The modes that a piece may be in are
a row of seven flags in the order of `hevner.music.chord_labels.MODES`: one for modal pieces,
several where only the third is certain (blues, riffs, POP909).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hevner.lab.harmony import examples
from hevner.lab.harmony.songs import UNKNOWN, Chord, Notes, Song
from hevner.music.chord_labels import MODES, QUALITIES, SCALES, TEMPLATES

Rng = np.random.Generator

NO_TONIC = -1
_NAMES = {frozenset(tones): name for name, tones in TEMPLATES.items()}
# Degrees by which a mode differs from its neighbours.
_CHARACTER = {
    "ionian": {5, 11}, "dorian": {9}, "phrygian": {1}, "lydian": {6}, "mixolydian": {10},
    "aeolian": {8}, "harmonic minor": {11},
}  # fmt: skip
_MAJOR = tuple(4 in scale for scale in SCALES)
_MINOR = tuple(not major for major in _MAJOR)


@dataclass(frozen=True)
class Piece:
    """A song with its tonic and the modes it may be in, ``(7,)``."""

    song: Song
    tonic: int
    modes: tuple[bool, ...]


def only(*names: str) -> tuple[bool, ...]:
    """Flags of the modes named."""
    return tuple(mode in names for mode in MODES)


def diatonic(mode: str, seventh: bool = False) -> list[tuple[int, str, bool]]:
    """Chords on the degrees of a mode: degree, quality, whether it has a characteristic note."""
    scale = SCALES[MODES.index(mode)]
    found = []
    for k, degree in enumerate(scale):
        tones = [(scale[(k + step) % 7] - degree) % 12 for step in (0, 2, 4, 6)]
        name = _NAMES.get(frozenset(tones)) if seventh else None
        name = name or _NAMES[frozenset(tones[:3])]
        typical = any((degree + tone) % 12 in _CHARACTER[mode] for tone in TEMPLATES[name])
        found.append((degree, name, typical))
    return found


def _number(tonic: int, degree: int, quality: str) -> int:
    return (tonic + degree) % 12 * len(QUALITIES) + QUALITIES.index(quality)


def _loop(tonic: int, mode: str, rng: Rng) -> list[int]:
    """Two to eight chords of a mode that hold its tonic, mostly first."""
    table = diatonic(mode, seventh=bool(rng.random() < 0.2))
    weights = np.array(
        [(0.4 if q in ("dim", "hdim7", "aug") else 2) * (2 if typical else 1)
         for _, q, typical in table]
    )  # fmt: skip
    weights[0] = 0
    size = int(rng.choice([2, 3, 4, 4, 4, 6, 8]))
    picks = [int(k) for k in rng.choice(7, size=size - 1, p=weights / weights.sum())]
    if rng.random() < 0.85 and not any(table[k][2] for k in picks):
        picks[int(rng.integers(len(picks)))] = int(
            rng.choice([k for k in range(1, 7) if table[k][2]])
        )
    for k in range(1, len(picks)):
        if picks[k] == picks[k - 1]:
            picks[k] = 0 if rng.random() < 0.5 else int(rng.integers(1, 7))
    place = rng.choice(["first", "last", "any"], p=[0.93, 0.05, 0.02])
    picks.insert({"first": 0, "last": len(picks)}.get(place, int(rng.integers(size))), 0)
    return [_number(tonic, *table[k][:2]) for k in picks]


def _cadential(tonic: int, mode: str, rng: Rng) -> list[int]:
    """Chords of common practice: tonic, something before the dominant, dominant, tonic."""
    minor = mode != "ionian"
    third, fourth = ("min", "min") if minor else ("maj", "maj")
    second = (2, "hdim7" if rng.random() < 0.4 else "dim") if minor else (2, "min")
    sixth = (8, "maj") if minor else (9, "min")
    dominant = (7, "7" if rng.random() < 0.4 else "maj")
    middle = [
        (5, fourth),
        second,
        sixth,
        (11, "dim"),
        (0, third),
        (3, "maj") if minor else (4, "min"),
    ]
    chords = [(0, third)]
    shares = [0.35, 0.2, 0.2, 0.05, 0.1, 0.1]
    chords += [middle[int(rng.choice(6, p=shares))] for _ in range(int(rng.integers(1, 4)))]
    chords += [dominant, (0, third)] if rng.random() < 0.8 else [dominant, sixth, dominant]
    return [_number(tonic, *chord) for chord in chords]


def _spread(
    sequence: Callable[[], list[int]], beat: float, length: float, home: int, rng: Rng
) -> list[Chord]:
    """Repeat a sequence of chords for a length; most end on the tonic chord, held."""
    beats = float(rng.choice([1, 2, 4, 4, 8], p=[0.05, 0.25, 0.35, 0.2, 0.15]))
    final = float(rng.uniform(0.6, 1)) * length if rng.random() < 0.8 else length
    now, chords, current = 0.0, [], sequence()
    fresh = rng.random() < 0.3
    while now < final:
        for number in current:
            stop = min(now + beats * beat * (2 if rng.random() < 0.07 else 1), length)
            chords.append((now, stop, number))
            now = stop
            if now >= length:
                return chords
        if fresh:
            current = sequence()
    chords.append((now, min(now + beat * float(rng.choice([2, 4, 8])), length), home))
    return chords


def phrases(
    tonic: int, scale: tuple[int, ...], beat: float, length: float, rng: Rng, centre: float = 68
) -> Notes:
    """A line in a scale: phrases of some beats that end, held, on a note of rest."""
    steps = len(scale)
    rows, time = [], 0.0
    place = int(rng.choice([0, 0, 0, 4, 2])) % steps
    base = tonic + 12 * round((centre - tonic) / 12)
    runs = rng.random() < 0.3
    while time < length - 0.1:
        end = time + beat * float(rng.choice([4, 8, 8, 16]))
        goal = int(rng.choice([0, 0, 0, 4, 2], p=[0.3, 0.2, 0.1, 0.25, 0.15])) % steps
        direction = int(rng.choice([-1, 1]))
        while time < end - 2 * beat:
            step = beat * float(0.5 if runs else rng.choice([0.5, 0.5, 1, 1, 1.5, 2]))
            rows.append((time, time + step * rng.uniform(0.7, 1), place))
            if abs(place) > 9:
                direction = -int(np.sign(place))
            leap = rng.random() < 0.2 and not runs
            place += (
                direction
                if runs
                else int(rng.choice([-1, 1]) * (rng.integers(2, 5) if leap else 1))
            )
            time += step
        near = goal + steps * round((place - goal) / steps)
        rows.append((time, max(end - 0.1 * beat, time + 0.2), near))
        place, time = near, end + (beat if rng.random() < 0.3 else 0)
    loud = rng.uniform(70, 110)
    notes = [
        (a, min(b, length), base + 12 * (k // steps) + scale[k % steps], loud + rng.normal(0, 5))
        for a, b, k in rows if a < length - 0.1
    ]  # fmt: skip
    return np.array(notes, np.float64).reshape(-1, 4)


def _drone(tonic: int, scale: tuple[int, ...], beat: float, length: float, rng: Rng) -> Notes:
    """The tonic in the bass, held or struck again, alone or with fifth and octave."""
    low = tonic + 12 * int(rng.integers(3, 5))
    above = [[0], [0, 12], [0, 7], [0, 7, 12], [0, 7, 12, 12 + scale[2]]][int(rng.integers(5))]
    step = float(rng.choice([length, 8 * beat, 4 * beat, beat]))
    return np.array(
        [(t, min(t + step * 0.98, length), low + a, 75)
         for t in np.arange(0, length - 0.2, step) for a in above]
    ).reshape(-1, 4)  # fmt: skip


def modal(kind: str, mode: str, rng: Rng, length: float) -> Piece:
    """Compose a piece of a kind in a mode, on a tonic drawn at random."""
    tonic = int(rng.integers(12))
    scale = SCALES[MODES.index(mode)]
    beat = 60 / rng.uniform(55, 170)
    home = _number(tonic, *diatonic(mode)[0][:2])
    drawn = _cadential if kind == "cadential" else _loop
    chords = _spread(lambda: drawn(tonic, mode, rng), beat, length, home, rng)
    line = phrases(tonic, scale, beat, length, rng)
    parts: dict[str, Notes] = {}
    if kind in ("drone", "melody"):
        parts["melody"] = line
        if kind == "drone":
            parts["bass"] = _drone(tonic, scale, beat, length, rng)
            if rng.random() < 0.3:
                parts["counter"] = phrases(tonic, scale, beat, length, rng, 60)
        chords = []
    else:
        pedal = kind == "pedal"
        bass = (
            _drone(tonic, scale, beat, length, rng) if pedal else examples._bass(chords, beat, rng)
        )
        options = {"bass": bass, "chords": examples._comping(chords, beat, rng)}
        options["pad"] = examples._pad(chords, rng)
        options["melody"] = (
            line if rng.random() < 0.4 else examples._melody(chords, tonic, scale, beat, rng)
        )
        shares = {"bass": 1.0 if pedal else 0.8, "chords": 0.8, "pad": 0.3, "melody": 0.7}
        parts = {role: notes for role, notes in options.items() if rng.random() < shares[role]}
        if not {"chords", "pad"} & set(parts):
            parts["chords"] = options["chords"]
    return Piece(_song(parts, chords, beat, length), tonic, only(mode))


def _song(parts: dict[str, Notes], chords: list[Chord], beat: float, length: float) -> Song:
    return Song(length, parts, tuple(chords), UNKNOWN, np.arange(0, length, beat))


def blues(rng: Rng, length: float) -> Piece:
    """Twelve bars, or a riff of fifths on the notes of a pentatonic scale."""
    tonic, minor = int(rng.integers(12)), bool(rng.random() < 0.5)
    beat = 60 / rng.uniform(60, 160)
    fifths = minor and rng.random() < 0.6
    if fifths:
        degrees = [0, 0, *rng.choice([3, 5, 7, 10, 0], size=int(rng.integers(2, 5)))]
        quality = "maj"
    else:
        degrees = [
            0,
            5 if rng.random() < 0.4 else 0,
            0,
            0,
            5,
            5,
            0,
            0,
            7,
            5,
            0,
            int(rng.choice([0, 7])),
        ]
        quality = "min7" if minor else "7"
    sequence = [_number(tonic, int(d), quality) for d in degrees]
    home = _number(tonic, 0, quality)
    chords = _spread(lambda: sequence, beat / (2 if fifths else 1), length, home, rng)
    scale = (0, 3, 5, 6, 7, 10) if minor or rng.random() < 0.5 else (0, 2, 3, 4, 7, 9)
    comping = examples._comping(chords, beat, rng)
    if fifths and len(comping):
        roots = np.array([_root(chords, start) for start in comping[:, 0]])
        comping = comping[(comping[:, 2] - roots) % 12 != 4]
    parts = {"bass": examples._bass(chords, beat, rng), "chords": comping}
    if rng.random() < 0.8:
        parts["melody"] = phrases(tonic, scale, beat, length, rng)
    return Piece(_song(parts, chords, beat, length), tonic, _MINOR if minor else _MAJOR)


def _root(chords: list[Chord], time: float) -> int:
    return next((n // len(QUALITIES) for a, b, n in chords if a - 0.05 <= time < b + 0.1), 0)


def keyless(rng: Rng, length: float) -> Piece:
    """Noise, one note held or struck again, or unrelated notes."""
    pitch = float(rng.integers(24, 100))
    starts = np.zeros(0)
    match int(rng.integers(4)):
        case 0:
            starts, spans, pitches = np.zeros(1), np.full(1, length), np.full(1, pitch)
        case 1:
            starts = np.arange(0, length - 0.3, rng.uniform(0.15, 2))
            spans, pitches = np.full(len(starts), rng.uniform(0.1, 1)), np.full(len(starts), pitch)
        case 2:
            count = int(rng.integers(20, 200))
            starts, spans = rng.uniform(0, length - 1, count), rng.uniform(0.1, 1, count)
            pitches = rng.integers(36, 90, count)
        case _:
            spans = pitches = starts
    notes = np.stack([starts, starts + spans, pitches, np.full(len(starts), 85.0)], axis=1)
    return Piece(_song({"melody": notes}, [], 0.5, length), NO_TONIC, only())


def compose(rng: Rng) -> Piece:
    """Compose a piece of 12 to 30 seconds."""
    length = float(rng.choice([30, 24, 18, 12], p=[0.4, 0.25, 0.2, 0.15]))
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    if kind == "keyless":
        return keyless(rng, length)
    if kind == "blues":
        return blues(rng, length)
    mode = str(rng.choice(list(_SHARES), p=list(_SHARES.values())))
    if kind == "cadential":
        mode = str(rng.choice(["ionian", "harmonic minor"]))
    return modal(kind, mode, rng, length)


_KINDS = {"loop": 0.49, "cadential": 0.11, "drone": 0.11, "melody": 0.08, "pedal": 0.08,
          "blues": 0.08, "keyless": 0.05}  # fmt: skip
# Recordings are mostly in the first, so that a doubtful piece is not called lydian.
_SHARES = {"ionian": 0.22, "dorian": 0.15, "phrygian": 0.1, "lydian": 0.1, "mixolydian": 0.15,
           "aeolian": 0.16, "harmonic minor": 0.12}  # fmt: skip
