"""One network of a study: training on some rows of the data, and predictions for others.

Conventions
-----------
Predictions have a row for each predicted row of the data and are in the units of the labels'
source: valence and arousal on the unit scale, or in standard units for a head of that scale where
the dataset of a row has not been trained on. Teachers' outputs are raw outputs of their networks,
by head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from msgspec import structs
from numpy.typing import NDArray
from torch import Tensor

from hevner.errors import DataError
from hevner.lab.data.blocks import Block, grouped_folds
from hevner.lab.data.labels import LabelScale
from hevner.lab.regression.adaptation import balanced_weights
from hevner.lab.unified.chord_sequence import VOCABULARIES, ChordSequence
from hevner.lab.unified.data import StudyData
from hevner.lab.unified.loop import Epoch, outputs_of, train
from hevner.lab.unified.networks import Head, Inputs, Network, UnifiedPublished, UnifiedRepaired
from hevner.lab.unified.recipe import HeadRecipe, Row, TrainingSettings, UnifiedRecipe
from hevner.lab.unified.rows import Rows

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_RATED = 4.0
"""Half the width of the 1..9 scale; its middle is `_MIDDLE`."""
_MIDDLE = 5.0

_RAREST = 1e-3
"""Least mean of probabilities at the beginning of training."""


class Prediction(NamedTuple):
    """Predictions of a head: means or probabilities, and standard deviations if known."""

    values: Array
    spread: Array | None


@dataclass(frozen=True, eq=False)
class Preparation:
    """Makes inputs of the network that a row of the recipe describes.

    Blocks have standard units of the training rows and one variance for all; they are empty for raw
    embeddings. The scale is the factor that makes the mean variance of a number 1.
    """

    row: Row
    blocks: Mapping[str, Block]
    scale: float

    @classmethod
    def fit(cls, row: Row, data: StudyData, index: Index) -> Preparation:
        """Fit to training rows, every dataset with the same weight."""
        if row.variant == "as_published":
            return cls(row, {}, 1.0)
        samples = data.samples.where(index)
        weights = balanced_weights(samples.dataset)
        blocks = {
            name: Block.fit(samples.blocks[name].astype(float), weights) for name in row.blocks
        }
        width = sum(samples.blocks[name].shape[1] for name in row.blocks)
        return cls(row, blocks, float(np.sqrt(width / len(blocks))))

    def inputs(self, data: StudyData, index: Index) -> Inputs:
        """Inputs of the network for some rows."""
        own = [data.samples.blocks[name][index] for name in self.row.blocks]
        if self.blocks:
            prepared = [self.blocks[name] for name in self.row.blocks]
            own = [
                (block.expand(block(rows)) * block.scale * self.scale).astype(np.float32)
                for block, rows in zip(prepared, own, strict=True)
            ]
        vectors = np.ascontiguousarray(np.concatenate(own, axis=1), np.float32)
        chords = [self._chords(data, place) for place in index]
        return Inputs.from_sequences(vectors, chords, VOCABULARIES[self.row.variant])

    def _chords(self, data: StudyData, place: int) -> ChordSequence:
        """Chords of a track, as far as this network reads them."""
        row = self.row
        if not (row.chords or row.key):
            empty = np.zeros(0, np.int64)
            return ChordSequence(empty, empty, np.zeros(0, np.float32), 0.0)
        whole = data.chords[row.variant][place]
        kept = slice(row.chord_limit if row.chords else 0)
        return ChordSequence(
            whole.roots[kept], whole.qualities[kept], whole.durations[kept],
            whole.minor if row.key else 0.0,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Fitted:
    """A network with everything that training rows and predictions need.

    Recipes of its heads are in the order of the network's; ``scales`` has the units of labels with
    the scale ``standard``.
    """

    network: Network
    preparation: Preparation
    heads: tuple[HeadRecipe, ...]
    scales: Mapping[str, LabelScale]

    def raw(self, data: StudyData, index: Index) -> dict[str, Tensor]:
        """Raw outputs by head."""
        return outputs_of(self.network, self.preparation.inputs(data, index))

    def predict(self, data: StudyData, index: Index) -> dict[str, Prediction]:
        """Predictions by head."""
        raw = self.raw(data, index)
        names = data.samples.dataset[index]
        return {
            recipe.name: self._prediction(recipe, head, raw[head.name], names)
            for recipe, head in zip(self.heads, self.network.heads, strict=True)
        }

    def rows(
        self, data: StudyData, index: Index, teachers: Mapping[str, NDArray[np.float32]]
    ) -> Rows:
        """Rows for the training loop; teachers give raw outputs for all rows of the data."""
        names = data.samples.dataset[index]
        places = {name: place for place, name in enumerate(data.datasets)}
        numbers = [places[name] for name in names.tolist()]
        labels, lessons = {}, {}
        for recipe in self.heads:
            wanted = _labels(recipe, data, index)
            if recipe.scale == "1..9":
                wanted = _MIDDLE + _RATED * wanted
            elif recipe.scale == "standard":
                wanted = self.scales[recipe.name].align(wanted, names)
            labels[recipe.name] = torch.from_numpy(wanted.astype(np.float32))
        published = self.preparation.row.training.distillation == "as_published"
        for head in self.network.heads:
            if head.name in teachers:
                lesson = _lesson(head, torch.from_numpy(teachers[head.name][index]), published)
                if lesson is not None:
                    lessons[head.name] = lesson
        inputs = self.preparation.inputs(data, index)
        return Rows(inputs, labels, lessons, torch.tensor(numbers, dtype=torch.int64))

    def _prediction(
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
    recipe: UnifiedRecipe,
    row: Row,
    data: StudyData,
    index: Index,
    seed: int,
    *,
    validation: Index | None = None,
    teachers: Mapping[str, NDArray[np.float32]] | None = None,
    folder: Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Fitted:
    """Train one network, a row of the recipe, on some rows of the data.

    The seed decides weights, order and the rows that are held out for early stopping, of datasets
    without rows of validation. Teachers are raw outputs for all rows of the data, NaN for none, by head.
    For folder and progress see `hevner.lab.unified.loop.train`. Without a labelled row, `DataError`
    is raised.
    """
    heads = _heads(recipe, row, data, index)
    scales = _scales(heads, data, index)
    index, stop = _held_out(row, data, index, seed, validation)
    preparation = Preparation.fit(row, data, index)
    outputs = [Head(one.name, one.kind, data.labels[one.source].shape[1]) for one in heads]
    network = _network(row, preparation, data, outputs, seed)
    fitted = Fitted(network, preparation, heads, scales)
    settings = _settings(row, data, index, seed)
    rows = fitted.rows(data, index, teachers or {})
    if isinstance(network, UnifiedRepaired):
        _begin(network, rows)
    train(network, rows, fitted.rows(data, stop, {}), settings, folder, progress)
    return fitted


def _lesson(head: Head, raw: Tensor, as_published: bool) -> Tensor | None:
    """Targets from a teacher's raw outputs; None for heads the published system does not teach."""
    if head.kind in ("gaussian", "values"):
        return raw[:, : head.outputs]
    if as_published:
        return raw if head.kind == "tags" else None
    return torch.softmax(raw, dim=1) if head.kind == "classes" else torch.sigmoid(raw)


def _heads(
    recipe: UnifiedRecipe, row: Row, data: StudyData, index: Index
) -> tuple[HeadRecipe, ...]:
    """Heads of a row that some training row has a label for."""
    found = [recipe.heads[name] for name in row.heads]
    heads = tuple(
        structs.replace(head, kind="values") if row.values and head.kind == "gaussian" else head
        for head in found
        if np.isfinite(_labels(head, data, index)).any()
    )
    if not heads:
        raise DataError(
            "no training row has a label",
            subject=f"row {row.name}",
            code="no_labels",
            remedy="Check its datasets",
        )
    return heads


def _scales(heads: Sequence[HeadRecipe], data: StudyData, index: Index) -> dict[str, LabelScale]:
    """Units of the labels of heads with the scale ``standard``."""
    names = data.samples.dataset[index]
    return {
        head.name: LabelScale.fit(_labels(head, data, index), names)
        for head in heads
        if head.scale == "standard"
    }


def _labels(head: HeadRecipe, data: StudyData, index: Index) -> Array:
    """Labels of rows on the unit scale or as probabilities; NaN outside the head's datasets."""
    labels = data.labels[head.source][index].copy()
    labels[~np.isin(data.samples.dataset[index], head.datasets)] = np.nan
    return labels


def _held_out(
    row: Row, data: StudyData, index: Index, seed: int, validation: Index | None
) -> tuple[Index, Index]:
    """Rows for training and for early stopping: the same ones if nothing is held out."""
    given = index[:0] if validation is None else validation
    if not (row.held_out or len(given)):
        return index, index
    stop = np.zeros(len(index), bool)
    names = data.samples.dataset[index]
    for name in np.setdiff1d(names, data.samples.dataset[given]) if row.held_out else ():
        mine = np.flatnonzero(names == name)
        parts = round(1 / row.held_out)
        folds = grouped_folds(data.samples.group[index][mine], parts, seed)
        stop[mine[folds == 0]] = True
    return index[~stop], np.concatenate([index[stop], given])


def _network(
    row: Row, preparation: Preparation, data: StudyData, heads: Sequence[Head], seed: int
) -> Network:
    dimension = preparation.inputs(data, np.arange(1)).vector.shape[1]
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


def _settings(row: Row, data: StudyData, index: Index, seed: int) -> TrainingSettings:
    """Settings of a run, with steps turned into epochs."""
    settings = structs.replace(row.training, seed=seed)
    longest = np.unique(data.samples.dataset[index], return_counts=True)[1].max()
    steps = -(-int(longest) // settings.batch)
    if row.steps:
        settings = structs.replace(settings, epochs=-(-row.steps // steps))
    if row.patience_steps:
        settings = structs.replace(settings, patience=-(-row.patience_steps // steps))
    return settings
