"""The text tower: from sentences to the joint space."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn.functional import normalize
from transformers import ClapTextModelWithProjection

from hevner.arrays import Floats
from hevner.encoders.base import EncoderCard
from hevner.encoders.clap.reading import TOKENIZER, WEIGHTS, fill, read_config
from hevner.encoders.weights.checkpoint import Checkpoint
from hevner.encoders.weights.devices import dtype_for
from hevner.errors import ModelError

BATCH = 32
LONGEST = 77
"""Tokens of a sentence, with its two marks; the rest is cut off, as in training."""

UNRELATED = ("solo classical piano", "aggressive distorted metal", "a crowd cheering at a match")
COLLAPSED = 0.99
"""Mean cosine of `UNRELATED` above which a tower cannot distinguish sentences. Working towers of
this family have been reported at 0.2 to 0.3, one that does not work at 0.999."""


class TextTower:
    """The text tower of a checkpoint; parameters are those of `hevner.encoders.base.LargeEncoder`.

    Attributes
    ----------
    logit_scale
        Factor by which the model multiplies cosines of audio and text.

    Raises
    ------
    ModelError
        If a file is missing or damaged or does not fit the card, or if the tower gives unrelated
        sentences the same vector.
    """

    def __init__(self, card: EncoderCard, folder: Path, device: str) -> None:
        self._device = torch.device(device)
        config = read_config(folder, card)
        checkpoint = Checkpoint(folder / WEIGHTS)
        with torch.device("meta"):
            self._model = ClapTextModelWithProjection(config.text_config)
        fill(self._model, checkpoint, dtype_for(self._device), self._device)
        self.logit_scale = math.exp(checkpoint.read("logit_scale_a").item())
        self._dimension = config.projection_dim
        self._tokenizer = read_tokenizer(folder / TOKENIZER, Tokenizer.from_file)
        self._tokenizer.enable_padding(pad_id=config.text_config.pad_token_id, pad_token="<pad>")
        longest = min(LONGEST, config.text_config.max_position_embeddings - 2)
        self._tokenizer.enable_truncation(longest)
        self._check_spread(folder)

    @torch.inference_mode()
    def text(self, sentences: Sequence[str]) -> Floats:
        """Return the vector of each sentence, shape ``(n, 512)``, of unit length.

        They are comparable with vectors of audio without states.
        """
        vectors = np.empty((len(sentences), self._dimension), np.float32)
        for start in range(0, len(sentences), BATCH):
            encoded = self._tokenizer.encode_batch(list(sentences[start : start + BATCH]))
            ids, mask = (
                torch.tensor([getattr(one, field) for one in encoded], device=self._device)
                for field in ("ids", "attention_mask")
            )
            projected = self._model(input_ids=ids, attention_mask=mask).text_embeds
            vectors[start : start + BATCH] = normalize(projected.float(), dim=-1).cpu().numpy()
        return vectors

    def _check_spread(self, folder: Path) -> None:
        vectors = self.text(UNRELATED)
        cosine = float((vectors @ vectors.T)[np.triu_indices(len(vectors), 1)].mean())
        if not cosine < COLLAPSED:
            raise ModelError(
                f"the text tower gives unrelated sentences the same vector (cosine {cosine:.4f}), "
                "so it cannot search by text",
                subject=str(folder),
                remedy="Take clap-general or clap-music-speech for text, or add the checkpoint of "
                "the authors that hevner.encoders.clap names",
                code="collapsed_text",
            )


def read_tokenizer(path: Path, read: Callable[[str], Tokenizer]) -> Tokenizer:
    """Read a tokenizer; anything that is wrong with its file is a ModelError."""
    try:
        return read(str(path))
    # The library raises nothing narrower.
    except Exception as error:
        raise ModelError(
            f"cannot be read as a tokenizer ({error})",
            subject=str(path),
            remedy="Fetch the folder again, whole",
            code="other_tokenizer",
        ) from error
