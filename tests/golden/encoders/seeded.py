"""Random weights that follow from their names, so that golden files need not hold them."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def weights(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values of a tensor: normal with deviation 1/4; scales of normalisations are around 1."""
    values = np.random.default_rng(crc32(name.encode())).standard_normal(shape)
    scale = len(shape) == 1 and name.endswith("weight")
    return (values / 4 + scale).astype(np.float32)


def clip(samples: int) -> np.ndarray:
    """A gliding tone with noise, peak 1."""
    time = np.arange(samples) / 44_100
    noise = np.random.default_rng(7).standard_normal(samples)
    sound = np.sin(2 * np.pi * (110 + 2000 * time) * time) + 0.3 * noise * np.sin(9 * time) ** 2
    return (sound / np.abs(sound).max()).astype(np.float32)
