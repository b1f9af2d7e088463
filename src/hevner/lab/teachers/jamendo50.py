"""MusiCNN trained on the 50 most frequent tags of MTG-Jamendo: 250 numbers for 3 s of audio.

Conventions
-----------
Windows are those of `hevner.encoders.mel`: 16 kHz, 187 frames, no padding. The network takes power
in the 96 mel bands of HTK as ``10 log10(max(p, 1e-10))``. A row holds the probabilities of `TAGS`,
then the first dense layer before its ReLU; see `PROBABILITIES` and `EMBEDDING`.

The published weights hold denormal numbers, which make the network slow; the file read here has
zeros in their place.

References
----------
M. Won, A. Ferraro, D. Bogdanov and X. Serra, "Evaluation of CNN-based automatic music tagging
models", SMC 2020.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.audio.decode import SAMPLE_RATE
from hevner.encoders.base import EncoderCard
from hevner.encoders.mel import FRAMES, HOP, N_FFT, WINDOW_SAMPLES, power_spectrum
from hevner.lab.teachers.mel import BANDS, htk_filterbank
from hevner.lab.teachers.weights import open_onnx

Array = NDArray[np.float32]

FILE = "jamendo50_musicnn.onnx"
ORIGIN = "the MusiCNN for 50 tags of MTG-Jamendo, as ONNX"

# fmt: off
TAGS = (
    "alternative", "ambient", "atmospheric", "chillout", "classical", "dance", "downtempo",
    "easylistening", "electronic", "experimental", "folk", "funk", "hiphop", "house", "indie",
    "instrumentalpop", "jazz", "lounge", "metal", "newage", "orchestral", "pop", "popfolk",
    "poprock", "reggae", "rock", "soundtrack", "techno", "trance", "triphop", "world",
    "acousticguitar", "bass", "computer", "drummachine", "drums", "electricguitar",
    "electricpiano", "guitar", "keyboard", "piano", "strings", "synthesizer", "violin", "voice",
    "emotional", "energetic", "film", "happy", "relaxing",
)
# fmt: on
"""Genres, instruments and, last, five moods and themes; each group in alphabetical order."""

DIMENSION = len(TAGS) + 200
PROBABILITIES = slice(0, len(TAGS))
EMBEDDING = slice(len(TAGS), DIMENSION)

_OUTPUTS = ("tags", "emb")


class Jamendo50:
    """The teacher; see the module for what its numbers mean.

    Parameters
    ----------
    weights
        The folder that holds `FILE`.

    Raises
    ------
    ModelError
        If the file is missing or holds something else.
    """

    def __init__(self, weights: Path) -> None:
        self._session, version = open_onnx(weights / FILE, ORIGIN, _OUTPUTS)
        self.card = EncoderCard(
            id="jamendo50",
            version=version,
            sample_rate=SAMPLE_RATE,
            window_samples=WINDOW_SAMPLES,
            hop_samples=FRAMES * HOP,
            dimension=DIMENSION,
            licence="MIT",
            commercial_use=True,
            citation="M. Won et al., Evaluation of CNN-based automatic music tagging models, 2020",
            description="The 50 most frequent tags of MTG-Jamendo, and the dense layer before them",
        )

    def encode(self, windows: Array) -> Array:
        """Rows ``(n, 250)`` of windows ``(n, WINDOW_SAMPLES)`` at 16 kHz.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite.
        """
        rows = np.empty((len(windows), DIMENSION), np.float32)
        for power, row in zip(power_spectrum(windows), rows, strict=True):
            mel = np.maximum(_bank() @ power.T, np.float32(1e-10))
            row[:] = np.concatenate(
                self._session.run(_OUTPUTS, {"x": 10 * np.log10(mel)[None]}), axis=1
            )
        return rows


@lru_cache(maxsize=1)
def _bank() -> Array:
    return htk_filterbank(BANDS, SAMPLE_RATE, N_FFT)
