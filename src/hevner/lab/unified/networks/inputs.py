"""Inputs and heads of the unified networks. Needs torch.

Conventions
-----------
One row per piece of music. Chords are numbered as in `hevner.lab.unified.chord_sequence`, by the
vocabulary of the network they go to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hevner.lab.unified.chord_sequence import ChordSequence, Vocabulary, pad

LOWEST_LOG_VARIANCE = -7.0
HIGHEST_LOG_VARIANCE = 3.0
"""Log-variances stay between these, in the logarithm of squared label units."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """A batch of ``n`` pieces of music.

    Attributes
    ----------
    vector
        The embedding, float32, shape ``(n, dimension)``.
    roots, qualities
        Chords, int64, shape ``(n, length)``.
    durations
        Seconds, float32, shape ``(n, length)``.
    present
        False where there is padding, which comes last in a row; bool, shape ``(n, length)``.
    minor
        0 major .. 1 minor, float32, shape ``(n,)``.
    """

    vector: Tensor
    roots: Tensor
    qualities: Tensor
    durations: Tensor
    present: Tensor
    minor: Tensor

    @classmethod
    def from_sequences(
        cls, vectors: NDArray[np.float32], chords: Sequence[ChordSequence], vocabulary: Vocabulary
    ) -> Inputs:
        """Embeddings ``(n, dimension)`` with the ``n`` chord sequences that go with them."""
        padded = pad(chords, vocabulary)
        arrays = [getattr(padded, field.name) for field in fields(cls)[1:]]
        return cls(*(torch.from_numpy(array) for array in (vectors, *arrays)))

    def __len__(self) -> int:
        return len(self.vector)

    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors in the order of the attributes."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def rows(self, index: Tensor | slice) -> Inputs:
        """Some of the pieces, by their numbers or by a mask."""
        return Inputs(*(tensor[index] for tensor in self.tensors()))

    def to(self, device: torch.device | str) -> Inputs:
        """The same batch on another device."""
        return Inputs(*(tensor.to(device) for tensor in self.tensors()))


@dataclass(frozen=True)
class Head:
    """Output of a network for one kind of label.

    Attributes
    ----------
    name
        Key of the outputs.
    kind
        ``gaussian``: means, then as many log-variances. ``values``: plain regression. ``tags``:
        log odds of labels that do not exclude each other. ``shares``: numbers whose sigmoid is an
        expected share. ``classes``: scores whose softmax is a probability.
    outputs
        Size of the label.
    """

    name: str
    kind: Literal["gaussian", "values", "tags", "shares", "classes"]
    outputs: int

    @property
    def columns(self) -> int:
        """Width of the raw outputs."""
        return 2 * self.outputs if self.kind == "gaussian" else self.outputs


class Network(nn.Module):
    """Base of the networks.

    Attributes
    ----------
    dimension
        Size of the embedding.
    heads
        Heads, in order.
    """

    def __init__(self, dimension: int, heads: Sequence[Head]) -> None:
        super().__init__()
        self.dimension = dimension
        self.heads = tuple(heads)

    def forward(self, inputs: Inputs) -> dict[str, Tensor]:
        """Raw outputs by the name of the head, shape ``(n, columns)``."""
        raise NotImplementedError

    def __call__(self, inputs: Inputs) -> dict[str, Tensor]:
        """The same, for callers whose types are checked."""
        return cast(dict[str, Tensor], super().__call__(inputs))


def positions(length: int, size: int, device: torch.device) -> Tensor:
    """Sines and cosines of the place in a sequence (Vaswani et al., 2017), ``(length, size)``."""
    rates = torch.exp(torch.arange(0, size, 2, device=device) * (-math.log(10_000) / size))
    angles = torch.arange(length, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def bounded(outputs: dict[str, Tensor], heads: Sequence[Head]) -> dict[str, Tensor]:
    """The outputs with log-variances bent into their range."""
    middle = (HIGHEST_LOG_VARIANCE + LOWEST_LOG_VARIANCE) / 2
    half = (HIGHEST_LOG_VARIANCE - LOWEST_LOG_VARIANCE) / 2
    for head in heads:
        if head.kind == "gaussian":
            raw = outputs[head.name]
            means, spreads = raw[:, : head.outputs], raw[:, head.outputs :]
            bent = middle + half * torch.tanh((spreads - middle) / half)
            outputs[head.name] = torch.cat([means, bent], dim=1)
    return outputs
