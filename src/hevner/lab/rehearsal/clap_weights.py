"""A checkpoint of CLAP as it is published, with random weights: the full size takes 0.8 GB.

The numbers follow from the seed and the names of the tensors alone. Their size is such
that activations neither grow nor fade; embeddings mean nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import ClapConfig, ClapModel

LARGER = {
    "model_type": "clap",
    "projection_dim": 512,
    "projection_hidden_act": "relu",
    "audio_config": {
        "model_type": "clap_audio_model",
        "depths": [2, 2, 12, 2],
        "hidden_size": 1024,
        "patch_embeds_hidden_size": 128,
    },
    "text_config": {"model_type": "clap_text_model"},
}
"""What ``config.json`` of the published larger checkpoints says, as far as it matters."""

PREPROCESSOR = {
    "chunk_length_s": 10,
    "feature_extractor_type": "ClapFeatureExtractor",
    "feature_size": 64,
    "fft_window_size": 1024,
    "frequency_max": 14000,
    "frequency_min": 50,
    "hop_length": 480,
    "max_length_s": 10,
    "n_fft": 1024,
    "nb_frequency_bins": 513,
    "nb_max_frames": 1000,
    "nb_max_samples": 480000,
    "padding": "repeatpad",
    "padding_side": "right",
    "padding_value": 0.0,
    "processor_class": "ClapProcessor",
    "return_attention_mask": False,
    "sampling_rate": 48000,
    "top_db": None,
    "truncation": "rand_trunc",
}

MERGES = ("m u", "mu s", "mus i", "musi c", "Ġ music", "c a", "ca l", "cal m")
MARKS = ("<s>", "<pad>", "</s>", "<unk>")


def state(config: Mapping[str, object], seed: int = 0) -> dict[str, torch.Tensor]:
    """Every tensor of a model, buffers included, by name."""
    with torch.device("meta"):
        model = ClapModel(ClapConfig.from_dict(dict(config)))
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    values = tensors(shapes, seed)
    for name, module in model.audio_model.named_modules():
        if hasattr(module, "relative_position_index"):
            index = module.create_relative_position_index()
            values[f"audio_model.{name}.relative_position_index"] = index
    return values


def tensors(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors of these names and shapes: one random stream for each, in the order of the names."""
    return {
        name: _tensor(name, tuple(shapes[name]), np.random.default_rng([seed, number]))
        for number, name in enumerate(sorted(shapes))
    }


def _tensor(name: str, shape: tuple[int, ...], random: np.random.Generator) -> torch.Tensor:
    values = random.standard_normal(shape, dtype=np.float32)
    if name.endswith("position_ids"):
        return torch.arange(shape[-1])[None]
    if name.endswith(("token_type_ids", "num_batches_tracked", "relative_position_index")):
        return torch.zeros(shape, dtype=torch.long)
    if name.startswith("logit_scale"):
        values = np.asarray(math.log(20), np.float32)
    elif name.endswith("running_mean"):
        values = -40 + 5 * values
    elif name.endswith("running_var"):
        values = 400 + 20 * values
    elif "norm" in name.lower() and name.endswith("weight"):
        values = 1 + 0.1 * values
    elif name.endswith("bias"):
        values *= 0.05
    elif "embeddings" not in name and len(shape) > 1:
        values /= math.sqrt(math.prod(shape[1:]))
    return torch.from_numpy(np.asarray(values, np.float32))


def write(folder: Path, config: Mapping[str, object] = LARGER, seed: int = 0) -> None:
    """Write a checkpoint with ``pytorch_model.bin`` and the two files of the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    text: Any = ClapConfig.from_dict(dict(config)).text_config
    torch.save(state(config, seed), folder / "pytorch_model.bin")
    for name, content in (
        ("config.json", config),
        ("preprocessor_config.json", PREPROCESSOR),
        ("vocab.json", vocabulary(text.vocab_size)),
    ):
        (folder / name).write_text(json.dumps(content, indent=2), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")


def vocabulary(size: int) -> dict[str, int]:
    """Marks, bytes, what `MERGES` make, and names without use up to ``size``."""
    tokens = [*MARKS, *sorted(ByteLevel.alphabet()), *(pair.replace(" ", "") for pair in MERGES)]
    tokens += [f"unused{number}" for number in range(len(tokens), size - 1)]
    return {token: number for number, token in enumerate([*tokens, "<mask>"])}
