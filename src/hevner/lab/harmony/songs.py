"""Songs with known chords and key: POP909 excerpts, variations of them, and composed ones.

Conventions
-----------
Notes are rows ``(start, end, pitch, velocity)``, seconds and MIDI numbers. Chord and key classes
are those of `hevner.music.chord_labels`; `UNKNOWN` marks what must not be learned from. Everything
random comes from the generator that is passed in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError
from hevner.music import chord_labels

Notes = NDArray[np.float64]
Chord = tuple[float, float, int]
UNKNOWN = -1

_QUALITY_OF = {frozenset(tones): name for name, tones in chord_labels.TEMPLATES.items()}
_TO_MINOR = {4: 3, 9: 8, 11: 10}
_TO_MAJOR = {new: old for old, new in _TO_MINOR.items()}
TABLES: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("tables.toml").read_text(encoding="utf-8")
)
"""Chords of keys, instruments and MIDI channels."""
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
"""Steps of the major and the minor scale above the tonic, in semitones."""


@dataclass(frozen=True)
class Song:
    """Notes by role, chords as ``(start, end, class)`` and one key.

    Roles are ``melody``, ``counter``, ``chords``, ``bass``, ``pad`` and ``drums``.
    """

    duration: float
    parts: dict[str, Notes]
    chords: tuple[Chord, ...]
    key: int
    beats: NDArray[np.float64]


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


def load_pop909(folder: Path) -> tuple[Song, tuple[Chord, ...]]:
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
        if number == chord_labels.NO_CHORD and busy:
            number = UNKNOWN
        chords.append((start, end, number))
    keys = tuple(
        (a, b, chord_labels.parse_key(name)) for a, b, name in read_rows(folder / "key_audio.txt")
    )
    beats = np.loadtxt(folder / "beat_midi.txt", ndmin=2)[:, 0]
    song = Song(float(sounding[:, 1].max()), parts, tuple(chords), UNKNOWN, beats)
    return song, keys


def excerpt(song: Song, keys: tuple[Chord, ...], start: float, length: float) -> Song:
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
    key = UNKNOWN
    for a, b, number in keys:
        if min(b, end) - max(a, start) >= 0.9 * length:
            key = number
    beats = song.beats[(song.beats >= start) & (song.beats < end)] - start
    cut = Song(length, parts, chords, key, beats)
    return cut if _plausible(cut) else replace(cut, key=UNKNOWN)


def transpose(song: Song, semitones: int) -> Song:
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
    moved = (classes + semitones * len(chord_labels.QUALITIES)) % chord_labels.NO_CHORD
    return np.where((classes == UNKNOWN) | (classes == chord_labels.NO_CHORD), classes, moved)


def shift_key(key: int, semitones: int) -> int:
    """Key class, transposed."""
    return key if key == UNKNOWN else key // 12 * 12 + (key + semitones) % 12


def chord_tones(number: int) -> list[int]:
    """Pitch classes of a chord class, the root first."""
    root, quality = divmod(number, len(chord_labels.QUALITIES))
    return [(root + tone) % 12 for tone in chord_labels.TEMPLATES[chord_labels.QUALITIES[quality]]]


def parallel(song: Song, *, raised_seventh: bool) -> Song:
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
    return replace(song, parts=parts, chords=chords, key=(song.key + 12) % 24)


def _map_chord(number: int, tonic: int, table: NDArray[np.int64]) -> int:
    if number in (UNKNOWN, chord_labels.NO_CHORD):
        return number
    moved = [(tone + int(table[(tone - tonic) % 12])) % 12 for tone in chord_tones(number)]
    name = _QUALITY_OF.get(frozenset((tone - moved[0]) % 12 for tone in moved))
    return UNKNOWN if name is None else moved[0] * 10 + chord_labels.QUALITIES.index(name)


def _plausible(song: Song) -> bool:
    """Whether the chords' roots lie in the scale of the key, as they do in nearly all songs."""
    if song.key == UNKNOWN:
        return False
    inside = total = 0.0
    for start, end, number in song.chords:
        if 0 <= number < chord_labels.NO_CHORD:
            total += end - start
            root = number // len(chord_labels.QUALITIES)
            inside += (end - start) * ((root - song.key) % 12 in SCALES[song.key // 12])
    return total > 0 and inside / total > 0.85


def read_rows(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and label of the lines of an annotation."""
    fields = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [(float(a), float(b), name) for a, b, name in fields]


def _read_notes(path: Path) -> dict[str, Notes]:
    """Read the notes of the three tracks; times follow the file's tempo map."""
    roles = {"MELODY": "melody", "BRIDGE": "counter", "PIANO": "chords"}
    midi = mido.MidiFile(path)
    seconds = _tempo_map(midi)
    parts: dict[str, Notes] = {}
    for track in midi.tracks:
        role = roles.get(track.name)
        if role is None:
            continue
        tick = 0
        open_notes: dict[int, tuple[int, int]] = {}
        rows = []
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            begun = open_notes.pop(message.note, None)
            if begun is not None:
                rows.append((seconds(begun[0]), seconds(tick), message.note, begun[1]))
            if message.type == "note_on" and message.velocity > 0:
                open_notes[message.note] = (tick, message.velocity)
        parts[role] = np.array(rows, np.float64).reshape(-1, 4)
    return parts


def _tempo_map(midi: mido.MidiFile) -> Callable[[int], float]:
    """Return a function from ticks to seconds."""
    ticks, starts, rates = [0], [0.0], [500_000]
    now = 0
    for message in midi.tracks[0]:
        now += message.time
        if message.type == "set_tempo":
            passed = mido.tick2second(now - ticks[-1], midi.ticks_per_beat, rates[-1])
            ticks.append(now)
            starts.append(starts[-1] + passed)
            rates.append(message.tempo)

    def seconds(tick: int) -> float:
        k = int(np.searchsorted(ticks, tick, side="right")) - 1
        return float(starts[k] + mido.tick2second(tick - ticks[k], midi.ticks_per_beat, rates[k]))

    return seconds
