"""Jukebox (Dhariwal et al., 2020): states of its generative transformer as embeddings.

Conventions
-----------
The embedding is the one of Castellon et al. (ISMIR 2021): mono audio at 44.1 kHz, scaled to a peak
of 1; tokens of the top level of the VQ-VAE; the output of a block of the top prior, the 36th by
default, averaged over the tokens of a window (8192, or 23.8 s). The published results are those of
``jukebox-5b``. The two models with lyrics get empty ones, see
`hevner.encoders.jukebox.conditioning`.

Only this module is imported without PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.encoders import weights
from hevner.encoders.base import EncoderCard
from hevner.encoders.jukebox.architecture import ARCHITECTURES, SAMPLE_RATE

if TYPE_CHECKING:
    from hevner.encoders.jukebox.encoder import Jukebox

__all__ = ["CARDS", "FILES", "convert", "load"]

LICENCE = "Jukebox Noncommercial Use License"
CITATION = (
    "P. Dhariwal, H. Jun, C. Payne, J. W. Kim, A. Radford and I. Sutskever, Jukebox: a generative "
    "model for music, arXiv 2005.00341, 2020; R. Castellon, C. Donahue and P. Liang, Codified "
    "audio language modeling learns useful representations for music information retrieval, "
    "ISMIR 2021"
)

_ORIGINAL = ("vqvae.pth.tar", "prior_level_2.pth.tar")
_HUB = (
    "model.safetensors",
    "model-*.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model-*.bin",
    "pytorch_model.bin.index.json",
)


def _card(name: str, description: str, memory: int, source: str) -> EncoderCard:
    architecture = ARCHITECTURES[name]
    samples = architecture.tokens * architecture.codec.hop
    width, blocks = architecture.music.width, len(architecture.music.kinds)
    return EncoderCard(
        id=name,
        version="1",
        sample_rate=SAMPLE_RATE,
        window_samples=samples,
        hop_samples=samples,
        dimension=width,
        licence=LICENCE,
        commercial_use=False,
        citation=CITATION,
        description=description,
        # The first token is only predicted, from nothing; the second follows from the first.
        shortest=2 * architecture.codec.hop,
        states=(width,) * (blocks + 1),
        chosen=(blocks,),
        memory=memory,
        source=source,
    )


CARDS = {
    card.id: card
    for card in (
        _card(
            "jukebox-5b",
            "Half of the 5-billion prior of Jukebox, which knows artist and genre",
            2_000_000_000,
            "the files vqvae.pth.tar and prior_level_2.pth.tar of the model 5b of openai/jukebox",
        ),
        _card(
            "jukebox-5b-lyrics",
            "Half of the 5-billion prior of Jukebox that also knows lyrics, given none",
            2_000_000_000,
            "openai/jukebox-5b-lyrics",
        ),
        _card(
            "jukebox-1b-lyrics",
            "Half of the 1-billion prior of Jukebox that also knows lyrics, given none",
            1_200_000_000,
            "openai/jukebox-1b-lyrics",
        ),
    )
}

FILES = {name: _ORIGINAL if name == "jukebox-5b" else (*_ORIGINAL, *_HUB) for name in CARDS}


def convert(name: str, source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Turn published files into those that `load` reads; see `hevner.encoders.base.Family`.

    ``source`` is a folder with the files of the original release (``vqvae.pth.tar`` and
    ``prior_level_2.pth.tar``), or with those of the hub. Only what an embedding needs is kept, in
    its stored type, under names of ours; tensors are read and written one at a time.
    """
    from hevner.encoders.jukebox.encoder import WEIGHTS
    from hevner.encoders.jukebox.layouts import find
    from hevner.encoders.weights.checkpoint import write_safetensors

    write_safetensors(target / WEIGHTS, find(ARCHITECTURES[name], source), progress)


def load(card: EncoderCard, folder: Path, device: str) -> Jukebox:
    """Return the encoder of a card; see `hevner.encoders.base.Family`."""
    card, device = weights.placed(card, device)
    from hevner.encoders.jukebox.encoder import Jukebox

    return Jukebox(card, ARCHITECTURES[card.id.partition("+")[0]], folder, device)
