"""Log-mel spectrograms in decibels, the input of the audio tower of CLAP.

Conventions
-----------
As ``ClapFeatureExtractor`` of ``transformers`` with ``truncation="rand_trunc"``: 1024-point Hann
frames every 480 samples, centred, mirrored at the ends; 64 Slaney bands of unit area from 50 Hz to
14 kHz; power in decibels with a floor at -100. The transform runs in double precision: in single
precision bands far below the loudest are off by hundredths of a decibel.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn.functional import pad
from transformers.audio_utils import mel_filter_bank

from hevner.encoders.clap import SAMPLE_RATE, WINDOW_SAMPLES

FFT = 1024
HOP = 480
BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 50, 14_000
FLOOR = 1e-10
FRAMES = WINDOW_SAMPLES // HOP + 1


def log_mel(windows: torch.Tensor) -> torch.Tensor:
    """Log-mel spectrograms ``(n, FRAMES, BANDS)`` of windows ``(n, m)``, 0 < m <= `WINDOW_SAMPLES`.

    float32, on the device of the windows, which must compute in double precision.
    """
    filters, hann = (one.to(windows.device) for one in _constants())
    mirrored = pad(_fill(windows).double()[:, None], (FFT // 2, FFT // 2), mode="reflect")[:, 0]
    spectrum = torch.fft.rfft(mirrored.unfold(1, FFT, HOP) * hann).to(torch.complex64)
    power = spectrum.real.square() + spectrum.imag.square()
    return 10 * torch.log10((power @ filters).clamp(min=FLOOR))


def _fill(windows: torch.Tensor) -> torch.Tensor:
    """Repeat windows as often as they fit into a whole one, then add silence."""
    length = windows.shape[1]
    repeated = windows.repeat(1, WINDOW_SAMPLES // length)
    return pad(repeated, (0, WINDOW_SAMPLES - repeated.shape[1]))


@lru_cache(maxsize=1)
def _constants() -> tuple[torch.Tensor, torch.Tensor]:
    """Filters of shape ``(FFT / 2 + 1, BANDS)``, and the Hann window in double precision."""
    filters = mel_filter_bank(
        FFT // 2 + 1, BANDS, LOWEST_HZ, HIGHEST_HZ, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return torch.from_numpy(filters).float(), torch.hann_window(FFT, dtype=torch.float64)
