"""Chords as symbols counted from the key: an input of the unified network.

Music in any key is moved to C major or A minor (Kang and Herremans, 2025), so that a chord's root
is its place in the key. A major key and its relative minor move alike: where a key estimator
takes one for the other, the roots stay as they are.

Conventions
-----------
Roots are pitch classes 0..11 after that move, C = 0, and `NO_ROOT` = 12 where there is no chord.
Qualities are places in the names of a `Vocabulary`. Durations are seconds. ``"N"`` and ``"X"``
are both no chord; inversions are dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from hevner.arrays import Floats, Integers
from hevner.lab.unified.recipe import Variant
from hevner.music import chord_labels
from hevner.music.records import Harmony

logger = logging.getLogger(__name__)

NO_ROOT = 12
UNDECIDED = 0.5
"""Probability of minor for music without a key."""

_RELATIVE_MAJOR = 3
_WITHOUT_CHORD = ("N", "X")


@dataclass(frozen=True)
class Vocabulary:
    """The chord qualities a network knows, in the order of their numbers, ``"N"`` among them.

    Every sequence is padded or cut to the length, or padded to the longest if it is None. The mode
    is the probability of minor if it is soft; if not, it is 0 (major, or no key) or 1. Unnumbered
    qualities become no chord, any other unknown one becomes the nearest that is known.
    """

    qualities: tuple[str, ...]
    length: int | None
    soft_mode: bool
    unnumbered: frozenset[str] = frozenset()

    @property
    def none(self) -> int:
        """Number of the quality of no chord."""
        return self.qualities.index("N")


PUBLISHED = Vocabulary(
    qualities=(
        *("N", "maj", "dim", "sus4", "min7", "min", "sus2"),
        *("aug", "dim7", "maj6", "hdim7", "7", "min6", "maj7"),
    ),
    length=100,
    soft_mode=False,
    unnumbered=frozenset({"minmaj7"}),
)
"""Qualities of the published system, which has no number for ``minmaj7``, though its chord
recogniser has."""

REPAIRED = Vocabulary(qualities=(*chord_labels.QUALITIES, "N"), length=None, soft_mode=True)
"""Qualities that `hevner.music` finds."""

VOCABULARIES: dict[Variant, Vocabulary] = {"as_published": PUBLISHED, "repaired": REPAIRED}


@dataclass(frozen=True, eq=False)
class ChordSequence:
    """The chords of a piece of music, in order; there may be none.

    Roots and qualities are int64, durations seconds, float32, all of shape ``(n,)``; ``minor`` is 0
    for major and 1 for minor.
    """

    roots: Integers
    qualities: Integers
    durations: Floats
    minor: float

    def __len__(self) -> int:
        return len(self.roots)


def from_harmony(harmony: Harmony, vocabulary: Vocabulary) -> ChordSequence:
    """Chords and mode of an analysed file."""
    spans = [(chord.label, chord.start, chord.end) for chord in harmony.chords]
    if harmony.key is None:
        return from_spans(spans, None, vocabulary)
    sequence = from_spans(spans, harmony.key.number, vocabulary)
    if not vocabulary.soft_mode:
        return sequence
    return replace(sequence, minor=float(harmony.key.thirds[12:].sum()))


def from_spans(
    spans: Iterable[tuple[str, float, float]], key: int | None, vocabulary: Vocabulary
) -> ChordSequence:
    """Chords given as ``(label, start, end)`` in order, such as ``("G:7", 0.0, 2.0)``.

    A key class 0..23 (`hevner.music.chord_labels.parse_key`) decides from where roots are counted;
    without it they are left where they are. ``"C"`` is major, ``"N"`` no chord. A label that cannot
    be read raises `DataError`.
    """
    rows = list(spans)
    # Roots are counted from the tonic of the key, or of its relative major.
    shift = 0 if key is None else key % 12 + (_RELATIVE_MAJOR if key >= 12 else 0)
    symbols = [_symbol(label, shift, vocabulary) for label, _, _ in rows]
    without_key = UNDECIDED if vocabulary.soft_mode else 0.0
    return ChordSequence(
        roots=np.array([root for root, _ in symbols], np.int64),
        qualities=np.array([quality for _, quality in symbols], np.int64),
        durations=np.array([end - start for _, start, end in rows], np.float32),
        minor=without_key if key is None else float(key >= 12),
    )


def _symbol(label: str, shift: int, vocabulary: Vocabulary) -> tuple[int, int]:
    """Root and quality of a chord."""
    root, _, quality = label.split("/")[0].partition(":")
    quality = quality or "maj"
    if label in _WITHOUT_CHORD:
        return NO_ROOT, vocabulary.none
    if quality in vocabulary.unnumbered:
        logger.info("chord %r has no number in this vocabulary; taken as no chord", label)
        return NO_ROOT, vocabulary.none
    if quality not in vocabulary.qualities:
        quality = chord_labels.QUALITIES[
            chord_labels.parse_chord(label) % len(chord_labels.QUALITIES)
        ]
    return (chord_labels.pitch_class(root) - shift) % 12, vocabulary.qualities.index(quality)
