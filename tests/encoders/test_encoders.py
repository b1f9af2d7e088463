"""What every encoder in the registry must keep to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hevner.encoders import available, card, create
from hevner.encoders.base import EncoderCard, check_windows
from hevner.encoders.large import LARGE
from hevner.errors import ModelError
from tests.errors import raises

each = pytest.mark.parametrize("name", sorted(set(available()) - set(LARGE)))
each_large = pytest.mark.parametrize("name", sorted(LARGE))


def some_windows(length: int, count: int = 3) -> np.ndarray:
    """A chord, noise, and near silence."""
    rng = np.random.default_rng(9)
    time = np.arange(length) / 16_000
    chord = sum(np.sin(2 * np.pi * f * time) for f in (262.0, 330.0, 392.0))
    noise = rng.normal(size=length)
    return np.array([0.1 * chord, 0.1 * noise, 1e-6 * noise], np.float32)[:count]


def test_the_registry_is_sorted_and_knows_the_default_encoders() -> None:
    assert available() == sorted(available())
    assert {"handcrafted", "musicnn", "musicnn-mtt"} <= set(available())
    with pytest.raises(ModelError, match=r"'nothing'.*handcrafted"):
        create("nothing")


OF_LARGE_ONES = {"shortest", "states", "chosen", "memory", "source"}
"""Fields of a card that small encoders leave empty."""


@each
def test_the_card_is_complete(name: str) -> None:
    facts = create(name).card
    assert facts == card(name)
    assert facts.id == name
    for field in dataclasses.fields(facts):
        if field.name not in ("citation", "commercial_use"):
            assert bool(getattr(facts, field.name)) != (field.name in OF_LARGE_ONES), field.name
    assert facts.sample_rate == 16_000
    assert 0 < facts.hop_samples <= facts.window_samples
    assert isinstance(facts.commercial_use, bool)


@each_large
def test_the_card_of_a_large_encoder_needs_no_weights(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path))
    facts = card(name)
    assert facts.id == name
    for field in dataclasses.fields(facts):
        if field.name not in ("commercial_use", "version", "chosen"):
            assert getattr(facts, field.name), field.name
    assert facts.version == ""
    assert 0 < facts.shortest < facts.window_samples
    assert 0 < facts.hop_samples <= facts.window_samples
    if facts.chosen:
        assert facts.dimension == sum(facts.states[one] for one in facts.chosen)
    everything = card(f"{name}+all")
    assert everything.dimension == sum(facts.states)
    with pytest.raises(ModelError, match=f"hevner models add {name}"):
        create(name)


def test_other_states_can_be_chosen() -> None:
    facts = EncoderCard("e", "1", 24_000, 9, 9, 7, "MIT", True, "", "", states=(2, 3, 4))
    chosen = facts.choose("2+0")
    assert (chosen.id, chosen.chosen, chosen.dimension) == ("e+2+0", (2, 0), 6)
    assert facts.choose("all").chosen == (0, 1, 2)
    for states in ("3", "-1", "1+", "x", "all+1", ""):
        with raises(ModelError, "unknown_states"):
            facts.choose(states)
    with raises(ModelError, "unknown_states"):
        card("musicnn+1")


def test_what_needs_remote_code_is_refused() -> None:
    for make in (card, create):
        with pytest.raises(ModelError, match=r"runs no remote code.*mert-v1-95m"):
            make("mert-v2-30s")


def test_windows_may_be_short_where_an_encoder_says_so() -> None:
    window = np.ones((2, 5), np.float32)
    assert check_windows(window, 9, 5) is window
    for length, shortest in ((9, 6), (4, 2), (9, 0)):
        with raises(ModelError, "wrong_shape"):
            check_windows(window, length, shortest)


@each
def test_one_finite_vector_per_window(name: str) -> None:
    encoder = create(name)
    vectors = encoder.encode(some_windows(encoder.card.window_samples))
    assert vectors.shape == (3, encoder.card.dimension)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.abs(vectors[0] - vectors[1]).max() > 0.1


@each
def test_a_batch_equals_singles_and_order_does_not_matter(name: str) -> None:
    encoder = create(name)
    windows = some_windows(encoder.card.window_samples)
    together = encoder.encode(windows)
    single = np.concatenate([encoder.encode(window[None]) for window in windows])
    np.testing.assert_allclose(together, single, atol=2e-3, rtol=1e-4)
    turned = encoder.encode(windows[::-1])
    np.testing.assert_allclose(turned[::-1], together, atol=2e-3, rtol=1e-4)


@each
def test_no_window_gives_no_vector(name: str) -> None:
    encoder = create(name)
    nothing = np.zeros((0, encoder.card.window_samples), np.float32)
    assert encoder.encode(nothing).shape == (0, encoder.card.dimension)


@each
def test_windows_are_left_as_they_are(name: str) -> None:
    encoder = create(name)
    windows = some_windows(encoder.card.window_samples, 1)
    before = windows.copy()
    encoder.encode(windows)
    np.testing.assert_array_equal(windows, before)


@each
def test_wrong_windows_are_refused(name: str) -> None:
    encoder = create(name)
    windows = some_windows(encoder.card.window_samples)
    with raises(ModelError, "wrong_shape"):
        encoder.encode(windows[:, :-1])
    windows[1, 7] = np.inf
    with raises(ModelError, "not_finite"):
        encoder.encode(windows)
