"""Names of pitch classes, chords and keys, and the numbers the models use for them.

Conventions
-----------
Pitch classes are 0..11 with C = 0. A chord class is ``root * 10 + quality`` for the ten
`QUALITIES`, and `NO_CHORD` = 120 is the last class. A key class is the tonic for major keys and
``12 + tonic`` for minor keys. Text is the notation of Harte et al. (2005) as mir_eval reads it:
``"C:maj"``, ``"F#:min7"``, ``"N"``.
"""

from __future__ import annotations

from hevner.errors import DataError

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

#: Quality name -> semitones above the root.
TEMPLATES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "hdim7": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
}
QUALITIES = tuple(TEMPLATES)
NO_CHORD = 12 * len(QUALITIES)
CHORD_CLASSES = NO_CHORD + 1
KEY_CLASSES = 24

MODES: tuple[str, ...] = (
    "ionian",
    "dorian",
    "phrygian",
    "lydian",
    "mixolydian",
    "aeolian",
    "harmonic minor",
)
#: Steps of every mode above the tonic, in semitones.
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 1, 3, 5, 7, 8, 10),
    (0, 2, 4, 6, 7, 9, 11),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 8, 11),
)
#: Whether the third of a mode is minor.
MINOR_MODES = tuple(3 in scale for scale in SCALES)

_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1}
# Qualities outside the vocabulary and the nearest one inside it.
_NEAREST = {
    "": "maj",
    "maj6": "maj",
    "6": "maj",
    "min6": "min",
    "minmaj7": "min",
    "dim7": "dim",
    "9": "7",
    "maj9": "maj7",
    "min9": "min7",
    "sus4(b7)": "sus4",
    "aug7": "aug",
    "5": "maj",
}
# Number of fifths from C at which a key signature is written with flats, by major tonic.
_FLAT_MAJOR_TONICS = frozenset({5, 10, 3, 8, 1})
_FLAT_MINOR_TONICS = frozenset({2, 7, 0, 5, 10, 3})


def pitch_class(name: str) -> int:
    """Return the number 0..11 of a note name such as ``"F#"`` or ``"Bb"``.

    Raises
    ------
    DataError
        If the name is not a letter A..G with sharps or flats.
    """
    if not name or name[0] not in _NATURALS or set(name[1:]) - set(_ACCIDENTALS):
        raise DataError(
            f"{name!r} is not a note name", remedy="Write it like C, F# or Bb", code="unknown_note"
        )
    return (_NATURALS[name[0]] + sum(_ACCIDENTALS[sign] for sign in name[1:])) % 12


def parse_chord(label: str) -> int:
    """Chord class of a label; inversions and added notes are dropped.

    Qualities outside the vocabulary become the nearest one inside it (``"min6"`` -> ``"min"``).

    Raises
    ------
    DataError
        If the root or the quality is unknown.
    """
    if label in ("N", "X"):
        return NO_CHORD
    body = label.split("/")[0]
    root, _, quality = body.partition(":")
    quality = _NEAREST.get(quality, quality)
    if quality not in TEMPLATES:
        raise DataError(
            f"chord {label!r} has an unknown quality",
            remedy="Use one of: " + ", ".join(QUALITIES),
            code="unknown_quality",
        )
    return pitch_class(root) * len(QUALITIES) + QUALITIES.index(quality)


def chord_label(chord_class: int, *, flats: bool = False) -> str:
    """Text of a chord class, spelled with sharps or flats.

    Example
    -------
    >>> chord_label(parse_chord("Gb:min7"))
    'F#:min7'
    """
    if chord_class == NO_CHORD:
        return "N"
    root, quality = divmod(chord_class, len(QUALITIES))
    return f"{(FLAT_NAMES if flats else SHARP_NAMES)[root]}:{QUALITIES[quality]}"


def prefers_flats(key_class: int) -> bool:
    """Whether the signature of a key is written with flats (F# major and D# minor: sharps)."""
    tonic = key_class % 12
    return tonic in (_FLAT_MINOR_TONICS if key_class >= 12 else _FLAT_MAJOR_TONICS)


def parse_key(label: str) -> int:
    """Key class of ``"A minor"``, ``"Gb major"``, ``"Gb:maj"`` or ``"A:min"``.

    Raises
    ------
    DataError
        If the tonic or the mode is unknown.
    """
    tonic, _, mode = label.replace(":", " ").partition(" ")
    modes = {"maj": 0, "major": 0, "min": 12, "minor": 12}
    if mode not in modes:
        raise DataError(
            f"key {label!r} has an unknown mode",
            remedy="Write it like 'A minor'",
            code="unknown_mode",
        )
    return modes[mode] + pitch_class(tonic)


def key_label(key_class: int) -> str:
    """Text of a key class, such as ``"A minor"``, spelled as its signature is written."""
    tonic = (FLAT_NAMES if prefers_flats(key_class) else SHARP_NAMES)[key_class % 12]
    return f"{tonic} {'minor' if key_class >= 12 else 'major'}"
