"""The command line with large encoders that are small: their published layouts, few numbers.

    HEVNER_REDUCED="jukebox-5b" python -m hevner.lab.rehearsal.reduced extract ...

Names, files and the way from published files to vectors are those of the real encoders.
"""

from __future__ import annotations

import os
from dataclasses import replace

from hevner.encoders.jukebox.architecture import ARCHITECTURES, Architecture, Codec, Stack
from hevner.encoders.large import LARGE
from hevner.encoders.mert.architecture import SIZES, Size
from hevner.lab.rehearsal import VARIABLE

MERT = Size(width=32, blocks=8, heads=2, inner=48, stable=False, channels=16)
JUKEBOX = Architecture(
    Codec(width=8, depth=2, embedding=8, codes=48),
    Stack(16, 2, 1024, 8, (("block", "column", "previous") * 3)[:7], 7),
    genres=5,
    artists=7,
    bins=20_000,
    shortest_song=60.0,
)
CLAP: dict[str, object] = {
    "projection_dim": 24,
    "audio_config": {
        "model_type": "clap_audio_model",
        "depths": [1, 2, 2],
        "num_attention_heads": [1, 2, 4],
        "patch_embeds_hidden_size": 8,
        "hidden_size": 32,
    },
    "text_config": {
        "model_type": "clap_text_model",
        "vocab_size": 300,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 100,
    },
}
"""What differs in ``config.json``: three stages, the last with a grid of 16 x 16 patches."""

put: list[str] = []
"""Encoders that are small in this process."""


def put_small(name: str) -> None:
    """Put a small architecture in the place of that of an encoder, in this process."""
    card = LARGE[name].card
    if name.startswith("mert"):
        SIZES[name] = MERT
        card = replace(
            card,
            states=(MERT.width,) * (MERT.blocks + 1),
            dimension=2 * MERT.width,
            memory=2_000_000,
        )
    elif name.startswith("jukebox"):
        ARCHITECTURES[name] = JUKEBOX
        width, blocks = JUKEBOX.music.width, len(JUKEBOX.music.kinds)
        samples = JUKEBOX.tokens * JUKEBOX.codec.hop
        card = replace(
            card, window_samples=samples, hop_samples=samples, dimension=width,
            states=(width,) * (blocks + 1), chosen=(blocks,), memory=2_000_000,
        )  # fmt: skip
    else:
        card = replace(card, states=(8, 8, 16, 16, 32, 32), dimension=24, memory=2_000_000)
    LARGE[name] = replace(LARGE[name], card=card)
    put.append(name)


def from_environment() -> None:
    """Reduce the encoders that `VARIABLE` names."""
    for name in os.environ.get(VARIABLE, "").split():
        put_small(name)


if __name__ in ("__main__", "__mp_main__"):  # the latter in worker processes
    from_environment()

if __name__ == "__main__":
    from hevner.cli import main

    main()
