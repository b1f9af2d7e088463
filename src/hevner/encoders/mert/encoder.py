"""MERT as an encoder: windows of audio in, means of states out."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from hevner.arrays import Floats
from hevner.encoders.base import LargeEncoder
from hevner.encoders.mert.architecture import SIZES, WEIGHTS
from hevner.encoders.mert.network import Network
from hevner.encoders.weights.devices import dtype_for


class MERT(LargeEncoder):
    """The encoder; the package explains its numbers."""

    def _vectors(self, windows: Floats) -> Floats:
        vectors = np.empty((len(windows), self.card.dimension), np.float32)
        together = self._network.together
        for at in range(0, len(windows), together):
            some = np.ascontiguousarray(windows[at : at + together])
            vectors[at : at + together] = self._network.means(some, self.card.chosen)
        return vectors

    @cached_property
    def _network(self) -> Network:
        size = SIZES[self.card.id.partition("+")[0]]
        device = torch.device(self.device)
        weights, last = self.folder / WEIGHTS, max(self.card.chosen)
        return Network(size, weights, last, device, dtype_for(device))
