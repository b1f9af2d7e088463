"""What the trainings share: kept examples, one loop, one file of weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from hevner.lab.study.kept import write

log = logging.getLogger(__name__)


E = TypeVar("E")


def kept(path: Path, kind: type[E], make: Callable[[], E]) -> E:
    """The example in a file, made and written if it is not there; its fields are arrays."""
    if path.exists():
        with np.load(path) as stored:
            return kind(**{name: one if one.ndim else one.item() for name, one in stored.items()})
    example = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, vars(example))
    return example


def descend(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[], Tensor],
    steps: int,
    rate: float,
    decay: float,
) -> None:
    """Train parameters with AdamW, a weight decay, and a learning rate of one cycle.

    ``loss`` draws examples and gives the loss of a step.
    """
    trained, seen = list(parameters), 0.0
    optimiser = torch.optim.AdamW(trained, rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=steps, pct_start=0.15
    )
    for step in range(steps):
        now = loss()
        optimiser.zero_grad()
        now.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        seen = 0.98 * seen + 0.02 * now.item() if step else now.item()
        if step % 100 == 0 or step == steps - 1:
            log.info("step %d loss %.3f", step, seen)


def save(out: Path, weights: dict[str, Any]) -> None:
    """Write weights as float16, .npz."""
    out.parent.mkdir(parents=True, exist_ok=True)
    stored = {name: np.asarray(value).astype(np.float16) for name, value in weights.items()}
    write(out, stored)
