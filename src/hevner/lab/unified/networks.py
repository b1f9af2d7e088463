"""One network for every kind of emotion label, over an embedding, chords and mode. Needs torch.

`UnifiedPublished` has the layers of Kang and Herremans, "Towards Unified Music Emotion Recognition
across Dimensional and Categorical Models" (2025), and of its authors' code. `UnifiedRepaired` is
the network hevner trains: padding is masked, durations are read, sequences may have any length, and
it can hold every linear model. Both take `Inputs` and give raw outputs by the name of their `Head`.

Conventions
-----------
One row per piece of music. Chords are numbered as in `hevner.lab.unified.chord_sequence`, by the
vocabulary of the network they go to. The caller standardises the embedding for the repaired
network; the published one takes it as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import torch
from torch import Tensor, nn

from hevner.arrays import Floats
from hevner.lab.unified.chord_sequence import (
    NO_ROOT,
    PUBLISHED,
    REPAIRED,
    ChordSequence,
    Vocabulary,
)
from hevner.lab.unified.recipe import HeadKind

LOWEST_LOG_VARIANCE = -7.0
HIGHEST_LOG_VARIANCE = 3.0
"""Log-variances stay between these, in the logarithm of squared label units."""

_SHORTEST_CHORD = 0.1
"""Seconds; the logarithm of a shorter duration is that of this one."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """A batch of ``n`` pieces of music: embeddings ``(n, dimension)``, chords and mode.

    Of shape ``(n, length)`` are roots and qualities, int64, durations, seconds, float32, and
    ``present``, bool: False where there is padding, which comes last in a row. ``minor`` is 0 for
    major .. 1 for minor, float32, shape ``(n,)``.
    """

    vector: Tensor
    roots: Tensor
    qualities: Tensor
    durations: Tensor
    present: Tensor
    minor: Tensor

    @classmethod
    def from_sequences(
        cls, vectors: Floats, chords: Sequence[ChordSequence], vocabulary: Vocabulary
    ) -> Inputs:
        """Embeddings ``(n, dimension)`` with the ``n`` chord sequences that go with them.

        Sequences are padded or cut to the length of the vocabulary, or padded to the longest, but
        never empty: without a single chord, one column of padding remains.
        """
        longest = max((len(sequence) for sequence in chords), default=0)
        shape = (len(chords), vocabulary.length or max(longest, 1))
        padded = cls(
            vector=torch.from_numpy(vectors),
            roots=torch.full(shape, NO_ROOT),
            qualities=torch.full(shape, vocabulary.none),
            durations=torch.zeros(shape),
            present=torch.zeros(shape, dtype=torch.bool),
            minor=torch.tensor([sequence.minor for sequence in chords], dtype=torch.float32),
        )
        for row, sequence in enumerate(chords):
            kept = min(len(sequence), shape[1])
            for name in ("roots", "qualities", "durations"):
                getattr(padded, name)[row, :kept] = torch.from_numpy(getattr(sequence, name)[:kept])
            padded.present[row, :kept] = True
        return padded

    def __len__(self) -> int:
        return len(self.vector)

    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors in the order of the attributes."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def rows(self, index: Tensor | slice) -> Inputs:
        """Some of the pieces, by their numbers or by a mask."""
        return Inputs(*(tensor[index] for tensor in self.tensors()))


@dataclass(frozen=True)
class Head:
    """Output of a network for one kind of label, of a size; the name is the key of the outputs.

    ``gaussian``: means, then as many log-variances. ``values``: plain regression. ``tags``: log
    odds of labels that do not exclude each other. ``shares``: numbers whose sigmoid is an expected
    share. ``classes``: scores whose softmax is a probability.
    """

    name: str
    kind: HeadKind
    outputs: int

    @property
    def columns(self) -> int:
        """Width of the raw outputs."""
        return 2 * self.outputs if self.kind == "gaussian" else self.outputs


class Network(nn.Module):
    """Base of the networks, over embeddings of so many numbers."""

    def __init__(self, dimension: int, heads: Sequence[Head]) -> None:
        super().__init__()
        self.dimension = dimension
        self.heads = tuple(heads)

    def __call__(self, inputs: Inputs) -> dict[str, Tensor]:
        """Raw outputs by the name of the head, shape ``(n, columns)``."""
        return cast(dict[str, Tensor], super().__call__(inputs))


def positions(length: int, size: int) -> Tensor:
    """Sines and cosines of the place in a sequence (Vaswani et al., 2017), ``(length, size)``."""
    rates = torch.exp(torch.arange(0, size, 2) * (-math.log(10_000) / size))
    angles = torch.arange(length)[:, None] * rates
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


# --- as published ---


class PublishedChords(nn.Module):
    """Chord encoder of the published system: 8 numbers from 100 chords.

    Padding is not masked, and the CLS vector in front is zero and has no position.
    """

    SIZE = 8

    def __init__(self) -> None:
        super().__init__()
        # The published tables hold a root "X" as well, which never occurs.
        self.root = nn.Embedding(NO_ROOT + 2, 4)
        self.quality = nn.Embedding(len(PUBLISHED.qualities), 4)
        for table in (self.root, self.quality):
            nn.init.xavier_uniform_(table.weight)
        layer = nn.TransformerEncoderLayer(self.SIZE, 8, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, inputs: Inputs) -> Tensor:
        """Output at the CLS vector, shape ``(n, 8)``."""
        # There, no chord is 0 and C is 1.
        numbers = (inputs.roots + 1) % (NO_ROOT + 1)
        chords = torch.cat([self.root(numbers), self.quality(inputs.qualities)], dim=-1)
        chords = chords + positions(chords.shape[1], self.SIZE)
        start = torch.zeros_like(chords[:, :1])
        return cast(Tensor, self.encoder(torch.cat([start, chords], dim=1))[:, 0])


class UnifiedPublished(Network):
    """The published network.

    The student has heads for 56 tags and for valence and arousal (1,072,058 parameters over MERT's
    1536 numbers), a teacher has one of them (940,216 and 926,338).
    """

    def __init__(self, dimension: int, heads: Sequence[Head]) -> None:
        super().__init__(dimension, heads)
        self.chords = PublishedChords()
        self.trunk = nn.Linear(dimension + PublishedChords.SIZE + 1, 512)
        self.branches = nn.ModuleDict(
            {
                head.name: nn.Sequential(
                    nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, head.columns)
                )
                for head in heads
            }
        )

    def forward(self, inputs: Inputs) -> dict[str, Tensor]:
        """Raw outputs by the name of the head."""
        joined = torch.cat([inputs.vector, self.chords(inputs), inputs.minor[:, None]], dim=1)
        shared = torch.relu(self.trunk(joined))
        return bounded({h.name: self.branches[h.name](shared) for h in self.heads}, self.heads)


# --- as hevner trains it ---


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
        chords = chords + positions(inputs.roots.shape[1], self.size)
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
    though; it may be left out where linear models are fitted beside the network, as chords and key
    may, which `Inputs` have in any case.
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
        """Raw outputs by the name of the head."""
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
