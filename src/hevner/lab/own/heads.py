"""The heads of a model of one's own: what labels change in each, and how well that works.

Conventions
-----------
Rows are labelled tracks. A head has one column per output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hevner.arrays import Doubles, Floats, Names
from hevner.datasets.labels import CLASSES, LabelTable
from hevner.emotion import BASIC
from hevner.errors import DataError
from hevner.heads import BY_NAME
from hevner.lab.default.scales import conformal
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.own.ridge import fit

SHARPNESS = np.geomspace(0.25, 32, 57)
"""Factors that are tried between regressed labels of classes and tags, and log odds."""


@dataclass(frozen=True, eq=False)
class Start:
    """What the model that is started from says of the tracks.

    Attributes
    ----------
    outputs
        By head, shape ``(n, outputs)`` each.
    columns
        What labels are regressed on: all readings, then the features, shape ``(n, d)``.
    places
        Place of the first reading of each head among the columns.
    readings
        Number of readings.
    """

    outputs: Mapping[str, Floats]
    columns: Doubles
    places: Mapping[str, int]
    readings: int


@dataclass(frozen=True, eq=False)
class OwnHead:
    """A head with labels of one's own: a linear function of the columns.

    Attributes
    ----------
    name, names
        Name of the head, and of all its outputs.
    kind
        ``values`` are added to those of the model that is started from; those of ``classes`` and
        ``tags`` are log odds.
    weights, offset
        Shapes ``(d, outputs)`` and ``(outputs,)``; zeros for values without labels.
    half
        Half-widths of the intervals of values, shape ``(outputs,)``; NaN without labels.
    unseen
        Predictions of each track from labels of other groups, NaN without a label, shape
        ``(n, outputs)``.
    before
        What the model that is started from predicts, in the same form; None if it lacks the head.
    truth
        Labels in the same form; 1 for the class or the tags of a track, else 0.
    facts
        What the card says of the labels: by output, for classes and tags by the name of the head.
    """

    name: str
    names: tuple[str, ...]
    kind: Literal["values", "classes", "tags"]
    weights: Doubles
    offset: Doubles
    half: Doubles
    unseen: Doubles
    before: Doubles | None
    truth: Doubles
    facts: dict[str, dict[str, object]] = field(default_factory=dict)


def fit_heads(labels: LabelTable, start: Start, group: Names, recipe: OwnRecipe) -> list[OwnHead]:
    """Fit a head to each kind of label; ``group`` names the group of each track.

    Raises
    ------
    DataError
        If a kind has too few labels, or there is none.
    """
    rated = labels.ratings
    # GEMS has names in common with the others.
    emotions = {name: (rated[name] + 1) / 2 for name in BASIC if name in rated}
    sources = {"emotion": rated, "tension": rated, "emotions": emotions, "gems": labels.shares}
    heads = [
        _values(name, values, start, group, recipe)
        for name, values in sources.items()
        if set(BY_NAME[name].outputs) & values.keys()
    ]
    kinds = [kind for kind in reversed(CLASSES) if kind in labels.classes]
    if kinds:
        # A model has one head of classes; a category is more particular than cluster and quadrant.
        classes = labels.classes[kinds[0]]
        truth = np.eye(len(classes.names))[classes.number]
        truth[classes.number < 0] = np.nan
        heads.append(_odds("classes", classes.names, truth, start, group, recipe))
    if labels.tags is not None and labels.tags.names:
        heads.append(_odds("tags", labels.tags.names, labels.tags.has, start, group, recipe))
    if not heads:
        raise DataError(
            "no track has a label", remedy="Fill in the table of labels", code="no_labels"
        )
    return heads


def _values(
    head: str, labels: Mapping[str, Doubles], start: Start, group: Names, recipe: OwnRecipe
) -> OwnHead:
    """A head of numbers, each for itself: what the model that is started from leaves over."""
    outputs, low = BY_NAME[head].outputs, 0.0 if head == "gems" else BY_NAME[head].low
    shape = len(group), len(outputs)
    before = start.outputs[head].astype(np.float64)
    base = before if before.size else np.zeros(shape)
    if not (before.size or set(outputs) <= labels.keys()):
        raise DataError(
            f"the model that is started from has no {BY_NAME[head].label}, and there are no labels "
            f"of all of {', '.join(outputs)}",
            remedy="Label them all, or start from another model",
            code="head_incomplete",
        )
    weights, offset = np.zeros((start.columns.shape[1], shape[1])), np.zeros(shape[1])
    half, unseen, truth = (np.full(one, np.nan) for one in (shape[1], shape, shape))
    facts = {}
    for column, name in enumerate(outputs):
        if name not in labels:
            continue
        mine = np.isfinite(labels[name])
        truth[:, column] = labels[name]
        rest = (labels[name] - base[:, column])[mine, None]
        line = start.places[head] + column if head in start.places else None
        found = fit(start.columns[mine], start.readings, rest, group[mine], recipe, line)
        weights[:, column], offset[column] = found.weights[:, 0], found.offset[0]
        unseen[mine, column] = np.clip(base[mine, column] + found.unseen[:, 0], low, 1)
        half[column] = conformal(np.abs(truth - unseen)[mine, column])
        facts[name] = _facts(mine, group, found.penalties)
    old = before if before.size else None
    return OwnHead(head, outputs, "values", weights, offset, half, unseen, old, truth, facts)


def _odds(
    kind: Literal["classes", "tags"],
    names: tuple[str, ...],
    truth: Doubles,
    start: Start,
    group: Names,
    recipe: OwnRecipe,
) -> OwnHead:
    """Classes or tags: log odds of their shares of the labels, moved by regressed labels."""
    mine = np.isfinite(truth).all(axis=1)
    labels = truth[mine]
    if (labels == labels[:1]).all():
        raise DataError(
            f"all labelled tracks have the same {kind}",
            remedy="Label tracks that differ",
            code="no_difference",
        )
    found = fit(start.columns[mine], start.readings, labels, group[mine], recipe)
    # Half a label more with and without each, so that no share is 0 or 1.
    share = (labels.sum(axis=0) + 0.5) / (len(labels) + 1)
    prior = np.log(share) if kind == "classes" else np.log(share / (1 - share))
    moved = found.unseen - labels.mean(axis=0)
    losses = [_loss(kind, prior + factor * moved, labels) for factor in SHARPNESS]
    factor = float(SHARPNESS[int(np.argmin(losses))])
    unseen = np.full_like(truth, np.nan)
    unseen[mine] = probabilities(kind, prior + factor * moved)
    name = "classes" if kind == "classes" else "own_tags"
    offset = prior + factor * (found.offset - labels.mean(axis=0))
    facts = {name: _facts(mine, group, found.penalties)}
    none = np.full(len(names), np.nan)
    weights = factor * found.weights
    return OwnHead(name, names, kind, weights, offset, none, unseen, None, truth, facts)


def probabilities(kind: Literal["classes", "tags"], odds: Doubles) -> Doubles:
    """Probabilities of classes, which add up to 1, or of tags, from log odds ``(n, outputs)``."""
    if kind == "tags":
        return np.asarray(1 / (1 + np.exp(-odds)))
    raised = np.exp(odds - odds.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _loss(kind: Literal["classes", "tags"], odds: Doubles, labels: Doubles) -> float:
    """Mean negative log likelihood."""
    chance = np.clip(probabilities(kind, odds), 1e-9, 1 - 1e-9)
    loss = -labels * np.log(chance)
    if kind == "tags":
        loss -= (1 - labels) * np.log(1 - chance)
    return float(loss.sum(axis=1).mean())


def _facts(mine: Any, group: Names, penalties: tuple[float, float]) -> dict[str, object]:
    groups = len(np.unique(group[mine]))
    return {"labels": int(mine.sum()), "groups": groups, "penalties": list(penalties)}
