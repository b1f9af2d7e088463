"""Networks that put music and emotions into one space. Need torch.

A `JointNetwork` has a branch for music and one for emotions. The published branches follow
Takashima, Li, Grzegorzek and Shirahama, "Embedding-based Music Emotion Recognition Using Composite
Loss" (2023), and its authors' code, layer by layer; sections and defects are those of the
specification that numbers them. hevner trains the others, which are small enough for a few hundred
pieces: their heads are linear in the input and in a small hidden layer beside it, so that a branch
holds every linear model of its input; a `VectorBranch` can leave the input itself out.

Conventions
-----------
A branch takes ``m`` vectors, shape ``(m, inputs)``, or ``m`` sequences padded to the longest,
shape ``(m, steps, inputs)``, with ``present``, bool, shape ``(m, steps)``, False where there is
padding. Without ``present`` every step counts. Padded steps are never read, so a piece is put at
the same place alone and in any batch. Row i of both sides is the same piece.

Inputs of published branches are not standardised; the caller standardises those of the others,
whose log-variances are bent into `LOWEST_LOG_VARIANCE` .. `HIGHEST_LOG_VARIANCE`: a branch that is
surer than that has learned its pieces by heart. Noise and dropout act in training mode alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from hevner.errors import ModelError

WIDTH = 512
"""Size of the published layers in the middle and GRU states; other layers are in proportion."""

LOWEST_LOG_VARIANCE = -6.0
HIGHEST_LOG_VARIANCE = 4.0


@dataclass(frozen=True, eq=False)
class Encoded:
    """Places of ``m`` musics or emotions, in ``D`` dimensions, shapes ``(m, D)``.

    The embedding is correlated with that of the other side (CCA); mean and log-variance are those
    of a Gaussian with independent dimensions (KL).
    """

    embedding: Tensor
    mean: Tensor
    log_variance: Tensor

    def __len__(self) -> int:
        return len(self.embedding)


class Branch(nn.Module):
    """Puts inputs of one kind into the joint space; see the module."""

    def __call__(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of the inputs, shapes ``(m, D)``."""
        return cast(Encoded, super().__call__(values, present))


class Heads(nn.Module):
    """Three linear heads side by side: from ``features`` numbers to ``size`` dimensions."""

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(features, size)
        self.mean = nn.Linear(features, size)
        self.log_variance = nn.Linear(features, size)

    def forward(self, features: Tensor) -> Encoded:
        """Places from features ``(m, features)``."""
        return Encoded(self.embedding(features), self.mean(features), self.log_variance(features))


class Recurrent(nn.Module):
    """Both last states of a bidirectional GRU, which passes over padding.

    PyTorch's GRU has two bias vectors per gate and direction where the published one has a single
    one, and it resets the state after the product with the recurrent weights, not before.
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
    """The trainable matrices of the CCA loss, W1 for music and W2 for emotions (section 5.1)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.music = nn.Parameter(torch.empty(size, size))
        self.emotion = nn.Parameter(torch.empty(size, size))
        for weights in (self.music, self.emotion):
            nn.init.trunc_normal_(weights, std=0.1, a=-0.2, b=0.2)


class JointNetwork(nn.Module):
    """Music and emotions in one space, by branches of the same D.

    The projections are for the CCA loss with trainable matrices alone.
    """

    def __init__(self, music: Branch, emotion: Branch, projections: Projections) -> None:
        super().__init__()
        self.music, self.emotion, self.projections = music, emotion, projections


def compacted(values: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sequences with their steps first and zeros as padding, and their lengths.

    A sequence without a step raises `ModelError`.
    """
    if present is None:
        present = torch.ones(values.shape[:2], dtype=torch.bool)
    lengths = present.sum(dim=1)
    if not len(lengths) or int(lengths.min()) == 0:
        raise ModelError(
            "a sequence has no steps", code="no_steps",
            remedy="Leave out pieces without a window or a rating",
        )  # fmt: skip
    order = torch.argsort((~present).to(torch.uint8), dim=1, stable=True)
    kept = torch.where(present[..., None], values, 0)
    return kept.gather(1, order[..., None].expand_as(kept)), lengths


# --- as published ---


class PublishedVector(Branch):
    """Music branch over the mean of embeddings, used for DEAM: 5,150,976 parameters.

    The layers of the paper declare a dropout of 0.5 that its training never turns on (defect D3);
    ``dropout`` turns it on. Weights begin as Keras begins them.
    """

    def __init__(
        self, inputs: int, size: int, *, width: int = WIDTH, dropout: bool = False
    ) -> None:
        super().__init__()
        widths = (inputs, width // 2, width, width, 2 * width, size)
        self.trunk = _trunk(widths, dropout=dropout)
        self.heads = Heads(size, size)
        _begin(self)

    def forward(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of vectors ``(m, inputs)``, which have no steps to be present."""
        return cast(Encoded, self.heads(self.trunk(values)))


class PublishedSequence(Branch):
    """Branch over sequences: 7,355,904 parameters over valence and arousal, 7,742,976 over VGGish.

    These count one bias vector per gate and direction; PyTorch's two add 3,072.
    """

    def __init__(
        self, inputs: int, size: int, *, width: int = WIDTH, dropout: bool = False
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


# --- as hevner trains them ---


class VectorBranch(Branch):
    """Branch over a vector: pooled music, or an emotion as point, shares, or mean and spread.

    Noise, added to the input in training, has a standard deviation in standard units; the heads of
    a linear branch read the input beside the hidden layer.
    """

    def __init__(
        self,
        inputs: int,
        size: int,
        *,
        hidden: int = 64,
        dropout: float = 0.3,
        noise: float = 0.0,
        linear: bool = True,
    ) -> None:
        super().__init__()
        self.noise, self.linear = noise, linear
        self.hidden = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(dropout))
        self.heads = Heads(inputs * linear + hidden, size)

    def forward(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of vectors ``(m, inputs)``, which have no steps to be present."""
        if self.training and self.noise:
            values = values + self.noise * torch.randn_like(values)
        hidden = self.hidden(values)
        return _bent(self.heads(torch.cat([values, hidden], dim=1) if self.linear else hidden))


class SequenceBranch(Branch):
    """Branch over a sequence, such as windows of music or a trajectory: its mean and a GRU."""

    def __init__(
        self,
        inputs: int,
        size: int,
        *,
        width: int = 32,
        dropout: float = 0.3,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.noise = noise
        self.recurrent = Recurrent(inputs, width)
        self.drop = nn.Dropout(dropout)
        self.heads = Heads(inputs + 2 * width, size)

    def forward(self, values: Tensor, present: Tensor | None = None) -> Encoded:
        """Places of sequences ``(m, steps, inputs)``."""
        if self.training and self.noise:
            values = values + self.noise * torch.randn_like(values)
        steps, lengths = compacted(values, present)
        mean = steps.sum(dim=1) / lengths[:, None]
        states = self.drop(self.recurrent(values, present))
        return _bent(self.heads(torch.cat([mean, states], dim=1)))


def summary(values: Tensor, present: Tensor | None = None, points: int = 8) -> Tensor:
    """Shape of trajectories of any length ``(m, steps, inputs)``, as vectors.

    The vectors, ``(m, inputs * (3 + points))``, hold the means; the standard deviations over time;
    the slopes of straight-line fits, in change from start to end; and the values at ``points``
    equal steps (at least 2) from start to end, in straight lines between the given ones, minus the
    means.
    """
    steps, lengths = compacted(values, present)
    count = lengths[:, None].to(steps)
    place = torch.arange(steps.shape[1], dtype=steps.dtype)
    inside = (place < count).to(steps)
    mean = steps.sum(dim=1) / count
    centred = (steps - mean[:, None]) * inside[..., None]
    spread = (centred.square().sum(dim=1) / count).sqrt()
    last = (count - 1).clamp(min=1)
    time = (place / last - 0.5) * inside
    slope = (time[..., None] * centred).sum(dim=1)
    slope = slope / time.square().sum(dim=1, keepdim=True)
    wanted = torch.linspace(0, 1, points, dtype=steps.dtype) * (count - 1)
    before = wanted.floor().long()
    after = torch.minimum(before + 1, lengths[:, None] - 1)
    share = (wanted - before)[..., None]
    left, right = (
        centred.gather(1, index[..., None].expand(-1, -1, steps.shape[2]))
        for index in (before, after)
    )
    curve = left + share * (right - left)
    return torch.cat([mean, spread, slope, curve.flatten(1)], dim=1)


def _bent(encoded: Encoded) -> Encoded:
    middle = (HIGHEST_LOG_VARIANCE + LOWEST_LOG_VARIANCE) / 2
    half = (HIGHEST_LOG_VARIANCE - LOWEST_LOG_VARIANCE) / 2
    bent = middle + half * torch.tanh((encoded.log_variance - middle) / half)
    return replace(encoded, log_variance=bent)
