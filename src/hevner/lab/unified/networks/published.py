"""The published unified network, layer by layer. Needs torch.

Source: Kang and Herremans, "Towards Unified Music Emotion Recognition across Dimensional and
Categorical Models" (2025), and its authors' code.

Conventions
-----------
Chords are numbered by ``PUBLISHED`` of `hevner.lab.unified.chord_sequence`. The embedding is not
standardised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from hevner.lab.unified.chord_sequence import NO_ROOT, PUBLISHED
from hevner.lab.unified.networks.inputs import Head, Inputs, Network, bounded, positions

MERT_DIMENSION = 1536
TAGS = Head("tags", "tags", 56)
VALENCE_AROUSAL = Head("emotion", "values", 2)
PUBLISHED_HEADS = (TAGS, VALENCE_AROUSAL)


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
        chords = chords + positions(chords.shape[1], self.SIZE, chords.device)
        start = torch.zeros_like(chords[:, :1])
        return cast(Tensor, self.encoder(torch.cat([start, chords], dim=1))[:, 0])


class UnifiedPublished(Network):
    """The published network.

    The student has both `PUBLISHED_HEADS` (1,072,058 parameters over MERT's 1536 numbers), a
    teacher has one of them (940,216 and 926,338).
    """

    def __init__(
        self, dimension: int = MERT_DIMENSION, heads: Sequence[Head] = PUBLISHED_HEADS
    ) -> None:
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
        """Raw outputs by the name of the head, shape ``(n, columns)``."""
        joined = torch.cat([inputs.vector, self.chords(inputs), inputs.minor[:, None]], dim=1)
        shared = torch.relu(self.trunk(joined))
        return bounded({h.name: self.branches[h.name](shared) for h in self.heads}, self.heads)
