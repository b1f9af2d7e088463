"""Composed pieces: what POP909, piano and nearly all triads, lacks.

Sevenths, diminished, augmented and suspended chords, minor keys with a leading note, borrowed
chords, seven modes, drones, blues, meters other than 4/4, and sound without a key or a pulse. An
equal generator gives the same piece again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hevner.lab.music import parts
from hevner.lab.music.parts import Frame, Rows, accompaniment, drone, frame, phrases
from hevner.lab.music.pieces import QUALITY_OF, SCALES, TABLES, UNKNOWN, Chord, Piece, Rng
from hevner.music.chord_labels import MODES, NO_CHORD, QUALITIES, TEMPLATES

_KINDS, _SHARES = TABLES["kinds"], TABLES["modes"]
# Degrees by which a mode differs from its neighbours.
_CHARACTER = {
    "ionian": {5, 11}, "dorian": {9}, "phrygian": {1}, "lydian": {6}, "mixolydian": {10},
    "aeolian": {8}, "harmonic minor": {11},
}  # fmt: skip


def compose(length: float, rng: Rng, *, plain: bool = False) -> Piece:
    """Compose ``length`` seconds in major or minor; one in ten has no key at all.

    ``plain`` are chords of every quality alike, in no key, over a bass.
    """
    now = frame(length, rng, drums=0.0 if plain else 0.48)
    key = UNKNOWN if plain or rng.random() < 0.1 else int(rng.integers(24))
    size = 12 if plain else int(rng.integers(4, 12))
    unrelated = rng.integers(NO_CHORD, size=size).tolist()
    chords = _spread(lambda: progression(key, rng) if key >= 0 else unrelated, now, rng)
    rest = 0.02 if rng.random() < 0.5 else 0.0
    chords = [(a, b, NO_CHORD if rng.random() < rest else number) for a, b, number in chords]
    rows: dict[str, Rows] = {}
    if not now.drums or rng.random() > 0.12:
        scale = SCALES["aeolian" if key >= 12 else "ionian"]
        notes = [(key + step) % 12 for step in scale]
        rows = accompaniment(chords, notes, now, rng, all_parts=not plain)
    else:
        chords = [(chords[0][0], chords[-1][1], NO_CHORD)]
    rows["drums"] = parts.drums(now, rng) if now.drums else []
    return _piece(rows, chords, now, rng, key)


def compose_modal(rng: Rng) -> Piece:
    """Compose 12 to 30 seconds of known modes, or without a key."""
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


def modal(kind: str, mode: str, rng: Rng, length: float) -> Piece:
    """Compose a piece of a kind in a mode, on a tonic drawn at random."""
    tonic, scale = int(rng.integers(12)), SCALES[mode]
    now = frame(length, rng, drums=0.0, cut=False)
    chords: list[Chord] = []
    if kind in ("drone", "melody"):
        rows = {"melody": phrases(tonic, scale, now, rng)}
        if kind == "drone" and rng.random() < 0.3:
            rows["counter"] = phrases(tonic, scale, now, rng, 60)
    else:
        drawn = _cadential if kind == "cadential" else _loop
        home = _number(tonic, *_diatonic(mode)[0][:2])
        chords = _spread(lambda: drawn(tonic, mode, rng), now, rng, home)
        rows = accompaniment(chords, [(tonic + step) % 12 for step in scale], now, rng)
        if rng.random() < 0.3:
            rows["melody"] = phrases(tonic, scale, now, rng)
    if kind in ("drone", "pedal"):
        rows["bass"] = drone(tonic, scale, now, rng)
    return _piece(rows, chords, now, rng, tonic + 12 * (3 in scale), (mode,))


def blues(rng: Rng, length: float) -> Piece:
    """Twelve bars, or a riff of fifths on the notes of a pentatonic scale."""
    tonic, minor = int(rng.integers(12)), bool(rng.random() < 0.5)
    now = frame(length, rng, drums=0.0, cut=False)
    fifths = minor and rng.random() < 0.6
    if fifths:
        degrees = [0, 0, *rng.choice([3, 5, 7, 10, 0], size=int(rng.integers(2, 5)))]
    else:
        degrees = [int(d) for d in rng.choice(TABLES["blues"])]
    quality = "maj" if fifths else "min7" if minor else "7"
    sequence = [_number(tonic, int(degree), quality) for degree in degrees]
    chords = _spread(lambda: sequence, now, rng, _number(tonic, 0, quality))
    scale = (0, 3, 5, 6, 7, 10) if minor or rng.random() < 0.5 else (0, 2, 3, 4, 7, 9)
    rows = accompaniment(chords, [], now, rng, all_parts=False)
    if fifths:
        starts = [start for start, *_ in chords]
        roots = [number // len(QUALITIES) for *_, number in chords]
        rows["chords"] = [
            row for row in rows["chords"]
            if (row[2] - roots[np.searchsorted(starts, row[0] + 1e-6) - 1]) % 12 != 4
        ]  # fmt: skip
    if rng.random() < 0.8:
        rows["melody"] = phrases(tonic, scale, now, rng)
    known = tuple(mode for mode in MODES if (3 in SCALES[mode]) == minor)
    return _piece(rows, chords, now, rng, tonic + 12 * minor, known)


def keyless(rng: Rng, length: float) -> Piece:
    """Nothing, one note held or struck again, or unrelated notes."""
    gap = float(rng.choice([length, rng.uniform(0.1, 2)]))
    starts = np.arange(0, length - 0.3, gap) if rng.random() < 0.75 else np.zeros(0)
    lowest, highest = (36, 90) if rng.random() < 0.4 else [int(rng.integers(24, 100))] * 2
    pitches = rng.integers(lowest, highest + 1, len(starts))
    ends = starts + min(gap, length) * rng.uniform(0.3, 1.5)
    notes = np.stack([starts, ends, pitches, np.full(len(starts), 85.0)], axis=1)
    return Piece(length, {"melody": notes})


def progression(key: int, rng: Rng) -> list[int]:
    """Two to eight chords in a key; the tonic opens or closes most of them."""
    table = TABLES["minor" if key >= 12 else "major"]
    picks = _picks([row[2] for row in table], rng)
    draw = rng.random()
    if draw < 0.75:
        picks[0 if draw < 0.55 else -1] = 0
    if rng.random() < 0.35:
        picks[-1] = int(rng.choice([k for k, row in enumerate(table) if row[0] == 7][:2]))
    richness = rng.choice([0.05, 0.3, 0.85], p=[0.5, 0.25, 0.25])
    return [_decorated(key, table[k][0], table[k][1], richness, rng) for k in picks]


def _picks(weights: list[float], rng: Rng) -> list[int]:
    """Two to eight rows of a table of chords; hardly any twice in a row."""
    shares = np.array(weights) / sum(weights)
    picks = rng.choice(len(shares), size=int(rng.choice([2, 3, 4, 4, 4, 8])), p=shares).tolist()
    for k in range(1, len(picks)):
        if picks[k] == picks[k - 1] and rng.random() < 0.8:
            picks[k] = int(rng.integers((len(shares) + 1) // 2))
    return [int(k) for k in picks]


def _decorated(key: int, degree: int, quality: str, richness: float, rng: Rng) -> int:
    if rng.random() < richness:
        major = "7" if degree == 7 or rng.random() < 0.35 else "maj7"
        quality = {"min": "min7", "dim": "hdim7", "maj": major}.get(quality, quality)
    elif quality in ("maj", "min") and rng.random() < 0.07:
        quality = str(rng.choice(["sus2", "sus4"]))
    return _number(key, degree, quality)


def _diatonic(mode: str, seventh: bool = False) -> list[tuple[int, str, bool]]:
    """Chords on the degrees of a mode: degree, quality, whether it has a characteristic note."""
    scale = SCALES[mode]
    found = []
    for k, degree in enumerate(scale):
        tones = [(scale[(k + step) % 7] - degree) % 12 for step in (0, 2, 4, 6)]
        name = QUALITY_OF.get(frozenset(tones)) if seventh else None
        name = name or QUALITY_OF[frozenset(tones[:3])]
        typical = any((degree + tone) % 12 in _CHARACTER[mode] for tone in TEMPLATES[name])
        found.append((degree, name, typical))
    return found


def _number(tonic: int, degree: int, quality: str) -> int:
    return (tonic + degree) % 12 * len(QUALITIES) + QUALITIES.index(quality)


def _loop(tonic: int, mode: str, rng: Rng) -> list[int]:
    """Two to eight chords of a mode; mostly its tonic first, and one that shows the mode."""
    table = _diatonic(mode, seventh=bool(rng.random() < 0.2))
    rare = {"dim": 0.4, "hdim7": 0.4, "aug": 0.4}
    picks = _picks([rare.get(q, 2) * (1 + typical) for _, q, typical in table], rng)
    typical = [k for k in range(1, 7) if table[k][2]]
    home = 0 if rng.random() < 0.94 else len(picks) - 1
    picks[home] = 0
    if rng.random() < 0.85 and not set(picks) & set(typical):
        picks[home - int(rng.integers(1, len(picks)))] = int(rng.choice(typical))
    return [_number(tonic, *table[k][:2]) for k in picks]


def _cadential(tonic: int, mode: str, rng: Rng) -> list[int]:
    """Chords of common practice: tonic, something before the dominant, dominant, tonic."""
    table = TABLES["cadence"]["major" if mode == "ionian" else "minor"]
    home, dominant = (0, table[0][1]), (7, "7" if rng.random() < 0.4 else "maj")
    picks = rng.choice(len(table), size=int(rng.integers(1, 4)), p=[row[2] for row in table])
    middle = [tuple(table[k][:2]) for k in picks]
    close = [dominant, home] if rng.random() < 0.8 else [dominant, tuple(table[3][:2]), dominant]
    return [_number(tonic, *chord) for chord in (home, *middle, *close)]


def _spread(
    sequence: Callable[[], list[int]], now: Frame, rng: Rng, home: int | None = None
) -> list[Chord]:
    """Repeat a sequence of chords, in beats; most end on the chord ``home``, held, if given."""
    bar = now.groove.bar
    span = bar * float(rng.choice([0.5 if bar == 4 else 1, 1, 1, 1, 1, 2, 2, 4]))
    final = now.end * (float(rng.uniform(0.6, 1)) if home is not None and rng.random() < 0.8 else 1)
    place, chords, current = 0.0, list[Chord](), sequence()
    fresh = rng.random() < 0.35
    while place < final:
        for number in current:
            stop = place + span * (2 if rng.random() < 0.07 else 1)
            chords.append((place, stop, number))
            place = stop
            if place >= now.end:
                return chords
        if fresh:
            current = sequence()
    if home is not None:
        chords.append((place, place + bar * float(rng.choice([1, 2])), home))
    return chords


def _piece(
    rows: dict[str, Rows],
    chords: list[Chord],
    now: Frame,
    rng: Rng,
    key: int,
    modes: tuple[str, ...] = (),
) -> Piece:
    """What was composed, in seconds, played somewhat unevenly."""
    jitter, length = float(rng.choice([0.0, 0.0, 0.004, 0.008, 0.014])), now.length
    played = {}
    for role, notes in rows.items():
        table = np.array(notes, np.float64).reshape(-1, 4)
        table[:, :2] = now.seconds(table[:, :2]) + jitter * rng.normal(0, 1, (len(table), 1))
        table[:, 1] = np.maximum(table[:, 1], table[:, 0] + 0.06)
        table = table[(table[:, 0] > -0.02) & (table[:, 0] < length - 0.05)]
        table[:, 0] = np.maximum(table[:, 0], 0)
        table[:, 3] += rng.normal(0, rng.uniform(0, 8), len(table))
        played[role] = table
    edges = np.clip(now.seconds(np.array([row[:2] for row in chords]).reshape(-1, 2)), 0, length)
    timed = tuple(
        (float(a), float(b), row[2]) for (a, b), row in zip(edges, chords, strict=True) if a < b
    )
    down = np.arange(0, now.grid[-1], now.groove.bar)
    beats, downbeats = (
        times[(times >= -0.02) & (times < length)]
        for times in (
            now.seconds((down[:, None] + np.array(now.groove.places)).ravel()), now.seconds(down)
        )
    )  # fmt: skip
    return Piece(length, played, timed, key, modes, beats, downbeats, now.tempo, now.groove.meter)
