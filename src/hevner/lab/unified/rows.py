"""Training rows of the unified model: inputs, labels and teachers of any mix of datasets.

Conventions
-----------
One row per track. Labels and teachers go by the name of the head they are for; a NaN means that
the row has none, so every dataset fits into one table whatever its labels are. Valence and arousal
are on the scale of the network's head; tags, shares and classes are probabilities in [0, 1], a row
of classes adds up to 1. Teachers of published distillation are logits.

A step takes up to a batch of rows of each dataset. The sampling ``as_published`` goes once through
every dataset in an epoch: short ones run out and later steps are without them (Kang and Herremans,
2025; defect 7 of section 9.3 of its specification). ``balanced`` has rows of every dataset in every
step: a short one is shuffled and begins again when it is through. An epoch has as many steps as the
longest dataset needs for one pass. The order is a function of seed, dataset and epoch alone, so the
whole state of a sampler is the number of the epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from hevner.errors import DataError
from hevner.lab.unified.networks import Head, Inputs
from hevner.lab.unified.recipe import Sampling


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to train on or to validate with; datasets are numbered from 0, int64, shape ``(n,)``.

    Labels and teachers have shape ``(n, k)``, float32, by name of the head; NaN for none.
    """

    inputs: Inputs
    labels: dict[str, Tensor]
    teachers: dict[str, Tensor]
    dataset: Tensor

    def __len__(self) -> int:
        return len(self.dataset)

    def rows(self, index: Tensor) -> Rows:
        """Some of the rows, by number or by mask."""
        return Rows(
            self.inputs.rows(index),
            {name: table[index] for name, table in self.labels.items()},
            {name: table[index] for name, table in self.teachers.items()},
            self.dataset[index],
        )

    def labelled(self, head: str) -> Tensor:
        """Mask of the rows with at least one label for a head, bool, shape ``(n,)``."""
        table = self.labels.get(head)
        if table is None:
            return torch.zeros_like(self.dataset, dtype=torch.bool)
        return torch.isfinite(table).any(dim=1)

    def check(self, heads: Sequence[Head], *, logits: bool = False) -> None:
        """Raise `DataError` for labels or teachers that are not in the range of their head.

        Teachers of published distillation are logits.
        """
        for head in heads:
            if head.kind in ("values", "gaussian"):
                continue
            if head.name in self.labels:
                _check(f"labels for {head.name}", head, self.labels[head.name])
            if head.name in self.teachers and not logits:
                _check(f"teachers for {head.name}", head, self.teachers[head.name])

    def digest(self) -> str:
        """Hexadecimal digest of the whole content."""
        tensors = {field.name: getattr(self.inputs, field.name) for field in fields(Inputs)}
        # Once rows had weights; the ones keep the digests in checkpoints valid.
        tensors |= {"dataset": self.dataset, "weight": torch.ones(len(self))}
        tensors |= {f"labels {name}": table for name, table in self.labels.items()}
        tensors |= {f"teachers {name}": table for name, table in self.teachers.items()}
        state = hashlib.sha256()
        for name in sorted(tensors):
            array = tensors[name].contiguous().numpy()
            state.update(f"{name} {array.dtype} {array.shape}".encode())
            state.update(array.tobytes())
        return state.hexdigest()


def _check(what: str, head: Head, table: Tensor) -> None:
    # Comparisons with NaN are false, so missing entries pass.
    wrong = ((table < 0) | (table > 1)).any()
    if wrong or (head.kind == "classes" and ((table.sum(dim=1) - 1).abs() > 1e-3).any()):
        raise DataError(
            f"{what} are no probabilities", subject="rows", remedy="Gather the rows again",
            code="out_of_range",
        )  # fmt: skip


# --- steps ---


@dataclass(frozen=True, eq=False)
class Sampler:
    """Draws up to ``batch`` rows of each of the numbered datasets for every step."""

    dataset: Tensor
    batch: int
    seed: int
    sampling: Sampling

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
