"""LAION-CLAP: audio and sentences in one space.

Conventions
-----------
The published checkpoints of the larger model: an HTS-AT audio tower of 18 Swin blocks in four
stages and a RoBERTa text tower, each with a projection to 512 numbers (Wu et al., 2023). Audio is
mono at 48 kHz in windows of 10 s. Without states a vector is the embedding of the joint space, of
unit length: its product with the vector of a sentence is their cosine. State 0 is the patch
embedding, state k the output of Swin block k before the patches are merged, both as means over the
patches. The 22 layers of Kanatas et al. (ISMIR 2026) appear to count the outputs of the three
mergers too: layer 18, which they found best for emotion, is then state 16, the end of the third
stage.

A window shorter than 10 s is repeated as often as it fits and filled up with silence, as the model
was trained ("repeatpad").

The towers run through ``transformers``, from local files only. Each is loaded when it is first
needed, so a search by text never loads the audio tower.

Weights
-------
The cards on the hub say Apache-2.0 for code and weights; what the training audio permits is not
stated there. The text tower of ``laion/larger_clap_music`` has been reported to give nearly the
same vector to all sentences; `hevner.encoders.clap.text` refuses a tower that does. A checkpoint of
the training code, `ORIGINAL`, may be put into the folder from the hub and is then read in place of
the weights there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.encoders import weights
from hevner.encoders.base import EncoderCard

if TYPE_CHECKING:
    from hevner.encoders.clap.encoder import Clap

__all__ = ["CARDS", "FILES", "ORIGINAL", "SAMPLE_RATE", "WINDOW_SAMPLES", "convert", "load"]

SAMPLE_RATE = 48_000
WINDOW_SAMPLES = 10 * SAMPLE_RATE

DIMENSION = 512
STATES = (128, *[128] * 2, *[256] * 2, *[512] * 12, *[1024] * 2)
"""Widths of the patch embedding and of the outputs of the 18 blocks."""

MEMORY = 1_250_000_000
"""Measured on a CPU: both towers, the packages they need, and one window."""


def _card(name: str, source: str, trained_on: str) -> EncoderCard:
    return EncoderCard(
        id=name,
        version="1",
        sample_rate=SAMPLE_RATE,
        window_samples=WINDOW_SAMPLES,
        hop_samples=WINDOW_SAMPLES,
        dimension=DIMENSION,
        licence="Apache-2.0",
        commercial_use=True,
        citation=(
            "Y. Wu, K. Chen, T. Zhang, Y. Hui, T. Berg-Kirkpatrick and S. Dubnov, Large-scale "
            "contrastive language-audio pretraining with feature fusion and keyword-to-caption "
            "augmentation, ICASSP 2023"
        ),
        description=f"Audio tower of LAION-CLAP trained on {trained_on}; space shared with text",
        shortest=1,
        states=STATES,
        memory=MEMORY,
        source=source,
    )


CARDS = {
    card.id: card
    for card in (
        _card("clap-general", "laion/larger_clap_general", "general audio, music and speech"),
        _card("clap-music", "laion/larger_clap_music", "music"),
        _card("clap-music-speech", "laion/larger_clap_music_and_speech", "music and speech"),
    )
}

_PUBLISHED = (
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "pytorch_model.bin",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
)

ORIGINAL = {
    "clap-general": "music_speech_audioset_epoch_15_esc_89.98.pt",
    "clap-music": "music_audioset_epoch_15_esc_90.14.pt",
    "clap-music-speech": "music_speech_epoch_15_esc_89.25.pt",
}
"""Files of the training code, published under CC0-1.0 as ``lukewys/laion_clap``."""

FILES = {name: (*_PUBLISHED, ORIGINAL[name]) for name in CARDS}


def convert(name: str, source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Turn published files into those that `load` reads; see `hevner.encoders.base.Family`.

    ``source`` is a folder as on the hub: ``config.json``, ``preprocessor_config.json``, the weights
    as `ORIGINAL`, ``model.safetensors`` or ``pytorch_model.bin``, and ``tokenizer.json`` or
    ``vocab.json`` with ``merges.txt``. The configuration and the tokenizer are kept too.
    """
    from hevner.encoders.clap import conversion

    conversion.convert(CARDS[name], source, target, progress)


def load(card: EncoderCard, folder: Path, device: str) -> Clap:
    """Return the encoder of a card; see `hevner.encoders.base.Family`."""
    card, device = weights.placed(card, device)
    from hevner.encoders.clap.encoder import Clap

    return Clap(card, folder, device)
