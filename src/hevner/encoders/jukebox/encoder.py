"""Jukebox as an encoder: tokens of the windows, states of the prior, means over time.

Conventions
-----------
Every window is scaled to a peak of 1; silence stays silent. A window may be shorter than a full
one: it then has fewer tokens, as many as there are whole hops in it, at the places of the first
tokens of a full window, and the means are over those. The prior looks only back, so they are the
states that the same tokens have in a longer window.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hevner.arrays import Floats
from hevner.encoders.base import EncoderCard, LargeEncoder
from hevner.encoders.jukebox.architecture import ARCHITECTURES, WEIGHTS, shapes
from hevner.encoders.jukebox.prior import Prior
from hevner.encoders.jukebox.vqvae import Tokenizer
from hevner.encoders.weights.checkpoint import Checkpoint
from hevner.encoders.weights.devices import dtype_for
from hevner.errors import ModelError

BYTES_PER_VALUE = 24
"""Memory that a block takes for each value of a state, estimated generously."""

MOST_WINDOWS = 16
"""Full windows that run together on a card at most; fewer if its memory is small."""


class Jukebox(LargeEncoder):
    """The encoder; the module explains its numbers.

    Attributes
    ----------
    architecture
        Architecture of the weights.
    """

    def __init__(self, card: EncoderCard, folder: Path, device: str) -> None:
        super().__init__(card, folder, device)
        self.architecture = ARCHITECTURES[card.id.partition("+")[0]]
        self._device = torch.device(device)

    def _vectors(self, windows: Floats) -> Floats:
        with torch.inference_mode():
            tokens = self.tokens(windows)
            groups = torch.split(tokens, self._at_once(tokens.shape[1]))
            vectors = torch.cat([self._means(group) for group in groups])
        return np.asarray(vectors.cpu().numpy(), np.float32)

    def tokens(self, windows: Floats) -> Tensor:
        """Tokens of windows that have passed the checks, shape ``(n, samples // hop)``."""
        with torch.inference_mode():
            tokenizer, _ = self._parts
            return torch.cat([tokenizer(self._scaled(window)) for window in windows])

    def _scaled(self, window: Floats) -> Tensor:
        peak = np.abs(window).max()
        scaled = window / peak if peak > 0 else window
        return torch.from_numpy(np.array(scaled, np.float32)).to(self._device)[None]

    def _means(self, tokens: Tensor) -> Tensor:
        chosen = self.card.chosen
        _, prior = self._parts
        means = {
            number: state.mean(dim=1)
            for number, state in enumerate(prior.states(tokens, max(chosen)))
            if number in chosen
        }
        return torch.cat([means[number] for number in chosen], dim=1)

    def _at_once(self, length: int) -> int:
        """Windows of so many tokens that run together."""
        architecture = self.architecture
        window = (architecture.prefix + length) * architecture.music.width * BYTES_PER_VALUE
        full = architecture.music.context * architecture.music.width * BYTES_PER_VALUE
        if self._device.type != "cuda":
            return max(1, full // window)
        free = torch.cuda.mem_get_info(self._device)[0]
        # What PyTorch holds in reserve from earlier calls counts as free.
        free += torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return max(1, min(MOST_WINDOWS * full, free // 2) // window)

    @cached_property
    def _parts(self) -> tuple[Tokenizer, Prior]:
        checkpoint = Checkpoint(self.folder / WEIGHTS)
        found = {name: checkpoint.stored(name).shape for name in checkpoint.names()}
        if found != shapes(self.architecture):
            raise ModelError(
                f"does not hold the weights of {self.card.id}",
                subject=str(checkpoint.path),
                remedy="Add the weights again",
                code="other_weights",
            )

        def here(name: str) -> Tensor:
            return checkpoint.read(name).to(self._device, torch.float32)

        dtype = dtype_for(self._device)
        prior = Prior(self.architecture, checkpoint.read, self._device, dtype)
        return Tokenizer(self.architecture.codec, here), prior
