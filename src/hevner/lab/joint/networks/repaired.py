"""The branches hevner trains, small enough for a few hundred pieces. Need torch.

The heads of each are linear in its input and in a small hidden layer beside it, so that a branch
holds every linear model of its input; a `VectorBranch` can leave the input itself out.

Conventions
-----------
The caller standardises the inputs. Log-variances are bent into `LOWEST_LOG_VARIANCE` ..
`HIGHEST_LOG_VARIANCE`: a branch that is surer than that has learned its pieces by heart. Noise and
dropout act in training mode alone.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from hevner.errors import ModelError
from hevner.lab.joint.networks.encoded import Encoded
from hevner.lab.joint.networks.network import Branch, Heads, Recurrent, compacted

LOWEST_LOG_VARIANCE = -6.0
HIGHEST_LOG_VARIANCE = 4.0


class VectorBranch(Branch):
    """Branch over a vector: pooled music, or an emotion as point, shares, or mean and spread.

    Parameters
    ----------
    inputs
        Size of the vector.
    size
        D, the dimensions of the joint space.
    hidden
        Size of the hidden layer.
    dropout
        Share of hidden values that are left out in training.
    noise
        Standard deviation of the noise that is added to the input in training, in standard units.
    linear
        Whether the heads read the input beside the hidden layer.
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
        if present is not None:
            raise ModelError(
                "a vector has no steps", remedy="Give no mask with vectors", code="wrong_shape"
            )
        if self.training and self.noise:
            values = values + self.noise * torch.randn_like(values)
        hidden = self.hidden(values)
        return _bent(self.heads(torch.cat([values, hidden], dim=1) if self.linear else hidden))


class SequenceBranch(Branch):
    """Branch over a sequence, such as windows of music or a trajectory: its mean and a GRU.

    Parameters
    ----------
    inputs
        Numbers per step.
    size
        D.
    width
        Size of the state of each direction of the GRU.
    dropout
        Share of the GRU's states that are left out in training.
    noise
        Standard deviation of the noise that is added to the input in training, in standard units.
    """

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
    """Shape of a trajectory of any length, as a vector.

    Parameters
    ----------
    values, present
        Sequences ``(m, steps, inputs)``; see `hevner.lab.joint.networks.network`.
    points
        Points of the coarse curve, at least 2.

    Returns
    -------
    Tensor
        Shape ``(m, inputs * (3 + points))``: the means; the standard deviations over time; the
        slopes of straight-line fits, in change from start to end; and the values at ``points``
        equal steps from start to end, in straight lines between the given ones, minus the means.
    """
    steps, lengths = compacted(values, present)
    count = lengths[:, None].to(steps)
    place = torch.arange(steps.shape[1], device=steps.device, dtype=steps.dtype)
    inside = (place < count).to(steps)
    mean = steps.sum(dim=1) / count
    centred = (steps - mean[:, None]) * inside[..., None]
    spread = (centred.square().sum(dim=1) / count).sqrt()
    last = (count - 1).clamp(min=1)
    time = (place / last - 0.5) * inside
    slope = (time[..., None] * centred).sum(dim=1)
    slope = slope / time.square().sum(dim=1, keepdim=True)
    wanted = torch.linspace(0, 1, points, device=steps.device, dtype=steps.dtype) * (count - 1)
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
