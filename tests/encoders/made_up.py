"""A large encoder that is small, to try how weights are added and found."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.encoders import large
from hevner.encoders.base import EncoderCard, check_windows
from hevner.errors import ModelError

NAME, FREE = "made-up", "made-up-free"
SHAPE = (64, 32)

_CARD = EncoderCard(
    id=NAME,
    version="1",
    sample_rate=8000,
    window_samples=80,
    hop_samples=80,
    dimension=32,
    licence="CC-BY-NC-4.0",
    commercial_use=False,
    citation="Nobody, 2026",
    description="One matrix",
    shortest=8,
    states=(32, 32, 32),
    chosen=(1,),
    memory=2_000_000,
    source="somebody/made-up",
)
CARDS = {
    NAME: _CARD,
    FREE: dataclasses.replace(
        _CARD, id=FREE, licence="MIT", commercial_use=True, source="https://somewhere.org/weights"
    ),
}
FILES = ("config.json", "matrix.safetensors", "matrix.bin")
CODE = ("tests.encoders.made_up:convert", "tests.encoders.made_up:MadeUp")
LARGE = {name: large.Large(card, FILES, *CODE) for name, card in CARDS.items()}
"""To be put in the place of the registry's."""


def publish(folder: Path, value: float = 1.0, shape: tuple[int, ...] = SHAPE) -> Path:
    """Write files as an author would; return the folder."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({"theirs": torch.full(shape, value)}, folder / "matrix.safetensors")
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text("Not needed.")
    return folder


def convert(
    card: EncoderCard, source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors

    checkpoint = Checkpoint(source / "matrix.safetensors")
    if checkpoint.names() != ["theirs"] or checkpoint.stored("theirs").shape != SHAPE:
        raise ModelError(f"holds {checkpoint.names()}, not {card.id}", subject=str(source))
    read = Stored(SHAPE, checkpoint.stored("theirs").dtype, lambda: checkpoint.read("theirs"))
    write_safetensors(target / "weights.safetensors", [("ours", read)], progress)
    (target / "words.txt").write_text("happy\n")


def half(
    _card: EncoderCard, _source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    """A conversion that never ends."""
    (target / "weights.safetensors").write_bytes(b"half")
    progress(1, 2)
    sys.stdout.write("half way\n")
    sys.stdout.flush()
    time.sleep(3600)


@dataclass
class MadeUp:
    card: EncoderCard
    folder: Path
    device: str

    def encode(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        from hevner.encoders.weights.checkpoint import Checkpoint

        windows = check_windows(windows, self.card.window_samples, self.card.shortest)
        matrix = Checkpoint(self.folder / "weights.safetensors").read("ours").numpy()
        return np.outer(windows.mean(axis=1), matrix[0]).astype(np.float32)


if __name__ == "__main__":
    # python -m tests.encoders.made_up endless|usual models ...: the command line.
    from hevner.cli import main
    from tests.encoders import made_up

    if sys.argv.pop(1) == "endless":
        made_up.convert = half
    large.LARGE = LARGE
    main()
