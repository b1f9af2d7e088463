"""Parts of composed pieces: chords, bass, melody and drums over a groove.

Conventions
-----------
Places in a piece are counted in beats from its first downbeat; `Frame` turns them into seconds.
The beat is the one that is written: a quarter note, in 6/8 a dotted one. In 7/8 tempo counts
quarter notes, and beats are where its groups of two and three begin. A part is a list of rows
``(start, end, pitch, velocity)``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from hevner.lab.music.pieces import Chord, Rng, Times, chord_tones
from hevner.music.chord_labels import NO_CHORD

Rows = list[tuple[float, float, float, float]]
_PITCHES = {
    "kick": [36, 36, 35, 41],
    "snare": [38, 38, 38, 40, 39, 37],
    "cymbal": [42, 42, 42, 46, 51, 44, 70, 54, 59],
}
_CHANCE = {"x": 1.0, "o": 0.5, "-": 0.1, ".": 0.0}
_STYLES = ["broken"] * 5 + ["oompah", "beats"] * 2 + ["eighths", "offbeat", "strum"]


@dataclass(frozen=True)
class Groove:
    """A rhythm of ``grooves.toml``: its lines, and the tempi at which it is played."""

    meter: str
    steps: int
    tempo: tuple[float, float]
    weight: float
    kick: tuple[str, ...]
    snare: tuple[str, ...]
    cymbal: tuple[str, ...]
    beats: tuple[float, ...] = ()

    @property
    def bar(self) -> float:
        """Beats in a bar."""
        return len(self.kick[0]) / self.steps

    @property
    def places(self) -> tuple[float, ...]:
        """Where beats lie in a bar."""
        return self.beats or tuple(np.arange(float(int(self.bar))))


GROOVES = [
    Groove(**row)
    for row in tomllib.loads(Path(__file__).with_name("grooves.toml").read_text(encoding="utf-8"))[
        "grooves"
    ]
]


@dataclass(frozen=True)
class Frame:
    """Groove, tempo and loudness of a piece; ``grid`` are beats, ``times`` their seconds."""

    groove: Groove
    tempo: float
    drums: bool
    length: float
    grid: Times
    times: Times
    loud: float
    accent: float

    @property
    def end(self) -> float:
        """The beat at which the piece ends."""
        return float(np.interp(self.length, self.times, self.grid))

    @property
    def halves(self) -> int:
        """Notes that a beat divides into."""
        return 3 if self.groove.steps == 3 else 2

    def seconds(self, places: Times) -> Times:
        """Seconds of places in beats."""
        return np.asarray(np.interp(places, self.grid, self.times), np.float64)

    def bars(self, chords: list[Chord]) -> list[Chord]:
        """Chords cut at the lines of bars; those without notes left out."""
        bar = self.groove.bar
        return [
            (begin, min(begin + bar, end), number)
            for start, end, number in chords
            for begin in np.arange(start, end - 1e-6, min(bar, end - start))
            if number != NO_CHORD
        ]


def frame(length: float, rng: Rng, *, drums: float = 0.48, cut: bool = True) -> Frame:
    """Draw the groove and tempo of a piece of ``length`` seconds.

    ``drums`` is how likely it has drums; if ``cut``, half of all pieces begin within a bar.
    """
    weights = np.array([groove.weight for groove in GROOVES])
    groove = GROOVES[int(rng.choice(len(GROOVES), p=weights / weights.sum()))]
    low, high = groove.tempo
    tempo = float(
        rng.uniform(low, high) if rng.random() < 0.5 else low * (high / low) ** rng.random()
    )
    beaten = bool(rng.random() < drums)
    calm = not beaten and rng.random() < 0.4
    if calm:
        tempo = 40 * 3.5 ** float(rng.random())
    begin = float(rng.uniform(0, groove.bar)) if cut and rng.random() < 0.5 else 0.0
    phrase = groove.bar * int(rng.choice([2, 4, 8])) * calm
    grid = np.arange(-8.0, length * tempo / 60 * 1.3 + 12)
    rate = np.ones(len(grid))  # steady, wandering by a few per cent, or slower at ends of phrases
    if rng.random() < 0.3:
        steps = rng.normal(0, 1, len(grid) // 4 + 2).cumsum()
        steps -= np.linspace(steps[0], steps[-1], len(steps)) * rng.random()
        curve = np.interp(np.arange(len(grid)) / 4, np.arange(len(steps)), steps - steps.mean())
        rate += rng.uniform(0, 0.03) * curve / (np.abs(curve).max() + 1e-9)
    if phrase and rng.random() < 0.5:
        rate += rng.uniform(0.1, 0.4) * (grid % phrase > phrase - 2.5)
    times = np.concatenate([[0.0], np.cumsum(60 / tempo * rate[:-1])])
    times -= np.interp(begin, grid, times)
    loud, accent = rng.uniform(55, 100), float(rng.choice([0, 0, 6, 14, 22]))
    return Frame(groove, tempo, beaten, length, grid, times, loud, accent)


def near(tone: int, centre: float) -> int:
    """The pitch of a pitch class nearest to a centre."""
    return int(tone + 12 * np.round((centre - tone) / 12))


def voicing(number: int, centre: float, rng: Rng) -> list[int]:
    """Pitches of a chord around a centre, some doubled an octave above."""
    tones = chord_tones(number)
    if len(tones) == 4 and rng.random() < 0.3:
        tones.pop(2 if rng.random() < 0.6 else 0)
    pitches = [near(tone, centre + rng.uniform(-4, 4)) for tone in tones]
    if rng.random() < 0.4:
        pitches += [p + 12 for p in pitches if rng.random() < 0.5]
    return sorted(set(pitches))


def drums(now: Frame, rng: Rng) -> Rows:
    """The lines of a groove in every bar, fills and a crash cymbal now and then."""
    groove, steps, bar = now.groove, now.groove.steps, now.groove.bar
    bars = int(now.end / bar) + 1
    swing = float(rng.uniform(0, 0.16)) * (steps != 3 and rng.random() < 0.2) * 4 / steps
    loud = rng.uniform(60, 115)
    rows: Rows = []
    for line, pitches in _PITCHES.items():
        if rng.random() < 0.1:
            continue
        played = [rng.random() < _CHANCE[mark] for mark in str(rng.choice(getattr(groove, line)))]
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


def accompaniment(
    chords: list[Chord], scale: list[int], now: Frame, rng: Rng, *, all_parts: bool = True
) -> dict[str, Rows]:
    """Chords, and a bass, a pad and a melody, not all of them; ``scale`` are pitch classes."""
    bars = now.bars(chords)
    style = "held" if not now.drums and rng.random() < 0.06 else str(rng.choice(_STYLES))
    rows = {"chords": _broken(bars, now, rng) if style == "broken" else []}
    rows["chords"] = rows["chords"] or _struck(bars, style, now, rng)
    pulse = str(rng.choice(["none", "bar", "bar", "beats", "beats", "eighths", "figure"]))
    if pulse != "none":
        rows["bass"] = _bass(bars, "bar" if style == "oompah" else pulse, now, rng)
    if all_parts and rng.random() < 0.3:
        loud = rng.uniform(45, 75)
        rows["pad"] = [
            (a, b, p, loud) for a, b, n in chords if n != NO_CHORD for p in voicing(n, 62, rng)
        ]
    if all_parts and rng.random() < 0.55:
        rows["melody"] = _melody(bars, scale, now, rng)
    return rows


def _broken(bars: list[Chord], now: Frame, rng: Rng) -> Rows:
    """Chords as one note after the other, mostly in halves of the beat."""
    division = int(rng.choice([2, 2, 2, 2, 1 if now.tempo > 112 else 4]))
    per_beat = 3 if now.halves == 3 else division
    centre, reach = rng.uniform(54, 68), float(rng.choice([0.8, 1.0, 2.0]))
    order = str(rng.choice(["up", "updown", "down", "alberti", "random"]))
    low_first = rng.random() < 0.5
    drawn = rng.permutation(12)
    rows: Rows = []
    for begin, stop, number in bars:
        up = voicing(number, centre, rng)
        up = [*up, up[0] + 12] if len(up) < 4 else up
        line = {
            "up": up,
            "updown": up + up[-2:0:-1],
            "down": up[::-1],
            "alberti": [up[0], up[-1], up[1], up[-1]],
            "random": [up[j % len(up)] for j in drawn],
        }[order]
        for j, place in enumerate(np.arange(begin, stop - 1e-6, 1 / per_beat)):
            boost = now.accent * (j == 0) + now.accent / 2 * (j % per_beat == 0)
            pitch = line[j % len(line)] - 12 * (low_first and j == 0)
            rows.append((place, place + reach / per_beat, pitch, now.loud + boost))
    return rows


def _struck(bars: list[Chord], style: str, now: Frame, rng: Rng) -> Rows:
    """Whole chords, on beats, on halves of them, off them, or held."""
    strum = [rng.random() < p for p in [1, 0.3, 0.8, 0.5] * 8]
    centre, halves = rng.uniform(52, 68), now.halves
    spread = 0.03 * now.tempo / 60 if style == "strum" else 0.0
    rows: Rows = []
    for begin, stop, number in bars:
        pitches = voicing(number, centre, rng)
        beats = [begin + p for p in now.groove.places if begin + p < stop - 1e-6]
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
            loud = now.loud + now.accent * (place == begin) + now.accent / 2 * (place in beats)
            rows += [(place + k * spread, place + length, p, loud) for k, p in enumerate(pitches)]
    return rows


def _bass(bars: list[Chord], pulse: str, now: Frame, rng: Rng) -> Rows:
    """Roots, or other notes of the chord, at every bar, beat or half, or in a figure."""
    figure = [True, *(rng.random(31) < 0.45)]
    line = str(rng.choice(["roots", "fifths", "walk"], p=[0.5, 0.3, 0.2]))
    inversions = float(rng.choice([0.0, 0.25]))
    rows: Rows = []
    for begin, stop, number in bars:
        tones = chord_tones(number)
        low = int(rng.choice(tones)) if rng.random() < inversions else tones[0]
        marks = [begin + p for p in now.groove.places if begin + p < stop - 1e-6]
        if pulse in ("eighths", "figure"):
            marks = list(np.arange(begin, stop - 1e-6, 1 / now.halves))
        if pulse == "figure":
            marks = [mark for mark, hit in zip(marks, figure, strict=False) if hit]
        marks = [begin] if pulse == "bar" else marks
        for j, (mark, following) in enumerate(pairwise([*marks, stop])):
            tone = low
            if j and line == "walk":
                tone = int(rng.choice(tones) if rng.random() < 0.6 else low + rng.integers(12))
            elif line == "fifths" and j % 2:
                tone = tones[2]
            end = mark + (following - mark) * 0.9
            rows.append((mark, end, near(tone % 12, 41), now.loud + 10 + now.accent * (j == 0)))
    return rows


def _melody(bars: list[Chord], scale: list[int], now: Frame, rng: Rng) -> Rows:
    """A line that is likelier to move on beats, most of all on the first of a bar."""
    busy, pitch = rng.uniform(0.15, 0.8), rng.uniform(66, 78)
    steps = min(now.groove.steps, 3)
    rows: Rows = []
    for begin, stop, number in bars:
        for place in np.arange(begin, stop - 1e-6, 1 / steps):
            on_beat = min(abs(place - begin - p) for p in now.groove.places) < 1e-6
            chance = 0.9 if place == begin else 0.75 * busy + 0.25 if on_beat else 0.6 * busy
            if rng.random() < chance:
                pitch = float(np.clip(pitch + rng.normal(0, 3), 60, 86))
                allowed = chord_tones(number) if on_beat or rng.random() < 0.4 else scale
                tone = min((near(t, pitch) for t in allowed), key=lambda p: abs(p - pitch))
                rows.append((place, place + rng.uniform(0.8, 3) / steps, tone, now.loud + 10))
    return rows


def phrases(tonic: int, scale: tuple[int, ...], now: Frame, rng: Rng, centre: float = 68) -> Rows:
    """A line in a scale, its steps from the tonic: phrases that end, held, on a note of rest."""
    steps, last = len(scale), now.end
    base = tonic + 12 * round((centre - tonic) / 12)
    place = int(rng.choice([0, 0, 0, 4, 2])) % steps
    runs, loud = rng.random() < 0.3, rng.uniform(70, 110)
    line, time = [], 0.0
    while time < last - 0.2:
        end = time + float(rng.choice([4, 8, 8, 16]))
        goal = int(rng.choice([0, 0, 0, 4, 2], p=[0.3, 0.2, 0.1, 0.25, 0.15])) % steps
        direction = int(rng.choice([-1, 1]))
        while time < end - 2:
            step = 0.5 if runs else float(rng.choice([0.5, 0.5, 1, 1, 1.5, 2]))
            line.append((time, time + step * rng.uniform(0.7, 1), place))
            if abs(place) > 9:
                direction = -int(np.sign(place))
            leap = int(rng.integers(2, 5)) if rng.random() < 0.2 else 1
            place += direction if runs else int(rng.choice([-1, 1])) * leap
            time += step
        place = goal + steps * round((place - goal) / steps)
        line.append((time, max(end - 0.1, time + 0.4), place))
        time = end + (1 if rng.random() < 0.3 else 0)
    return [
        (a, min(b, last), base + 12 * (k // steps) + scale[k % steps], loud + rng.normal(0, 5))
        for a, b, k in line
        if a < last - 0.2
    ]


def drone(tonic: int, scale: tuple[int, ...], now: Frame, rng: Rng) -> Rows:
    """The tonic in the bass, held or struck again, alone or with fifth and octave."""
    low = tonic + 12 * int(rng.integers(3, 5))
    above = [[0], [0, 12], [0, 7], [0, 7, 12], [0, 7, 12, 12 + scale[2]]][int(rng.integers(5))]
    step = float(rng.choice([now.end, 8, 4, 1]))
    starts = np.arange(0, now.end - 0.4, step)
    return [(t, min(t + step * 0.98, now.end), low + a, 75.0) for t in starts for a in above]
