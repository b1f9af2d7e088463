"""Jukebox as an encoder: tokens of the windows, states of the prior, means over time.

Conventions
-----------
Every window is scaled to a peak of 1; silence stays silent. A window may be shorter than a full
one: it then has fewer tokens, as many as there are whole hops in it, at the places of the first
tokens of a full window, and the means are over those. The prior looks only back, so they are the
states that the same tokens have in a longer window.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hevner.encoders.base import Array, EncoderCard, check_windows
from hevner.encoders.jukebox.architecture import Architecture, shapes
from hevner.encoders.jukebox.prior import Prior
from hevner.encoders.jukebox.vqvae import Tokenizer
from hevner.encoders.weights.checkpoint import Checkpoint, dtype_for
from hevner.errors import ModelError

WEIGHTS = "weights.safetensors"

BYTES_PER_VALUE = 24
"""Memory that a block takes for each value of a state, estimated generously."""

MOST_WINDOWS = 16
"""Full windows that run together on a card at most; fewer if its memory is small."""


class Jukebox:
    """The encoder; the module explains its numbers.

    Parameters
    ----------
    card
        Card with the chosen states.
    architecture
        Architecture of the weights.
    folder
        Folder of ``weights.safetensors``, which is read when the first windows are encoded.
    device
        Device to run on.
    """

    def __init__(
        self, card: EncoderCard, architecture: Architecture, folder: Path, device: str
    ) -> None:
        self.card = card
        self._architecture = architecture
        self._folder = folder
        self._device = torch.device(device)
        self._parts: tuple[Tokenizer, Prior] | None = None

    def encode(self, windows: Array) -> Array:
        """Return one vector per window.

        Parameters
        ----------
        windows
            Shape ``(n, samples)``, full scale 1, ``card.shortest`` to ``card.window_samples``.

        Returns
        -------
        Array
            Shape ``(n, card.dimension)``: means of the chosen states over the tokens, side by
            side.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite, or the weights
            are damaged.
        """
        windows = check_windows(windows, self.card.window_samples, self.card.shortest)
        if not len(windows):
            return np.zeros((0, self.card.dimension), np.float32)
        with torch.inference_mode():
            tokens = self.tokens(windows)
            groups = torch.split(tokens, self._at_once(tokens.shape[1]))
            vectors = torch.cat([self._vectors(group) for group in groups])
        return np.asarray(vectors.cpu().numpy(), np.float32)

    def tokens(self, windows: Array) -> Tensor:
        """Tokens of windows that have passed the checks, shape ``(n, samples // hop)``."""
        with torch.inference_mode():
            tokenizer, _ = self._ready()
            return torch.cat([tokenizer(self._scaled(window)) for window in windows])

    def _scaled(self, window: Array) -> Tensor:
        peak = np.abs(window).max()
        scaled = window / peak if peak > 0 else window
        return torch.from_numpy(np.array(scaled, np.float32)).to(self._device)[None]

    def _vectors(self, tokens: Tensor) -> Tensor:
        chosen = self.card.chosen
        _, prior = self._ready()
        means = {
            number: state.mean(dim=1)
            for number, state in enumerate(prior.states(tokens, max(chosen)))
            if number in chosen
        }
        return torch.cat([means[number] for number in chosen], dim=1)

    def _at_once(self, length: int) -> int:
        """Windows of so many tokens that run together."""
        architecture = self._architecture
        window = (architecture.prefix + length) * architecture.music.width * BYTES_PER_VALUE
        full = architecture.music.context * architecture.music.width * BYTES_PER_VALUE
        if self._device.type != "cuda":
            return max(1, full // window)
        free = torch.cuda.mem_get_info(self._device)[0]
        # What PyTorch holds in reserve from earlier calls counts as free.
        free += torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return max(1, min(MOST_WINDOWS * full, free // 2) // window)

    def _ready(self) -> tuple[Tokenizer, Prior]:
        if self._parts is None:
            self._parts = self._load()
        return self._parts

    def _load(self) -> tuple[Tokenizer, Prior]:
        checkpoint = Checkpoint(self._folder / WEIGHTS)
        found = {name: checkpoint.stored(name).shape for name in checkpoint.names()}
        if found != shapes(self._architecture):
            raise ModelError(
                f"does not hold the weights of {self.card.id}",
                subject=str(checkpoint.path),
                remedy="Add the weights again",
                code="other_weights",
            )

        def here(name: str) -> Tensor:
            return checkpoint.read(name).to(self._device, torch.float32)

        dtype = dtype_for(self._device)
        prior = Prior(self._architecture, checkpoint.read, self._device, dtype)
        return Tokenizer(self._architecture.codec, here), prior
