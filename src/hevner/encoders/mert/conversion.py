"""Published files of MERT, checked and turned into one file of weights.

Conventions
-----------
A published file holds what `architecture.shapes` lists and nothing else; anything missing, not
expected or of another shape is named. Names may carry a prefix (`PREFIXES`), and the weight norm of
the positional convolution either spelling of PyTorch; it is folded here. Values keep their type.

Whether windows are brought to mean 0 and variance 1 is read from ``preprocessor_config.json``. It
was off when the networks were trained and in the first release, and is on for MERT-v1-95M today.
The norm behind the first convolution undoes it but for a small constant, so the setting
matters for very soft music only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from hevner.encoders.base import EncoderCard
from hevner.encoders.mert.architecture import (
    KERNELS,
    NORMALISE,
    POSITION,
    POSITION_GROUPS,
    POSITIONS,
    SAMPLE_RATE,
    SIZES,
    STRIDES,
    WEIGHTS,
    Size,
    shapes,
)
from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.encoders.weights.published import (
    check_tensors,
    check_values,
    first_file,
    other_files,
    read_json,
)

FILE_NAMES = ("model.safetensors", "pytorch_model.bin")
CONFIGURATION, PREPROCESSOR = "config.json", "preprocessor_config.json"

PREFIXES = ("hubert.", "mert_model.")
"""Beginnings of names in files that were saved from a larger model."""

MASK = "masked_spec_embed"
"""Published, but used in training only."""

SPELLINGS = {
    f"{POSITION}parametrizations.weight.original0": f"{POSITION}weight_g",
    f"{POSITION}parametrizations.weight.original1": f"{POSITION}weight_v",
}
"""Names since PyTorch 2.1, by those before."""


def convert(
    card: EncoderCard, source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    """Write ``weights.safetensors``; see `hevner.encoders.large.Large.convert`.

    ``source`` is a folder as on the hub; ``config.json`` is compared if it is there.
    """
    size = SIZES[card.id]
    normalise = _check_configurations(source, size)
    entries = _entries(Checkpoint(first_file(source, FILE_NAMES)), size, normalise)
    write_safetensors(target / WEIGHTS, sorted(entries.items()), progress)


def _entries(checkpoint: Checkpoint, size: Size, normalise: bool) -> dict[str, Stored]:
    """The tensors to write: the published ones, with the weight norm folded."""
    entries = _published(checkpoint)
    check_tensors(checkpoint.path, entries, shapes(size))
    for name, stored in entries.items():
        if not stored.dtype.is_floating_point:
            raise other_files(checkpoint.path, f"{name} holds values of the type {stored.dtype}")
    gain = entries.pop(f"{POSITION}weight_g")
    direction = entries.pop(f"{POSITION}weight_v")
    entries[f"{POSITION}weight"] = replace(
        direction, read=lambda: _fold(gain.read(), direction.read())
    )
    entries[NORMALISE] = Stored((), torch.bool, lambda: torch.tensor(normalise))
    return entries


def _fold(gain: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """The weight that a gain and a direction per tap stand for."""
    exact = direction.double()
    exact *= gain.double() / exact.square().sum((0, 1), keepdim=True).sqrt()
    return exact.to(direction.dtype)


def _published(checkpoint: Checkpoint) -> dict[str, Stored]:
    """The tensors of a file by the names that are expected, without the mask."""
    names = checkpoint.names()
    prefix = next((one for one in PREFIXES if all(name.startswith(one) for name in names)), "")
    found: dict[str, Stored] = {}
    for original in names:
        plain = original.removeprefix(prefix)
        name = SPELLINGS.get(plain, plain)
        if name in found:
            raise other_files(checkpoint.path, f"holds {name} in two spellings")
        found[name] = checkpoint.stored(original)
    found.pop(MASK, None)
    return found


def _check_configurations(source: Path, size: Size) -> bool:
    """Check the published configuration; return whether windows are to be normalised."""
    expected = {
        "hidden_size": size.width,
        "num_hidden_layers": size.blocks,
        "num_attention_heads": size.heads,
        "intermediate_size": size.inner,
        "do_stable_layer_norm": size.stable,
        "conv_dim": [size.channels] * len(KERNELS),
        "conv_kernel": list(KERNELS),
        "conv_stride": list(STRIDES),
        "conv_bias": False,
        "num_conv_pos_embeddings": POSITIONS,
        "num_conv_pos_embedding_groups": POSITION_GROUPS,
        "feat_extract_norm": "group",
        "feat_extract_activation": "gelu",
        "feat_proj_layer_norm": True,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "deepnorm": False,
        "feature_extractor_cqt": False,
        "sample_rate": SAMPLE_RATE,
    }
    if (source / CONFIGURATION).is_file():
        check_values(source / CONFIGURATION, read_json(source / CONFIGURATION), expected)
    path = source / PREPROCESSOR
    content = read_json(path)
    check_values(path, content, {"sampling_rate": SAMPLE_RATE})
    if not isinstance(content.get("do_normalize"), bool):
        raise other_files(
            path, "does not say whether do_normalize is true or false", "other_settings"
        )
    return bool(content["do_normalize"])
