"""Pieces, targets and the torch twin of the harmony network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hevner.errors import DataError
from hevner.lab.music import composer, harmony_examples, pieces, render
from hevner.lab.music.pieces import UNKNOWN, Piece
from hevner.music import chord_labels, network
from tests.lab.shipped import shipped


def little_song() -> Piece:
    """C major and A minor with a leading note, two seconds each."""
    notes = np.array(
        [[0, 2, 60, 80], [0, 2, 64, 80], [0, 2, 67, 80], [2, 4, 69, 80], [2, 4, 72, 80],
         [2, 4, 76, 80]], np.float64,
    )  # fmt: skip
    drums = np.array([[0, 0.1, 36, 90]], np.float64)
    chords = (
        (0.0, 2.0, chord_labels.parse_chord("C:maj")),
        (2.0, 4.0, chord_labels.parse_chord("A:min")),
    )
    parts = {"chords": notes, "drums": drums}
    return Piece(4.0, parts, chords, chord_labels.parse_key("C major"), beats=np.arange(0, 4, 0.5))


def test_songs_are_held_out_by_the_last_digit() -> None:
    assert pieces.held_out("019") == "test"
    assert pieces.held_out("118") == "validation"
    assert pieces.held_out("091") == "train"


def test_transposing_moves_notes_chords_and_key_but_not_drums() -> None:
    moved = pieces.transpose(little_song(), -3)
    assert moved.parts["chords"][0, 2] == 57
    assert moved.parts["drums"][0, 2] == 36
    names = [chord_labels.chord_label(number) for _, _, number in moved.chords]
    assert names == ["A:maj", "F#:min"]
    assert chord_labels.key_label(moved.key) == "A major"


def test_parallel_minor_lowers_third_sixth_and_seventh() -> None:
    minor = pieces.parallel(little_song(), raised_seventh=True)
    assert list(minor.parts["chords"][:, 2]) == [60, 63, 67, 68, 72, 75]
    names = [chord_labels.chord_label(number) for _, _, number in minor.chords]
    assert names == ["C:min", "G#:maj"]
    assert chord_labels.key_label(minor.key) == "C minor"
    back = pieces.parallel(minor, raised_seventh=False)
    np.testing.assert_array_equal(back.parts["chords"], little_song().parts["chords"])


def test_excerpts_keep_time_and_hide_implausible_keys() -> None:
    song = little_song()
    cut = pieces.excerpt(song, ((0.0, 4.0, chord_labels.parse_key("C:maj")),), 1.0, 2.0)
    assert cut.chords[0][:2] == (0.0, 1.0)
    assert cut.chords[1][:2] == (1.0, 2.0)
    assert chord_labels.key_label(cut.key) == "C major"
    wrong = pieces.excerpt(song, ((0.0, 4.0, chord_labels.parse_key("F#:maj")),), 1.0, 2.0)
    assert wrong.key == UNKNOWN


@pytest.mark.parametrize("seed", range(8))
def test_composed_songs_play_the_chords_they_name(seed: int) -> None:
    song, again = (composer.compose(20.0, np.random.default_rng(seed)) for _ in range(2))
    assert song.chords[-1][1] == pytest.approx(20.0)
    assert song.chords == again.chords
    for start, end, number in song.chords:
        middle = (start + end) / 2
        notes = song.parts.get("pad", np.zeros((0, 4)))
        sounding = notes[(notes[:, 0] <= middle) & (notes[:, 1] > middle), 2].astype(int) % 12
        if number == chord_labels.NO_CHORD:
            assert not len(sounding)
        elif end - start > 0.3 and len(sounding):
            root, quality = divmod(number, len(chord_labels.QUALITIES))
            tones = {
                (root + tone) % 12
                for tone in chord_labels.TEMPLATES[chord_labels.QUALITIES[quality]]
            }
            assert set(sounding) <= tones


def test_targets_are_the_chord_at_the_centre_of_a_frame() -> None:
    classes = harmony_examples.targets(little_song(), np.array([0.0, 1.99, 2.0, 4.0]))
    assert list(classes) == [0, 0, chord_labels.parse_chord("A:min"), UNKNOWN]


def test_plain_examples_have_frames_and_chords_of_equal_length() -> None:
    example = harmony_examples.make(0, Path(), "plain", 1)
    again = harmony_examples.make(0, Path(), "plain", 1)
    assert example.frames.shape == (len(example.chords), 252)
    np.testing.assert_array_equal(example.frames, again.frames)
    assert example.key == UNKNOWN


def test_disturbing_transposes_frames_chords_and_key_alike() -> None:
    frames = np.zeros((30, 252), np.float16)
    frames[:, 3 * 40 + 1] = 1  # E4 and nothing else
    number = chord_labels.parse_chord("E:min")
    example = harmony_examples.Example(frames, np.full(30, number, np.int16), 4)
    rng = np.random.default_rng(1)
    for _ in range(10):
        moved, chords, key = harmony_examples.disturb(example, 0.0, 20, rng)
        shift = (int(moved.mean(axis=0).argmax()) - 1) // 3 - 40
        assert moved.shape == (20, 252)
        assert set(chords) == {(number + 10 * shift) % 120}
        assert key == (4 + shift) % 12


def test_detuning_moves_a_tone_by_cents() -> None:
    time = np.arange(32_000) / 16_000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    raised = render.detune(tone, 100.0, 16_000)
    spectrum = np.abs(np.fft.rfft(raised[:16_000]))
    assert spectrum.argmax() == pytest.approx(440 * 2 ** (1 / 12), abs=1.5)


def test_noise_has_the_level_asked_for() -> None:
    rng = np.random.default_rng(0)
    tone = np.sin(np.arange(50_000) / 10).astype(np.float32)
    noise = render.add_noise(tone, 20.0, rng, pink=True) - tone
    assert 20 * np.log10(np.std(tone) / np.std(noise)) == pytest.approx(20, abs=0.1)


def test_torch_and_numpy_give_the_same_numbers() -> None:
    torch = pytest.importorskip("torch")
    from hevner.lab.music.harmony import HarmonyNetwork
    from hevner.lab.music.recipe import HarmonyRecipe

    torch.manual_seed(0)
    sizes = {"channels": 6, "features": 3, "key_features": 2, "key_hidden": 4}
    model = HarmonyNetwork(shipped("harmony", HarmonyRecipe, **sizes))
    frames = np.random.default_rng(0).random((1, 40, 252)).astype(np.float32)
    with torch.no_grad():
        odds, _, features = model(torch.from_numpy(frames))
        keys = model.keys(features, odds, torch.ones(1, 40))[0].numpy()
        posterior = odds[0].softmax(-1).numpy()
    profiles = {"profile": np.zeros((2, 12), "f4"), "profile_bias": np.zeros(2, "f4")}
    twin = network.build({n: v.detach().numpy() for n, v in model.weights.items()} | profiles)
    chords, read = twin.frames(frames[0])
    np.testing.assert_allclose(chords, odds[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(read, features[0].numpy().reshape(40, -1), atol=1e-4)
    presence = 1 - posterior[:, chord_labels.NO_CHORD]
    presence /= presence.sum()
    by_root = (presence @ posterior[:, : chord_labels.NO_CHORD]).reshape(12, -1)
    pooled = (presence @ read).reshape(12, -1)
    both = twin.keys(pooled, by_root, np.zeros(12, np.float32))
    np.testing.assert_allclose(both, network.KEY_SHARE * keys, atol=1e-4)


def test_a_folder_without_songs_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="POP909"):
        pieces.song_ids(tmp_path, "train")


@pytest.mark.data
def test_pop909_notes_lie_under_their_chords(data: Path) -> None:
    folder = data / "pop909" / pieces.song_ids(data / "pop909", "train")[0]
    song, keys = pieces.load_pop909(folder)
    inside = total = 0.0
    for start, end, number in song.chords:
        if number in (UNKNOWN, chord_labels.NO_CHORD):
            continue
        root, quality = divmod(number, len(chord_labels.QUALITIES))
        tones = [
            (root + tone) % 12 for tone in chord_labels.TEMPLATES[chord_labels.QUALITIES[quality]]
        ]
        for first, last, pitch, _ in song.parts["chords"]:
            shared = max(0.0, min(last, end) - max(first, start))
            total += shared
            inside += shared * (pitch % 12 in tones)
    assert inside / total > 0.8
    assert all(0 <= number < chord_labels.KEY_CLASSES for _, _, number in keys)
