from __future__ import annotations

import numpy as np
import pytest

from hevner.audio.windows import Windower
from hevner.encoders.handcrafted import FRAME_RATE, band_levels, onset_strength
from hevner.encoders.mel import WINDOW_SAMPLES, power_spectrum
from hevner.music.tempo import FASTEST, SLOWEST, tempo

RATE = 16_000


def onsets_of(sound: np.ndarray) -> np.ndarray:
    """Onset strength as `hevner.features.extract` keeps it."""
    windower = Windower(WINDOW_SAMPLES, 187 * 256)
    windows = np.concatenate([windower.push(sound), windower.finish()])
    return onset_strength(band_levels(power_spectrum(windows))).astype(np.float16)


def beats(bpm: float, seconds: float, loudness: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(5).normal(size=time.size)
    return (loudness * noise * np.exp(-60 * (time % (60 / bpm)))).astype(np.float32)


@pytest.mark.parametrize("bpm", [72, 100, 120, 145])
def test_tempo_of_a_click_track(bpm: int) -> None:
    assert tempo(onsets_of(beats(bpm, 18.0))) == pytest.approx(bpm, rel=0.02)


def test_tempo_does_not_depend_on_loudness() -> None:
    loud, quiet = (tempo(onsets_of(beats(110, 12.0, level))) for level in (0.3, 0.003))
    assert loud == quiet


def test_tempo_is_within_its_range_for_fast_and_slow_pulses() -> None:
    for bpm in (30, 300):
        found = tempo(onsets_of(beats(bpm, 18.0)))
        assert found is not None
        assert SLOWEST <= found <= FASTEST
        # A multiple or a fraction of the pulse.
        ratio = max(found / bpm, bpm / found)
        assert ratio == pytest.approx(round(ratio), rel=0.03)


def test_noise_silence_and_a_held_tone_have_no_tempo() -> None:
    rng = np.random.default_rng(6)
    time = np.arange(15 * RATE) / RATE
    assert tempo(onsets_of((0.1 * rng.normal(size=time.size)).astype(np.float32))) is None
    assert tempo(onsets_of(np.zeros(15 * RATE, np.float32))) is None
    assert tempo(onsets_of(np.sin(2 * np.pi * 440 * time).astype(np.float32))) is None


def test_too_little_music_has_no_tempo() -> None:
    frames = int(1.5 * FRAME_RATE)
    row = np.zeros((1, frames), np.float32)
    row[:, ::31] = 1
    assert tempo(row) is None
