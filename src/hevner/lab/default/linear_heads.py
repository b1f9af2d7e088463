"""Fit the linear heads: a part shared by all domains, then a part for each domain."""

from __future__ import annotations

import numpy as np

from hevner.arrays import Doubles, Integers, Mask
from hevner.emotion import Quadrant
from hevner.lab.default.basis import INNER_FOLDS, Basis, folds
from hevner.lab.default.recipe import DefaultRecipe, per_dimension
from hevner.lab.default.table import Table
from hevner.lab.regression.ridge import NormalEquations
from hevner.model.prediction import Linear, softmax


def search(
    table: Table, basis: Basis, recipe: DefaultRecipe, head: str, rows: Mask,
    targets: Doubles, anchored: Mask | None = None,
) -> tuple[Linear, Doubles]:  # fmt: skip
    """Fit the shared part, then the part of every domain with the penalty that predicts best.

    Parameters
    ----------
    head
        Name of the penalties in the recipe.
    rows, targets
        Rows with targets, and the targets of these, shape ``(rows, k)``.
    anchored
        Rows that tie a domain's part to a scale; a domain without any gets no part of its own.
        All rows if None.

    Returns
    -------
    Linear
        The head, fitted to all its rows.
    Doubles
        Its predictions for rows left out of the fit, shape ``(rows, k)``.
    """
    shared_penalty = per_dimension(recipe.penalties[head].shared)
    own_penalty = per_dimension(recipe.penalties[head].own)
    anchored = (rows if anchored is None else anchored)[rows]
    x, row_weights = basis.x[rows].astype(np.float64), basis.weights[rows]
    fold = folds(table, INNER_FOLDS, recipe.seed)[rows]
    shared, middle, unseen = _cross_fit(x, targets, row_weights, fold, [shared_penalty])
    rest = targets - (x @ shared + middle)
    parts, constants = [], []
    for domain in range(basis.domain.shape[1]):
        mine = basis.domain[rows, domain] == 1
        part, constant = np.zeros_like(shared), np.zeros_like(middle)
        if (mine & anchored).any() and not mine.all():
            # Penalties are meant for features of unit variance; inside a domain they vary less.
            variance = x[mine].var(axis=0) + 0.01
            ladder = [own_penalty * factor * variance for factor in recipe.choices.factors]
            own = _cross_fit(x[mine], rest[mine], row_weights[mine], fold[mine], ladder)
            part, constant, found = own
            unseen[mine] += found
        parts.append(part)
        constants.append(constant)
    solution = Linear(
        intercept=middle.astype(np.float32),
        shared=shared.astype(np.float32),
        constants=np.stack(constants).astype(np.float32),
        parts=np.stack(parts).astype(np.float32),
    )
    return solution, unseen


def _cross_fit(
    x: Doubles, targets: Doubles, row_weights: Doubles, fold: Integers, ladder: list[Doubles]
) -> tuple[Doubles, Doubles, Doubles]:
    """Ridge with the penalty of a ladder that predicts unseen rows best, and those predictions."""
    parts = [
        NormalEquations.of(x[fold == k], targets[fold == k], row_weights[fold == k])
        for k in range(INNER_FOLDS)
    ]
    total = sum(parts[1:], start=parts[0])
    trials = []
    for ridge in ladder:
        unseen = np.empty_like(targets)
        for k in range(INNER_FOLDS):
            coefficients, intercept = (total - parts[k]).solve(ridge)
            unseen[fold == k] = x[fold == k] @ coefficients + intercept
        error = float(row_weights @ ((targets - unseen) ** 2).sum(axis=1))
        trials.append((error, ridge, unseen))
    _, ridge, unseen = min(trials, key=lambda trial: trial[0])
    return *total.solve(ridge), unseen


def fit_quadrants(table: Table, basis: Basis, recipe: DefaultRecipe) -> tuple[Linear, float]:
    """The head of the quadrants, and the factor that turns its scores into log odds."""
    rows = table.quadrant >= 0
    if not rows.any():
        return _flat(basis, 4), 1.0
    truth = np.eye(len(Quadrant))[table.quadrant[rows]]
    head, unseen = search(table, basis, recipe, "quadrants", rows, truth)
    candidates = np.geomspace(0.5, 16, 40)
    row_weights = basis.weights[rows]
    loss = [
        -float(row_weights @ np.log((softmax(s * unseen) * truth).sum(axis=1) + 1e-9))
        for s in candidates
    ]
    return head, float(candidates[int(np.argmin(loss))])


def fit_gems(table: Table, basis: Basis, recipe: DefaultRecipe) -> Linear:
    """The head of the GEMS shares."""
    rows = np.isfinite(table.gems[:, 0])
    if not rows.any():
        return _flat(basis, table.gems.shape[1])
    return search(table, basis, recipe, "gems", rows, table.gems[rows])[0]


def _flat(basis: Basis, outputs: int) -> Linear:
    """A head with constant outputs, for a recipe without its labels."""
    dim, domains = basis.x.shape[1], basis.domain.shape[1]
    return Linear(
        np.full(outputs, 1 / outputs, np.float32),
        np.zeros((dim, outputs), np.float32),
        np.zeros((domains, outputs), np.float32),
        np.zeros((domains, dim, outputs), np.float32),
    )


def join(first: Linear, second: Linear) -> Linear:
    """Two heads as one, outputs side by side."""
    return Linear(
        np.concatenate([first.intercept, second.intercept]),
        np.concatenate([first.shared, second.shared], axis=1),
        np.concatenate([first.constants, second.constants], axis=1),
        np.concatenate([first.parts, second.parts], axis=2),
    )
