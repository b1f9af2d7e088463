"""MERT v1, music encoders trained by masked modelling.

Conventions
-----------
Audio is mono at 24 kHz, full scale 1, in windows of 30 s. A vector holds means over the frames of a
window (75 a second) of the chosen states, see `hevner.encoders.base`. The network is transformers'
own `HubertModel`; no code that comes with weights is run.

A norm and the attention span the window, so the window is part of the encoder: other lengths give
other numbers, and nothing is ever padded. Music shorter than 30 s is one window as long as it is.

Source: Y. Li et al., MERT: acoustic music understanding model with large-scale self-supervised
training, ICLR 2024.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.encoders import weights
from hevner.encoders.base import EncoderCard
from hevner.encoders.mert.architecture import SAMPLE_RATE, SIZES

if TYPE_CHECKING:
    from hevner.encoders.mert.encoder import MERT

__all__ = ["CARDS", "FILES", "convert", "load"]

WINDOW_SAMPLES = 30 * SAMPLE_RATE


def _card(name: str, chosen: tuple[int, ...], memory: int, source: str, hours: str) -> EncoderCard:
    size = SIZES[name]
    return EncoderCard(
        id=name,
        version="1",
        sample_rate=SAMPLE_RATE,
        window_samples=WINDOW_SAMPLES,
        hop_samples=WINDOW_SAMPLES,
        dimension=size.width * len(chosen),
        licence="CC-BY-NC-4.0",
        commercial_use=False,
        citation=(
            "Y. Li et al., MERT: acoustic music understanding model with large-scale "
            "self-supervised training, ICLR 2024"
        ),
        description=f"Masked modelling of {hours} hours of music, {size.blocks} blocks",
        # A second gives 74 frames; a single one would be all edge to the positional convolution.
        shortest=SAMPLE_RATE,
        states=(size.width,) * (size.blocks + 1),
        chosen=chosen,
        memory=memory,
        source=source,
    )


CARDS = {
    card.id: card
    for card in (
        # The states of the unified work (arXiv 2502.03979).
        _card("mert-v1-95m", (6, 7), 1_000_000_000, "m-a-p/MERT-v1-95M", "20,000"),
        # The best published one for valence, see hevner.encoders.states.
        _card("mert-v1-330m", (10,), 2_100_000_000, "m-a-p/MERT-v1-330M", "160,000"),
    )
}

FILES = dict.fromkeys(
    CARDS, ("config.json", "preprocessor_config.json", "model.safetensors", "pytorch_model.bin")
)


def convert(name: str, source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Turn published files into those that `load` reads; see `hevner.encoders.base.Family`.

    ``source`` is a folder as on the hub: ``preprocessor_config.json``, the weights as
    ``model.safetensors`` or ``pytorch_model.bin``, and ``config.json``, which is compared if it is
    there.
    """
    from hevner.encoders.mert import conversion

    conversion.convert(SIZES[name], source, target, progress)


def load(card: EncoderCard, folder: Path, device: str) -> MERT:
    """Return the encoder of a card; see `hevner.encoders.base.Family`."""
    card, device = weights.placed(card, device)
    from hevner.encoders.mert.encoder import MERT

    return MERT(card, folder, device)
