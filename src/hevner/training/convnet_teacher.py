"""A convolutional network trained on music tags, as a teacher in experiments.

The network of Choi, Fazekas, Sandler and Cho, "Transfer learning for music classification and
regression tasks" (ISMIR 2017): five layers of 32 features, each averaged over time and frequency
and joined to 160 numbers per clip. Public embeddings of EmoMusic and GTZAN were made with it, so
that a model fitted to them can listen to other audio through this module. Its weights are read
from a folder of the user's; no licence is stated for them, so they stay out of this package.

Conventions
-----------
Clips are mono float32 of `CLIP_SAMPLES` at `SAMPLE_RATE`, see `fit_length`. The network was never
given running averages for its batch normalisation: it normalises by the statistics of the batch
that it is given, and its spectrograms are relative to the loudest point of that batch. Both are
`Statistics` here, taken from a set of clips with `ConvNet.statistics` and then fixed, so that an
embedding depends on one clip alone. ``embed(batch, statistics(batch))`` is what the authors did,
with 256 clips to a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.errors import AudioError, MissingDependencyError, ModelError

SAMPLE_RATE = 12_000
CLIP_SAMPLES = 29 * SAMPLE_RATE
FRAME_SAMPLES = 512
HOP_SAMPLES = 256
POOLINGS = ((2, 4), (3, 4), (2, 5), (2, 4), (4, 4))
"""Mel bands and frames that one maximum is taken over, layer by layer."""

DIMENSION = 160
RANGE_DB = 80.0
"""Spectrograms end so far below the loudest point of the batch."""

VARIANCE_FLOOR = 1e-3
"""Added to variances, as Keras 1.2 does."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A convolution and its normalisation.

    Attributes
    ----------
    kernel
        Shape ``(32, inputs, 3, 3)``, mel bands before frames, to be correlated with the input.
    bias, scale, shift
        Shape ``(32,)``.
    """

    kernel: Array
    bias: Array
    scale: Array
    shift: Array


@dataclass(frozen=True)
class Statistics:
    """What the network takes from a batch of clips.

    Attributes
    ----------
    peak_db
        Greatest mel power, in decibels.
    mean, variance
        Of each feature before it is normalised, shape ``(5, 32)``.
    """

    peak_db: float
    mean: Array
    variance: Array


@dataclass(frozen=True)
class ConvNet:
    """The network: power spectra to mel bands, then five layers.

    Attributes
    ----------
    mel
        Weights of power spectra in mel bands, shape ``(257, 96)``.
    layers
        The five layers, first to last.
    """

    mel: Array
    layers: tuple[Layer, ...]

    def statistics(self, clips: Sequence[Array]) -> Statistics:
        """Statistics of a set of clips; holds about 2 MB of memory for each of them.

        Parameters
        ----------
        clips
            At least one, shape ``(CLIP_SAMPLES,)`` each.

        Raises
        ------
        AudioError
            If there is none, or one has another shape.
        """
        if not len(clips):
            raise AudioError("no clips to take statistics of", remedy="Give at least one")
        signals = [self._mel_db(clip) for clip in clips]
        peak_db = max(float(signal.max()) for signal in signals)
        signals = [_relative(signal, peak_db)[None] for signal in signals]
        means, variances = [], []
        for layer, pooling in zip(self.layers, POOLINGS, strict=True):
            mean, variance = _moments(layer, signals)
            # One by one, so that the input of a layer makes room for its output.
            for index, signal in enumerate(signals):
                signals[index] = _apply(layer, signal, pooling, mean, variance)
            means.append(mean)
            variances.append(variance)
        return Statistics(peak_db, np.stack(means), np.stack(variances))

    def embed(self, clips: Sequence[Array], statistics: Statistics) -> Array:
        """Embeddings of clips, each independent of the others.

        Parameters
        ----------
        clips
            Shape ``(CLIP_SAMPLES,)`` each.
        statistics
            Those of the clips that the network should compare them with.

        Returns
        -------
        NDArray
            Shape ``(n, 160)``: the layers in order, 32 averages each.

        Raises
        ------
        AudioError
            If a clip has another shape.
        """
        rows = np.empty((len(clips), DIMENSION), np.float32)
        for row, clip in zip(rows, clips, strict=True):
            signal = _relative(self._mel_db(clip), statistics.peak_db)[None]
            for index, (layer, pooling) in enumerate(zip(self.layers, POOLINGS, strict=True)):
                moments = statistics.mean[index], statistics.variance[index]
                signal = _apply(layer, signal, pooling, *moments)
                row[32 * index : 32 * (index + 1)] = signal.mean(axis=(1, 2))
        return rows

    def _mel_db(self, clip: Array) -> Array:
        """Mel power in decibels, shape ``(96, 1360)``."""
        if np.shape(clip) != (CLIP_SAMPLES,):
            raise AudioError(
                f"expected {CLIP_SAMPLES} samples, got an array of shape {np.shape(clip)}",
                remedy="Cut or repeat it with fit_length",
            )
        padded = np.pad(clip, FRAME_SAMPLES // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES]
        window = np.hanning(FRAME_SAMPLES + 1)[:-1].astype(np.float32)
        power = np.abs(np.fft.rfft(frames * window)) ** 2
        decibels = 10 * np.log10(np.maximum(power @ self.mel, 1e-10))
        return np.ascontiguousarray(decibels.T, np.float32)


def fit_length(samples: NDArray[np.floating]) -> Array:
    """The first 29 s of a clip, repeated from its begin where it is shorter.

    Parameters
    ----------
    samples
        Mono at `SAMPLE_RATE`, shape ``(n,)``.

    Raises
    ------
    AudioError
        If there are no samples, or more than one axis.
    """
    if np.ndim(samples) != 1 or not len(samples):
        raise AudioError(
            f"expected mono samples, got an array of shape {np.shape(samples)}",
            remedy="Mix the channels down first",
        )
    return np.resize(samples[:CLIP_SAMPLES], CLIP_SAMPLES).astype(np.float32)


def read_convnet(folder: Path) -> ConvNet:
    """Read the network from the file of its deepest layer, which holds those before it too.

    Parameters
    ----------
    folder
        Holds ``weights_layer4_theano.hdf5``.

    Raises
    ------
    MissingDependencyError
        Without h5py.
    ModelError
        If the file is missing or damaged, or lacks an array of the network.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            "reading the weights of the teacher needs h5py",
            remedy="Install it with: pip install 'hevner[train]'",
        ) from error

    path = folder / "weights_layer4_theano.hdf5"
    try:
        with h5py.File(path) as file:
            net = ConvNet(
                np.asarray(file["melgram/param_2"], np.float32),
                tuple(_read_layer(file["ConvBNEluDr"], number) for number in range(1, 6)),
            )
    except (OSError, KeyError) as error:
        raise ModelError(
            f"cannot be read as the weights of the teacher ({error})",
            subject=str(path),
            remedy="Point to the folder of weights_transfer that the authors published",
        ) from error
    return net


def _read_layer(group: Any, number: int) -> Layer:
    def array(name: str) -> Array:
        return np.asarray(group[name], np.float32)

    return Layer(
        # Theano convolves: kernels are turned around to correlate.
        np.ascontiguousarray(array(f"convolution2d_{number}_W")[:, :, ::-1, ::-1]),
        array(f"convolution2d_{number}_b"),
        array(f"batchnormalization_{number}_gamma"),
        array(f"batchnormalization_{number}_beta"),
    )


def _relative(decibels: Array, peak_db: float) -> Array:
    relative: Array = np.maximum(decibels - np.float32(peak_db), np.float32(-RANGE_DB))
    return relative


def _convolve(layer: Layer, signal: Array) -> Array:
    """Correlate with the kernels, edges padded with zeros; ``(inputs, F, T)`` to ``(32, F, T)``."""
    inputs, bands, frames = signal.shape
    padded = np.pad(signal, ((0, 0), (1, 1), (1, 1)))
    shifted = np.empty((inputs, 3, 3, bands, frames), np.float32)
    for row in range(3):
        for column in range(3):
            shifted[:, row, column] = padded[:, row : row + bands, column : column + frames]
    kernel = layer.kernel.reshape(len(layer.kernel), -1)
    output = kernel @ shifted.reshape(kernel.shape[1], -1)
    output += layer.bias[:, None]
    return output.reshape(-1, bands, frames)


def _moments(layer: Layer, signals: Sequence[Array]) -> tuple[Array, Array]:
    """Mean and variance of each feature over all signals, bands and frames."""
    means, variances = [], []
    for signal in signals:
        output = _convolve(layer, signal)
        means.append(output.mean(axis=(1, 2)))
        variances.append(output.var(axis=(1, 2)))
    # Signals are of one size: variance within them plus variance between them.
    return np.mean(means, axis=0), np.mean(variances, axis=0) + np.var(means, axis=0)


def _apply(
    layer: Layer, signal: Array, pooling: tuple[int, int], mean: Array, variance: Array
) -> Array:
    """Convolve, normalise, take maxima and then the exponential linear unit.

    The network takes the maxima last; the unit rises everywhere, so that the order is free.
    """
    factor = layer.scale / np.sqrt(variance + np.float32(VARIANCE_FLOOR))
    output = _convolve(layer, signal)
    output -= mean[:, None, None]
    output *= factor[:, None, None]
    output += layer.shift[:, None, None]
    features, (bands, frames) = len(output), pooling
    rows, columns = output.shape[1] // bands, output.shape[2] // frames
    output = output[:, : rows * bands, : columns * frames]
    output = output.reshape(features, rows, bands, columns, frames).max(axis=(2, 4))
    unit: Array = np.where(output > 0, output, np.expm1(np.minimum(output, 0)))
    return unit
