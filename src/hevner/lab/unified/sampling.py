"""Rows of each training step, from any mix of datasets of unequal size.

Conventions
-----------
A step takes up to ``batch`` rows of each dataset. ``as_published`` goes once through every dataset
in an epoch: short ones run out and later steps are without them (Kang and Herremans, 2025; defect
7 of section 9.3 of its specification). ``balanced`` has rows of every dataset in every step: a
short one is shuffled and begins again when it is through. An epoch has as many steps as the
longest dataset needs for one pass.

The order is a function of seed, dataset and epoch alone, so the whole state of a sampler is the
number of the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hevner.errors import DataError
from hevner.lab.unified.settings import Sampling


@dataclass(frozen=True, eq=False)
class Sampler:
    """Draws rows.

    Attributes
    ----------
    dataset
        Number of each row's dataset, int64, shape ``(n,)``.
    batch
        Rows of each dataset per step; a dataset with fewer gives all it has.
    seed
        Decides the order.
    sampling
        How rows are drawn; see the module.
    """

    dataset: Tensor
    batch: int
    seed: int
    sampling: Sampling

    def __post_init__(self) -> None:
        if self.batch < 1 or not len(self.dataset):
            raise DataError(
                f"no batches of {self.batch} from {len(self.dataset)} rows",
                remedy="Give rows and a positive batch",
                code="no_rows",
            )

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        longest = int(torch.bincount(self.dataset).max())
        return -(-longest // self.batch)

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Rows of each step of an epoch, counted from 0: int64, dataset after dataset."""
        orders = [self._order(int(k), number) for k in torch.unique(self.dataset)]
        for step in range(self.steps):
            yield torch.cat([chunks[step] for chunks in orders if step < len(chunks)])

    def _order(self, dataset: int, epoch: int) -> tuple[Tensor, ...]:
        """Rows of one dataset in an epoch, by step."""
        rows = torch.nonzero(self.dataset == dataset)[:, 0]
        size = min(self.batch, len(rows))
        if self.sampling == "as_published":
            return torch.split(self._pass(rows, dataset, epoch), size)
        # The passes of all epochs make one endless stream; this is the epoch's part of it.
        length = self.steps * size
        first, within = divmod(epoch * length, len(rows))
        last = first + (within + length - 1) // len(rows)
        stream = torch.cat([self._pass(rows, dataset, k) for k in range(first, last + 1)])
        return torch.split(stream[within : within + length], size)

    def _pass(self, rows: Tensor, dataset: int, number: int) -> Tensor:
        """Every row of a dataset once, in random order."""
        order = np.random.default_rng([self.seed, dataset, number]).permutation(len(rows))
        return rows[torch.from_numpy(order)]
