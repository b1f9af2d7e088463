"""Pieces of known beat and meter: rhythms of many kinds, and songs of POP909.

Conventions
-----------
Places in a piece are counted in beats from its first downbeat, and turned into seconds by `_clock`.
The beat is the one that is written: a quarter note, in 6/8 a dotted one. In 7/8 tempo counts
quarter notes, and beats are where its groups of two and three begin.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.lab.harmony import render, songs
from hevner.lab.harmony.examples import _near, _progression, _voicing
from hevner.lab.harmony.render import Instrument
from hevner.lab.harmony.songs import TABLES, Chord, Notes, chord_tones

Rng = np.random.Generator
Rows = list[tuple[float, float, float, float]]
Times = NDArray[np.float64]
Clock = Callable[[Times], Times]
DRUMS: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8")
)["drums"]
BARS = {"2/4": 2.0, "3/4": 3.0, "4/4": 4.0, "5/4": 5.0, "6/8": 2.0, "7/8": 3.5}
"""Beats in a bar."""
_PITCHES = {
    "kick": [36, 36, 35, 41],
    "snare": [38, 38, 38, 40, 39, 37],
    "cymbal": [42, 42, 42, 46, 51, 44, 70, 54, 59],
}
_KITS = [0, 0, 0, 8, 16, 24, 25, 40]
_STYLES = ["broken"] * 5 + ["oompah", "beats"] * 2 + ["eighths", "offbeat", "strum"]
_CHANCE = {"x": 1.0, "o": 0.5, "-": 0.1, ".": 0.0}


@dataclass(frozen=True)
class Piece:
    """Parts to play, and times of beats and downbeats in seconds.

    ``tempo`` is in beats per minute, 0 where there is no pulse; ``meter`` is a key of `BARS`, empty
    if there is none.
    """

    parts: list[Instrument]
    duration: float
    beats: Times
    downbeats: Times
    tempo: float
    meter: str


def from_pop909(folder: Path, length: float, rng: Rng) -> tuple[Piece, Notes]:
    """An excerpt of a song with other instruments, and the notes of a sung voice."""
    song, keys = songs.load_pop909(folder)
    table = np.loadtxt(folder / "beat_midi.txt", ndmin=2)
    start = float(rng.uniform(0, max(song.duration - length, 0)))
    cut = songs.transpose(songs.excerpt(song, keys, start, length), int(rng.integers(-5, 7)))
    plain = rng.random() < 0.3
    parts, sung = (render.piano(cut), np.zeros((0, 4))) if plain else render.arrange(cut, rng)
    threes = np.median(np.diff(np.flatnonzero(table[:, 1]))) == 3
    down = table[table[:, 1 if threes else 2] > 0, 0]
    beats, downbeats = (
        times[(times >= start) & (times < start + length)] - start for times in (table[:, 0], down)
    )
    tempo = 60 / float(np.median(np.diff(table[:, 0])))
    return Piece(parts, length, beats, downbeats, tempo, "3/4" if threes else "4/4"), sung


def compose(length: float, rng: Rng) -> Piece:
    """Draw a rhythm, and chords, a bass and a melody over it."""
    weights = np.array([kind["weight"] for kind in DRUMS])
    kind = DRUMS[int(rng.choice(len(DRUMS), p=weights / weights.sum()))]
    low, high = kind["tempo"]
    tempo = float(
        rng.uniform(low, high) if rng.random() < 0.5 else low * (high / low) ** rng.random()
    )
    bar = BARS[kind["meter"]]
    drums = rng.random() < 0.48
    calm = not drums and rng.random() < 0.4
    if calm:
        tempo = 40 * 3.5 ** float(rng.random())
    begin = 0.0 if rng.random() < 0.5 else float(rng.uniform(0, bar))
    clock = _clock(tempo, begin, length, bar * int(rng.choice([2, 4, 8])) * calm, rng)
    bars = int((length * 1.2 * tempo / 60 + begin) / bar) + 1
    rows = _pitched(kind, _chords(bar, bars, rng), tempo, drums, rng)
    if drums:
        rows["drums"] = _drums(kind, bars, rng)
    jitter = float(rng.choice([0.0, 0.0, 0.004, 0.008, 0.014]))
    parts = []
    for role, notes in rows.items():
        table = np.array(notes, np.float64).reshape(-1, 4)
        table[:, :2] = clock(table[:, :2].ravel()).reshape(-1, 2)
        table[:, :2] += jitter * rng.normal(0, 1, (len(table), 1))
        table[:, 1] = np.maximum(table[:, 1], table[:, 0] + 0.06)
        table = table[(table[:, 0] > -0.02) & (table[:, 0] < length - 0.05)]
        if not len(table):
            continue
        table[:, 0] = np.maximum(table[:, 0], 0)
        table[:, 3] += rng.normal(0, rng.uniform(0, 8), len(table))
        programs = (
            _KITS if role == "drums" else TABLES["programs"][role] + [0] * 6 * (role == "chords")
        )
        program = int(rng.choice(programs))
        parts.append(Instrument(role, program, table, float(rng.uniform(0.6, 1.1))))
    places = kind.get("beats") or range(int(bar))
    down = np.arange(bars, dtype=np.float64) * bar
    beats, downbeats = (
        times[(times >= -0.02) & (times < length)]
        for times in (clock((down[:, None] + np.array(places)).ravel()), clock(down))
    )
    return Piece(parts, length, beats, downbeats, tempo, kind["meter"])


def _clock(tempo: float, begin: float, length: float, phrase: float, rng: Rng) -> Clock:
    """Beats to seconds: steady, wandering by a few per cent, or slower at the ends of phrases."""
    grid = np.arange(-8.0, length * tempo / 60 * 1.3 + 12)
    rate = np.ones(len(grid))
    if rng.random() < 0.3:
        steps = rng.normal(0, 1, len(grid) // 4 + 2).cumsum()
        steps -= np.linspace(steps[0], steps[-1], len(steps)) * rng.random()
        curve = np.interp(np.arange(len(grid)) / 4, np.arange(len(steps)), steps - steps.mean())
        rate += rng.uniform(0, 0.03) * curve / (np.abs(curve).max() + 1e-9)
    if phrase and rng.random() < 0.5:
        rate += rng.uniform(0.1, 0.4) * (grid % phrase > phrase - 2.5)
    times = np.concatenate([[0.0], np.cumsum(60 / tempo * rate[:-1])])
    times -= np.interp(begin, grid, times)
    return lambda places: np.asarray(np.interp(places, grid, times), np.float64)


def _drums(kind: dict[str, Any], bars: int, rng: Rng) -> Rows:
    """The lines of a rhythm in every bar, fills and a crash cymbal now and then."""
    steps, bar = kind["steps"], BARS[kind["meter"]]
    swing = float(rng.uniform(0, 0.16)) * (steps != 3 and rng.random() < 0.2) * 4 / steps
    loud = rng.uniform(60, 115)
    rows: Rows = []
    for line, pitches in _PITCHES.items():
        if rng.random() < 0.1:
            continue
        played = [rng.random() < _CHANCE[mark] for mark in str(rng.choice(kind[line]))]
        pitch = float(rng.choice(pitches))
        softer = rng.uniform(0, 25) if line == "cymbal" else 0.0
        for k, (step, hit) in product(range(bars), enumerate(played)):
            if hit and rng.random() > 0.02:
                place = k * bar + (step + swing * (step % 2)) / steps
                rows.append((place, place + 0.3, pitch, loud - softer * (step % steps != 0)))
    every = int(rng.choice([2, 4, 8, 99]))
    for end in np.arange(every, bars + 1, every) * bar:
        if rng.random() < 0.7:
            fill = rng.integers(41, 51, 4)
            rows += [(end - 1 + s / 4, end - 0.8 + s / 4, float(fill[s]), loud) for s in range(4)]
        if rng.random() < 0.6:
            rows.append((end, end + 1, 49.0, loud))
    return rows


def _chords(bar: float, bars: int, rng: Rng) -> list[Chord]:
    """Chords that change with bars, mostly one to a bar."""
    span = bar * float(rng.choice([0.5 if bar == 4 else 1, 1, 1, 1, 1, 2, 2, 4]))
    sequence = _progression(int(rng.integers(24)), rng)
    count = int(bars * bar / span) + 1
    return [(k * span, (k + 1) * span, sequence[k % len(sequence)]) for k in range(count)]


def _pitched(
    kind: dict[str, Any], chords: list[Chord], tempo: float, drums: bool, rng: Rng
) -> dict[str, Rows]:
    """Chords, a bass, a pad and a melody; not all of them, at least chords without drums."""
    if drums and rng.random() < 0.12:
        return {}
    bar = BARS[kind["meter"]]
    places = kind.get("beats") or [float(k) for k in range(int(bar))]
    halves = 3 if kind["steps"] == 3 else 2
    loud, accent = rng.uniform(55, 100), float(rng.choice([0, 0, 6, 14, 22]))
    bars = [
        (begin, min(begin + bar, end), number)
        for start, end, number in chords
        for begin in np.arange(start, end - 1e-6, min(bar, end - start))
    ]
    style = "held" if not drums and rng.random() < 0.06 else str(rng.choice(_STYLES))
    rows: dict[str, Rows] = {}
    if style == "broken":
        rows["chords"] = _broken(bars, halves, tempo, (loud, accent), rng)
    else:
        rows["chords"] = _struck(bars, places, halves, style, tempo, (loud, accent), rng)
    pulse = str(rng.choice(["none", "bar", "bar", "beats", "beats", "eighths", "figure"]))
    if style == "oompah":
        pulse = "bar"
    if pulse != "none":
        rows["bass"] = _bass(bars, places, halves, pulse, (loud, accent), rng)
    if rng.random() < 0.3:
        rows["pad"] = [(a, b, p, 60.0) for a, b, n in chords for p in _voicing(n, 62, rng)]
    if rng.random() < 0.45:
        rows["melody"] = _melody(bars, places, min(kind["steps"], 3), loud + 10, rng)
    return rows


def _broken(
    bars: list[Chord], halves: int, tempo: float, loudness: tuple[float, float], rng: Rng
) -> Rows:
    """Chords as one note after the other, mostly in halves of the beat."""
    per_beat = 3 if halves == 3 else int(rng.choice([2, 2, 2, 2, 1 if tempo > 112 else 4]))
    centre, reach = rng.uniform(54, 68), float(rng.choice([0.8, 1.0, 2.0]))
    order = str(rng.choice(["up", "updown", "down", "alberti", "random"]))
    low_first = rng.random() < 0.5
    drawn = rng.permutation(12)
    loud, accent = loudness
    rows: Rows = []
    for begin, stop, number in bars:
        up = _voicing(number, centre, rng)
        up = [*up, up[0] + 12] if len(up) < 4 else up
        line = {
            "up": up,
            "updown": up + up[-2:0:-1],
            "down": up[::-1],
            "alberti": [up[0], up[-1], up[1], up[-1]],
            "random": [up[j % len(up)] for j in drawn],
        }[order]
        for j, place in enumerate(np.arange(begin, stop - 1e-6, 1 / per_beat)):
            boost = accent * (j == 0) + accent / 2 * (j % per_beat == 0)
            pitch = line[j % len(line)] - 12 * (low_first and j == 0)
            rows.append((place, place + reach / per_beat, pitch, loud + boost))
    return rows


def _struck(
    bars: list[Chord],
    places: list[float],
    halves: int,
    style: str,
    tempo: float,
    loudness: tuple[float, float],
    rng: Rng,
) -> Rows:
    """Whole chords, on beats, on halves of them, off them, or held."""
    strum = [rng.random() < p for p in [1, 0.3, 0.8, 0.5] * 8]
    centre, (loud, accent) = rng.uniform(54, 68), loudness
    spread = 0.03 * tempo / 60 if style == "strum" else 0.0
    rows: Rows = []
    for begin, stop, number in bars:
        pitches = _voicing(number, centre, rng)
        beats = [begin + place for place in places if begin + place < stop - 1e-6]
        eighths = list(np.arange(begin, stop - 1e-6, 1 / halves))
        hits = {
            "held": [begin],
            "beats": beats,
            "oompah": beats[1:],
            "eighths": eighths,
            "offbeat": [place for j, place in enumerate(eighths) if j % halves],
            "strum": [place for j, place in enumerate(eighths) if strum[j % len(strum)]],
        }[style]
        length = {"held": stop - begin, "beats": 0.6}.get(style, 0.4)
        for place in hits:
            boost = accent * (place == begin) + accent / 2 * (place in beats)
            rows += [
                (place + i * spread, place + length, pitch, loud + boost)
                for i, pitch in enumerate(pitches)
            ]
    return rows


def _bass(
    bars: list[Chord],
    places: list[float],
    halves: int,
    pulse: str,
    loudness: tuple[float, float],
    rng: Rng,
) -> Rows:
    """Roots, and fifths in between, at every bar, every beat, every half, or in a figure."""
    figure = [True, *(rng.random(31) < 0.45)]
    other = rng.random() < 0.4
    loud, accent = loudness
    rows: Rows = []
    for begin, stop, number in bars:
        tones = chord_tones(number)
        marks = [begin + place for place in places if begin + place < stop - 1e-6]
        if pulse in ("eighths", "figure"):
            marks = list(np.arange(begin, stop - 1e-6, 1 / halves))
        if pulse == "figure":
            marks = [mark for mark, hit in zip(marks, figure, strict=False) if hit]
        marks = [begin] if pulse == "bar" else marks
        for j, (mark, following) in enumerate(pairwise([*marks, stop])):
            tone = _near(tones[2], 43) if other and j % 2 else _near(tones[0], 40)
            end = mark + (following - mark) * 0.9
            rows.append((mark, end, tone, loud + 10 + accent * (j == 0)))
    return rows


def _melody(bars: list[Chord], places: list[float], steps: int, loud: float, rng: Rng) -> Rows:
    """A line that is likelier to move on beats, most of all on the first of a bar."""
    busy, pitch = rng.uniform(0.15, 0.8), rng.uniform(66, 78)
    rows: Rows = []
    for begin, stop, number in bars:
        for place in np.arange(begin, stop - 1e-6, 1 / steps):
            on_beat = min(abs(place - begin - p) for p in places) < 1e-6
            chance = 0.9 if place == begin else 0.75 * busy + 0.25 if on_beat else 0.6 * busy
            if rng.random() < chance:
                pitch = float(np.clip(pitch + rng.normal(0, 3), 60, 86))
                tone = _near(int(rng.choice(chord_tones(number))), pitch)
                rows.append((place, place + rng.uniform(0.8, 3) / steps, tone, loud))
    return rows
