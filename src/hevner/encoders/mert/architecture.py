"""Architecture of the published MERT networks.

Conventions
-----------
Tensors carry the names of transformers' `HubertModel`. State 0 is the input to the first block,
state k the output of block k.
"""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]

WEIGHTS = "weights.safetensors"

SAMPLE_RATE = 24_000

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
STEP = 320
"""Samples from one frame to the next: the product of the strides."""

POSITIONS, POSITION_GROUPS = 128, 16
"""Kernel and groups of the positional convolution."""

POSITION = "encoder.pos_conv_embed.conv."
"""Beginning of the names of its tensors."""

NORMALISE = "normalise"
"""Name of a truth value beside the tensors: whether windows are brought to mean 0, variance 1."""


@dataclass(frozen=True)
class Size:
    """What differs between networks.

    Attributes
    ----------
    width, blocks, heads, inner
        Width of a state, number of blocks, their attention heads, and the width inside them.
    stable
        Whether layer norms come before attention and inner layers, with one more at the end.
    channels
        Channels of the convolutions.
    """

    width: int
    blocks: int
    heads: int
    inner: int
    stable: bool
    channels: int = 512


SIZES = {
    "mert-v1-95m": Size(768, 12, 12, 3072, stable=False),
    "mert-v1-330m": Size(1024, 24, 16, 4096, stable=True),
}
"""Sizes of the networks, by name."""


def shapes(size: Size) -> dict[str, Shape]:
    """Names and shapes of the tensors that a published file must hold."""
    found: dict[str, Shape] = {}

    def layer(name: str, *shape: int) -> None:
        found[f"{name}.weight"] = shape
        found[f"{name}.bias"] = shape[:1]

    width, channels = size.width, size.channels
    for number, kernel in enumerate(KERNELS):
        weight = f"feature_extractor.conv_layers.{number}.conv.weight"
        found[weight] = (channels, channels if number else 1, kernel)
    layer("feature_extractor.conv_layers.0.layer_norm", channels)
    layer("feature_projection.layer_norm", channels)
    layer("feature_projection.projection", width, channels)
    found[f"{POSITION}weight_g"] = (1, 1, POSITIONS)
    found[f"{POSITION}weight_v"] = (width, width // POSITION_GROUPS, POSITIONS)
    found[f"{POSITION}bias"] = (width,)
    layer("encoder.layer_norm", width)
    for number in range(size.blocks):
        block = f"encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            layer(f"{block}.attention.{part}", width, width)
        layer(f"{block}.layer_norm", width)
        layer(f"{block}.feed_forward.intermediate_dense", size.inner, width)
        layer(f"{block}.feed_forward.output_dense", width, size.inner)
        layer(f"{block}.final_layer_norm", width)
    return found
