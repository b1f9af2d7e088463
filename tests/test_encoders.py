"""What every encoder in the registry must keep to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hevner.encoders import available, create
from hevner.errors import ModelError

each = pytest.mark.parametrize("name", available())


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


@each
def test_the_card_is_complete(name: str) -> None:
    card = create(name).card
    assert card.id == name
    for field in dataclasses.fields(card):
        if field.name not in ("citation", "commercial_use"):
            assert getattr(card, field.name), field.name
    assert card.sample_rate == 16_000
    assert 0 < card.hop_samples <= card.window_samples
    assert isinstance(card.commercial_use, bool)


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
    with pytest.raises(ModelError, match="expected"):
        encoder.encode(windows[:, :-1])
    windows[1, 7] = np.inf
    with pytest.raises(ModelError, match=r"window 1 .* not finite"):
        encoder.encode(windows)
