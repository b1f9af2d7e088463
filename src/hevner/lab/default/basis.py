"""The common basis of all heads of the default model: rows, domains, weights, folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from hevner.arrays import Doubles, Floats, Integers
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.model.predict import CLIP
from hevner.model.prediction import neighbour_distance

INNER_FOLDS = 5
SOUND_AXES = 24
"""Dimensions of the projection in which familiarity is measured."""

QUANTILES = 201
"""Points at which the distribution of distances is kept."""


def folds(table: Table, count: int, seed: int) -> Integers:
    """A fold number for every row: groups stay together, datasets are spread evenly."""
    rng = np.random.default_rng(seed)
    number: dict[str, int] = {}
    for dataset in sorted(set(table.dataset)):
        groups = np.array(sorted(set(table.group[table.dataset == dataset])))
        rng.shuffle(groups)
        number |= {group: place % count for place, group in enumerate(groups)}
    return np.array([number[group] for group in table.group])


def weights(table: Table, sets: Mapping[str, float]) -> Doubles:
    """Weight of every row: sets have the weights given, and share them evenly among their clips."""
    _, row, copies = np.unique(table.clip, return_inverse=True, return_counts=True)
    result = 1.0 / copies[row]
    for name, weight in sets.items():
        members = table.dataset == name
        result[members] *= weight / max(1, len(set(table.clip[members])))
    return result


@dataclass(frozen=True)
class Basis:
    """Rows that every head is fitted on: standardised vectors ``x``, shape ``(n, dim)``.

    ``domain`` is 1 in the column of a row's domain, else 0, shape ``(n, domains)``; ``weights`` are
    those of the rows, ``(n,)``; ``mean`` and ``spread``, ``(dim,)``, the standardisation.
    """

    x: Floats
    domain: Doubles
    weights: Doubles
    mean: Floats
    spread: Floats


def make_basis(table: Table, recipe: DefaultRecipe) -> Basis:
    """Standardise the vectors of a table."""
    row_weights = weights(table, {name: entry.weight for name, entry in recipe.sets.items()})
    mean = np.average(table.vectors, axis=0, weights=row_weights)
    variance = np.average((table.vectors - mean) ** 2, axis=0, weights=row_weights)
    spread = np.sqrt(variance) + 1e-6
    domains = recipe.domains
    truth = np.array([domains.index(recipe.sets[name].domain) for name in table.dataset])
    return Basis(
        x=np.clip((table.vectors - mean) / spread, -CLIP, CLIP).astype(np.float32),
        domain=np.eye(len(domains))[truth],
        weights=row_weights,
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
    )


def membership(basis: Basis) -> tuple[Floats, Floats]:
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


def familiarity_arrays(basis: Basis, table: Table) -> dict[str, Floats]:
    """Arrays of a model that familiarity is computed from; see `hevner.model.prediction`."""
    pca = PCA(SOUND_AXES, whiten=True, random_state=0)
    pca.fit(basis.x[table.clean])
    projection = (pca.components_ / np.sqrt(pca.explained_variance_)[:, None]).T
    known = basis.x[table.clean] @ projection
    group, share = table.group[table.clean], basis.weights[table.clean]
    domain = basis.domain[table.clean].argmax(axis=1)
    rising = np.zeros((basis.domain.shape[1], QUANTILES))
    for number in np.unique(domain):
        members = np.flatnonzero(domain == number)
        distance = np.array(
            [neighbour_distance(known[[row]], known[members][group[members] != group[row]])[0]
             for row in members]
        )  # fmt: skip
        # Sets count by their weight, or the largest would decide what is familiar.
        order = np.argsort(distance)
        levels = np.cumsum(share[members][order]) / share[members].sum()
        rising[number] = np.interp(np.linspace(0, 1, QUANTILES), levels, distance[order])
    found = {
        "axes_of_sound": projection, "known": known, "known_domain": domain, "distances": rising,
    }  # fmt: skip
    return {name: np.asarray(array, np.float32) for name, array in found.items()}
