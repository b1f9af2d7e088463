"""The network that finds beats, tempo and meter, in plain numpy.

Conventions
-----------
Input are the steps of `hevner.music.onsets`. Tempo is in beats per minute on the grid `TEMPI`.

1. *Steps*: residual layers over three points in time, 1 to 256 steps apart, so that each step sees
   16 s either side. They give log-odds of a beat and of a downbeat, and free channels.
2. *Tempo*: the autocorrelation of all channels, read at fixed fractions and multiples of the beat
   of every tempo of the grid, goes through one small layer that is the same for all; so a rhythm
   that is played faster looks the same further along. It gives a score of the tempo, and of each
   meter.
3. *Bars*: the input at the beats of a recording, and at six beats either side, gives for each
   the log-odds that a bar of four begins there.

`hevner.lab.music.rhythm` holds the same network in torch and makes the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from hevner.arrays import Floats, Integers, Mask
from hevner.music.network import stored
from hevner.music.onsets import BANDS, RATE

WEIGHTS = "rhythm.npz"
DILATIONS = tuple(2**k for k in range(9))
TEMPI = np.geomspace(36.0, 256.0, 103)
BLOCK = 16_384
"""Steps of a layer at a time, as recordings may be hours long."""
METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8")
MULTIPLES = np.array([1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 5 / 2, 3, 7 / 2, 4, 5, 6, 7, 8])
"""Lags at which the autocorrelation is read, in beats."""
BEATS = 13
"""Beats that are seen to find whether the middle one begins a bar."""


@dataclass(frozen=True)
class Network:
    """Weights by name."""

    weights: dict[str, Floats]

    def steps(self, inputs: Floats) -> Floats:
        """Channels ``(n, channels)``: beat and downbeat as log-odds, then free ones."""
        w = self.weights
        hidden = np.maximum(inputs @ w["in"] + w["in_bias"], 0)
        for k, reach in enumerate(DILATIONS):
            padded = np.pad(hidden, ((reach, reach), (0, 0)))
            for begin in range(0, len(hidden), BLOCK):
                rows = hidden[begin : begin + BLOCK]
                first = [begin + t * reach for t in range(3)]
                near = np.concatenate([padded[at : at + len(rows)] for at in first], axis=1)
                rows += np.maximum(near @ w[f"block{k}"] + w[f"block{k}_bias"], 0)
        return np.asarray(hidden @ w["out"] + w["out_bias"], np.float32)

    def tempi(self, channels: Floats) -> tuple[Floats, Floats]:
        """Log-odds of every tempo and, last, of none ``(104,)``; of meters at each ``(103, 6)``."""
        w = self.weights
        read = autocorrelation(sigmoid(channels))
        hidden = np.maximum(read @ w["lag"] + w["lag_bias"] + w["place"], 0)
        scores = hidden @ w["score"] + w["score_bias"]
        none = np.maximum(
            np.concatenate([hidden.max(axis=0), hidden.mean(axis=0)]) @ w["none"] + w["none_bias"],
            0,
        )
        last = none @ w["none_out"] + w["none_out_bias"]
        return np.concatenate([scores[:, 0], last]), scores[:, 1:]

    def firsts(self, values: Floats) -> Floats:
        """Log-odds ``(n,)`` that a bar of four begins at each beat, from `at_beats`."""
        w = self.weights
        hidden = np.maximum(values @ w["first"] + w["first_bias"], 0)
        padded = np.pad(hidden, ((BEATS // 2, BEATS // 2), (0, 0)))
        near = np.concatenate([padded[k : k + len(hidden)] for k in range(BEATS)], axis=1)
        hidden = np.maximum(near @ w["bar"] + w["bar_bias"], 0)
        return np.asarray(hidden @ w["bar_out"] + w["bar_out_bias"], np.float32)[:, 0]


def at_beats(inputs: Floats, channels: Floats, steps: Integers) -> Floats:
    """The largest rises, changes of harmony and channels within a step of every beat."""
    rises = inputs[:, : 2 * BANDS].reshape(len(inputs), 2, BANDS).max(axis=1)
    odds = np.clip(channels[:, :2], -8, 8) / 3
    values = np.concatenate(
        [rises, inputs[:, 2 * BANDS :], odds, sigmoid(channels[:, 2:])], axis=1, dtype=np.float32
    )
    near = np.clip(steps[:, None] + [-1, 0, 1], 0, len(values) - 1)
    return np.asarray(values[near].max(axis=1), np.float32)


def sigmoid(values: Floats) -> Floats:
    """Log-odds as probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)


def autocorrelation(channels: Floats) -> Floats:
    """Autocorrelation of channels ``(n, c)`` at `MULTIPLES` of every beat, ``(103, c * 14)``.

    Lags beyond four fifths of the length are 0.
    """
    count = len(channels)
    centred = channels - channels.mean(axis=0)
    spectrum = scipy.fft.rfft(centred, scipy.fft.next_fast_len(2 * count, real=True), axis=0)
    raw = scipy.fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag), axis=0)[:count]
    below, share, known = lags(count)
    # Long lags rest on fewer products; dividing by the overlap makes them comparable.
    level = raw / (raw[0] + 1e-3 * count) / (1 - np.arange(count) / count)[:, None]
    read = level[below] * (1 - share)[..., None] + level[below + 1] * share[..., None]
    read = np.where(known[..., None], read, 0).transpose(0, 2, 1)
    return np.asarray(read.reshape(len(TEMPI), -1), np.float32)


@lru_cache(maxsize=64)
def lags(count: int) -> tuple[Integers, Floats, Mask]:
    """Steps below every lag, how far it lies towards the next, and whether it is known."""
    lags = 60 * RATE / TEMPI[:, None] * MULTIPLES
    known = lags < 0.8 * count
    lags = np.where(known, lags, 0)
    below = np.minimum(lags.astype(np.int64), count - 2)
    return below, (lags - below).astype(np.float32), known


@lru_cache(maxsize=1)
def load() -> Network:
    """Return the network this package ships; raises `ModelError` if it is missing or damaged."""
    return stored(WEIGHTS, "rhythm", Network)
