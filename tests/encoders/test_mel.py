from __future__ import annotations

import librosa
import numpy as np
import pytest

from hevner.encoders import mel
from hevner.errors import ModelError
from tests.errors import raises


@pytest.fixture(scope="module")
def windows():
    """Noise, a rising sine, clicks, and silence."""
    rng = np.random.default_rng(7)
    time = np.arange(mel.WINDOW_SAMPLES) / 16000
    clicks = np.zeros(mel.WINDOW_SAMPLES)
    clicks[::4000] = 1.0
    rows = [
        0.1 * rng.normal(size=mel.WINDOW_SAMPLES),
        np.sin(2 * np.pi * (100 + 1000 * time) * time),
        clicks,
        np.zeros(mel.WINDOW_SAMPLES),
    ]
    return np.array(rows, np.float32)


def test_a_window_holds_exactly_its_frames():
    assert mel.WINDOW_SAMPLES == 48128
    assert mel.power_spectrum(np.zeros((1, 48128), np.float32)).shape == (1, 187, 257)


@pytest.mark.parametrize("n_mels", [40, 96, 128])
def test_filterbank_is_that_of_librosa(n_mels):
    expected = librosa.filters.mel(sr=16000, n_fft=512, n_mels=n_mels)
    np.testing.assert_allclose(mel.mel_filterbank(n_mels), expected, atol=1e-6, rtol=0)
    # Weights are small (0.03 at most), so the absolute comparison alone would be weak.
    np.testing.assert_allclose(mel.mel_filterbank(n_mels), expected, atol=1e-8, rtol=1e-4)


def test_filterbank_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        mel.mel_filterbank()[0, 0] = 1.0


def test_log_mel_is_that_of_librosa(windows):
    expected = [
        librosa.feature.melspectrogram(
            y=window, sr=16000, n_fft=512, hop_length=256, n_mels=96, center=False
        ).T
        for window in windows
    ]
    expected = np.log10(1e4 * np.array(expected) + 1)
    assert expected.max() > 3
    np.testing.assert_allclose(
        mel.log_mel_of_power(mel.power_spectrum(windows)), expected, atol=1e-4, rtol=0
    )


def test_power_spectrum_is_the_transform_written_out(windows):
    frame = windows[0, 5 * 256 : 5 * 256 + 512].astype(np.float64)
    position = np.arange(512)
    hann = np.sin(np.pi * position / 512) ** 2
    waves = np.exp(-2j * np.pi * np.outer(np.arange(257), position) / 512)
    expected = np.abs(waves @ (hann * frame)) ** 2
    np.testing.assert_allclose(mel.power_spectrum(windows)[0, 5], expected, rtol=1e-3, atol=1e-5)


def test_consecutive_windows_hold_the_frames_of_the_stream_once_each():
    rng = np.random.default_rng(1)
    hop = mel.FRAMES * mel.HOP
    stream = rng.normal(size=hop + mel.WINDOW_SAMPLES).astype(np.float32)
    both = mel.power_spectrum(np.stack([stream[: mel.WINDOW_SAMPLES], stream[hop:]]))
    whole = np.abs(librosa.stft(stream, n_fft=512, hop_length=256, center=False).T) ** 2
    assert len(whole) == 2 * mel.FRAMES
    np.testing.assert_allclose(both.reshape(-1, mel.BINS), whole, rtol=1e-3, atol=1e-3)


def test_a_batch_equals_singles(windows):
    singles = np.concatenate(
        [mel.log_mel_of_power(mel.power_spectrum(window[None])) for window in windows]
    )
    np.testing.assert_array_equal(mel.log_mel_of_power(mel.power_spectrum(windows)), singles)


def test_silence_is_zero_and_no_window_is_no_patch(windows):
    assert not mel.log_mel_of_power(mel.power_spectrum(windows[3:])).any()
    assert mel.log_mel_of_power(mel.power_spectrum(windows[:0])).shape == (0, 187, 96)


def test_windows_of_another_length_are_refused():
    with pytest.raises(ModelError, match=r"shape \(2, 48000\), expected \(n, 48128\)"):
        mel.power_spectrum(np.zeros((2, 48000), np.float32))
    with raises(ModelError, "wrong_shape"):
        mel.power_spectrum(np.zeros(48128, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(windows, value):
    damaged = windows.copy()
    damaged[2, 100] = value
    with raises(ModelError, "not_finite"):
        mel.power_spectrum(damaged)
