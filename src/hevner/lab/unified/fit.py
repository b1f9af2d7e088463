"""One network of a ladder: from rows of the material to weights, and to predictions.

Conventions
-----------
Predictions have a row per asked row of the material and are in the units of the labels' source:
valence and arousal on the unit scale, or in standard units for a head of that scale where the
dataset of a row has not been trained on. Teachers' outputs are raw outputs of their networks, by
head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from msgspec import structs
from numpy.typing import NDArray
from torch import Tensor

from hevner.errors import DataError
from hevner.lab.data.blocks import Block, grouped_folds
from hevner.lab.data.labels import LabelScale
from hevner.lab.regression.alignment import balanced_weights
from hevner.lab.unified.chord_sequence import ChordSequence
from hevner.lab.unified.chords import VOCABULARIES
from hevner.lab.unified.data import StudyData as Material
from hevner.lab.unified.loop import Epoch, History, outputs_of, train
from hevner.lab.unified.networks import Head, Inputs, Network, UnifiedPublished, UnifiedRepaired
from hevner.lab.unified.recipe import HeadRecipe, Row
from hevner.lab.unified.recipe import UnifiedRecipe as Recipe
from hevner.lab.unified.rows import Rows
from hevner.lab.unified.settings import TrainingSettings

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_RATED = 4.0
"""Half the width of the 1..9 scale; its middle is `_MIDDLE`."""
_MIDDLE = 5.0

_RAREST = 1e-3
"""Means of probabilities that training begins at are no smaller."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a head tells about rows: means or probabilities, and standard deviations if known."""

    values: Array
    spread: Array | None


@dataclass(frozen=True, eq=False)
class Preparation:
    """How a row of the ladder hears tracks.

    Attributes
    ----------
    row
        The row.
    blocks
        Standard units of the training rows and one variance for all blocks; empty for raw
        embeddings.
    scale
        Makes the mean variance of a number 1.
    """

    row: Row
    blocks: Mapping[str, Block]
    scale: float

    @classmethod
    def fit(cls, row: Row, material: Material, index: Index) -> Preparation:
        """Take the units of training rows, every dataset with the same weight."""
        if row.variant == "as_published":
            return cls(row, {}, 1.0)
        samples = material.samples.where(index)
        weights = balanced_weights(samples.dataset)
        blocks = {
            name: Block.fit(samples.blocks[name].astype(float), weights) for name in row.blocks
        }
        width = sum(samples.blocks[name].shape[1] for name in row.blocks)
        return cls(row, blocks, float(np.sqrt(width / len(blocks))))

    def inputs(self, material: Material, index: Index) -> Inputs:
        """What the network hears of rows."""
        own = [material.samples.blocks[name][index] for name in self.row.blocks]
        if self.blocks:
            prepared = [self.blocks[name] for name in self.row.blocks]
            own = [
                (block.expand(block(rows)) * block.scale * self.scale).astype(np.float32)
                for block, rows in zip(prepared, own, strict=True)
            ]
        vectors = np.ascontiguousarray(np.concatenate(own, axis=1), np.float32)
        chords = [self._heard(material, place) for place in index]
        return Inputs.from_sequences(vectors, chords, VOCABULARIES[self.row.variant])

    def _heard(self, material: Material, place: int) -> ChordSequence:
        """Chords of a track as far as this row listens to them."""
        row = self.row
        if not (row.chords or row.key):
            empty = np.zeros(0, np.int64)
            return ChordSequence(empty, empty, np.zeros(0, np.float32), 0.0)
        whole = material.chords[row.variant][place]
        kept = slice(row.chord_limit if row.chords else 0)
        return ChordSequence(
            whole.roots[kept], whole.qualities[kept], whole.durations[kept],
            whole.minor if row.key else 0.0,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network with all that its use needs.

    Attributes
    ----------
    network
        Its best weights in it.
    preparation
        Of its inputs.
    heads
        What its heads learn, in the order of the network's.
    scales
        Units of the labels of heads with the scale ``standard``.
    history
        Of the training.
    """

    network: Network
    preparation: Preparation
    heads: tuple[HeadRecipe, ...]
    scales: Mapping[str, LabelScale]
    history: History

    def raw(self, material: Material, index: Index) -> dict[str, Tensor]:
        """Raw outputs by head."""
        return outputs_of(self.network, self.preparation.inputs(material, index))

    def predict(self, material: Material, index: Index) -> dict[str, Prediction]:
        """Predictions by head."""
        raw = self.raw(material, index)
        names = material.samples.dataset[index]
        return {
            recipe.name: self._told(recipe, head, raw[head.name], names)
            for recipe, head in zip(self.heads, self.network.heads, strict=True)
        }

    def _told(
        self, recipe: HeadRecipe, head: Head, raw: Tensor, names: NDArray[np.str_]
    ) -> Prediction:
        if head.kind in ("tags", "shares"):
            return Prediction(torch.sigmoid(raw).double().numpy(), None)
        if head.kind == "classes":
            return Prediction(torch.softmax(raw, dim=1).double().numpy(), None)
        values = raw[:, : head.outputs].double().numpy()
        spread = None
        if head.kind == "gaussian":
            spread = torch.exp(0.5 * raw[:, head.outputs :]).double().numpy()
        unit = np.ones_like(values)
        if recipe.scale == "1..9":
            values, unit = (values - _MIDDLE) / _RATED, unit / _RATED
        elif recipe.scale == "standard":
            known = np.isin(names, list(self.scales[recipe.name].units))
            if known.any():
                scale = self.scales[recipe.name]
                values[known] = scale.back(values[known], names[known])
                unit[known] = scale.back(unit[known], names[known]) - scale.back(
                    np.zeros_like(unit[known]), names[known]
                )
        return Prediction(values, None if spread is None else spread * unit)


def fit(
    recipe: Recipe,
    row: Row,
    material: Material,
    index: Index,
    seed: int,
    *,
    validation: Index | None = None,
    teachers: Mapping[str, NDArray[np.float32]] | None = None,
    folder: Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Fitted:
    """Train one network.

    Parameters
    ----------
    recipe, row
        What to train.
    material
        What is at hand.
    index
        Rows of the material to train on.
    seed
        Decides weights, order and what is held out.
    validation
        Rows to stop by; without, a share of the training rows is held out, as the row says.
    teachers
        Raw outputs of teachers for all rows of the material, NaN for none, by head.
    folder
        Keeps log and checkpoints.
    progress
        Called with every epoch.

    Raises
    ------
    DataError
        If nothing is left to train on.
    """
    heads = _heads(recipe, row, material, index)
    if not heads:
        raise DataError(
            "no training row has a label",
            subject=f"row {row.name}",
            code="no_labels",
            remedy="Check its datasets",
        )
    scales = {
        head.name: LabelScale.fit(
            _labels(head, material, index), material.samples.dataset[index]
        )
        for head in heads
        if head.scale == "standard"
    }  # fmt: skip
    stop = validation
    if stop is None:
        index, stop = _held_out(row, material, index, seed)
    preparation = Preparation.fit(row, material, index)
    told = tuple(_head(head, row, material) for head in heads)
    make = _Tables(row, material, preparation, heads, told, scales, teachers or {})
    network = _network(row, preparation, material, told, seed)
    settings = _settings(row, material, index, seed)
    rows = make.rows(index)
    if isinstance(network, UnifiedRepaired):
        _begin(network, rows)
    history = train(
        network, rows, make.rows(stop, taught=False), settings, folder,
        progress,
    )  # fmt: skip
    return Fitted(network, preparation, heads, scales, history)


@dataclass(frozen=True, eq=False)
class _Tables:
    """Makes the rows of the loop."""

    row: Row
    material: Material
    preparation: Preparation
    heads: tuple[HeadRecipe, ...]
    told: tuple[Head, ...]
    scales: Mapping[str, LabelScale]
    teachers: Mapping[str, NDArray[np.float32]]

    def rows(self, index: Index, *, taught: bool = True) -> Rows:
        names = self.material.samples.dataset[index]
        places = {name: place for place, name in enumerate(self.material.datasets)}
        numbers = [places[name] for name in names.tolist()]
        labels = {}
        for head in self.heads:
            wanted = _labels(head, self.material, index)
            if head.scale == "1..9":
                wanted = _MIDDLE + _RATED * wanted
            elif head.scale == "standard":
                wanted = self.scales[head.name].align(wanted, names)
            labels[head.name] = torch.from_numpy(wanted.astype(np.float32))
        lessons = {}
        for told in self.told if taught else ():
            if told.name in self.teachers:
                raw = torch.from_numpy(self.teachers[told.name][index])
                lesson = _lesson(told, raw, self.row.training.distillation == "as_published")
                if lesson is not None:
                    lessons[told.name] = lesson
        return Rows(
            self.preparation.inputs(self.material, index), labels, lessons,
            torch.tensor(numbers, dtype=torch.int64), torch.ones(len(index)),
        )  # fmt: skip


def _lesson(head: Head, raw: Tensor, as_published: bool) -> Tensor | None:
    """What a teacher's raw outputs teach; None for heads the published system does not teach."""
    if head.kind in ("gaussian", "values"):
        return raw[:, : head.outputs]
    if as_published:
        return raw if head.kind == "tags" else None
    return torch.softmax(raw, dim=1) if head.kind == "classes" else torch.sigmoid(raw)


def _heads(
    recipe: Recipe, row: Row, material: Material, index: Index
) -> tuple[HeadRecipe, ...]:  # fmt: skip
    """Heads of a row that some training row has a label for."""
    heads = [recipe.heads[name] for name in row.heads]
    return tuple(
        structs.replace(head, kind="values") if row.values and head.kind == "gaussian" else head
        for head in heads
        if np.isfinite(_labels(head, material, index)).any()
    )


def _labels(head: HeadRecipe, material: Material, index: Index) -> Array:
    """Labels of rows on the unit scale or as probabilities; NaN outside the head's datasets."""
    labels = material.labels[head.source][index].copy()
    labels[~np.isin(material.samples.dataset[index], head.datasets)] = np.nan
    return labels


def _head(head: HeadRecipe, row: Row, material: Material) -> Head:
    return Head(head.name, head.kind, material.labels[head.source].shape[1])


def _held_out(row: Row, material: Material, index: Index, seed: int) -> tuple[Index, Index]:
    """Rows to train on and rows to stop by: the same ones if nothing is held out."""
    if not row.held_out:
        return index, index
    stop = np.zeros(len(index), bool)
    names = material.samples.dataset[index]
    for name in np.unique(names):
        mine = np.flatnonzero(names == name)
        parts = round(1 / row.held_out)
        folds = grouped_folds(material.samples.group[index][mine], parts, seed)
        stop[mine[folds == 0]] = True
    return index[~stop], index[stop]


def _network(
    row: Row, preparation: Preparation, material: Material, heads: Sequence[Head], seed: int
) -> Network:
    dimension = preparation.inputs(material, np.arange(1)).vector.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if row.variant == "as_published":
            return UnifiedPublished(dimension, heads)
        shape = row.network
        return UnifiedRepaired(
            dimension, heads, width=shape.width, hidden=shape.hidden, dropout=shape.dropout,
            linear=shape.linear, chords=row.chords, key=row.key,
        )  # fmt: skip


def _begin(network: UnifiedRepaired, rows: Rows) -> None:
    """Begin at the mean label of every head: a rare tag would take long to become rare."""
    for head in network.heads:
        mean = rows.labels[head.name].nanmean(dim=0)
        if head.kind in ("tags", "shares"):
            mean = torch.logit(mean, eps=_RAREST)
        elif head.kind == "classes":
            mean = mean.clamp(min=_RAREST).log()
        layer = network.branches[head.name][-1]  # type: ignore[index]
        with torch.no_grad():
            layer.bias[: head.outputs] = mean


def _settings(row: Row, material: Material, index: Index, seed: int) -> TrainingSettings:
    """TrainingSettings of a run, with steps turned into epochs."""
    settings = structs.replace(row.training, seed=seed)
    longest = np.unique(material.samples.dataset[index], return_counts=True)[1].max()
    steps = -(-int(longest) // settings.batch)
    if row.steps:
        settings = structs.replace(settings, epochs=-(-row.steps // steps))
    if row.patience_steps:
        settings = structs.replace(settings, patience=-(-row.patience_steps // steps))
    return settings
