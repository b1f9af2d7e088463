"""A learned mix of the states of an encoder: one weight for each, and a linear head.

Conventions
-----------
States have shape ``(n, count, width)``, in standard units of the training rows; targets
``(n, k)``, likewise. Each target has weights of its own, positive and with the sum 1: the softmax
of what is learned. They are those at which rows that were held out are predicted best.

Needs torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

LEARNING_RATE = 3e-3
WEIGHT_LEARNING_RATE = 3e-2
"""For the logarithms of the weights; at the pace of the head they would hardly leave the mean."""
DECAY = 1e-2
STEPS = 1000
PATIENCE = 50


def learn_weights(
    states: NDArray[np.float32],
    targets: NDArray[np.float64],
    held_out: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weights of the states, shape ``(k, count)``; training stops by rows held out, ``(n,)``."""
    x, y = torch.from_numpy(states), torch.from_numpy(targets.astype(np.float32))
    learned, unseen = (torch.from_numpy(np.flatnonzero(rows)) for rows in (~held_out, held_out))
    logits = torch.zeros(y.shape[1], x.shape[1], requires_grad=True)
    head = torch.zeros(y.shape[1], x.shape[2], requires_grad=True)
    level = torch.zeros(y.shape[1], requires_grad=True)
    groups: list[dict[str, Any]] = [
        {"params": [head, level]}, {"params": [logits], "lr": WEIGHT_LEARNING_RATE},
    ]  # fmt: skip
    optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=DECAY)
    inside, outside = x[learned], x[unseen]
    least = torch.full((y.shape[1],), torch.inf)
    best, since = logits.detach().softmax(1), 0
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss: Any = _miss(inside, y[learned], logits, head, level).sum()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            miss = _miss(outside, y[unseen], logits, head, level)
            better = miss < least
            best = torch.where(better[:, None], logits.softmax(1), best)
            least = torch.minimum(least, miss)
        since = 0 if better.any() else since + 1
        if since == PATIENCE:
            break
    return best.double().numpy()


def _miss(
    x: torch.Tensor, y: torch.Tensor, logits: torch.Tensor, head: torch.Tensor, level: torch.Tensor
) -> torch.Tensor:
    """Mean squared error of each target, shape ``(k,)``."""
    # Predictions of each state for each target, then their mix: no mixed states are ever held.
    alone = torch.einsum("nsw,kw->nks", x, head)
    return ((alone * logits.softmax(1)).sum(2) + level - y).square().mean(0)
