"""The published joint networks, layer by layer. Need torch.

Source: Takashima, Li, Grzegorzek and Shirahama, "Embedding-based Music Emotion Recognition Using
Composite Loss" (2023), and its authors' code; sections and defects are those of the specification
that numbers them.

Conventions
-----------
Inputs are not standardised. The layers of the paper declare a dropout of 0.5 that its training
never turns on (defect D3); ``dropout`` turns it on. Weights begin as Keras begins them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from hevner.errors import ModelError
from hevner.lab.joint.networks.encoded import Encoded
from hevner.lab.joint.networks.network import Branch, Heads, Recurrent

SIZE = 1024
"""D of the paper."""
VGGISH_DIMENSION = 128
WIDTH = 512
"""Size of the layers in the middle and of the GRU's states; other layers are in proportion."""


class PublishedVector(Branch):
    """Music branch over the mean of embeddings, used for DEAM: 5,150,976 parameters."""

    def __init__(
        self,
        inputs: int = VGGISH_DIMENSION,
        size: int = SIZE,
        *,
        width: int = WIDTH,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        widths = (inputs, width // 2, width, width, 2 * width, size)
        self.trunk = _trunk(widths, dropout=dropout)
        self.heads = Heads(size, size)
        _begin(self)

    def forward(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of vectors ``(m, inputs)``, which have no steps to be present."""
        if present is not None:
            raise ModelError(
                "a vector has no steps", remedy="Give no mask with vectors", code="wrong_shape"
            )
        return cast(Encoded, self.heads(self.trunk(values)))


class PublishedSequence(Branch):
    """Branch over sequences: 7,355,904 parameters over valence and arousal, 7,742,976 over VGGish.

    These count one bias vector per gate and direction; PyTorch's two add 3,072.
    """

    def __init__(
        self, inputs: int, size: int = SIZE, *, width: int = WIDTH, dropout: bool = False
    ) -> None:
        super().__init__()
        self.recurrent = Recurrent(inputs, width)
        self.trunk = _trunk((2 * width, *(width,) * 3, 2 * width, size), dropout=dropout)
        self.heads = Heads(size, size)
        _begin(self)

    def forward(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of sequences ``(m, steps, inputs)``."""
        return cast(Encoded, self.heads(self.trunk(self.recurrent(values, present))))


def _trunk(widths: Sequence[int], *, dropout: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Softplus(), nn.Dropout(0.5 if dropout else 0.0)]
    # The last layer has no dropout.
    return nn.Sequential(*layers[:-1])


def _begin(branch: Branch) -> None:
    """Initial weights of Keras: orthogonal between states, Glorot's elsewhere, no bias."""
    for name, weights in branch.named_parameters():
        if weights.ndim == 1:
            nn.init.zeros_(weights)
        elif "weight_hh" in name:
            nn.init.orthogonal_(weights)
        else:
            nn.init.xavier_uniform_(weights)
