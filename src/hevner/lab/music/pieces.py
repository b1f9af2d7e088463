"""Pieces with known chords, key and beats; excerpts of POP909, and variations of them.

Conventions
-----------
Notes are rows ``(start, end, pitch, velocity)``, seconds and MIDI numbers. Chord and key classes
are those of `hevner.music.chord_labels`; `UNKNOWN` marks what must not be learned from. Everything
random comes from the generator that is passed in.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError
from hevner.music import chord_labels
from hevner.music.chord_labels import MODES, NO_CHORD, QUALITIES, TEMPLATES

Notes = NDArray[np.float64]
Times = NDArray[np.float64]
Chord = tuple[float, float, int]
Rng = np.random.Generator
UNKNOWN = -1

QUALITY_OF = {frozenset(tones): name for name, tones in TEMPLATES.items()}
SCALES = {name: chord_labels.SCALES[MODES.index(name)] for name in MODES}
TABLES: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("arrangement.toml").read_text(encoding="utf-8")
)
"""Chords of keys, instruments and MIDI channels."""
_ROLES = {"MELODY": "melody", "BRIDGE": "counter", "PIANO": "chords"}
_TO_MINOR = {4: 3, 9: 8, 11: 10}
_TO_MAJOR = {new: old for old, new in _TO_MINOR.items()}


@dataclass(frozen=True)
class Piece:
    """Notes by role, and what is known of them.

    Attributes
    ----------
    duration
        Seconds.
    parts
        Notes by role: ``melody``, ``counter``, ``chords``, ``bass``, ``pad``, ``drums``.
    chords, key, modes
        Chords as ``(start, end, class)``, one key, and the modes that the piece may be in.
    beats, downbeats, tempo, meter
        Seconds; beats per minute, 0 where there is no pulse; such as ``"6/8"``, empty if there is
        none.
    """

    duration: float
    parts: dict[str, Notes]
    chords: tuple[Chord, ...] = ()
    key: int = UNKNOWN
    modes: tuple[str, ...] = ()
    beats: Times = field(default_factory=lambda: np.zeros(0))
    downbeats: Times = field(default_factory=lambda: np.zeros(0))
    tempo: float = 0.0
    meter: str = ""


def held_out(song_id: str) -> str:
    """Which set a POP909 song belongs to: ids ending in 9 test, in 8 validation, else train."""
    return {"9": "test", "8": "validation"}.get(song_id[-1], "train")


def song_ids(folder: Path, subset: str) -> list[str]:
    """Ids of the songs of one set in the folder of POP909; raises `DataError` if there are none."""
    found = sorted(p.name for p in folder.glob("[0-9]*") if held_out(p.name) == subset)
    if not found:
        raise DataError(
            "no POP909 songs",
            subject=str(folder),
            remedy="Give the folder of POP909",
            code="file_missing",
        )
    return found


@lru_cache(maxsize=4)
def load_pop909(folder: Path) -> tuple[Piece, tuple[Chord, ...]]:
    """One POP909 song, and its keys as ``(start, end, class)``.

    The chord ``N`` is kept only where no note sounds; elsewhere it means "could not be named" in
    this set and becomes `UNKNOWN`.
    """
    parts = _read_notes(folder / f"{folder.name}.mid")
    sounding = np.concatenate([notes for notes in parts.values() if len(notes)])
    chords = []
    for start, end, label in read_rows(folder / "chord_midi.txt"):
        number = chord_labels.parse_chord(label)
        busy = np.any((sounding[:, 0] < end - 0.1) & (sounding[:, 1] > start + 0.1))
        chords.append((start, end, UNKNOWN if number == NO_CHORD and busy else number))
    keys = tuple(
        (a, b, chord_labels.parse_key(name)) for a, b, name in read_rows(folder / "key_audio.txt")
    )
    beats, *marks = np.loadtxt(folder / "beat_midi.txt", ndmin=2).T
    threes = np.median(np.diff(np.flatnonzero(marks[0]))) == 3
    song = Piece(
        float(sounding[:, 1].max()), parts, tuple(chords), beats=beats,
        downbeats=beats[marks[0 if threes else 1] > 0], meter="3/4" if threes else "4/4",
        tempo=60 / float(np.median(np.diff(beats))),
    )  # fmt: skip
    return song, keys


def excerpt(song: Piece, keys: tuple[Chord, ...], start: float, length: float) -> Piece:
    """Cut ``length`` seconds; the key is known if one key covers nine tenths of them."""
    end = start + length
    parts = {}
    for role, notes in song.parts.items():
        inside = notes[(notes[:, 1] > start) & (notes[:, 0] < end)].copy()
        inside[:, :2] = np.clip(inside[:, :2] - start, 0, length)
        parts[role] = inside[inside[:, 1] - inside[:, 0] > 0.02]
    chords = tuple(
        (max(a - start, 0.0), min(b - start, length), number)
        for a, b, number in song.chords
        if b > start and a < end
    )
    covering = [n for a, b, n in keys if min(b, end) - max(a, start) >= 0.9 * length]
    beats, downbeats = (
        times[(times >= start) & (times < end)] - start for times in (song.beats, song.downbeats)
    )
    key = next((key for key in covering if _plausible(chords, key)), UNKNOWN)
    return replace(
        song, duration=length, parts=parts, chords=chords, key=key, modes=_modes(key),
        beats=beats, downbeats=downbeats,
    )  # fmt: skip


def draw_pop909(folder: Path, length: float, rng: np.random.Generator) -> Piece:
    """An excerpt of a song, transposed."""
    song, keys = load_pop909(folder)
    start = float(rng.uniform(0, max(song.duration - length, 0)))
    return transpose(excerpt(song, keys, start, length), int(rng.integers(-5, 7)))


def transpose(song: Piece, semitones: int) -> Piece:
    """Move every note but the drums, every chord and the key."""
    parts = {role: notes.copy() for role, notes in song.parts.items()}
    for role, notes in parts.items():
        if role != "drums":
            notes[:, 2] += semitones
    numbers = shift_chords([number for *_, number in song.chords], semitones).tolist()
    chords = tuple((a, b, new) for (a, b, _), new in zip(song.chords, numbers, strict=True))
    return replace(song, parts=parts, chords=chords, key=shift_key(song.key, semitones))


def shift_chords(numbers: ArrayLike, semitones: int) -> NDArray[np.int64]:
    """Chord classes, transposed."""
    classes = np.asarray(numbers, np.int64)
    moved = (classes + semitones * len(QUALITIES)) % NO_CHORD
    return np.where((classes == UNKNOWN) | (classes == NO_CHORD), classes, moved)


def shift_key(key: int, semitones: int) -> int:
    """Key class, transposed."""
    return key if key == UNKNOWN else key // 12 * 12 + (key + semitones) % 12


def chord_tones(number: int) -> list[int]:
    """Pitch classes of a chord class, the root first."""
    root, quality = divmod(number, len(QUALITIES))
    return [(root + tone) % 12 for tone in TEMPLATES[QUALITIES[quality]]]


def parallel(song: Piece, *, raised_seventh: bool) -> Piece:
    """Turn a song in major into the parallel minor and the other way round.

    Thirds, sixths and sevenths of the scale are exchanged, note by note; ``raised_seventh`` keeps
    the leading note in minor. Chords that leave the vocabulary become `UNKNOWN`.
    """
    if song.key == UNKNOWN:
        return song
    tonic = song.key % 12
    steps = dict(_TO_MAJOR if song.key >= 12 else _TO_MINOR)
    if raised_seventh:
        steps.pop(11, None)
    table = np.array([(steps.get(d, d) - d) for d in range(12)])
    parts = {}
    for role, notes in song.parts.items():
        moved = notes.copy()
        if role != "drums":
            moved[:, 2] += table[(moved[:, 2].astype(int) - tonic) % 12]
        parts[role] = moved
    chords = tuple((a, b, _map_chord(n, tonic, table)) for a, b, n in song.chords)
    key = (song.key + 12) % 24
    return replace(song, parts=parts, chords=chords, key=key, modes=_modes(key))


def _map_chord(number: int, tonic: int, table: NDArray[np.int64]) -> int:
    if number in (UNKNOWN, NO_CHORD):
        return number
    moved = [(tone + int(table[(tone - tonic) % 12])) % 12 for tone in chord_tones(number)]
    name = QUALITY_OF.get(frozenset((tone - moved[0]) % 12 for tone in moved))
    return UNKNOWN if name is None else moved[0] * 10 + QUALITIES.index(name)


def _modes(key: int) -> tuple[str, ...]:
    """Modes of pop in a key."""
    return () if key < 0 else ("ionian",) if key < 12 else ("aeolian", "harmonic minor")


def _plausible(chords: tuple[Chord, ...], key: int) -> bool:
    """Whether the chords' roots lie in the scale of the key, as they do in nearly all songs."""
    named = [(b - a, n // len(QUALITIES)) for a, b, n in chords if 0 <= n < NO_CHORD]
    scale = SCALES["aeolian" if key >= 12 else "ionian"]
    inside = sum(length for length, root in named if (root - key) % 12 in scale)
    return bool(named) and inside > 0.85 * sum(length for length, _ in named)


def read_rows(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and label of the lines of an annotation."""
    fields = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [(float(a), float(b), name) for a, b, name in fields]


def _read_notes(path: Path) -> dict[str, Notes]:
    """Read the notes of the three tracks; times follow the tempi in the first track."""
    midi = mido.MidiFile(path)
    parts: dict[str, Notes] = {}
    for track in midi.tracks:
        if track.name not in _ROLES:
            continue
        now, rows = 0.0, []
        begun: dict[int, tuple[float, int]] = {}
        alone = [midi.tracks[0], track]
        for message in mido.MidiFile(tracks=alone, ticks_per_beat=midi.ticks_per_beat):
            now += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            if message.note in begun:
                start, velocity = begun.pop(message.note)
                rows.append((start, now, message.note, velocity))
            if message.type == "note_on" and message.velocity > 0:
                begun[message.note] = (now, message.velocity)
        parts[_ROLES[track.name]] = np.array(rows, np.float64).reshape(-1, 4)
    return parts
