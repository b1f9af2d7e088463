"""Fit the linear heads: a part shared by all domains, then a part for each domain.

For valence and arousal also the transfer head, the scales of both, and the intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.emotion import AXES, Quadrant
from hevner.errors import DataError
from hevner.lab.default.basis import INNER_FOLDS, Basis, folds, make_basis
from hevner.lab.default.recipe import DefaultRecipe, per_dimension
from hevner.lab.default.table import Table
from hevner.lab.default.transfer import FEWEST_RATED, Transfer
from hevner.lab.default.transfer import fit as fit_transfer
from hevner.lab.default.transfer import targets as transfer_targets
from hevner.lab.regression.ridge import NormalEquations
from hevner.model.predict import CLIP, DOMAIN_HEAD, NETWORK, domain_output
from hevner.model.prediction import Linear, softmax
from hevner.result import COVERAGE


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
    The head, fitted to all its rows, and its predictions for rows left out, shape ``(rows, k)``.
    """
    shared_penalty = per_dimension(recipe.penalties[head].shared)
    own_penalty = per_dimension(recipe.penalties[head].own)
    anchored = (rows if anchored is None else anchored)[rows]
    x, row_weights = basis.x[rows].astype(np.float64), basis.weights[rows]
    fold = folds(table, INNER_FOLDS, recipe.seed)[rows]
    shared, middle, unseen = cross_fit(x, targets, row_weights, fold, [shared_penalty])
    rest = targets - (x @ shared + middle)
    parts, constants = [], []
    for domain in range(basis.domain.shape[1]):
        mine = basis.domain[rows, domain] == 1
        part, constant = np.zeros_like(shared), np.zeros_like(middle)
        if (mine & anchored).any() and not mine.all():
            # Penalties are meant for features of unit variance; inside a domain they vary less.
            variance = x[mine].var(axis=0) + 0.01
            ladder = [own_penalty * factor * variance for factor in recipe.choices.factors]
            own = cross_fit(x[mine], rest[mine], row_weights[mine], fold[mine], ladder)
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


def cross_fit(
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


@dataclass(frozen=True)
class Axis:
    """The fitted heads of valence or of arousal: the domain head and the transfer head.

    Lines are slopes and offsets from the scores of a head to the unit scale, shape
    ``(domains, 2)``; ``transfer_lines`` have a last row for music unlike any rated domain.
    ``inside`` and ``moment`` are half-widths of the intervals of whole pieces and of windows,
    ``rated`` is 1 for domains with enough ratings, else 0: shape ``(domains,)``.
    """

    head: Linear
    transfer: Transfer
    domain_lines: Floats
    network_lines: Floats
    transfer_lines: Floats
    inside: Floats
    moment: Floats
    rated: Floats


def fit_axis(
    table: Table, basis: Basis, recipe: DefaultRecipe, axis: int, network: Mapping[str, Doubles]
) -> Axis:
    """Fit valence (axis 0) or arousal (1), also to the outputs of the network on unseen rows.

    If no domain has enough ratings, `DataError` is raised.
    """
    targets = _targets(table, axis)
    rows = np.isfinite(targets)
    rating = table.emotion[:, axis]
    rated = np.isfinite(rating)
    unseen = np.full(len(table), np.nan)
    head, found = search(table, basis, recipe, AXES[axis], rows, targets[rows, None], rated)
    unseen[rows] = found[:, 0]
    transfer = fit_transfer(table, basis, recipe, axis)
    count = basis.domain.shape[1]
    own, learned, widths = np.zeros((count, 2)), np.zeros((count, 2)), np.zeros((count, 2))
    lines, known = np.zeros((count + 1, 2)), np.zeros(count)
    lines[-1] = transfer.outside
    for domain in range(count):
        members = rated & (basis.domain[:, domain] == 1)
        whole = members & table.clean
        if whole.sum() < FEWEST_RATED:
            continue
        known[domain] = 1
        own[domain] = np.polyfit(unseen[whole], rating[whole], 1)
        lines[domain] = np.polyfit(transfer.unseen[whole], rating[whole], 1)
        guess = DOMAIN_HEAD * np.polyval(own[domain], unseen)
        guess += (1 - DOMAIN_HEAD) * np.polyval(lines[domain], transfer.unseen)
        output = network.get(domain_output(recipe.domains[domain]))
        if output is not None:
            learned[domain] = np.polyfit(output[whole, axis], rating[whole], 1)
            guess = (1 - NETWORK) * guess + NETWORK * np.polyval(learned[domain], output[:, axis])
        error = np.abs(rating - guess)
        windows = members & table.window
        widths[domain] = conformal(error[whole])
        if windows.any():
            widths[domain, 1] = conformal(error[windows])
    if not known.any():
        raise DataError(
            f"no domain has {FEWEST_RATED} clips rated in {AXES[axis]}",
            remedy="Add a rated dataset to the recipe",
            code="too_few_ratings",
        )
    # A domain without ratings borrows the widths of the others.
    widths[known == 0] = widths[known == 1].mean(axis=0)
    single = (array.astype(np.float32) for array in (own, learned, lines, *widths.T, known))
    return Axis(head, transfer, *single)


def _targets(table: Table, axis: int) -> Doubles:
    """Targets of the domain head: those of the transfer head, without proxies from GEMS."""
    scores = transfer_targets(table, axis)
    scores[~np.isfinite(table.emotion[:, axis]) & (table.quadrant < 0)] = np.nan
    return scores


def conformal(errors: Doubles) -> float:
    """Half-width that holds a new error with probability `COVERAGE` (split conformal)."""
    level = min(1.0, np.ceil((len(errors) + 1) * COVERAGE) / len(errors))
    return float(np.quantile(errors, level, method="higher"))


def outside_widths(table: Table, recipe: DefaultRecipe) -> Floats | None:
    """Half-widths for datasets that were not trained on; the largest over datasets."""
    widths = []
    for dataset in sorted(set(table.dataset[np.isfinite(table.emotion[:, 0])])):
        test = table.dataset == dataset
        rest, left = table.where(~test), table.where(test & table.clean)
        if not np.isfinite(transfer_targets(rest, 0)).any():
            continue
        basis = make_basis(rest, recipe)
        x = np.clip((left.vectors - basis.mean) / basis.spread, -CLIP, CLIP)
        errors = []
        for axis in range(2):
            found = fit_transfer(rest, basis, recipe, axis)
            value = np.polyval(found.outside, found(x))
            errors.append(np.abs(left.emotion[:, axis] - np.clip(value, -1, 1)))
        widths.append([conformal(error) for error in errors])
    return np.max(widths, axis=0).astype(np.float32) if widths else None
