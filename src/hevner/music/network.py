"""The network that recognises chords and keys, in plain numpy.

Conventions
-----------
Input are frames of `hevner.music.spectrum` corrected for tuning. Hidden values have the shape
``(n, 12, channels)``. The twelve pitch classes share their weights: a weight belongs to the
*distance* between two pitch classes, ``w[out, in, (from - to) % 12]``, so a transposed input gives
transposed output. Such a map is a circular correlation and is computed as a product of Fourier
coefficients over pitch class, which takes a fifth of the arithmetic.

1. *pitch*: a kernel of nine bins around every semitone gives ``n_features`` numbers, rectified.
2. *fold*: octaves are added up into pitch classes, in five overlapping registers.
3. *blocks*: residual layers over pitch classes and three points in time, 1, 2, 4 and 8 frames
   apart; each frame sees `CONTEXT` frames either side, 1.5 s.
4. *heads*: chord classes per frame, and features that the key head pools over time. The key also
   reads the pooled chroma, through a learned profile of each mode; the two make different mistakes.

`hevner.lab.music.harmony` holds the same network in torch and makes the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats
from hevner.errors import ModelError
from hevner.music.spectrum import BINS, BINS_PER_SEMITONE, SEMITONES

Model = TypeVar("Model")

DILATIONS = (1, 2, 4, 8)
CONTEXT = sum(DILATIONS)
KERNEL_BINS = 9
REGISTERS = 5
INPUT_MEAN, INPUT_SCALE = 0.35, 4.0
WEIGHTS = "weights.npz"
#: Share of the summed log-odds of key head and profiles that gives honest probabilities, found on
#: validation songs.
KEY_SHARE = 0.6


# Pitch class by semitones above the tonic (rows) and tonic (columns).
FROM_TONIC = (np.arange(12)[:, None] + np.arange(12)[None, :]) % 12


@dataclass(frozen=True)
class Network:
    """Weights, spread out or transformed for use; ``spectra`` holds maps over pitch class."""

    pitch: Floats
    fold: Floats
    spectra: dict[str, NDArray[np.complex64]]
    none: Floats
    profile: Floats
    biases: dict[str, Floats]

    def frames(self, frames: Floats) -> tuple[Floats, Floats]:
        """Chord log-odds ``(n, 121)`` and key features ``(n, 12 * k)`` of frames ``(n, 252)``.

        Only frames within `CONTEXT` of either end depend on where the input was cut.
        """
        centred: Floats = (frames - np.float32(INPUT_MEAN)) * np.float32(INPUT_SCALE)
        pitched = _rectify(centred @ self.pitch + self.biases["pitch"])
        hidden = _rectify(pitched @ self.fold + self.biases["fold"])
        hidden = hidden.reshape(len(frames), 12, -1)
        for k, reach in enumerate(DILATIONS):
            hidden = hidden + _rectify(self._map(f"block{k}", hidden, reach))
        rooted = self._map("chord", hidden).reshape(len(frames), -1)
        none = hidden.mean(axis=1) @ self.none + self.biases["none"]
        features = _rectify(self._map("key_features", hidden))
        return np.concatenate([rooted, none], axis=1), features.reshape(len(frames), -1)

    def keys(self, features: Floats, chords: Floats, chroma: Floats) -> Floats:
        """Log-odds ``(24,)`` of the keys.

        Parameters
        ----------
        features, chords, chroma
            Key features ``(12, k)``, chord probabilities ``(12, 10)`` and chroma ``(12,)``, all
            pooled over time.
        """
        pooled = np.concatenate([features, chords], axis=1)[None]
        learned = self._map("key", _rectify(self._map("key_hidden", pooled)))[0].T
        matched = self.profile @ chroma[FROM_TONIC] + self.biases["profile"][:, None]
        return np.asarray(np.float32(KEY_SHARE) * (learned + matched).ravel(), np.float32)

    def _map(self, name: str, values: Floats, reach: int = 0) -> Floats:
        """Apply a map over pitch class, and over three points in time if ``reach`` is not 0."""
        import scipy.fft

        spectrum = scipy.fft.rfft(values, axis=1).transpose(1, 0, 2)
        if reach:
            spectrum = _three_points(spectrum, reach)
        product = np.matmul(spectrum, self.spectra[name]).transpose(1, 0, 2)
        return np.asarray(scipy.fft.irfft(product, 12, axis=1) + self.biases[name], np.float32)


def _three_points(spectrum: NDArray[np.complex64], reach: int) -> NDArray[np.complex64]:
    """Frames ``reach`` before, now and ``reach`` later side by side; zeros beyond the ends."""
    count = spectrum.shape[1]
    padded = np.pad(spectrum, ((0, 0), (reach, reach), (0, 0)))
    taps = [padded[:, k * reach : k * reach + count] for k in range(3)]
    return np.concatenate(taps, axis=2)


def _rectify(values: Floats) -> Floats:
    np.maximum(values, np.float32(0), out=values)
    return values


@lru_cache(maxsize=1)
def version() -> str:
    """Name the weights this package ships, by the beginning of their SHA-256."""
    content = (resources.files("hevner.music") / WEIGHTS).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]


def stored(file: str, what: str, build: Callable[[dict[str, Floats]], Model]) -> Model:
    """What ``build`` makes of weights that this package ships; ``what`` names them in messages.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or the weights have another shape.
    """
    source = resources.files("hevner.music") / file
    try:
        with source.open("rb") as stream, np.load(stream) as arrays:
            return build({name: one.astype(np.float32) for name, one in arrays.items()})
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the {what} weights are missing or damaged",
            remedy="Install hevner again",
            subject=str(source),
            code="unreadable",
        ) from error


@lru_cache(maxsize=1)
def load() -> Network:
    """Return the network this package ships; raises `ModelError` if it is missing or damaged."""
    return stored(WEIGHTS, "harmony", build)


def build(weights: dict[str, Floats]) -> Network:
    """Prepare stored weights; `hevner.lab.music.harmony.HarmonyNetwork` has their shapes."""
    maps = [f"block{k}" for k in range(len(DILATIONS))]
    maps += ["chord", "key_features", "key_hidden", "key"]
    biases = {name: weights[f"{name}_bias"] for name in (*maps, "none", "profile")}
    biases["pitch"] = np.tile(weights["pitch_bias"], SEMITONES)
    biases["fold"] = np.tile(weights["fold_bias"], 12)
    return Network(
        pitch=_spread_pitch(weights["pitch"]),
        fold=_spread_fold(weights["fold"], register_weights()),
        spectra={name: _transform(weights[name]) for name in maps},
        none=weights["none"][:, None],
        profile=weights["profile"],
        biases=biases,
    )


def register_weights() -> Floats:
    """Share of every semitone in each of five overlapping registers, ``(84, 5)``."""
    centres = np.linspace(10, SEMITONES - 14, REGISTERS)
    width = centres[1] - centres[0]
    place = np.clip(np.arange(SEMITONES), centres[0], centres[-1])
    distance = np.abs(place[:, None] - centres[None, :])
    return np.asarray(np.clip(1 - distance / width, 0, None), np.float32)


def _transform(kernel: Floats) -> NDArray[np.complex64]:
    """Kernel ``(out, in, 12)`` or ``(out, in, 12, 3)`` as ``(7, in or 3 * in, out)``."""
    spectrum = np.conj(np.fft.rfft(kernel, axis=2)).astype(np.complex64)
    if kernel.ndim == 3:
        return np.ascontiguousarray(spectrum.transpose(2, 1, 0))
    return np.concatenate([spectrum[..., tap].transpose(2, 1, 0) for tap in range(3)], axis=1)


def _spread_pitch(kernel: Floats) -> Floats:
    """Kernel ``(features, 9)`` as a band matrix ``(252, 84 * features)``."""
    features = len(kernel)
    padded = np.zeros((BINS + KERNEL_BINS, SEMITONES, features), np.float32)
    for semitone in range(SEMITONES):
        first = semitone * BINS_PER_SEMITONE
        padded[first : first + KERNEL_BINS, semitone] = kernel.T
    margin = (KERNEL_BINS - BINS_PER_SEMITONE) // 2
    matrix = padded[margin : margin + BINS].reshape(BINS, SEMITONES * features)
    return np.ascontiguousarray(matrix)


def _spread_fold(kernel: Floats, registers: Floats) -> Floats:
    """Kernel ``(channels, registers * features, 12)`` as ``(84 * features, 12 * channels)``."""
    channels = len(kernel)
    features = kernel.shape[1] // REGISTERS
    by_register = kernel.reshape(channels, REGISTERS, features, 12)
    distance = (np.arange(SEMITONES)[:, None] - np.arange(12)[None, :]) % 12
    spread = np.einsum("sr,crfsp->sfpc", registers, by_register[..., distance])
    return np.ascontiguousarray(spread.reshape(SEMITONES * features, -1), np.float32)
