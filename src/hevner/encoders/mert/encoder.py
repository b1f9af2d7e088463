"""MERT as an encoder: windows of audio in, means of states out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hevner.encoders.base import Array, EncoderCard, check_windows
from hevner.encoders.mert.architecture import SIZES, WEIGHTS
from hevner.encoders.mert.network import Network
from hevner.encoders.weights.checkpoint import dtype_for, pick_device


class MERT:
    """The encoder.

    Parameters
    ----------
    card
        Card with the chosen states.
    folder
        Folder that `hevner.encoders.mert.convert` wrote to.
    device
        See `hevner.encoders.weights.checkpoint.pick_device`.

    Notes
    -----
    The network is loaded at first use, so objects are cheap and can be sent to other processes.
    """

    def __init__(self, card: EncoderCard, folder: Path, device: str) -> None:
        self.card = card
        self._weights = folder / WEIGHTS
        self._device = device
        self._network: Network | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_network": None}

    def encode(self, windows: Array) -> Array:
        """Return the vectors of windows ``(n, 24000 to 720000)`` as ``(n, card.dimension)``.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite, or the weights
            are missing or damaged.
        """
        card = self.card
        windows = check_windows(windows, card.window_samples, card.shortest)
        vectors = np.empty((len(windows), card.dimension), np.float32)
        if len(windows) == 0:
            return vectors
        if self._network is None:
            self._network = self._load()
        together = self._network.together
        for at in range(0, len(windows), together):
            some = np.ascontiguousarray(windows[at : at + together])
            vectors[at : at + together] = self._network.means(some, card.chosen)
        return vectors

    def _load(self) -> Network:
        size = SIZES[self.card.id.partition("+")[0]]
        device = pick_device(self._device)
        return Network(size, self._weights, max(self.card.chosen), device, dtype_for(device))
