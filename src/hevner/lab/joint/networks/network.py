"""The joint network: a branch for music, one for emotions, and projections that correlate them.

Conventions
-----------
A branch takes ``m`` vectors, shape ``(m, inputs)``, or ``m`` sequences padded to the longest,
shape ``(m, steps, inputs)``, with ``present``, bool, shape ``(m, steps)``, False where there is
padding. Without ``present`` every step counts. Padded steps are never read, so a piece is put at
the same place alone and in any batch. Row i of both sides is the same piece.
Needs torch.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from hevner.errors import ModelError
from hevner.lab.joint.networks.encoded import Encoded


class Branch(nn.Module):
    """Puts inputs of one kind into the joint space."""

    def forward(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of the inputs, shapes ``(m, D)``."""
        raise NotImplementedError


class Heads(nn.Module):
    """Three linear heads side by side.

    Parameters
    ----------
    features
        Size of their input.
    size
        D, the dimensions of the joint space.
    """

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(features, size)
        self.mean = nn.Linear(features, size)
        self.log_variance = nn.Linear(features, size)

    def forward(self, features: Tensor) -> Encoded:
        """Places from features ``(m, features)``."""
        return Encoded(
            self.embedding(features), self.mean(features), self.log_variance(features)
        )  # fmt: skip


class Recurrent(nn.Module):
    """Both last states of a bidirectional GRU, which passes over padding.

    PyTorch's GRU has two bias vectors per gate and direction where the published one has a single
    one, and it resets the state after the product with the recurrent weights, not before.

    Parameters
    ----------
    inputs
        Numbers per step.
    width
        Size of the state of each direction.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, width, batch_first=True, bidirectional=True)

    def forward(self, values: Tensor, present: Tensor | None) -> Tensor:
        """States after the last step and, backwards, after the first: ``(m, 2 * width)``."""
        values, lengths = compacted(values, present)
        packed = nn.utils.rnn.pack_padded_sequence(
            values, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        last = self.gru(packed)[1]
        return torch.cat([last[0], last[1]], dim=1)


class Projections(nn.Module):
    """The trainable matrices of the CCA loss, W1 for music and W2 for emotions (section 5.1).

    Parameters
    ----------
    size
        D, the dimensions of the joint space.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.music = nn.Parameter(torch.empty(size, size))
        self.emotion = nn.Parameter(torch.empty(size, size))
        for weights in (self.music, self.emotion):
            nn.init.trunc_normal_(weights, std=0.1, a=-0.2, b=0.2)


class JointNetwork(nn.Module):
    """Music and emotions in one space.

    Parameters
    ----------
    music, emotion
        The branches, of the same D.
    projections
        Needed by the CCA loss with trainable matrices alone.
    """

    def __init__(
        self, music: Branch, emotion: Branch, projections: Projections | None = None
    ) -> None:
        super().__init__()
        self.music, self.emotion, self.projections = music, emotion, projections

    def forward_music(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of music; see the head of this module."""
        return cast(Encoded, self.music(values, present))

    def forward_emotion(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of emotions; see the head of this module."""
        return cast(Encoded, self.emotion(values, present))


def compacted(values: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sequences with their steps first and zeros as padding, and their lengths.

    Raises
    ------
    ModelError
        If a sequence has no step.
    """
    if present is None:
        present = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
    lengths = present.sum(dim=1)
    if not len(lengths) or int(lengths.min()) == 0:
        raise ModelError(
            "a sequence has no steps", code="no_steps",
            remedy="Leave out pieces without a window or a rating",
        )  # fmt: skip
    order = torch.argsort((~present).to(torch.uint8), dim=1, stable=True)
    kept = torch.where(present[..., None], values, 0)
    return kept.gather(1, order[..., None].expand_as(kept)), lengths
