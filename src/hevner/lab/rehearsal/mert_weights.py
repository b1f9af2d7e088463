"""Make up weights of MERT: published names, shapes and files, random values.

Speed and memory do not depend on the values of weights, so these stand in for weights that may not
be passed on. Values keep the scale of a signal from layer to layer.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch

from hevner.encoders.mert import architecture, conversion

SEED = 11


def mert(name: str, folder: Path) -> None:
    """Write what is published of a MERT into a folder, with random weights."""
    size = architecture.SIZES[name]
    generator = torch.Generator().manual_seed(SEED)
    shapes = architecture.shapes(size) | {conversion.MASK: (size.width,)}
    weights = {one: values(one, shape, generator) for one, shape in shapes.items()}
    torch.save(weights, folder / "pytorch_model.bin")
    configuration = {
        "hidden_size": size.width,
        "num_hidden_layers": size.blocks,
        "num_attention_heads": size.heads,
        "intermediate_size": size.inner,
        "do_stable_layer_norm": size.stable,
        "deepnorm": False,
        "feature_extractor_cqt": False,
        "sample_rate": architecture.SAMPLE_RATE,
    }
    preprocessor = {"do_normalize": True, "sampling_rate": architecture.SAMPLE_RATE}
    (folder / "config.json").write_text(json.dumps(configuration))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))


def values(name: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Random values for a tensor: about 1 for gains, small for biases, unit gain for matrices."""
    drawn = torch.randn(shape, generator=generator)
    if name.endswith("weight_g"):
        return 1 + 0.1 * drawn
    if len(shape) == 1:
        return 0.1 * drawn + (1 if name.endswith("norm.weight") else 0)
    return drawn / math.sqrt(math.prod(shape[1:]))
