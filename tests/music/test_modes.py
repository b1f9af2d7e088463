"""Tonic and mode, on sound whose mode is known by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hevner import result
from hevner.audio.decode import open_audio
from hevner.errors import ModelError
from hevner.music import chord_labels, modes
from hevner.music.key import KRUMHANSL, profile_correlations
from hevner.music.records import MODE_SHARE, Key
from tests.errors import raises
from tests.music.test_harmony import RATE, hear, played

# Loops of chords by degree in semitones, first chord again at the end.
LOOPS = {
    "ionian": ("0 maj", "5 maj", "7 maj", "0 maj"),
    "dorian": ("0 min", "5 maj", "0 min", "5 maj", "0 min"),
    "phrygian": ("0 min", "1 maj", "10 min", "1 maj", "0 min"),
    "lydian": ("0 maj", "2 maj", "11 min", "2 maj", "0 maj"),
    "mixolydian": ("0 maj", "10 maj", "5 maj", "0 maj", "10 maj", "0 maj"),
    "aeolian": ("0 min", "8 maj", "10 maj", "0 min"),
    "harmonic minor": ("0 min", "5 min", "7 maj", "0 min"),
}
CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "files"


def loop(mode: str, tonic: int) -> np.ndarray:
    """A loop played twice, two seconds a chord, and its tonic chord for four."""
    chords = []
    for step in LOOPS[mode]:
        degree, quality = step.split()
        root = chord_labels.SHARP_NAMES[(tonic + int(degree)) % 12]
        chords.append(chord_labels.parse_chord(f"{root}:{quality}"))
    heard = [played(number, 2.0) for number in (chords[:-1] * 2)]
    return np.concatenate([*heard, played(chords[-1], 4.0)])


@pytest.mark.parametrize("mode", chord_labels.MODES)
@pytest.mark.parametrize("tonic", [1, 4, 9])
def test_loops_have_the_right_key(mode: str, tonic: int) -> None:
    found = hear(loop(mode, tonic)).key
    assert found is not None
    assert found.number == tonic + 12 * (3 in chord_labels.SCALES[chord_labels.MODES.index(mode)])
    assert found.mode in (mode, None)


def test_profiles_alone_miss_most_modal_loops() -> None:
    """What the estimator adds: the best profile takes these loops for their relatives."""
    wrong = 0
    for mode in ("dorian", "phrygian", "lydian", "mixolydian"):
        chroma = hear(loop(mode, 0)).chroma.mean(axis=0).astype(float)
        third = 12 * (3 in chord_labels.SCALES[chord_labels.MODES.index(mode)])
        wrong += int(profile_correlations(chroma, KRUMHANSL).argmax()) != third
    assert wrong >= 1


@pytest.mark.parametrize("kind", ["tone", "hum", "noise", "clicks"])
def test_sound_without_notes_has_no_key(kind: str) -> None:
    time = np.arange(12 * RATE) / RATE
    sound = {
        "tone": np.sin(2 * np.pi * 440 * time),
        "hum": sum(np.sin(2 * np.pi * 50 * h * time) / h for h in (1, 2, 3, 4)),
        "noise": np.random.default_rng(0).standard_normal(len(time)),
        "clicks": (np.arange(len(time)) % 6000 < 20).astype(float),
    }[kind]
    assert hear((0.2 * sound).astype(np.float32)).key is None


def test_moved_features_give_moved_probabilities() -> None:
    rng = np.random.default_rng(1)
    features = rng.random((12, modes.WIDTH)).astype(np.float32)
    found = modes.estimate(features)
    moved = modes.estimate(np.roll(features, 5, axis=0))
    np.testing.assert_allclose(moved, np.roll(found, 5, axis=0), atol=1e-5)
    assert found.shape == (12, len(chord_labels.MODES))
    assert 0 < found.sum() <= 1


def test_the_profile_counts_in_short_spans_alone() -> None:
    features = np.tile(modes.load().mean, (12, 1))
    features[:, 0] = np.eye(12)[7]
    features[:, -3:] = 0
    prefers_major = np.zeros((2, 12), np.float32)
    prefers_major[0, 5] = 40  # a tonic a fourth below the note that sounds
    told = []
    for brevity in (0, 1):
        features[:, -3] = brevity
        plain = modes.estimate(features, 0 * prefers_major)
        told.append(Key(modes.estimate(features, prefers_major)))
        assert np.isclose(plain.sum(), told[-1].probabilities.sum(), atol=1e-4)
        if not brevity:
            assert np.array_equal(plain, told[-1].probabilities)
    assert told[1].label == "D major"
    assert told[0].label != "D major"


def test_bass_is_the_lowest_note() -> None:
    """The chord is C major over E."""
    from tests.music.test_harmony import chord_sound, frames_of

    frames = frames_of(chord_sound([40, 60, 64, 67], 2.0))
    assert modes.bass(frames).mean(axis=0).argmax() == 4


def test_modes_are_those_of_the_result() -> None:
    assert chord_labels.MODES == result.MODES


def test_candidates_begin_with_the_key_told() -> None:
    shares = np.zeros((12, 7), np.float32)
    shares[4, 1], shares[4, 5] = 0.5, 0.1  # E dorian, E aeolian
    shares[9, 4], shares[9, 0] = 0.15, 0.1  # A mixolydian, A ionian
    shares[2, 0] = 0.01
    key = Key(shares)
    assert (key.label, key.mode) == ("E minor", "dorian")
    assert key.confidence == pytest.approx(0.6)
    found = [(c.key, c.mode, round(c.probability, 3)) for c in key.candidates()]
    assert found == [("E minor", "dorian", 0.6), ("A major", "mixolydian", 0.25)]
    assert pytest.approx(MODE_SHARE) == 0.15 / 0.25


def test_a_doubtful_mode_is_not_told() -> None:
    shares = np.zeros((12, 7), np.float32)
    shares[4, [1, 2, 5]] = 0.3, 0.25, 0.3
    assert Key(shares).mode is None


def test_damaged_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modes.npz").write_bytes(b"nothing")
    monkeypatch.setattr("hevner.music.network.resources.files", lambda _: tmp_path)
    modes.load.cache_clear()
    with raises(ModelError, "unreadable"):
        modes.load()
    modes.load.cache_clear()


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases")
@pytest.mark.parametrize(
    ("name", "key", "mode"),
    [
        ("dorian_0_E_48.ogg", "E minor", "dorian"),
        ("phrygian_1_G_19.ogg", "G minor", "phrygian"),
        ("mixolydian_0_C_24.ogg", "C major", "mixolydian"),
        ("lydian_0_G_19.ogg", "G major", "lydian"),
        ("minor_0_E_48.ogg", "E minor", "aeolian"),
        ("sine.flac", None, None),
        ("hum50.flac", None, None),
    ],
)
def test_cases(name: str, key: str | None, mode: str | None) -> None:
    found = hear(np.concatenate(list(open_audio(CASES / name).blocks))).key
    assert (found and found.label) == key
    assert (found and found.mode) in (mode, None)
