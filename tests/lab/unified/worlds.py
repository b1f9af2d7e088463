"""Small rows and a small network to train without data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hevner.lab.unified.networks import Head, Inputs, Network
from hevner.lab.unified.rows import Rows

EMOTION = Head("emotion", "gaussian", 2)
VALUES = Head("values", "values", 2)
TAGS = Head("tags", "tags", 5)
SHARES = Head("gems", "shares", 3)
CLASSES = Head("quadrants", "classes", 4)
HEADS = (EMOTION, TAGS, CLASSES)
NAN = float("nan")


class Small(Network):
    """Linear heads on the vector and the mean root, behind dropout."""

    def __init__(self, heads: tuple[Head, ...] = HEADS, seed: int = 0) -> None:
        super().__init__(6, heads)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.drop = nn.Dropout(0.2)
            self.linear = nn.ModuleDict({h.name: nn.Linear(7, h.columns) for h in heads})

    def forward(self, inputs: Inputs) -> dict[str, Tensor]:
        roots = (inputs.roots * inputs.present).float().mean(dim=1, keepdim=True) / 12
        hidden = self.drop(torch.cat([inputs.vector, roots], dim=1))
        return {head.name: self.linear[head.name](hidden) for head in self.heads}


def inputs(count: int, seed: int = 0, length: int = 4, dimension: int = 6) -> Inputs:
    draw = torch.Generator().manual_seed(seed)
    return Inputs(
        torch.randn(count, dimension, generator=draw),
        torch.randint(13, (count, length), generator=draw),
        torch.randint(5, (count, length), generator=draw),
        torch.rand(count, length, generator=draw) + 0.2,
        torch.ones(count, length, dtype=torch.bool),
        torch.rand(count, generator=draw),
    )


def rows(count: int, dataset: int, *heads: Head, seed: int = 0, length: int = 4) -> Rows:
    """Rows of one dataset, whose labels for the heads follow from the vectors."""
    heard = inputs(count, 100 * seed + dataset, length)
    labels = {}
    for head in heads:
        score = heard.vector[:, : head.outputs].tanh()
        if head.kind in ("tags", "shares"):
            score = (score > 0.5).float()
        elif head.kind == "classes":
            score = nn.functional.one_hot(score.argmax(dim=1), head.outputs).float()
        labels[head.name] = score
    return Rows(heard, labels, {}, torch.full((count,), dataset))


def concatenate(*parts: Rows) -> Rows:
    """Rows of several datasets, whose chord sequences have one length."""
    inputs = Inputs(
        *(torch.cat(one) for one in zip(*(p.inputs.tensors() for p in parts), strict=True))
    )
    widths = {name: table.shape[1] for part in parts for name, table in part.labels.items()}
    labels = {
        name: torch.cat([p.labels.get(name, torch.full((len(p), width), NAN)) for p in parts])
        for name, width in widths.items()
    }
    return Rows(inputs, labels, {}, torch.cat([part.dataset for part in parts]))
