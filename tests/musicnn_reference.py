"""MusiCNN as its authors describe it, in plain numpy, and checkpoints to run it with.

The readable form of what `build_hook.graph` writes for speed; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tensors = dict[str, NDArray[np.float32]]

FILTERS = {0: (7, 38, 204), 1: (7, 67, 204), 2: (128, 1, 51), 3: (64, 1, 51), 4: (32, 1, 51)}
CHANNELS = [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200]  # of batch norm 0 to 10


def forward(tensors: Mapping[str, NDArray[np.float32]], log_mel: Array) -> tuple[Array, Array]:
    """Return embedding (200,) and tags (50,) of one log-mel patch (187, 96)."""
    patch = batch_norm(tensors, 0, log_mel[:, :, None])[:, :, 0]
    front = [front_end(tensors, number, patch) for number in FILTERS]
    maps = [np.concatenate(front, axis=1)]
    maps.append(middle(tensors, 5, maps[0]))
    maps.append(middle(tensors, 6, maps[1]) + maps[1])
    maps.append(middle(tensors, 7, maps[2]) + maps[2])
    features = np.concatenate(maps, axis=1)
    pooled = np.stack([features.max(axis=0), features.mean(axis=0)], axis=1).ravel()
    embedding = dense(tensors, "dense", batch_norm(tensors, 9, pooled))
    rectified = np.maximum(embedding, 0.0)
    logits = dense(tensors, "dense_1", batch_norm(tensors, 10, rectified))
    return embedding, 1.0 / (1.0 + np.exp(-logits))


def front_end(tensors: Mapping[str, NDArray[np.float32]], number: int, patch: Array) -> Array:
    """Convolution, ReLU, batch norm, maximum over frequency: (187, filters)."""
    kernel = tensors[conv(number) + "/kernel"].astype(np.float64)[:, :, 0]
    duration, height = kernel.shape[:2]
    padded = np.pad(patch, [((duration - 1) // 2, duration // 2), (0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(padded, (duration, height))
    response = np.tensordot(views, kernel, axes=2) + tensors[conv(number) + "/bias"]
    return batch_norm(tensors, number + 1, np.maximum(response, 0.0)).max(axis=1)


def middle(tensors: Mapping[str, NDArray[np.float32]], number: int, source: Array) -> Array:
    """Convolution along time, ReLU, batch norm: (187, 64)."""
    kernel = tensors[conv(number) + "/kernel"].astype(np.float64)[:, :, 0]
    padded = np.pad(source, [(3, 3), (0, 0)])
    response = np.stack([np.tensordot(padded[t : t + 7], kernel, axes=2) for t in range(187)])
    rectified = np.maximum(response + tensors[conv(number) + "/bias"], 0.0)
    return batch_norm(tensors, number + 1, rectified)


def dense(tensors: Mapping[str, NDArray[np.float32]], name: str, vector: Array) -> Array:
    return vector @ tensors[f"{name}/kernel"].astype(np.float64) + tensors[f"{name}/bias"]


def batch_norm(tensors: Mapping[str, NDArray[np.float32]], number: int, values: Array) -> Array:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    gamma, beta, mean, variance = (
        tensors[f"{name}/{part}"].astype(np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return gamma * (values - mean) / np.sqrt(variance + 1e-3) + beta


def conv(number: int) -> str:
    return f"conv2d_{number}" if number else "conv2d"


def random_checkpoint(seed: int, decayed: float = 0.7) -> Tensors:
    """Return a checkpoint with random weights; a share of the front end's filters is decayed.

    Like the published one it has negative slopes among its batch norms, and filters that decayed
    above and below a bias of zero.
    """
    rng = np.random.default_rng(seed)
    shapes = {**FILTERS, 5: (7, 561, 64), 6: (7, 64, 64), 7: (7, 64, 64)}
    tensors: dict[str, Array] = {}
    for number, (duration, height, filters) in shapes.items():
        scale = (duration * height) ** -0.5
        kernel = rng.normal(scale=scale, size=(duration, height, 1, filters))
        if number in FILTERS:
            kernel[..., rng.random(filters) < decayed] *= 1e-30
        tensors[conv(number) + "/kernel"] = kernel
        tensors[conv(number) + "/bias"] = rng.normal(scale=0.3, size=filters)
    for number, channels in enumerate(CHANNELS):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        tensors[name + "/gamma"] = rng.normal(loc=0.5, size=channels)
        tensors[name + "/beta"] = rng.normal(scale=0.2, size=channels)
        tensors[name + "/moving_mean"] = rng.normal(loc=0.5, scale=0.2, size=channels)
        tensors[name + "/moving_variance"] = rng.uniform(0.5, 2.0, size=channels)
    for name, shape in (("dense", (1506, 200)), ("dense_1", (200, 50))):
        tensors[name + "/kernel"] = rng.normal(scale=shape[0] ** -0.5, size=shape)
        tensors[name + "/bias"] = rng.normal(size=shape[1])
    return {name: values.astype(np.float32) for name, values in tensors.items()}
