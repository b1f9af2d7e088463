"""A small score notation: text in, MIDI and time-stamped chord labels out.

Conventions
-----------
Durations are counted in *units*, the lower number of the metre: quarters in 4/4, eighths in 6/8.
Bars are numbered from 1. A tempo is in pulses per minute; the pulse is one unit, or three in a
compound metre such as 6/8. Velocities are MIDI velocities, 1 to 127.

One grammar writes melodies, accompaniments and drums: words separated by blanks, each
``symbol:duration``. The duration may be left out and is then that of the word before. ``+`` joins
symbols that sound together, ``r`` is a rest, ``~`` prolongs what sounds, ``>`` in front is an
accent, and ``|`` is a bar line, which is checked. What a symbol means depends on the caller:
a pitch (``F#4``; C4 is MIDI 60), a chord tone (``0``, ``1``, ... upwards, ``b`` for the bass), or
a drum (``kick``).

Chord labels follow the syntax of mir_eval; a bare root is major.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import mido

TICKS_PER_QUARTER = 480
PROGRAMS = {  # General MIDI, counted from 0
    "piano": 0, "harp": 46, "accordion": 21, "nylon guitar": 24, "steel guitar": 25,
    "acoustic bass": 32, "violin": 40, "cello": 42, "contrabass": 43, "tremolo strings": 44,
    "pizzicato": 45, "timpani": 47, "strings": 48, "slow strings": 49, "trumpet": 56,
    "trombone": 57, "tuba": 58, "horn": 60, "brass": 61, "clarinet": 71, "flute": 73,
    "warm pad": 89, "drums": 0,
}  # fmt: skip
DRUMS = {
    "kick": 36, "snare": 38, "clap": 39, "tom": 41, "hat": 42, "hightom": 45, "crash": 49,
    "tambourine": 54,
}  # fmt: skip
NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
QUALITIES = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "sus4": (0, 5, 7), "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10),
}  # fmt: skip
BASS_DEGREES = {"1": 0, "b3": 3, "3": 4, "b5": 6, "5": 7, "b7": 10}

Loudness = float | tuple[float, float]  # one velocity, or from one to another


@dataclass(frozen=True)
class Note:
    """One note: start and duration in units, MIDI pitch, velocity."""

    start: float
    duration: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Chord:
    """One chord of the harmony: start and duration in units, mir_eval label."""

    start: float
    duration: float
    label: str

    @property
    def tones(self) -> list[int]:
        """Pitch classes, the root first."""
        root, quality = self.label.split("/")[0].split(":")
        return [(pitch_class(root) + step) % 12 for step in QUALITIES[quality]]

    @property
    def bass(self) -> int:
        """Pitch class of the bass."""
        _, _, degree = self.label.partition("/")
        return (self.tones[0] + BASS_DEGREES[degree or "1"]) % 12

    def tone(self, symbol: str, low: int) -> int:
        """MIDI pitch of ``b`` or of the n-th tone, in close position from `low` upwards."""
        if symbol == "b":
            return low + (self.bass - low) % 12
        voicing = sorted(low + (tone - low) % 12 for tone in self.tones)
        octave, index = divmod(int(symbol), len(voicing))
        return voicing[index] + 12 * octave


@dataclass(frozen=True)
class Section:
    """A stretch of a piece with one key and one emotional character.

    `quadrant` numbers the valence-arousal plane: 1 is positive and active, 2 negative and active,
    3 negative and quiet, 4 positive and quiet.
    """

    bar: int
    name: str
    key: str
    tempo_bpm: float
    quadrant: int
    character: str


@dataclass
class Part:
    """One instrument. `length` is the sounding share of each note; `breath` swells long notes."""

    instrument: str
    bar_units: int
    chords: list[Chord]
    volume: int = 100
    pan: int = 64
    reverb: int = 50
    length: float = 0.96
    breath: bool = False
    notes: list[Note] = field(default_factory=list)

    def play(self, bar: int, text: str, loud: Loudness = 75) -> None:
        """Write `text` (pitches, or drum names) from `bar`; `loud` may go from one to another."""
        symbol = DRUMS.__getitem__ if self.instrument == "drums" else midi_pitch
        self._add(parse(text, symbol, self.bar_units), (bar - 1) * self.bar_units, loud)

    def repeat(self, bars: tuple[int, int], text: str, loud: Loudness = 75) -> None:
        """Repeat the one bar `text` from the first to the last of `bars`."""
        self.play(bars[0], " | ".join([text] * (bars[1] - bars[0] + 1)), loud)

    def follow(self, bars: tuple[int, int], pattern: str, low: str, loud: Loudness = 75) -> None:
        """Play `pattern` (chord tones) through the harmony of `bars`, anew at every chord."""
        begin, end = (bars[0] - 1) * self.bar_units, bars[1] * self.bar_units
        notes: list[Note] = []
        for chord in self.chords:
            if begin <= chord.start < end:
                figure = parse(pattern, partial(chord.tone, low=midi_pitch(low)))
                notes += fill(figure, chord)
        self._add([replace(note, start=note.start - begin) for note in notes], begin, loud)

    def _add(self, notes: list[Note], at: float, loud: Loudness) -> None:
        first, last = loud if isinstance(loud, tuple) else (loud, loud)
        span = max(note.start + note.duration for note in notes)
        for note in notes:
            level = first + (last - first) * note.start / span
            level += 5 if note.start % self.bar_units == 0 else 0
            self.notes.append(replace(note, start=note.start + at, velocity=level + note.velocity))


@dataclass
class Piece:
    """A piece: metre, sections, harmony and parts; `tempo_marks` maps further bars to tempi."""

    name: str
    title: str
    metre: tuple[int, int]
    sections: list[Section]
    harmony: str
    tail_s: float = 1.5
    tempo_marks: dict[float, float] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chords = parse_harmony(self.harmony, self.metre[0])

    def part(self, instrument: str, **settings: Any) -> Part:
        """Add an instrument; `settings` are fields of `Part`."""
        self.parts.append(Part(instrument, self.metre[0], self.chords, **settings))
        return self.parts[-1]

    def tempi(self) -> list[tuple[float, int]]:
        """Tempo changes as (start in units, microseconds per quarter)."""
        beats, unit = self.metre
        pulse_quarters = (3 if beats % 3 == 0 and unit == 8 else 1) * 4 / unit
        marks = {float(s.bar): s.tempo_bpm for s in self.sections} | self.tempo_marks
        return [
            ((bar - 1) * beats, round(60e6 / (bpm * pulse_quarters)))
            for bar, bpm in sorted(marks.items())
        ]

    @property
    def length_units(self) -> float:
        """Written length of the piece in units."""
        return self.chords[-1].start + self.chords[-1].duration

    def seconds(self, units: float) -> float:
        """Time in seconds of a position in units."""
        tempi = self.tempi()
        ends = [start for start, _ in tempi[1:]] + [float("inf")]
        quarter = self.metre[1] / 4
        return sum(
            max(0.0, min(units, end) - start) / quarter * tempo * 1e-6
            for (start, tempo), end in zip(tempi, ends, strict=True)
        )

    @property
    def duration_s(self) -> float:
        """Written length and the tail in which the last chord rings, in seconds."""
        return self.seconds(self.length_units) + self.tail_s


def pitch_class(name: str) -> int:
    """Pitch class of ``C``, ``F#``, ``Bb``..."""
    return (NATURALS[name[0]] + name.count("#") - name.count("b")) % 12


def midi_pitch(name: str) -> int:
    """MIDI number of a pitch name; ``C4`` is 60."""
    accidentals = name.count("#") - name.count("b")
    return 12 * (int(name[-1]) + 1) + NATURALS[name[0]] + accidentals


def parse(text: str, pitch: Callable[[str], int], bar_units: int | None = None) -> list[Note]:
    """Read the grammar of this module; velocities are 0, or the surplus of an accent."""
    notes: list[Note] = []
    now, duration, sounding = 0.0, 1.0, 0
    for word in text.split():
        if word == "|":
            if bar_units and now % bar_units:
                raise ValueError(f"bar line at unit {now} of '{text}': bars have {bar_units} units")
            continue
        symbols, _, length = word.lstrip(">").partition(":")
        duration = float(length) if length else duration
        if symbols == "~":
            notes[-sounding:] = [
                replace(note, duration=note.duration + duration) for note in notes[-sounding:]
            ]
        elif symbols != "r":
            accent = 14 if word.startswith(">") else 0
            chord = [Note(now, duration, pitch(s), accent) for s in symbols.split("+")]
            notes, sounding = notes + chord, len(chord)
        now += duration
    if bar_units and now % bar_units:
        raise ValueError(f"'{text}' ends at unit {now}: bars have {bar_units} units")
    return notes


def fill(figure: list[Note], chord: Chord) -> Iterator[Note]:
    """Repeat `figure` for as long as `chord` lasts; what would pass its end is shortened."""
    period = max(note.start + note.duration for note in figure)
    offset = 0.0
    while offset < chord.duration:
        for note in figure:
            start = offset + note.start
            if start < chord.duration:
                duration = min(note.duration, chord.duration - start)
                yield replace(note, start=chord.start + start, duration=duration)
        offset += period


def parse_harmony(text: str, bar_units: int) -> list[Chord]:
    """Read ``G | C D:7``: chords share their bar equally, or by ``*units``."""
    chords: list[Chord] = []
    for number, bar in enumerate(text.split("|")):
        words = [word.partition("*") for word in bar.split()]
        now = float(number * bar_units)
        for name, _, units in words:
            root, slash, bass = name.partition("/")
            label = (root if ":" in root else f"{root}:maj") + slash + bass
            duration = float(units) if units else bar_units / len(words)
            chords.append(Chord(now, duration, label))
            now += duration
        if now != (number + 1) * bar_units:
            raise ValueError(f"bar {number + 1} of the harmony, '{bar}', is not {bar_units} units")
    return chords


def write_midi(piece: Piece, path: Path) -> None:
    """Write `piece` as a format 1 MIDI file; the same piece gives the same bytes."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER)
    unit_ticks = TICKS_PER_QUARTER * 4 // piece.metre[1]
    tail_ticks = round(mido.second2tick(piece.tail_s, TICKS_PER_QUARTER, piece.tempi()[-1][1]))
    end = round(piece.length_units * unit_ticks) + tail_ticks
    numerator, denominator = piece.metre
    head: list[tuple[int, mido.MetaMessage]] = [
        (0, mido.MetaMessage("track_name", name=piece.title)),
        (0, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)),
    ]
    head += [
        (round(start * unit_ticks), mido.MetaMessage("set_tempo", tempo=tempo))
        for start, tempo in piece.tempi()
    ]
    file.tracks.append(track(head, end))
    channels = iter(c for c in range(16) if c != 9)
    for part in piece.parts:
        channel = 9 if part.instrument == "drums" else next(channels)
        messages = [(0, mido.MetaMessage("track_name", name=part.instrument))]
        messages += setup(part, channel)
        messages += performance(part, channel, unit_ticks, f"{piece.name} {part.instrument}")
        file.tracks.append(track(messages, end))
    file.save(path)


def setup(part: Part, channel: int) -> list[tuple[int, mido.Message]]:
    """Program, volume, pan and reverb of a part."""
    program = mido.Message("program_change", channel=channel, program=PROGRAMS[part.instrument])
    controls = {7: part.volume, 10: part.pan, 91: part.reverb, 11: 112}
    return [(0, program)] + [
        (0, mido.Message("control_change", channel=channel, control=control, value=value))
        for control, value in controls.items()
    ]


def performance(
    part: Part, channel: int, unit_ticks: int, seed: str
) -> list[tuple[int, mido.Message]]:
    """Note and expression messages, with slightly uneven starts and velocities."""
    uneven = random.Random(seed)
    messages: list[tuple[int, mido.Message]] = []
    next_start: dict[int, int] = {}
    for note in sorted(part.notes, key=lambda n: (n.start, n.pitch), reverse=True):
        start = max(0, round(note.start * unit_ticks + 10 * (uneven.random() - 0.5)))
        end = start + max(20, round(note.duration * unit_ticks * part.length))
        end = min(end, next_start.get(note.pitch, end + 1) - 1)  # a repeated pitch is struck anew
        next_start[note.pitch] = start
        velocity = min(127, max(1, round(note.velocity + 6 * (uneven.random() - 0.5))))
        values = {"channel": channel, "note": note.pitch}
        messages.append((start, mido.Message("note_on", velocity=velocity, **values)))
        messages.append((end, mido.Message("note_off", velocity=64, **values)))
        if part.breath and note.duration * unit_ticks >= 1.5 * TICKS_PER_QUARTER:
            messages += swell(start, end, channel)
    return messages


def swell(start: int, end: int, channel: int) -> list[tuple[int, mido.Message]]:
    """Expression rising to three fifths of a long note and sinking after it."""
    shape = (94, 100, 106, 112, 118, 124, 127, 122, 116, 110, 104)
    return [
        (
            start + (end - start) * step // len(shape),
            mido.Message("control_change", channel=channel, control=11, value=value),
        )
        for step, value in enumerate(shape)
    ]


def track(messages: list[tuple[int, mido.Message]], end: int) -> mido.MidiTrack:
    """Messages at absolute ticks as a track: at one tick, notes end before others begin."""
    rank = {"note_off": 0, "note_on": 2}
    result = mido.MidiTrack()
    now = 0
    for tick, message in sorted(messages, key=lambda m: (m[0], rank.get(m[1].type, 1))):
        result.append(message.copy(time=tick - now))
        now = tick
    result.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return result
