"""Published files of MERT, checked and turned into one file of weights.

Conventions
-----------
A published file holds what `architecture.shapes` lists and nothing else; anything missing, not
expected or of another shape is named. Names may carry a prefix (`PREFIXES`), and the weight norm of
the positional convolution either spelling of PyTorch; it is folded here. Values keep their type.

Whether windows are brought to mean 0 and variance 1 is read from ``preprocessor_config.json``. It
was off when the networks were trained and in the first release, and is on for MERT-v1-95M today.
The norm behind the first convolution undoes it but for a small constant, so only very soft music
can tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hevner.encoders.mert.architecture import (
    KERNELS,
    NORMALISE,
    POSITION,
    POSITION_GROUPS,
    POSITIONS,
    SAMPLE_RATE,
    STRIDES,
    WEIGHTS,
    Size,
    shapes,
)
from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.errors import ModelError
from hevner.files import display_name

FILE_NAMES = ("model.safetensors", "pytorch_model.bin")
CONFIGURATION, PREPROCESSOR = "config.json", "preprocessor_config.json"

PREFIXES = ("hubert.", "mert_model.")
"""What names may begin with in files that were saved from a larger model."""

MASK = "masked_spec_embed"
"""Published, but used in training only."""

SPELLINGS = {
    f"{POSITION}parametrizations.weight.original0": f"{POSITION}weight_g",
    f"{POSITION}parametrizations.weight.original1": f"{POSITION}weight_v",
}
"""Names since PyTorch 2.1, by those before."""


def convert(size: Size, source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Write ``weights.safetensors``; see `hevner.encoders.base.Family`."""
    normalise = _check_configurations(source, size)
    file = next((source / one for one in FILE_NAMES if (source / one).is_file()), None)
    if file is None:
        raise _wrong(source, f"holds neither {' nor '.join(FILE_NAMES)}")
    entries = _entries(Checkpoint(file), size, normalise)
    write_safetensors(target / WEIGHTS, sorted(entries.items()), progress)


def _entries(checkpoint: Checkpoint, size: Size, normalise: bool) -> dict[str, Stored]:
    """What is written: the published tensors, with the weight norm folded."""
    published = _published_names(checkpoint)
    expected = shapes(size)
    _check_names(checkpoint.path, set(published) - {MASK}, set(expected))

    def stored(name: str) -> Stored:
        original = published[name]
        shape, dtype = checkpoint.shape(original), checkpoint.dtype(original)
        if shape != expected[name]:
            raise _wrong(checkpoint.path, f"{original} has the shape {shape}, not {expected[name]}")
        if not dtype.is_floating_point:
            raise _wrong(checkpoint.path, f"{original} holds values of the type {dtype}")
        return Stored(shape, dtype, lambda: checkpoint.read(original))

    entries = {name: stored(name) for name in expected}
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


def _published_names(checkpoint: Checkpoint) -> dict[str, str]:
    """Names in the file by the names that are expected."""
    names = checkpoint.names()
    prefix = next((one for one in PREFIXES if all(name.startswith(one) for name in names)), "")
    found: dict[str, str] = {}
    for original in names:
        plain = original.removeprefix(prefix)
        name = SPELLINGS.get(plain, plain)
        if name in found:
            raise _wrong(checkpoint.path, f"holds both {found[name]} and {original}")
        found[name] = original
    return found


def _check_names(path: Path, found: set[str], expected: set[str]) -> None:
    for verb, names in (("lacks", expected - found), ("also holds", found - expected)):
        if names:
            first = sorted(names)[:3]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise _wrong(path, f"{verb} {', '.join(first)}{more}")


def _check_configurations(source: Path, size: Size) -> bool:
    """Compare what the published configuration says; return whether windows are normalised."""
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
    path = source / CONFIGURATION
    if path.is_file():
        _check_values(path, _json(path), expected)
    path = source / PREPROCESSOR
    if not path.is_file():
        raise _wrong(
            source, f"holds no {PREPROCESSOR}, which says how the audio is to be normalised"
        )
    content = _json(path)
    _check_values(path, content, {"sampling_rate": SAMPLE_RATE})
    if not isinstance(content.get("do_normalize"), bool):
        raise _wrong(path, "does not say whether do_normalize is true or false")
    return bool(content["do_normalize"])


def _check_values(path: Path, content: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if content.get(name, value) != value:
            raise _wrong(path, f"{name} is {content[name]!r}, not {value!r}")


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(path, f"is not JSON that can be read ({error})") from error
    if not isinstance(content, dict):
        raise _wrong(path, "is not a JSON object")
    return content


def _wrong(path: Path, cause: str) -> ModelError:
    return ModelError(
        cause,
        subject=display_name(path),
        remedy="Give the files of this encoder as they were published",
    )
