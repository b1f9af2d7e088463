"""Training rows of the unified model: inputs, labels and teachers of any mix of datasets.

Conventions
-----------
One row per track. Labels and teachers go by the name of the head they are for; a NaN means that
the row has none, so every dataset fits into one table whatever its labels are. Valence and arousal
are on the scale of the network's head; tags, shares and classes are probabilities in [0, 1], a row
of classes adds up to 1. Teachers of published distillation are logits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hevner.errors import DataError
from hevner.lab.unified.networks import Head, Inputs


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to train on or to validate with.

    Attributes
    ----------
    inputs
        Inputs of the network.
    labels
        Name of the head to labels, float32, shape ``(n, k)``; NaN for no label.
    teachers
        Name of the head to a teacher's outputs, float32, shape ``(n, k)``; NaN for no teacher.
    dataset
        Number of the dataset from 0, int64, shape ``(n,)``.
    weight
        Weight of the row within its dataset, positive, float32, shape ``(n,)``.

    Raises
    ------
    DataError
        If shapes or types do not fit together, or a number or weight is out of range.
    """

    inputs: Inputs
    labels: dict[str, Tensor]
    teachers: dict[str, Tensor]
    dataset: Tensor
    weight: Tensor

    def __post_init__(self) -> None:
        count = len(self.inputs)
        for name, table in [*self.labels.items(), *self.teachers.items()]:
            if table.ndim != 2 or len(table) != count or table.dtype != torch.float32:
                raise _misfit(
                    "wrong_shape", f"{name} is {_form(table)}, expected torch.float32 ({count}, k)"
                )
            if torch.isinf(table).any():
                raise _misfit("out_of_range", f"{name} holds infinite numbers")
        for name, column, dtype in [
            ("dataset", self.dataset, torch.int64),
            ("weight", self.weight, torch.float32),
        ]:
            if column.shape != (count,) or column.dtype != dtype:
                raise _misfit(
                    "wrong_shape", f"{name} is {_form(column)}, expected {dtype} ({count},)"
                )
        if count and self.dataset.min() < 0:
            raise _misfit("out_of_range", "a number of a dataset is negative")
        if not (torch.isfinite(self.weight) & (self.weight > 0)).all():
            raise _misfit("out_of_range", "a weight is not a positive number")

    def __len__(self) -> int:
        return len(self.dataset)

    def rows(self, index: Tensor) -> Rows:
        """Some of the rows, by number or by mask."""
        return Rows(
            self.inputs.rows(index),
            {name: table[index] for name, table in self.labels.items()},
            {name: table[index] for name, table in self.teachers.items()},
            self.dataset[index],
            self.weight[index],
        )

    def labelled(self, head: str) -> Tensor:
        """Mask of the rows with at least one label for a head, bool, shape ``(n,)``."""
        table = self.labels.get(head)
        if table is None:
            return torch.zeros_like(self.weight, dtype=torch.bool)
        return torch.isfinite(table).any(dim=1)

    def to(self, device: torch.device) -> Rows:
        """The same rows on another device."""
        return Rows(
            self.inputs.to(device),
            {name: table.to(device) for name, table in self.labels.items()},
            {name: table.to(device) for name, table in self.teachers.items()},
            self.dataset.to(device),
            self.weight.to(device),
        )

    def check(self, heads: Sequence[Head], *, logits: bool = False) -> None:
        """Make sure that labels and teachers are what the heads of a network can learn.

        Parameters
        ----------
        heads
            Heads of the network.
        logits
            Whether teachers are logits, as in published distillation.

        Raises
        ------
        DataError
            If a head is unknown, or a table has another width or numbers out of range.
        """
        known = {head.name: head for head in heads}
        for part, tables in [("labels", self.labels), ("teachers", self.teachers)]:
            for name, table in tables.items():
                if name not in known:
                    raise _misfit(
                        "unknown_head", f"{part} for {name}, but the heads are {', '.join(known)}"
                    )
                _check(f"{part} for {name}", known[name], table, logits and part == "teachers")

    def digest(self) -> str:
        """Hexadecimal digest of the whole content."""
        tensors = {field.name: getattr(self.inputs, field.name) for field in fields(Inputs)}
        tensors |= {"dataset": self.dataset, "weight": self.weight}
        tensors |= {f"labels {name}": table for name, table in self.labels.items()}
        tensors |= {f"teachers {name}": table for name, table in self.teachers.items()}
        state = hashlib.sha256()
        for name in sorted(tensors):
            array = tensors[name].cpu().contiguous().numpy()
            state.update(f"{name} {array.dtype} {array.shape}".encode())
            state.update(array.tobytes())
        return state.hexdigest()


def _check(what: str, head: Head, table: Tensor, logits: bool) -> None:
    if table.shape[1] != head.outputs:
        raise _misfit(
            "wrong_shape", f"{what} have {table.shape[1]} columns, expected {head.outputs}"
        )
    if head.kind in ("values", "gaussian") or logits:
        return
    # Comparisons with NaN are false, so missing entries pass.
    if ((table < 0) | (table > 1)).any():
        raise _misfit("out_of_range", f"{what} are not all in [0, 1]")
    if head.kind == "classes" and ((table.sum(dim=1) - 1).abs() > 1e-3).any():
        raise _misfit("out_of_range", f"{what} do not add up to 1 in every row")


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}"


def _misfit(code: str, cause: str) -> DataError:
    return DataError(cause, subject="rows", remedy="Gather the rows again", code=code)
