"""Fit the emotion model to a table. All that is learned is learned from that table alone.

1. Standardise; learn to tell the domains apart.
2. Per head, choose how freely each domain may depart from the shared part, by grouped
   cross-validation inside the table; keep the predictions for the left-out rows.
3. From those predictions: the way back to each domain's rating scale, and intervals (split
   conformal: the quantile of the absolute error). For music from an unknown source: the same
   with a whole dataset left out.
4. Fit every head to all rows.
5. Keep what is needed to say how familiar a piece is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from hevner.emotion import Quadrant
from hevner.errors import DataError
from hevner.features import vector_id
from hevner.models.head import AXES, CLIP, Linear, Model, neighbour_distance, softmax
from hevner.result import COVERAGE
from hevner.training.recipe import Recipe
from hevner.training.ridge import Moments
from hevner.training.table import Table

Array = NDArray[np.float64]

INNER_FOLDS = 5
SOUND_AXES = 24
SIGNS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float)
"""Signs of valence and arousal in `Quadrant` order."""


def folds(table: Table, count: int, seed: int) -> NDArray[np.int64]:
    """A fold number for every row: groups stay together, datasets are spread evenly."""
    rng = np.random.default_rng(seed)
    number: dict[str, int] = {}
    for dataset in sorted(set(table.dataset)):
        groups = np.array(sorted(set(table.group[table.dataset == dataset])))
        rng.shuffle(groups)
        number |= {group: place % count for place, group in enumerate(groups)}
    return np.array([number[group] for group in table.group])


def weights(table: Table, recipe: Recipe) -> Array:
    """Weight of every row: a set weighs what its recipe says, its clips the same each."""
    _, row, copies = np.unique(table.clip, return_inverse=True, return_counts=True)
    result = 1.0 / copies[row]
    for name, entry in recipe.sets.items():
        mine = table.dataset == name
        result[mine] *= entry.weight / max(1, len(set(table.clip[mine])))
    return result


@dataclass(frozen=True)
class _Basis:
    """What every head shares: standardised rows, true domains, weights."""

    x: NDArray[np.float32]
    domain: Array
    weights: Array
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]


def fit(table: Table, recipe: Recipe, card: dict[str, Any] | None = None) -> Model:
    """Train a model.

    Parameters
    ----------
    table
        Training rows only.
    recipe
        How.
    card
        Facts to keep with the model; features and recipe are added.
    """
    basis = _basis(table, recipe)
    emotion = [_fit_axis(table, basis, recipe, axis) for axis in range(2)]
    quadrants, sharpness = _fit_quadrants(table, basis, recipe)
    gems = _fit_gems(table, basis, recipe)
    outside = _outside(table, recipe)
    projection, known, distances = _sound(basis, table)
    inside = np.stack([axis.inside for axis in emotion], axis=1)
    facts = {"features": vector_id(), "recipe": recipe.digest, "domains": list(recipe.domains)}
    return Model(
        card={"name": recipe.name, "version": recipe.version, **(card or {}), **facts},
        mean=basis.mean,
        spread=basis.spread,
        membership=_membership(basis),
        heads={"emotion": _join(emotion[0].head, emotion[1].head), "quadrants": quadrants,
               "gems": gems},
        slope=np.stack([axis.slope for axis in emotion], axis=1),
        offset=np.stack([axis.offset for axis in emotion], axis=1),
        inside=inside,
        moment=np.maximum(np.stack([axis.moment for axis in emotion], axis=1), inside),
        outside=inside if outside is None else np.tile(outside, (len(recipe.domains), 1)),
        sharpness=sharpness,
        axes_of_sound=projection,
        known=known,
        distances=distances,
    )  # fmt: skip


def _basis(table: Table, recipe: Recipe) -> _Basis:
    row_weights = weights(table, recipe)
    mean = np.average(table.vectors, axis=0, weights=row_weights)
    variance = np.average((table.vectors - mean) ** 2, axis=0, weights=row_weights)
    spread = np.sqrt(variance) + 1e-6
    domains = recipe.domains
    truth = np.array([domains.index(recipe.sets[name].domain) for name in table.dataset])
    return _Basis(
        x=np.clip((table.vectors - mean) / spread, -CLIP, CLIP).astype(np.float32),
        domain=np.eye(len(domains))[truth],
        weights=row_weights,
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
    )


def _membership(basis: _Basis) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear scores of the domains."""
    present = np.flatnonzero(basis.domain.any(axis=0))
    shape = (basis.x.shape[1], basis.domain.shape[1])
    scores, bias = np.zeros(shape, np.float32), np.full(shape[1], -20.0, np.float32)
    bias[present] = 0.0
    if len(present) > 1:
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(basis.x, basis.domain.argmax(axis=1), sample_weight=basis.weights)
        # Two classes have one set of coefficients, that of the second.
        chosen = present[1:] if len(present) == 2 else present
        scores[:, chosen] = model.coef_.T
        bias[chosen] = model.intercept_
    return scores, bias


@dataclass(frozen=True)
class _Search:
    """A head fitted to all its rows, and its predictions for rows it had not seen."""

    head: Linear
    unseen: Array


def _search(
    table: Table, basis: _Basis, recipe: Recipe, head: str, rows: NDArray[np.bool_],
    targets: Array, anchored: NDArray[np.bool_] | None = None,
) -> _Search:  # fmt: skip
    """Fit the shared part, then every domain's own with the penalty that predicts best.

    A domain gets a part of its own only if it has rows in ``anchored`` (by default any row): there
    must be ratings that tie the part to a scale.
    """
    penalty = recipe.penalties[head]
    anchored = (rows if anchored is None else anchored)[rows]
    x, row_weights = basis.x[rows].astype(np.float64), basis.weights[rows]
    fold = folds(table, INNER_FOLDS, recipe.seed)[rows]
    shared = _cross_fit(x, targets, row_weights, fold, [penalty.shared])
    rest = targets - (x @ shared.coefficients + shared.intercept)
    unseen = shared.unseen.copy()
    parts, constants = [], []
    for domain in range(basis.domain.shape[1]):
        mine = basis.domain[rows, domain] == 1
        part, constant = np.zeros_like(shared.coefficients), np.zeros_like(shared.intercept)
        if (mine & anchored).any() and not mine.all():
            # Penalties are meant for features of unit variance; inside a domain they vary less.
            variance = x[mine].var(axis=0) + 0.01
            ladder = [penalty.own * factor * variance for factor in recipe.factors]
            own = _cross_fit(x[mine], rest[mine], row_weights[mine], fold[mine], ladder)
            unseen[mine] += own.unseen
            part, constant = own.coefficients, own.intercept
        parts.append(part)
        constants.append(constant)
    solution = Linear(
        intercept=shared.intercept.astype(np.float32),
        shared=shared.coefficients.astype(np.float32),
        constants=np.stack(constants).astype(np.float32),
        parts=np.stack(parts).astype(np.float32),
    )
    return _Search(solution, unseen)


@dataclass(frozen=True)
class _CrossFit:
    """A ridge solution for all rows, and predictions for rows it had not seen."""

    coefficients: Array
    intercept: Array
    unseen: Array


def _cross_fit(
    x: Array, targets: Array, row_weights: Array, fold: NDArray[np.int64], ladder: list[Array]
) -> _CrossFit:
    """Ridge with the penalty of a ladder that predicts unseen rows best."""
    parts = [
        Moments.of(x[fold == k], targets[fold == k], row_weights[fold == k])
        for k in range(INNER_FOLDS)
    ]
    total = sum(parts[1:], start=parts[0])
    trials = []
    for ridge in ladder:
        unseen = np.empty_like(targets)
        for k in range(INNER_FOLDS):
            coefficients, intercept = (total - parts[k]).solve(ridge)
            unseen[fold == k] = x[fold == k] @ coefficients + intercept
        trials.append((_error(targets, unseen, row_weights), ridge, unseen))
    _, ridge, unseen = min(trials, key=lambda trial: trial[0])
    return _CrossFit(*total.solve(ridge), unseen)


def _error(targets: Array, guess: Array, row_weights: Array) -> float:
    return float(row_weights @ ((targets - guess) ** 2).sum(axis=1))


@dataclass(frozen=True)
class _Axis:
    """One axis of the emotion head with its calibration per domain."""

    head: Linear
    slope: NDArray[np.float32]
    offset: NDArray[np.float32]
    inside: NDArray[np.float32]
    moment: NDArray[np.float32]


def _fit_axis(table: Table, basis: _Basis, recipe: Recipe, axis: int) -> _Axis:
    targets = _scores(table, axis)
    rows = np.isfinite(targets)
    rated = np.isfinite(table.emotion[:, axis])
    found = _search(table, basis, recipe, AXES[axis], rows, targets[rows, None], rated)
    unseen = np.full(len(table), np.nan)
    unseen[rows] = found.unseen[:, 0]
    fits = [
        _calibrate(table, rated & (basis.domain[:, d] == 1), unseen, axis)
        for d in range(basis.domain.shape[1])
    ]
    known = [one for one in fits if one is not None]
    if not known:
        raise DataError(
            f"no domain has ten clips rated in {AXES[axis]}",
            remedy="Add a rated dataset to the recipe",
        )
    # A domain without ratings of its own borrows the mean calibration of the others.
    filled = np.array([np.mean(known, axis=0) if one is None else one for one in fits], np.float32)
    return _Axis(found.head, filled[:, 0], filled[:, 1], filled[:, 2], filled[:, 3])


def _scores(table: Table, axis: int) -> Array:
    """Targets in standard units of each dataset; quadrants count as signs."""
    scores = table.emotion[:, axis].copy()
    for dataset in set(table.dataset):
        mine = table.dataset == dataset
        if not np.isfinite(scores[mine]).any():
            signs = np.where(table.quadrant[mine] >= 0, SIGNS[table.quadrant[mine], axis], np.nan)
            scores[mine] = signs
        whole = mine & ~table.window & np.isfinite(scores)
        if whole.any():
            scores[mine] = (scores[mine] - scores[whole].mean()) / scores[whole].std()
    return scores


def _calibrate(
    table: Table, rows: NDArray[np.bool_], unseen: Array, axis: int
) -> tuple[float, float, float, float] | None:
    """Slope, offset and half-widths for clips and for windows, from unseen predictions."""
    whole = rows & table.clean
    if whole.sum() < 10:
        return None
    rating, score = table.emotion[:, axis], unseen
    slope, offset = np.polyfit(score[whole], rating[whole], 1)
    error = np.abs(rating - (offset + slope * score))
    windows = rows & table.window
    inside = conformal(error[whole])
    return slope, offset, inside, conformal(error[windows]) if windows.any() else inside


def conformal(errors: Array) -> float:
    """Half-width that holds a new error with probability `COVERAGE` (split conformal)."""
    level = min(1.0, np.ceil((len(errors) + 1) * COVERAGE) / len(errors))
    return float(np.quantile(errors, level, method="higher"))


def _fit_quadrants(table: Table, basis: _Basis, recipe: Recipe) -> tuple[Linear, float]:
    rows = table.quadrant >= 0
    if not rows.any():
        return _flat(basis, 4), 1.0
    truth = np.eye(len(Quadrant))[table.quadrant[rows]]
    found = _search(table, basis, recipe, "quadrants", rows, truth)
    candidates = np.geomspace(0.5, 16, 40)
    row_weights = basis.weights[rows]
    loss = [
        -float(row_weights @ np.log((softmax(s * found.unseen) * truth).sum(axis=1) + 1e-9))
        for s in candidates
    ]
    return found.head, float(candidates[int(np.argmin(loss))])


def _fit_gems(table: Table, basis: _Basis, recipe: Recipe) -> Linear:
    rows = np.isfinite(table.gems[:, 0])
    if not rows.any():
        return _flat(basis, table.gems.shape[1])
    return _search(table, basis, recipe, "gems", rows, table.gems[rows]).head


def _flat(basis: _Basis, outputs: int) -> Linear:
    """A head that says nothing, for a recipe without its labels."""
    dim, domains = basis.x.shape[1], basis.domain.shape[1]
    return Linear(
        np.full(outputs, 1 / outputs, np.float32),
        np.zeros((dim, outputs), np.float32),
        np.zeros((domains, outputs), np.float32),
        np.zeros((domains, dim, outputs), np.float32),
    )


def _join(first: Linear, second: Linear) -> Linear:
    return Linear(
        np.concatenate([first.intercept, second.intercept]),
        np.concatenate([first.shared, second.shared], axis=1),
        np.concatenate([first.constants, second.constants], axis=1),
        np.concatenate([first.parts, second.parts], axis=2),
    )


def leave_one_out(table: Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Datasets with valence and arousal that can be left out, with the mask of their rows."""
    for dataset in sorted(set(table.dataset)):
        mine = table.dataset == dataset
        others = np.isfinite(table.emotion[~mine, 0]).any()
        if np.isfinite(table.emotion[mine, 0]).any() and others:
            yield dataset, mine


def _outside(table: Table, recipe: Recipe) -> NDArray[np.float32] | None:
    """Half-widths for music from a dataset that was not trained on; the larger over datasets."""
    widths = []
    for _, mine in leave_one_out(table):
        rest, left = table.where(~mine), table.where(mine & table.clean)
        basis = _basis(rest, recipe)
        x = np.clip((left.vectors - basis.mean) / basis.spread, -CLIP, CLIP)
        scores, bias = _membership(basis)
        membership = softmax(x @ scores + bias)
        errors = []
        for axis in range(2):
            found = _fit_axis(rest, basis, recipe, axis)
            score = found.head(x, membership)[:, 0]
            value = membership @ found.offset + score * (membership @ found.slope)
            errors.append(np.abs(left.emotion[:, axis] - np.clip(value, -1, 1)))
        widths.append([conformal(error) for error in errors])
    return np.max(widths, axis=0).astype(np.float32) if widths else None


def _sound(
    basis: _Basis, table: Table
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Projection to whitened main axes, training pieces there, and their distances."""
    pca = PCA(SOUND_AXES, whiten=True, random_state=0)
    pca.fit(basis.x[table.clean])
    projection = (pca.components_ / np.sqrt(pca.explained_variance_)[:, None]).T
    known = basis.x[table.clean] @ projection
    group = table.group[table.clean]
    distance = np.array(
        [neighbour_distance(known[[row]], known[group != group[row]])[0]
         for row in range(len(known))]
    )  # fmt: skip
    # Sets count by their weight, or the largest would say what is familiar.
    share = basis.weights[table.clean]
    order = np.argsort(distance)
    levels = np.cumsum(share[order]) / share.sum()
    quantiles = np.interp(np.linspace(0, 1, 201), levels, distance[order])
    return tuple(a.astype(np.float32) for a in (projection, known, quantiles))
