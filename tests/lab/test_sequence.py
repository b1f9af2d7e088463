"""Chord sequences counted from the key."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from hevner.errors import DataError
from hevner.lab.unified.chord_sequence import (
    NO_ROOT,
    PUBLISHED,
    REPAIRED,
    Vocabulary,
    from_harmony,
    from_spans,
)
from hevner.music import Chord, Harmony, Key, chord_labels

RECOGNISER_QUALITIES = (
    *("min", "maj", "dim", "aug", "min6", "maj6", "min7"),
    *("minmaj7", "maj7", "7", "dim7", "hdim7", "sus2", "sus4"),
)


def named(label: str, key: str | None, vocabulary: Vocabulary) -> tuple[int, str]:
    """Root and quality of a single chord."""
    number = None if key is None else chord_labels.parse_key(key)
    chords = from_spans([(label, 0.0, 1.0)], number, vocabulary)
    return int(chords.roots[0]), vocabulary.qualities[chords.qualities[0]]


def harmony(key: Key | None, *chords: Chord) -> Harmony:
    none = np.zeros((1, 1))
    return Harmony(
        4.0, 0.0, key, chords, np.zeros(1), none.astype(np.float32),
        none.astype(np.float16), none.astype(np.float16),
    )  # fmt: skip


@pytest.mark.parametrize("vocabulary", [PUBLISHED, REPAIRED])
def test_roots_move_to_c_major_or_a_minor(vocabulary: Vocabulary) -> None:
    assert named("G:7", "G major", vocabulary) == (0, "7")
    assert named("E:min", "E minor", vocabulary) == (9, "min")
    assert named("Bb", "Eb major", vocabulary) == (7, "maj")
    assert named("F#:maj/3", "B minor", vocabulary) == (4, "maj")
    assert named("X", "G major", vocabulary) == (NO_ROOT, "N")
    assert named("N", "G major", vocabulary) == (NO_ROOT, "N")


def test_a_key_and_its_relative_move_alike() -> None:
    assert named("D:sus4", "Ab major", REPAIRED) == named("D:sus4", "F minor", REPAIRED)


def test_without_a_key_roots_stay_and_the_mode_is_undecided() -> None:
    assert named("D:min", None, REPAIRED) == (2, "min")
    assert from_spans([], None, REPAIRED).minor == 0.5
    assert from_spans([], None, PUBLISHED).minor == 0
    assert from_spans([], chord_labels.parse_key("C minor"), REPAIRED).minor == 1


def test_published_numbers_of_qualities() -> None:
    numbers = {name: number for number, name in enumerate(PUBLISHED.qualities)}
    assert numbers == {
        "N": 0, "maj": 1, "dim": 2, "sus4": 3, "min7": 4, "min": 5, "sus2": 6, "aug": 7,
        "dim7": 8, "maj6": 9, "hdim7": 10, "7": 11, "min6": 12, "maj7": 13,
    }  # fmt: skip


def test_all_classes_of_the_published_recogniser_have_a_place() -> None:
    classes = [
        root if quality == "maj" else f"{root}:{quality}"
        for root in chord_labels.SHARP_NAMES
        for quality in RECOGNISER_QUALITIES
    ] + ["N", "X"]
    assert len(classes) == 170
    for label in classes:
        root, quality = named(label, "C major", PUBLISHED)
        if label in ("N", "X") or label.endswith("minmaj7"):
            assert (root, quality) == (NO_ROOT, "N")
        else:
            assert root == chord_labels.pitch_class(label.split(":")[0])
            assert quality == (label.split(":")[1] if ":" in label else "maj")
        named(label, "C major", REPAIRED)


def test_minor_major_seventh_is_noted_or_becomes_minor(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert named("A:minmaj7", "C major", PUBLISHED) == (NO_ROOT, "N")
    assert "A:minmaj7" in caplog.text
    assert named("A:minmaj7", "C major", REPAIRED) == (9, "min")


def test_every_chord_hevner_hears_is_in_both_vocabularies() -> None:
    for number in range(chord_labels.NO_CHORD):
        root, quality = divmod(number, len(chord_labels.QUALITIES))
        for vocabulary in (PUBLISHED, REPAIRED):
            found = named(chord_labels.chord_label(number), "C major", vocabulary)
            assert found == (root, chord_labels.QUALITIES[quality])


@pytest.mark.parametrize("label", ["H:maj", "C:strange"])
def test_wrong_chords_are_refused(label: str) -> None:
    with pytest.raises(DataError):
        from_spans([(label, 0.0, 1.0)], 0, PUBLISHED)


def test_harmony_gives_durations_and_the_probability_of_minor() -> None:
    odds = np.zeros((12, 7), np.float32)
    odds[7, 0] = 0.6
    odds[4, [1, 5]] = 0.1, 0.3
    heard = harmony(Key(odds), Chord("N", 0, 0.5, 1.0), Chord("G:maj", 0.5, 4.0, 0.9))
    chords = from_harmony(heard, REPAIRED)
    assert chords.minor == pytest.approx(0.4)
    assert chords.roots.tolist() == [NO_ROOT, 0]
    assert chords.durations.tolist() == [0.5, 3.5]
    assert from_harmony(heard, PUBLISHED).minor == 0
    assert from_harmony(harmony(None, Chord("N", 0, 4.0, 1.0)), REPAIRED).minor == 0.5
