"""Channels that would cancel each other are mixed by their difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.audio import mixdown
from hevner.audio.mixdown import mono_stream
from tests.sounds import music

RATE = 16_000


def mixed(samples: np.ndarray, size: int = 50_000) -> tuple[np.ndarray, list[str]]:
    warnings: list[str] = []
    pieces = ((RATE, samples[at : at + size]) for at in range(0, len(samples), size))
    return np.concatenate(list(mono_stream(pieces, RATE, "array", warnings))), warnings


def stereo(width: float, seconds: float = 3.0) -> np.ndarray:
    """Music in the middle with noise on the sides, ``width`` as loud."""
    middle = music(seconds)
    side = np.random.default_rng(3).normal(size=len(middle)) * width * middle.std()
    return np.stack([middle + side, middle - side], axis=1).astype(np.float32)


def test_mono_and_stereo_sound_the_same() -> None:
    for channels in (1, 2, 3, 6):
        sound, warnings = mixed(music(2.0, channels=channels))
        np.testing.assert_allclose(sound, music(2.0), atol=1e-6)
        assert not warnings


@pytest.mark.parametrize("width", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("channel", [0, 1])
def test_an_inverted_channel_changes_at_most_the_sign(width: float, channel: int) -> None:
    sound = stereo(width)
    turned = sound.copy()
    turned[:, channel] *= -1
    (plain, silent), (other, warnings) = mixed(sound), mixed(turned)
    np.testing.assert_allclose(other * (1 if channel else -1), plain, atol=1e-6)
    assert not silent
    assert [("cancel" in one) for one in warnings] == [True] * (width < 0.5)


def test_an_inverted_channel_of_six() -> None:
    sound = np.repeat(stereo(0.2), 3, axis=1)
    turned = sound * np.array([1, 1, -1, 1, 1, 1], np.float32)
    np.testing.assert_allclose(mixed(turned)[0], mixed(sound)[0], atol=1e-6)


def test_an_offset_is_no_agreement() -> None:
    sound = np.float32(0.01) * stereo(0.3) * np.array([1, -1], np.float32)
    assert mixed(sound + np.float32(0.2))[0].std() == pytest.approx(mixed(sound)[0].std(), rel=0.01)


@given(st.integers(1_000, 100_000))
def test_size_of_blocks_decides_nothing(size: int) -> None:
    # From cancelling to not, inside a segment.
    sound = np.concatenate([stereo(0.3, 12.0) * np.array([1, -1], np.float32), stereo(0.3, 12.0)])
    np.testing.assert_allclose(mixed(sound, size)[0], mixed(sound, len(sound))[0], atol=1e-6)


def test_many_channels_are_held_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixdown, "MOST_HELD", 64_000)
    sound = np.repeat(music(2.0)[:, None], 64, axis=1)
    pieces = iter([(RATE, sound)])
    blocks = list(mono_stream(pieces, RATE, "array"))
    assert {len(block) for block in blocks} == {1000}
    np.testing.assert_allclose(np.concatenate(blocks), music(2.0), atol=1e-5)


def test_rates_and_channels_may_change() -> None:
    pieces = [(RATE, stereo(0.1)), (RATE, music(1.0)), (2 * RATE, music(1.0, 2 * RATE, 2))]
    blocks = list(mono_stream(iter(pieces), RATE, "array"))
    assert sum(map(len, blocks)) == pytest.approx(5 * RATE, abs=2)
