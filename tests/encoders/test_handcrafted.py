from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from hevner.encoders.handcrafted import (
    CARD,
    FLOOR_DB,
    FRAME_RATE,
    NAMES,
    Handcrafted,
    autocorrelation,
    band_levels,
    onset_strength,
)
from hevner.encoders.mel import WINDOW_SAMPLES, power_spectrum
from hevner.errors import ModelError
from tests.errors import raises

RATE = 16_000
TIME = np.arange(WINDOW_SAMPLES) / RATE
LEVELS = [NAMES.index("level_db")]


def clicks(bpm: float) -> np.ndarray:
    """Short bursts of noise on every beat."""
    noise = np.random.default_rng(3).normal(size=WINDOW_SAMPLES)
    return (0.3 * noise * np.exp(-80 * (TIME % (60 / bpm)))).astype(np.float32)


def noise(colour: float) -> np.ndarray:
    """White noise through a one-pole low-pass; ``colour`` 0 is white, towards 1 darker."""
    white = np.random.default_rng(4).normal(size=WINDOW_SAMPLES)
    return np.asarray(0.1 * lfilter([1 - colour], [1, -colour], white), np.float32)


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    chord = sum(np.sin(2 * np.pi * f * TIME) for f in (220.0, 277.2, 329.6))
    swell = np.sin(2 * np.pi * 440 * TIME) * TIME / 3
    rows = [clicks(120), noise(0.0), noise(0.9), 0.1 * chord, 0.3 * swell]
    return np.array(rows, np.float32)


def value(window: np.ndarray, name: str) -> float:
    return float(Handcrafted().encode(window[None])[0, NAMES.index(name)])


def test_names_match_the_dimension(windows: np.ndarray) -> None:
    described = Handcrafted().encode(windows)
    assert described.shape == (5, len(NAMES)) == (5, CARD.dimension)
    assert len(set(NAMES)) == len(NAMES)
    assert described.dtype == np.float32


@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
def test_everything_but_the_level_is_invariant_to_gain(windows: np.ndarray, gain: float) -> None:
    plain = Handcrafted().encode(windows)
    scaled = Handcrafted().encode(windows * np.float32(gain))
    np.testing.assert_allclose(
        np.delete(scaled, LEVELS, axis=1), np.delete(plain, LEVELS, axis=1), atol=0.02, rtol=1e-3
    )
    step = 20 * np.log10(gain)
    np.testing.assert_allclose(scaled[:, LEVELS] - plain[:, LEVELS], step, atol=1e-3)


@pytest.mark.parametrize("sound", [0.0, 0.25])
def test_silence_and_a_constant_are_finite_and_at_the_floor(sound: float) -> None:
    described = Handcrafted().encode(np.full((1, WINDOW_SAMPLES), sound, np.float32))
    assert np.isfinite(described).all()
    assert described[0, LEVELS] == pytest.approx(FLOOR_DB)
    assert described[0, NAMES.index("onset_rate")] == 0


def test_a_constant_offset_does_not_change_the_level(windows: np.ndarray) -> None:
    assert value(windows[3] + np.float32(0.2), "level_db") == pytest.approx(
        value(windows[3], "level_db"), abs=0.01
    )


def test_a_batch_equals_singles(windows: np.ndarray) -> None:
    singles = np.concatenate([Handcrafted().encode(window[None]) for window in windows])
    np.testing.assert_allclose(Handcrafted().encode(windows), singles, atol=2e-3, rtol=1e-4)


def test_describing_shared_spectra_is_encoding(windows: np.ndarray) -> None:
    power = power_spectrum(windows)
    shared = Handcrafted().describe(windows, power, band_levels(power))
    np.testing.assert_array_equal(shared, Handcrafted().encode(windows))


def test_a_sine_of_known_level() -> None:
    sine = (0.5 * np.sin(2 * np.pi * 1000 * TIME)).astype(np.float32)
    assert value(sine, "level_db") == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.02)
    assert value(sine, "crest_db") == pytest.approx(20 * np.log10(np.sqrt(2)), abs=0.05)
    # Octaves above 50 Hz, and two changes of sign in each of 1000 periods a second.
    assert value(sine, "centroid_mean") == pytest.approx(np.log2(1000 / 50), abs=0.05)
    assert value(sine, "crossings_mean") == pytest.approx(2 * 1000 / RATE, rel=0.02)


def test_brighter_noise_has_the_higher_centroid() -> None:
    centroids = [value(noise(colour), "centroid_mean") for colour in (0.95, 0.8, 0.4, 0.0)]
    assert centroids == sorted(centroids)
    assert centroids[-1] - centroids[0] > 1


def test_noise_is_flatter_than_a_sine_and_bass_is_bass() -> None:
    sine = (0.5 * np.sin(2 * np.pi * 100 * TIME)).astype(np.float32)
    assert value(noise(0.0), "flatness_mean") > value(sine, "flatness_mean") + 2
    assert value(sine, "bass_share_mean") > 0.95
    assert value(noise(0.0), "bass_share_mean") < 0.1


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_clicks_give_their_pulse_and_their_rate(bpm: int) -> None:
    sound = clicks(bpm)
    assert 2 ** value(sound, "pulse_log_bpm") == pytest.approx(bpm, rel=0.03)
    assert value(sound, "onset_rate") == pytest.approx(bpm / 60, abs=0.5)
    assert value(sound, "pulse_clarity") > value(noise(0.0), "pulse_clarity") + 0.3


def test_clicks_are_percussive_and_a_chord_is_not(windows: np.ndarray) -> None:
    assert value(windows[0], "percussive_share") > value(windows[3], "percussive_share") + 0.2


def test_modulation_lies_in_the_band_of_the_tremolo() -> None:
    tone = np.sin(2 * np.pi * 440 * TIME)
    for rate, band in ((1.0, "0.5"), (4.0, "3"), (8.0, "6")):
        tremolo = (0.2 * tone * (1 + 0.8 * np.sin(2 * np.pi * rate * TIME))).astype(np.float32)
        bands = {n: value(tremolo, n) for n in NAMES if n.startswith("modulation_")}
        assert max(bands, key=bands.__getitem__) == f"modulation_{band}"


def test_onset_strength_rises_where_clicks_fall() -> None:
    power = power_spectrum(clicks(120)[None])
    strength = onset_strength(band_levels(power))[0]
    assert strength.shape == (186,)
    found = np.flatnonzero(strength > 0.5 * strength.max()) / FRAME_RATE
    phase = np.abs((found + 0.25) % 0.5 - 0.25)
    assert len(found) >= 5
    assert phase.max() < 0.05


def test_autocorrelation_starts_at_one_and_peaks_at_the_period() -> None:
    row = np.tile([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 18)[None].astype(np.float32)
    correlation = autocorrelation(row)[0]
    assert correlation[0] == pytest.approx(1)
    assert int(np.argmax(correlation[5:15])) + 5 == 10
    assert not autocorrelation(np.ones((1, 186), np.float32)).any()


def test_no_window_gives_no_row_and_a_wrong_one_is_refused(windows: np.ndarray) -> None:
    assert Handcrafted().encode(windows[:0]).shape == (0, len(NAMES))
    with raises(ModelError, "wrong_shape"):
        Handcrafted().encode(windows[:, 1:])
