"""Harmony analysis on sound whose chords are known by construction."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest

from hevner.audio.windows import Windower
from hevner.errors import DataError, ModelError
from hevner.music import (
    Harmony,
    analyse,
    chord_decoder,
    chord_labels,
    key,
    network,
    tuning,
)
from hevner.music.chroma import from_frames
from hevner.music.descriptors import NAMES, descriptors
from hevner.music.spectrum import BINS, HOP_SAMPLES, SAMPLE_RATE, WINDOW_SAMPLES, HarmonySpectrum
from tests.errors import raises

RATE = SAMPLE_RATE


def chord_sound(pitches: list[int], seconds: float, cents: float = 0.0) -> np.ndarray:
    """Notes of eight harmonics with fixed, unrelated phases."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = np.zeros(len(time))
    for pitch in pitches:
        frequency = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
        for harmonic in range(1, 9):
            phase = 2.4 * pitch + 1.7 * harmonic**2
            sound += 0.6**harmonic * np.sin(2 * np.pi * harmonic * frequency * time + phase)
    return (0.1 * sound).astype(np.float32)


def played(chord_class: int, seconds: float = 3.0, cents: float = 0.0) -> np.ndarray:
    """A chord in close position around middle C, its root doubled in the bass."""
    root, quality = divmod(chord_class, len(chord_labels.QUALITIES))
    tones = chord_labels.TEMPLATES[chord_labels.QUALITIES[quality]]
    lowest = 52 + (root - 52) % 12
    return chord_sound([36 + root, *(lowest + tone for tone in tones)], seconds, cents)


def cadence(tonic: int, minor: bool, cents: float = 0.0) -> np.ndarray:
    """I IV V I, twice, two seconds a chord."""
    third = "min" if minor else "maj"
    steps = [(0, third), (5, third), (7, "maj"), (0, third)] * 2
    classes = [
        chord_labels.parse_chord(f"{chord_labels.SHARP_NAMES[(tonic + step) % 12]}:{quality}")
        for step, quality in steps
    ]
    return np.concatenate([played(number, 2.0, cents) for number in classes])


def frames_of(sound: np.ndarray) -> np.ndarray:
    windower = Windower(WINDOW_SAMPLES, HOP_SAMPLES)
    windows = np.concatenate([windower.push(sound), windower.finish()])
    return HarmonySpectrum().encode(windows)


def hear(sound: np.ndarray) -> Harmony:
    return analyse(frames_of(sound), len(sound) / RATE)


def longest(harmony: Harmony) -> str:
    return max(harmony.chords, key=lambda chord: chord.end - chord.start).label


# --- spectrum


def test_a_sinusoid_peaks_in_the_bin_of_its_pitch() -> None:
    time = np.arange(WINDOW_SAMPLES) / RATE
    for pitch in (45, 57, 69, 93):
        sound = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time).astype(np.float32)
        frame = HarmonySpectrum().encode(sound[None])[0]
        assert frame.argmax() == 3 * (pitch - 24) + 1


def test_spectrum_does_not_depend_on_level() -> None:
    windows = np.random.default_rng(0).normal(size=(3, WINDOW_SAMPLES)).astype(np.float32)
    loud = HarmonySpectrum().encode(windows)
    quiet = HarmonySpectrum().encode(windows * np.float32(1e-3))
    np.testing.assert_allclose(loud, quiet, atol=1e-5)


def test_spectrum_of_a_batch_equals_singles() -> None:
    windows = np.random.default_rng(1).normal(size=(300, WINDOW_SAMPLES)).astype(np.float32)
    batch = HarmonySpectrum().encode(windows)
    singles = np.concatenate([HarmonySpectrum().encode(windows[k : k + 1]) for k in (0, 255, 299)])
    np.testing.assert_allclose(batch[[0, 255, 299]], singles, atol=1e-5)


def test_silent_windows_give_zeros() -> None:
    assert not HarmonySpectrum().encode(np.zeros((2, WINDOW_SAMPLES), np.float32)).any()


def test_windows_of_another_length_are_refused() -> None:
    with raises(ModelError, "wrong_shape"):
        HarmonySpectrum().encode(np.zeros((2, 100), np.float32))


# --- tuning


@pytest.mark.parametrize("cents", [-40, -20, 0, 15, 40])
def test_tuning_is_found_and_corrected(cents: float) -> None:
    frames = frames_of(cadence(2, minor=False, cents=cents))
    assert tuning.estimate(frames) == pytest.approx(cents, abs=8)
    corrected = tuning.correct(frames, tuning.estimate(frames))
    assert abs(tuning.estimate(corrected)) < 4


def test_tuning_of_silence_is_zero() -> None:
    assert tuning.estimate(np.zeros((4, BINS), np.float32)) == 0


# --- chords and keys


@pytest.mark.parametrize("quality", chord_labels.QUALITIES)
def test_every_quality_is_recognised_on_every_root(quality: str) -> None:
    classes = [chord_labels.parse_chord(f"{root}:{quality}") for root in chord_labels.SHARP_NAMES]
    heard = [chord_labels.parse_chord(longest(hear(played(number)))) for number in classes]
    if quality == "aug":  # its three roots sound alike but for the bass
        assert [number % 10 for number in heard] == [number % 10 for number in classes]
    else:
        assert heard == classes


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("minor", [False, True])
def test_cadences_have_the_right_key(tonic: int, minor: bool) -> None:
    found = hear(cadence(tonic, minor)).key
    assert found is not None
    assert found.number == tonic + 12 * minor
    assert found.thirds.sum() <= 1 + 1e-4
    assert found.confidence == pytest.approx(found.thirds.max())


def test_chords_follow_each_other_at_the_right_times() -> None:
    harmony = hear(cadence(0, minor=False))
    names = [chord.label for chord in harmony.chords]
    assert names == ["C:maj", "F:maj", "G:maj", "C:maj", "F:maj", "G:maj", "C:maj"]
    starts = np.array([chord.start for chord in harmony.chords])
    np.testing.assert_allclose(starts, [0, 2, 4, 6, 10, 12, 14], atol=0.2)
    assert harmony.chords[-1].end == pytest.approx(harmony.duration)
    for before, after in zip(harmony.chords, harmony.chords[1:], strict=False):
        assert before.end == after.start


def test_flat_keys_are_spelled_with_flats() -> None:
    harmony = hear(cadence(10, minor=False))
    assert harmony.key is not None
    assert harmony.key.label == "Bb major"
    assert {chord.label for chord in harmony.chords} == {"Bb:maj", "Eb:maj", "F:maj"}


@pytest.mark.parametrize("cents", [-40, 40])
def test_detuned_sound_gives_the_same_chords(cents: float) -> None:
    plain, detuned = hear(cadence(4, True)), hear(cadence(4, True, cents))
    assert [c.label for c in plain.chords] == [c.label for c in detuned.chords]
    assert plain.key is not None
    assert detuned.key is not None
    assert plain.key.label == detuned.key.label


def test_level_changes_nothing() -> None:
    sound = cadence(9, minor=True)
    loud, quiet = hear(sound), hear(sound * np.float32(0.01))
    assert [c.label for c in loud.chords] == [c.label for c in quiet.chords]
    np.testing.assert_allclose(loud.chroma, quiet.chroma, atol=1e-3)
    np.testing.assert_allclose(descriptors(loud, 0, 16), descriptors(quiet, 0, 16), atol=2e-2)


@pytest.mark.parametrize("semitones", [1, 3, 12])
def test_transposed_frames_give_transposed_chords(semitones: int) -> None:
    frames = frames_of(cadence(0, minor=True))
    # Only the middle of the range is used, so that nothing falls off either end.
    frames[:, :36], frames[:, 180:] = 0, 0
    model = network.load()
    classes = _classes(model.frames(frames)[0])
    moved = _classes(model.frames(np.roll(frames, 3 * semitones, axis=1))[0])
    # The registers overlap smoothly but are not equal, so a few doubtful frames may differ.
    assert np.mean(moved == (classes + 10 * semitones) % chord_labels.NO_CHORD) > 0.9


def test_maps_are_exactly_equivariant() -> None:
    rng = np.random.default_rng(5)
    kernel = rng.normal(size=(4, 3, 12)).astype(np.float32)
    values = rng.normal(size=(2, 12, 3)).astype(np.float32)
    written_out = np.zeros((2, 12, 4))
    for to in range(12):
        for source in range(12):
            written_out[:, to] += values[:, source] @ kernel[:, :, (source - to) % 12].T
    model = network.load()
    probe = network.Network(
        model.pitch, model.fold, {"probe": network._transform(kernel)}, model.none,
        model.profile, {"probe": np.zeros(4, np.float32)},
    )  # fmt: skip
    np.testing.assert_allclose(probe._map("probe", values), written_out, atol=1e-4)


def _classes(odds: np.ndarray) -> np.ndarray:
    classes: np.ndarray = odds[:, : chord_labels.NO_CHORD].argmax(axis=1)
    return classes


# --- borders


def test_silence_has_no_key_and_no_chord() -> None:
    harmony = hear(np.zeros(5 * RATE, np.float32))
    assert harmony.key is None
    assert [chord.label for chord in harmony.chords] == ["N"]
    assert not harmony.chroma.any()
    assert not descriptors(harmony, 0, 5).any()


def test_one_frame_is_enough() -> None:
    harmony = hear(played(chord_labels.parse_chord("D:min"), 0.3))
    assert len(harmony.times) == 1
    assert harmony.chords[0].start == 0
    assert harmony.chords[-1].end == pytest.approx(0.3)
    assert np.isfinite(descriptors(harmony, 0, 0.3)).all()


def test_no_frames_are_refused() -> None:
    with raises(DataError, "wrong_shape"):
        analyse(np.zeros((0, BINS), np.float32), 1.0)


def test_long_files_do_not_depend_on_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = frames_of(cadence(5, minor=False))
    whole = analyse(frames, 16.0)
    monkeypatch.setattr("hevner.music.harmony._PIECE", 37)
    pieces = analyse(frames, 16.0)
    np.testing.assert_allclose(
        whole.chord_posterior.astype(float), pieces.chord_posterior.astype(float), atol=2e-3
    )
    assert [c.label for c in whole.chords] == [c.label for c in pieces.chords]


def test_two_hours_of_half_precision_frames() -> None:
    frames = np.tile(frames_of(cadence(0, False)).astype(np.float16), (470, 1))[:72_000]
    harmony = analyse(frames, 7200.0)
    assert harmony.chord_posterior.shape == (72_000, chord_labels.CHORD_CLASSES)
    assert harmony.key is not None
    assert harmony.key.label == "C major"
    assert harmony.chords[-1].end == 7200.0


def test_viterbi_finds_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    scores = np.log(rng.dirichlet(np.ones(3), size=6)).astype(np.float32)
    paths = np.stack(np.meshgrid(*[range(3)] * 6, indexing="ij"), -1).reshape(-1, 6)
    totals = scores[np.arange(6), paths].sum(axis=1) - 0.7 * (np.diff(paths) != 0).sum(axis=1)
    np.testing.assert_array_equal(chord_decoder.best_path(scores, 0.7), paths[totals.argmax()])


# --- chroma and key profiles


def test_chroma_adds_up_to_one_and_holds_the_chord() -> None:
    chroma = from_frames(frames_of(played(chord_labels.parse_chord("E:min"))))
    np.testing.assert_allclose(chroma.sum(axis=1), 1, atol=1e-5)
    assert set(np.argsort(chroma.mean(axis=0))[-3:]) == {4, 7, 11}


def test_profiles_find_their_own_keys() -> None:
    for number in range(24):
        chroma = np.roll(key.TEMPERLEY[number // 12], number % 12)
        correlations = key.profile_correlations(chroma)
        assert correlations.argmax() == number
        assert correlations.max() == pytest.approx(1)


# --- descriptors


def test_descriptors_do_not_depend_on_the_key() -> None:
    plain, moved = hear(cadence(0, True)), hear(cadence(3, True))
    np.testing.assert_allclose(descriptors(plain, 0, 16), descriptors(moved, 0, 16), atol=0.08)


def test_descriptors_tell_major_from_minor() -> None:
    bright = dict(zip(NAMES, descriptors(hear(cadence(0, False)), 0, 16), strict=True))
    dark = dict(zip(NAMES, descriptors(hear(cadence(0, True)), 0, 16), strict=True))
    for name in (
        "mode_probability", "major_minor_temperley", "major_minor_krumhansl", "third_balance",
    ):  # fmt: skip
        assert bright[name] > 0.02 > -0.02 > dark[name], name
    assert bright["share_major"] > 0.8
    assert dark["share_minor"] > 0.5
    assert bright["share_diatonic"] > 0.8
    assert bright["share_tonic"] > 0.35
    assert sum(bright[f"degree_{k}"] for k in range(12)) == pytest.approx(1, abs=1e-4)
    assert bright["chord_change_rate"] == pytest.approx(6 / 16, abs=0.01)


def test_descriptors_of_a_span_see_that_span_only() -> None:
    harmony = hear(np.concatenate([cadence(0, False), cadence(0, True)]))
    first = dict(zip(NAMES, descriptors(harmony, 0, 15), strict=True))
    second = dict(zip(NAMES, descriptors(harmony, 17, 32), strict=True))
    assert first["mode_probability"] > 0.3 > -0.3 > second["mode_probability"]


# Made by ``descriptors(hear(cadence(9, minor=True)), 0, 16)``; new weights give new numbers.
GOLDEN = [
    1,
    -0.998,
    0.996,
    -0.283,
    -0.151,
    0.283,
    -0.104,
    0.258,
    0.738,
    0,
    0.001,
    0.002,
    0.001,
    0,
    0.001,
    0.48,
    0.257,
    0.259,
    0.997,
    0.375,
    0.016,
    0.458,
    0.359,
    0.126,
    0.738,
    0.6,
    0.629,
    0.319,
    0.063,
    0.094,
    0.263,
    0.238,
    0.325,
    0.017,
    0.249,
    0.002,
    0.079,
    0.126,
    0.021,
    0.096,
    0.019,
    0.223,
    0.053,
    0.022,
    0.033,
    0.076,
]


def test_golden_numbers() -> None:
    harmony = hear(cadence(9, minor=True))
    assert [chord.label for chord in harmony.chords] == [
        "A:min", "D:min", "E:maj", "A:min", "D:min", "E:maj", "A:min",
    ]  # fmt: skip
    assert harmony.key is not None
    assert harmony.key.label == "A minor"
    np.testing.assert_allclose(descriptors(harmony, 0, 16), GOLDEN, atol=5e-3)


def test_names_are_unique_and_as_many_as_numbers() -> None:
    vector = descriptors(hear(cadence(0, False)), 0, 3)
    assert len(set(NAMES)) == len(NAMES) == len(vector)
    assert vector.dtype == np.float32


# --- labels


def test_labels_round_trip_and_agree_with_mir_eval() -> None:
    for number in range(chord_labels.CHORD_CLASSES):
        for flats in (False, True):
            label = chord_labels.chord_label(number, flats=flats)
            assert chord_labels.parse_chord(label) == number
            root, notes, _ = mir_eval.chord.encode(label)
            if number < chord_labels.NO_CHORD:
                assert root == number // 10
                tones = chord_labels.TEMPLATES[chord_labels.QUALITIES[number % 10]]
                assert set(np.flatnonzero(notes)) == set(tones)
            else:
                assert root == -1


def test_keys_round_trip_and_agree_with_mir_eval() -> None:
    for number in range(chord_labels.KEY_CLASSES):
        label = chord_labels.key_label(number)
        assert chord_labels.parse_key(label) == number
        assert mir_eval.key.weighted_score(label, label) == 1


def test_foreign_labels_become_the_nearest_class() -> None:
    assert chord_labels.parse_chord("Gb:maj6/5") == chord_labels.parse_chord("F#:maj")
    assert chord_labels.parse_chord("C:minmaj7") == chord_labels.parse_chord("C:min")
    assert chord_labels.parse_chord("X") == chord_labels.NO_CHORD


@pytest.mark.parametrize("label", ["H:maj", "C:blue", "", "maj"])
def test_unknown_labels_are_refused(label: str) -> None:
    with pytest.raises(DataError):
        chord_labels.parse_chord(label)


def test_unknown_modes_are_refused() -> None:
    with raises(DataError, "unknown_mode"):
        chord_labels.parse_key("C dorian")
