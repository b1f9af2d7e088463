"""Ways in which clips are disturbed before a model is trained on them."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.lab.data.corpus import augment, change_gain, encode
from tests.sounds import music


@pytest.mark.parametrize("seed", range(8))
def test_augmenting_keeps_length_and_does_not_clip(seed: int) -> None:
    sound = music(3.0, rate=24_000)
    result = augment(sound, 24_000, np.random.default_rng(seed))
    assert result.shape == sound.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert 0.01 < np.abs(result).max() < 1
    again = augment(sound, 24_000, np.random.default_rng(seed))
    np.testing.assert_array_equal(result, again)


def test_augmenting_differs_by_seed_and_leaves_the_original() -> None:
    sound = music(2.0)
    before = sound.copy()
    first, second = (augment(sound, 16_000, np.random.default_rng(s)) for s in (1, 2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(sound, before)


@pytest.mark.parametrize("seed", range(4))
def test_codecs_and_gain_keep_what_is_heard(seed: int) -> None:
    sound = music(2.0, rate=24_000)
    coded = encode(sound, 24_000, np.random.default_rng(seed))
    assert np.corrcoef(sound, coded)[0, 1] > 0.9
    louder = change_gain(sound, np.random.default_rng(seed))
    assert np.corrcoef(sound, louder)[0, 1] == pytest.approx(1, abs=1e-6)


def test_augmenting_silence_stays_silent_and_finite() -> None:
    silence = np.zeros(16_000, np.float32)
    for seed in range(6):
        result = augment(silence, 16_000, np.random.default_rng(seed))
        assert np.isfinite(result).all()
        assert np.abs(result).max() < 0.01
