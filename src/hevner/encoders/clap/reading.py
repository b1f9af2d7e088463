"""Read the configuration of a CLAP and fill its models with weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import ClapConfig

from hevner.encoders.base import EncoderCard
from hevner.encoders.weights.checkpoint import Checkpoint
from hevner.encoders.weights.published import other_files, read_json

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"

Config = Any
"""A ``ClapConfig``. Its parts are typed as optional there, though they are always present."""

DERIVED = ("position_ids", "token_type_ids", "relative_position_index", "num_batches_tracked")
"""Last parts of the names of buffers that follow from the configuration, or are not used."""


def read_config(folder: Path, card: EncoderCard) -> Config:
    """Read the configuration of a checkpoint.

    Raises
    ------
    ModelError
        If it is missing, damaged, or of another model than that of the card.
    """
    path = folder / CONFIG
    content = read_json(path)
    if content.get("model_type") != "clap":
        raise other_files(path, f"model_type is {content.get('model_type')!r}, not 'clap'")
    try:
        config: Config = ClapConfig.from_dict(content)
    except (TypeError, ValueError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise other_files(path, f"the configuration makes no sense ({reason})") from error
    audio = config.audio_config
    if audio.enable_fusion:
        raise other_files(path, "it is of a model with feature fusion")
    if widths(config) != card.states:
        raise other_files(
            path,
            f"blocks {tuple(audio.depths)} from width {audio.patch_embeds_hidden_size} on "
            f"are not those of {card.id}",
        )
    if not card.chosen and config.projection_dim != card.dimension:
        raise other_files(path, f"the joint space has {config.projection_dim} dimensions")
    return config


def widths(config: Config) -> tuple[int, ...]:
    """Width of every state of the audio tower."""
    audio = config.audio_config
    first = audio.patch_embeds_hidden_size
    stages = (
        width for number, depth in enumerate(audio.depths) for width in [first * 2**number] * depth
    )
    return (first, *stages)


def fill(
    model: torch.nn.Module, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device
) -> None:
    """Give a model that was built on the meta device its weights, ready to run.

    Batch norm keeps single precision. Raises what `Checkpoint.read` does.
    """
    tensors = {}
    for name in model.state_dict():
        if not name.endswith(DERIVED):
            kept = torch.float32 if "batch_norm" in name else dtype
            tensors[name] = checkpoint.read(name).to(device, kept)
    model.load_state_dict(tensors | _derived(model, device), strict=True, assign=True)
    model.eval()


def _derived(model: torch.nn.Module, device: torch.device) -> dict[str, torch.Tensor]:
    """The buffers that are not in the file: left on the meta device they would hold anything."""
    buffers = {}
    for name, module in model.named_modules():
        if hasattr(module, "relative_position_index"):
            buffers[f"{name}.relative_position_index"] = module.create_relative_position_index()
        if hasattr(module, "position_ids"):
            count = module.position_ids.shape[-1]
            buffers[f"{name}.position_ids"] = torch.arange(count)[None]
            buffers[f"{name}.token_type_ids"] = torch.zeros(1, count, dtype=torch.long)
        if hasattr(module, "num_batches_tracked"):
            buffers[f"{name}.num_batches_tracked"] = torch.tensor(0)
    return {name: buffer.to(device) for name, buffer in buffers.items()}
