"""Rhythms, targets and the torch twin of the rhythm network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hevner.lab.music import composer, downbeats, fitting, parts, render, rhythm
from hevner.lab.music import rhythm_examples as examples
from hevner.lab.music.recipe import RhythmRecipe
from hevner.lab.music.rhythm_examples import UNKNOWN, Example
from hevner.music import rhythm as decoder
from hevner.music import rhythm_network
from hevner.music.onsets import BANDS, INPUTS, RATE
from tests.lab.shipped import shipped

RECIPE = shipped("rhythm", RhythmRecipe, channels=6, free=2, hidden=4, steps=3, batch=2)


def example(tempo: float = 120.0, meter: str = "4/4") -> Example:
    rng = np.random.default_rng(0)
    beats = np.arange(0, 16, 60 / abs(tempo))
    inputs = rng.random((500, INPUTS)).astype(np.float16)
    return Example(inputs, beats, beats[::4], tempo, meter)


@pytest.mark.parametrize("groove", parts.GROOVES, ids=lambda groove: groove.kick[0])
def test_lines_of_a_groove_fill_a_bar(groove: parts.Groove) -> None:
    bar, places = decoder.BARS[groove.meter]
    assert groove.bar == bar
    assert tuple(groove.places) in places
    for line in (groove.kick, groove.snare, groove.cymbal):
        assert {len(pattern) for pattern in line} == {bar * groove.steps}


@pytest.mark.parametrize("seed", range(12))
def test_a_composed_piece_keeps_its_tempo_and_its_bars(seed: int) -> None:
    piece = composer.compose(16.0, np.random.default_rng(seed))
    assert piece.meter in rhythm_network.METERS
    assert set(np.round(piece.downbeats, 6)) <= set(np.round(piece.beats, 6))
    bar = 60 / piece.tempo * decoder.BARS[piece.meter][0]
    assert np.median(np.diff(piece.downbeats)) == pytest.approx(bar, rel=0.15)
    assert sum(len(notes) for notes in piece.parts.values()) > 8
    for notes in piece.parts.values():
        assert (notes[:, 0] >= 0).all()
        assert (notes[:, 0] < 16.0).all()
        assert (notes[:, 1] > notes[:, 0]).all()


def test_an_example_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(_: object, length: float, __: str, *, rate: int) -> np.ndarray:
        return np.random.default_rng(0).normal(size=int(length * rate)).astype(np.float32)

    monkeypatch.setattr(render, "render", noise)
    monkeypatch.setattr(examples, "_POP909", 0.0)
    path = tmp_path / "a" / "0.npz"
    first = fitting.kept(path, Example, lambda: examples.rendered(1, tmp_path, 3))
    again = fitting.kept(path, Example, lambda: pytest.fail("made again"))
    for name, value in vars(first).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert first.inputs.shape[1] == INPUTS
    assert [p.name for p in path.parent.iterdir()] == ["0.npz"]


def test_targets_lie_at_the_beats_of_the_piece_cut_out() -> None:
    inputs, beats, tempo, meter = rhythm.cut(example(), 200, np.random.default_rng(1))
    assert inputs.shape == (200, INPUTS)
    places = np.flatnonzero(beats[:, 0] == 1)
    assert 60 * RATE / np.median(np.diff(places)) == pytest.approx(tempo, rel=0.05)
    assert set(np.flatnonzero(beats[:, 1] == 1)) <= set(places)
    assert rhythm_network.METERS[meter] == "4/4"


def test_torch_and_numpy_agree() -> None:
    torch.manual_seed(0)
    model = rhythm.RhythmNetwork(RECIPE)
    inputs = example().inputs[:300].astype(np.float32)
    plain = model.plain()
    channels = plain.steps(inputs)
    with torch.no_grad():
        expected = model(torch.from_numpy(inputs)[None])
    np.testing.assert_allclose(channels, expected[0][0], atol=1e-4)
    for found, wanted in zip(plain.tempi(channels), expected[1:], strict=True):
        np.testing.assert_allclose(found, wanted[0], atol=1e-3)


def test_music_of_unknown_tempo_only_says_that_it_has_one() -> None:
    torch.manual_seed(0)
    model = rhythm.RhythmNetwork(RECIPE)
    cut = rhythm.cut(example(UNKNOWN, ""), 200, np.random.default_rng(1))
    batch = (torch.from_numpy(cut[0])[None], torch.from_numpy(cut[1])[None],
             torch.tensor([cut[2]], dtype=torch.float32), torch.tensor([cut[3]]))  # fmt: skip
    loss = rhythm.loss_of(model, RECIPE, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    none = model.weights["none_out_bias"].grad
    assert none is not None
    assert none.item() > 0
    assert loss.item() < 1  # nothing of beats or meter


def test_training_learns_and_can_be_loaded() -> None:
    model = rhythm.fit(RECIPE, [example(), example(90.0, "3/4")], [example(UNKNOWN, "")])
    named = rhythm.named(model, example(UNKNOWN, ""), sure=0.0)
    assert named.tempo == UNKNOWN or named.tempo > 0
    assert rhythm.named(model, example(UNKNOWN, ""), sure=1.1).tempo == UNKNOWN


def test_bars_learn_which_beats_begin_them() -> None:
    torch.manual_seed(0)
    recipe = shipped(
        "rhythm", RhythmRecipe, channels=4, free=2, hidden=4, bar_hidden=8, bar_steps=150,
        learning_rate=1e-2, seed=0,
    )  # fmt: skip
    model = rhythm.RhythmNetwork(recipe)
    before = {name: value.clone() for name, value in model.weights.items()}
    rng = np.random.default_rng(0)
    made = []
    for k in range(24):
        one = rng.normal(0, 0.1, (24, INPUTS - BANDS + 4)).astype(np.float32)
        one[k % 4 :: 4, 3] += 1
        made.append((one, np.eye(4, dtype=np.float32)[k % 4]))
    downbeats.fit(model.weights, made, recipe)
    for one, shares in made:
        odds = model.plain().firsts(one)
        assert np.argmax([odds[k::4].sum() for k in range(4)]) == shares.argmax()
    assert torch.equal(before["score"], model.weights["score"])


def test_only_pieces_in_four_that_are_read_so_teach_bars() -> None:
    network = rhythm_network.load()
    assert downbeats.read(network, example(90.0, "3/4")) is None
