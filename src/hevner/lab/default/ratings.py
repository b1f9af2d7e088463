"""Fit valence and arousal: domain head, transfer head, their scales, and the intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats
from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.lab.default.basis import Basis, make_basis
from hevner.lab.default.linear_heads import search
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.lab.default.transfer import FEWEST_RATED, Transfer
from hevner.lab.default.transfer import fit as fit_transfer
from hevner.lab.default.transfer import targets as transfer_targets
from hevner.model.predict import CLIP, DOMAIN_HEAD, NETWORK, domain_output
from hevner.model.prediction import Linear
from hevner.result import COVERAGE


@dataclass(frozen=True)
class Axis:
    """The fitted heads of valence or of arousal.

    Lines are slopes and offsets from the scores of a head to the unit scale, a row per domain.

    Attributes
    ----------
    head
        The domain head.
    transfer
        The transfer head.
    domain_lines, network_lines
        Lines of the domain head and of the network, shape ``(domains, 2)``.
    transfer_lines
        Lines of the transfer head, and in a last row that for music unlike any rated domain.
    inside, moment
        Half-widths of the intervals of whole pieces and of windows, shape ``(domains,)``.
    rated
        1 for domains with enough ratings, else 0, shape ``(domains,)``.
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

    Raises
    ------
    DataError
        If no domain has enough ratings.
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
