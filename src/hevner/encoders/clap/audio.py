"""The audio tower: from windows to the joint space, or to states of its Swin blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize
from transformers import ClapAudioModelWithProjection

from hevner.arrays import Floats
from hevner.encoders.base import EncoderCard
from hevner.encoders.clap.mel import log_mel
from hevner.encoders.clap.reading import WEIGHTS, fill, read_config
from hevner.encoders.weights.checkpoint import Checkpoint
from hevner.encoders.weights.devices import dtype_for

BATCH = {"cpu": 1, "cuda": 64}
"""Windows that go through at once. On a CPU more are no faster and take more memory."""


class AudioTower:
    """The audio tower of a checkpoint, without the parts that the chosen states do not need.

    Parameters are those of `hevner.encoders.base.LargeEncoder`.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or does not fit the card.
    """

    def __init__(self, card: EncoderCard, folder: Path, device: str) -> None:
        self._chosen = card.chosen
        self._dimension = card.dimension
        self._device = torch.device(device)
        self._dtype = dtype_for(self._device)
        config = read_config(folder, card)
        with torch.device("meta"):
            self._model: Any = ClapAudioModelWithProjection(config.audio_config)
        if self._chosen:
            _trim(self._model, max(self._chosen))
        fill(self._model, Checkpoint(folder / WEIGHTS), self._dtype, self._device)

    @torch.inference_mode()
    def embed(self, windows: Floats) -> Floats:
        """Vectors of windows ``(n, m)``, shape ``(n, card.dimension)``."""
        vectors = np.empty((len(windows), self._dimension), np.float32)
        step = BATCH.get(self._device.type, 1)
        for start in range(0, len(windows), step):
            # A copy: PyTorch warns of arrays that cannot be written to.
            batch = torch.tensor(windows[start : start + step], device=self._device)
            vectors[start : start + step] = self._vectors(log_mel(batch)).float().cpu().numpy()
        return vectors

    def _vectors(self, mel: torch.Tensor) -> torch.Tensor:
        means = {}
        for number, state in enumerate(self._states(mel)):
            if number in self._chosen:
                means[number] = state.float().mean(1)
        if self._chosen:
            return torch.cat([means[number] for number in self._chosen], dim=1)
        pooled = self._model.audio_model.audio_encoder.norm(state).mean(1)
        return normalize(self._model.audio_projection(pooled).float(), dim=-1)

    def _states(self, mel: torch.Tensor) -> Iterator[torch.Tensor]:
        """Every state in turn, shape ``(n, patches, width)``."""
        encoder = self._model.audio_model.audio_encoder
        # Decibels keep single precision up to the patches: half precision would round them.
        scaled = encoder.batch_norm(mel[:, None].transpose(1, 3)).transpose(1, 3)
        x = encoder.patch_embed(encoder.reshape_mel2img(scaled).to(self._dtype))
        yield x
        for stage, grid in zip(encoder.layers, encoder.input_resolutions, strict=True):
            for block in stage.blocks:
                (x,) = block(x, grid)
                yield x
            if stage.downsample is not None:
                x = stage.downsample(x, grid)


def _trim(model: Any, last: int) -> None:
    """Take away everything behind the output of block ``last``."""
    encoder = model.audio_model.audio_encoder
    end = 0
    for stage in encoder.layers:
        start, end = end, end + len(stage.blocks)
        del stage.blocks[max(0, last - start) :]
        if end >= last:
            stage.downsample = None
    encoder.norm = model.audio_projection = torch.nn.Identity()
