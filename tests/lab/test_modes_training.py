"""Music composed for the key estimator, its spectra without sound, and the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hevner.lab.music import composer, spectral
from hevner.lab.music import modes as training
from hevner.lab.music.modes import CLASSES, Examples, Network, classes, fit, make, temperature
from hevner.lab.music.pieces import Piece
from hevner.lab.music.recipe import ModesRecipe
from hevner.music import chord_decoder, chord_labels, harmony
from hevner.music.chord_labels import MODES, SCALES
from hevner.music.modes import WIDTH
from tests.lab.shipped import shipped


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["loop", "drone", "melody", "pedal"])
def test_composed_pieces_stay_in_their_mode(mode: str, kind: str) -> None:
    piece = composer.modal(kind, mode, np.random.default_rng(len(kind)), 20.0)
    allowed = {(piece.key + step) % 12 for step in SCALES[MODES.index(mode)]}
    for role, notes in piece.parts.items():
        if role != "bass":  # a walking bass passes through other notes
            assert set(notes[:, 2].astype(int) % 12) <= allowed
    assert piece.modes == (mode,)


def test_a_number_composes_the_same_piece_again() -> None:
    first, again = (composer.compose_modal(np.random.default_rng([1, 5])) for _ in range(2))
    assert (first.key, first.modes) == (again.key, again.modes)
    assert first.chords == again.chords


def test_spectra_without_sound_are_read_as_the_chords_they_hold() -> None:
    names = ["C:maj", "A:min", "F:maj", "G:maj"]
    rows = []
    for k, name in enumerate(names):
        root, quality = divmod(chord_labels.parse_chord(name), len(chord_labels.QUALITIES))
        tones = chord_labels.TEMPLATES[chord_labels.QUALITIES[quality]]
        rows += [(3.0 * k, 3.0 * k + 3, 60 + (root + tone) % 12, 90.0) for tone in tones]
        rows.append((3.0 * k, 3.0 * k + 3, 36 + root, 90.0))
    song = Piece(12.0, {"chords": np.array(rows)})
    right = 0.0
    for seed in range(5):
        frames = spectral.frames(song, np.random.default_rng(seed))
        assert frames.shape == (116, 252)
        path = chord_decoder.best_path(chord_decoder.scores(harmony.classify(frames, 0.0)[2]))
        wanted = [chord_labels.parse_chord(names[min(k // 30, 3)]) for k in range(len(path))]
        right += float(np.mean(path == wanted)) / 5
    assert right > 0.75


def test_classes_are_those_of_the_modes_allowed() -> None:
    found = classes(Piece(1.0, {}, key=14, modes=("dorian", "aeolian")))
    assert np.flatnonzero(found).tolist() == [2 * 7 + 1, 2 * 7 + 5]
    assert np.flatnonzero(classes(Piece(1.0, {}))).tolist() == [CLASSES - 1]


def test_examples_and_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny training learns a rule that any tonic shares, and gives calibrated weights."""
    recipe = shipped(
        "modes", ModesRecipe, networks=2, pieces=3, excerpts=1, steps=300, batch=64, hidden=32,
        dropout=0.0, noise=0.1, weight_decay=0.01, learning_rate=1e-2,
    )  # fmt: skip
    monkeypatch.setattr("hevner.lab.music.pieces.song_ids", lambda *_: ["001"])
    monkeypatch.setattr("hevner.lab.music.pieces.load_pop909", lambda _: _song())
    made = make(recipe, tmp_path, lambda *_: None)
    assert made.features.shape[1:] == (12, WIDTH)
    excerpt = made.allowed[made.pieces == 3].sum(axis=1)
    assert set(excerpt) in ({1}, {2})  # major, or the parallel minor
    rng = np.random.default_rng(0)
    tonics, kinds = rng.integers(12, size=300), rng.integers(7, size=300)
    features = rng.normal(0, 0.1, (300, 12, 3)).astype(np.float32)
    features[np.arange(300), tonics, 0] += 1
    features[np.arange(300), (tonics + kinds) % 12, 1] += 1
    allowed = np.zeros((300, CLASSES), bool)
    allowed[np.arange(300), 7 * tonics + kinds] = True
    examples = Examples(features, allowed, np.ones(300), np.arange(300))
    estimator = fit(recipe, examples)
    found = np.stack([estimator.probabilities(one) for one in features[:50]])
    assert np.mean(found.reshape(50, -1).argmax(axis=1) == (7 * tonics + kinds)[:50]) > 0.8
    assert estimator.hidden.shape == (12 * 3, 2 * 32)


def test_networks_side_by_side_give_the_mean_of_their_odds() -> None:
    torch.manual_seed(0)
    models = [Network(3, 8, 0.0).eval() for _ in range(3)]
    features = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    mean, scale = np.zeros(3, np.float32), np.ones(3, np.float32)
    joined = training._joined(models, mean, scale, 2.0 * len(models))
    with torch.no_grad():
        odds = sum(model(torch.from_numpy(features)[None])[0] for model in models) / 6
    wanted = odds.softmax(dim=0)[:-1].reshape(12, -1).numpy()
    assert np.allclose(joined.probabilities(features), wanted, atol=1e-5)


def _song() -> tuple[Piece, tuple[tuple[float, float, int], ...]]:
    notes = np.array([[k, k + 1, 60 + step, 80] for k, step in enumerate((0, 4, 7, 5, 7, 0) * 5)])
    number = chord_labels.parse_chord("C:maj")
    song = Piece(30.0, {"chords": notes.astype(float)}, ((0.0, 30.0, number),))
    return song, ((0.0, 30.0, chord_labels.parse_key("C major")),)


def test_temperature_is_that_of_honest_probabilities() -> None:
    torch.manual_seed(0)
    odds = torch.randn(4000, CLASSES)
    right = torch.distributions.Categorical(logits=odds).sample()
    allowed = torch.zeros(4000, CLASSES, dtype=torch.bool)
    allowed[torch.arange(4000), right] = True
    assert temperature(3 * odds, allowed) == pytest.approx(3, rel=0.12)
