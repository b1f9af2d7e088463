"""The unified network hevner trains. Needs torch.

It differs from the published one in that padding is masked, durations are read, sequences may have
any length, and the network can hold every linear model.

Conventions
-----------
Chords are numbered by ``REPAIRED`` of `hevner.lab.unified.chord_sequence`. The caller standardises
the embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from hevner.lab.unified.chord_sequence import NO_ROOT, REPAIRED
from hevner.lab.unified.networks.inputs import Head, Inputs, Network, bounded, positions

_SHORTEST_CHORD = 0.1
"""Seconds; the logarithm of a shorter duration is that of this one."""


class RepairedChords(nn.Module):
    """Chord encoder with durations and masked padding, for sequences of any length.

    Every chord is the sum of an embedding of its root, one of its quality and a linear map of the
    logarithm of its duration. A learned CLS vector comes first; where there are no chords, it is
    alone.
    """

    def __init__(self, size: int = 32, layers: int = 2, attention_heads: int = 4) -> None:
        super().__init__()
        self.size = size
        self.root = nn.Embedding(NO_ROOT + 1, size)
        self.quality = nn.Embedding(len(REPAIRED.qualities), size)
        self.duration = nn.Linear(1, size)
        self.start = nn.Parameter(torch.randn(size))
        layer = nn.TransformerEncoderLayer(
            size, attention_heads, 2 * size, 0.1, "gelu", batch_first=True, norm_first=True
        )
        # Dropping attention weights as well takes several times as long.
        layer.self_attn.dropout = 0.0
        norm = nn.LayerNorm(size)
        self.encoder = nn.TransformerEncoder(layer, layers, norm, enable_nested_tensor=False)

    def forward(self, inputs: Inputs) -> Tensor:
        """Output at the CLS vector, shape ``(n, size)``."""
        if self.training:
            inputs = _without_empty_end(inputs)
        seconds = inputs.durations.clamp(min=_SHORTEST_CHORD)
        chords = self.root(inputs.roots) + self.quality(inputs.qualities)
        chords = chords + self.duration(seconds.log()[..., None])
        chords = chords + positions(inputs.roots.shape[1], self.size, chords.device)
        start = self.start.expand(chords.shape[0], 1, -1)
        start_absent = torch.zeros_like(inputs.minor, dtype=torch.bool)[:, None]
        absent = torch.cat([start_absent, ~inputs.present], dim=1)
        whole = self.encoder(torch.cat([start, chords], dim=1), src_key_padding_mask=absent)
        return cast(Tensor, whole[:, 0])


def _without_empty_end(inputs: Inputs) -> Inputs:
    """The batch as long as its longest sequence: padding costs time."""
    length = int(inputs.present.any(dim=0).sum())
    sequences = ("roots", "qualities", "durations", "present")
    return replace(inputs, **{name: getattr(inputs, name)[:, :length] for name in sequences})


class Residual(nn.Module):
    """A small network whose output is added to its input."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout)
        )

    def forward(self, values: Tensor) -> Tensor:
        """Values of the same shape."""
        return cast(Tensor, values + self.change(values))


class UnifiedRepaired(Network):
    """The network hevner trains.

    Every head is a linear score of all inputs plus the output of a shared trunk and a small hidden
    layer of its own, which begins as zero: so the network holds every linear model, and training
    begins at one. A linear score that is learned by gradient descent overfits a few hundred pieces,
    though; it may be left out where linear models are fitted beside the network.

    Parameters
    ----------
    dimension
        Size of the embedding, which the caller standardises.
    heads
        Heads of the network.
    width, hidden
        Sizes of the trunk and of the hidden layer of a head.
    dropout
        Share of the trunk's values that are left out in training.
    chords, key
        Whether to use the chords and the mode. `Inputs` has them in any case.
    linear
        Whether to have the linear scores.
    """

    def __init__(
        self,
        dimension: int,
        heads: Sequence[Head],
        *,
        width: int = 128,
        hidden: int = 64,
        dropout: float = 0.3,
        chords: bool = True,
        key: bool = True,
        linear: bool = True,
    ) -> None:
        super().__init__(dimension, heads)
        self.chords = RepairedChords() if chords else None
        self.key = key
        joined = dimension + (self.chords.size if self.chords else 0) + int(key)
        self.skips = nn.ModuleDict()
        if linear:
            self.skips.update({head.name: nn.Linear(joined, head.columns) for head in heads})
        for skip in self.skips.values():
            # Not the columns of chords and mode: through them the chord encoder learns at once.
            nn.init.zeros_(cast(Tensor, skip.weight)[:, :dimension])
            nn.init.zeros_(cast(Tensor, skip.bias))
        self.trunk = nn.Sequential(
            nn.Linear(joined, width), nn.GELU(), nn.Dropout(dropout), Residual(width, dropout)
        )
        # Without a linear part, zero outputs would leave the trunk without gradient.
        self.branches = nn.ModuleDict(
            {head.name: _branch(width, hidden, head, silent=linear) for head in heads}
        )

    def forward(self, inputs: Inputs) -> dict[str, Tensor]:
        """Raw outputs by the name of the head, shape ``(n, columns)``."""
        parts = [inputs.vector]
        if self.chords is not None:
            parts.append(self.chords(inputs))
        if self.key:
            parts.append(inputs.minor[:, None])
        joined = torch.cat(parts, dim=1)
        outputs = {name: skip(joined) for name, skip in self.skips.items()}
        shared = self.trunk(joined)
        for name, branch in self.branches.items():
            added = branch(shared)
            outputs[name] = outputs[name] + added if name in outputs else added
        return bounded(outputs, self.heads)


def _branch(width: int, hidden: int, head: Head, *, silent: bool) -> nn.Sequential:
    """Layers of a head on the trunk; their outputs begin at zero if it is to be silent."""
    last = nn.Linear(hidden, head.columns)
    if silent:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), last)
