"""Small Jukebox models with the weights of the golden files, in both published layouts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hevner.encoders.base import EncoderCard
from hevner.encoders.jukebox import layouts
from hevner.encoders.jukebox.architecture import WEIGHTS, Architecture, Codec, Stack
from hevner.encoders.jukebox.encoder import Jukebox
from hevner.encoders.jukebox.prior import Prior
from hevner.encoders.large import LARGE
from hevner.encoders.weights.checkpoint import Checkpoint, write_safetensors
from tests.golden.encoders.seeded import weights

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders"

CODEC = Codec(width=8, depth=2, embedding=8, codes=48)
ROTATION = ("block", "column", "previous")

SMALL = {
    "5b": Architecture(CODEC, Stack(16, 2, 64, 8, (ROTATION * 3)[:7], 7), 5, 7, 20_000, 60.0),
    "5b-lyrics": Architecture(
        CODEC,
        Stack(16, 2, 64, 8, (*ROTATION * 6, "lyrics", "block", "column"), 21),
        genres=5,
        artists=7,
        bins=20_000,
        shortest_song=23.8,
        lyrics=Stack(12, 1, 16, 4, (*ROTATION, "block"), 4),
        lyric_tokens=16,
        lyric_symbols=11,
    ),
    "1b-lyrics": Architecture(
        CODEC,
        Stack(16, 2, 80, 8, (*ROTATION * 5, "prime", "column", "previous"), 18),
        genres=5,
        artists=7,
        bins=20_000,
        shortest_song=17.84,
        lyric_tokens=24,
        lyric_symbols=11,
        merged=True,
    ),
}


def golden(file: str, name: str) -> np.ndarray:
    with np.load(GOLDEN / f"{file}.npz") as arrays:
        return arrays[name]


def seeded_weights(table: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(weights(name, tuple(shape))) for name, shape in table.items()}


def hub_weights(model: str) -> dict[str, torch.Tensor]:
    """What the reference model of transformers holds."""
    return seeded_weights(json.loads(golden("jukebox", f"{model}/table").tobytes()))


def write_hub(model: str, folder: Path) -> Path:
    """A folder in the layout of transformers."""
    folder.mkdir()
    torch.save(hub_weights(model), folder / "pytorch_model.bin")
    return folder


def write_original(folder: Path, codec: dict, prior: dict) -> Path:
    """A folder in the layout, and the format, of the original release."""
    folder.mkdir()
    for name, part in (("vqvae.pth.tar", codec), ("prior_level_2.pth.tar", prior)):
        content = {"hps": {"sr": 44_100}, "model": part, "opt": None, "step": 1}
        torch.save(content, folder / name, _use_new_zipfile_serialization=False)
    return folder


def write_original_seeded(model: str, folder: Path) -> Path:
    """The same with the tensors of the reference model of the original code."""
    tables = json.loads(golden("jukebox_original", f"{model}/tables").tobytes())
    return write_original(folder, *(seeded_weights(tables[part]) for part in ("vqvae", "prior")))


def write_original_renamed(model: str, folder: Path) -> Path:
    """The same with the weights of the reference model of transformers."""
    architecture = SMALL[model]
    tensors = hub_weights(model)
    theirs, ours = layouts.hub(architecture).name, layouts.original(architecture).name
    renamed = {ours(k): tensors[theirs(k)] for k in layouts.shapes(architecture)}
    codec = {k for k in renamed if k.startswith(("encoders.", "bottleneck."))}
    return write_original(
        folder,
        {k: v for k, v in renamed.items() if k in codec},
        {k: v for k, v in renamed.items() if k not in codec},
    )


def convert(model: str, source: Path) -> Path:
    """Convert in place, and return the folder."""
    write_safetensors(source / WEIGHTS, layouts.find(SMALL[model], source), lambda *_: None)
    return source


def card(model: str, *chosen: int) -> EncoderCard:
    architecture = SMALL[model]
    samples = architecture.tokens * 128
    width, blocks = architecture.music.width, len(architecture.music.kinds)
    chosen = chosen or (blocks,)
    return replace(
        LARGE[f"jukebox-{model}"].card,
        window_samples=samples,
        hop_samples=samples,
        dimension=width * len(chosen),
        states=(width,) * (blocks + 1),
        chosen=chosen,
    )


def encoder(model: str, folder: Path, *chosen: int, device: str = "cpu") -> Jukebox:
    jukebox = Jukebox(card(model, *chosen), folder, device)
    jukebox.architecture = SMALL[model]
    return jukebox


def prior(model: str, folder: Path, dtype: torch.dtype = torch.float32) -> Prior:
    read = Checkpoint(folder / WEIGHTS).read
    return Prior(SMALL[model], read, torch.device("cpu"), dtype)


def states(prior: Prior, tokens: np.ndarray, last: int) -> np.ndarray:
    """All states, shape (last + 1, n, length, width)."""
    with torch.inference_mode():
        return np.stack([x.numpy().copy() for x in prior.states(torch.as_tensor(tokens), last)])
