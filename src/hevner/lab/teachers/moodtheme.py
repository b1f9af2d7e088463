"""The mood and theme network of the MTG-Jamendo baselines: 56 probabilities for 29 s of audio.

Five convolutions of 3 x 3 over a spectrogram of 96 mel bands and 1366 frames, each followed by
batch normalisation, an exponential linear unit and maxima, down to 64 numbers; then one dense
layer. It is a weak teacher: macro PR-AUC .108, ROC-AUC .726 on the test split.

Conventions
-----------
Windows are mono at 12 kHz. Bands are Slaney's from 0 to 6 kHz with triangles of equal area, over
the power spectra of 512 samples under a symmetric Hann window, 256 apart, the first at the first
sample. A band of power p is given as ``10 log10(max(p, 1e-10))``. The network learned that its
input has mean -22.7 and variance 320; on this scale a mixture of pop, rock, electronic and
classical music has -21.6 and 327.

A stream shorter than a window is repeated from its beginning until it fills one
(`hevner.audio.windows`). Probabilities are in the order of `hevner.emotion.MOOD_TAGS`.

References
----------
D. Bogdanov, M. Won, P. Tovstogan, A. Porter and X. Serra, "The MTG-Jamendo dataset for automatic
music tagging", ICML Machine Learning for Music Discovery Workshop, 2019.
"""

from __future__ import annotations

import io
import pickle
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.fft import rfft
from torch import nn

from hevner.arrays import Doubles, Floats
from hevner.emotion import MOOD_TAGS
from hevner.encoders.base import EncoderCard, check_windows
from hevner.lab.teachers import read_file, wrong_file

FILE = "mtg_moodtheme_vggish_56.pth"
ORIGIN = "the MTG-Jamendo mood/theme baseline (a PyTorch state_dict)"

SAMPLE_RATE = 12_000
BANDS = 96
N_FFT = 512
HOP = 256
FRAMES = 1366
WINDOW_SAMPLES = (FRAMES - 1) * HOP + N_FFT  # 349952 samples, 29.16 s

_CHANNELS = (1, 64, 128, 128, 128, 64)
_POOLINGS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
"""Bands and frames that one maximum is taken over, layer by layer."""


class Network(nn.Module):
    """The layers, by the names of the authors' state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.bn_init = nn.BatchNorm2d(1)
        for number in range(1, len(_CHANNELS)):
            inputs, outputs = _CHANNELS[number - 1 : number + 1]
            self.add_module(f"conv_{number}", nn.Conv2d(inputs, outputs, 3, padding=1))
            self.add_module(f"bn_{number}", nn.BatchNorm2d(outputs))
        self.dense = nn.Linear(_CHANNELS[-1], len(MOOD_TAGS))

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        """Probabilities ``(n, 56)`` of spectrograms ``(n, 96, 1366)``, decibels."""
        signal = self.bn_init(spectrograms[:, None])
        for number, pooling in enumerate(_POOLINGS, start=1):
            signal = self.get_submodule(f"conv_{number}")(signal)
            signal = self.get_submodule(f"bn_{number}")(signal)
            # The authors take maxima last; the unit rises everywhere, so that the order is free.
            signal = nn.functional.elu(nn.functional.max_pool2d(signal, pooling))
        return torch.sigmoid(self.dense(signal.flatten(1)))


class MoodTheme:
    """The teacher, from the folder that holds `FILE`.

    Raises `ModelError` if the file is missing or holds something else.
    """

    def __init__(self, weights: Path) -> None:
        path = weights / FILE
        content, version = read_file(path, ORIGIN)
        self._network = Network().eval()
        # The convolutions are faster with channels last; torch declares no type for that.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        try:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            self._network.load_state_dict(state)
        except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError) as error:
            raise wrong_file(path, ORIGIN, type(error).__name__) from error
        self.card = EncoderCard(
            id="moodtheme-cnn",
            version=version,
            sample_rate=SAMPLE_RATE,
            window_samples=WINDOW_SAMPLES,
            hop_samples=WINDOW_SAMPLES,
            dimension=len(MOOD_TAGS),
            licence="code Apache-2.0, tags it learned from CC-BY-NC-SA-4.0",
            commercial_use=False,
            citation="D. Bogdanov et al., The MTG-Jamendo dataset, 2019",
            description="Mood and theme tags of MTG-Jamendo, probabilities",
        )

    def encode(self, windows: Floats) -> Floats:
        """Probabilities ``(n, 56)`` of windows ``(n, WINDOW_SAMPLES)`` at 12 kHz.

        Raises `ModelError` if the windows have another shape or hold values that are not finite.
        """
        windows = check_windows(windows, WINDOW_SAMPLES)
        rows = np.empty((len(windows), len(MOOD_TAGS)), np.float32)
        with torch.inference_mode():
            for window, row in zip(windows, rows, strict=True):  # so that a batch equals singles
                row[:] = self._network(torch.from_numpy(mel_decibels(window)[None]))[0].numpy()
        return rows


def mel_decibels(window: Floats) -> Floats:
    """The spectrogram ``(96, 1366)`` of a window ``(WINDOW_SAMPLES,)``."""
    frames = np.lib.stride_tricks.sliding_window_view(window, N_FFT)[::HOP]
    power = np.abs(rfft(frames * np.hanning(N_FFT).astype(np.float32), overwrite_x=True)) ** 2
    mel = np.maximum(slaney_filterbank(BANDS, SAMPLE_RATE, N_FFT) @ power.T, np.float32(1e-10))
    decibels: Floats = 10 * np.log10(mel)
    return decibels


@lru_cache(maxsize=1)
def slaney_filterbank(bands: int, sample_rate: int, n_fft: int) -> Floats:
    """Weights of the bins of a power spectrum in mel bands, shape ``(bands, n_fft // 2 + 1)``.

    Triangles of equal area between neighbouring edges, from 0 to half the sample rate, on Slaney's
    scale, which is linear below 1 kHz and logarithmic above.
    """
    step, knee_hz, knee_mel = np.log(6.4) / 27.0, 1000.0, 15.0
    mels = np.linspace(0.0, knee_mel + np.log(sample_rate / 2 / knee_hz) / step, bands + 2)
    above = knee_hz * np.exp(step * (mels - knee_mel))
    edges: Doubles = np.where(mels < knee_mel, mels * knee_hz / knee_mel, above)
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles / ((high - low) / 2)).astype(np.float32)
