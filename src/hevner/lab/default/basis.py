"""Rows of a table as every head is fitted to them: standardised, weighted, of a kind of music."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.lab.default.kernel import Kernel
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.model.prediction import softmax

CLIP = 4.0
"""Standardised features are limited to this many standard deviations, so that one odd descriptor
cannot carry a prediction away."""

NEIGHBOURS = 5
"""Training pieces whose mean distance counts for familiarity."""

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


def row_weights(table: Table, sets: Mapping[str, float]) -> Doubles:
    """Weight of every row: sets have the weights given, and share them evenly among their clips."""
    _, row, copies = np.unique(table.clip, return_inverse=True, return_counts=True)
    result = 1.0 / copies[row]
    for name, weight in sets.items():
        members = table.dataset == name
        result[members] *= weight / max(1, len(set(table.clip[members])))
    return result


@dataclass(frozen=True)
class Basis:
    """What a vector is compared with.

    Attributes
    ----------
    mean, spread
        Standardisation, shape ``(dim,)``.
    kinds
        Linear scores of the kinds that the sound decides, shapes ``(dim, kinds)`` and ``(kinds,)``.
    kernel
        Likeness to pieces of the training music.
    short_s
        Pieces that sound for at most so many seconds are of a last kind of their own; 0 without.
    """

    mean: Floats
    spread: Floats
    kinds: tuple[Floats, Floats]
    kernel: Kernel
    short_s: float

    @classmethod
    def fit(cls, table: Table, recipe: DefaultRecipe) -> Basis:
        """Learn from the rows of a table."""
        weights = row_weights(table, {name: one.weight for name, one in recipe.sets.items()})
        centre = np.average(table.vectors, axis=0, weights=weights)
        variance = np.average((table.vectors - centre) ** 2, axis=0, weights=weights)
        mean, spread = centre.astype(np.float32), (np.sqrt(variance) + 1e-6).astype(np.float32)
        x = standardised(table.vectors, mean, spread)
        kinds = _classifier(x, kind_of_rows(table, recipe), ~table.window, recipe)
        has_short = len(recipe.all_kinds) > len(recipe.sounds)
        short_s = recipe.kinds.short_s if has_short else 0.0
        return cls(mean, spread, kinds, Kernel.fit(table, x, recipe), short_s)

    def x(self, vectors: Floats) -> Floats:
        """Standardised vectors, limited."""
        return standardised(vectors, self.mean, self.spread)

    def rows(self, x: Floats) -> Floats:
        """What regressions are fitted on: standardised vectors, rows of the kernel, and a 1."""
        return np.concatenate([x, self.kernel(x), np.ones((len(x), 1), np.float32)], axis=1)

    def shares(self, x: Floats, seconds: Doubles) -> Floats:
        """How much each piece is of each kind, shape ``(n, kinds)``; rows add up to 1."""
        weights, bias = self.kinds
        sounds = softmax(x @ weights + bias)
        if not self.short_s:
            return sounds
        short = (seconds <= self.short_s)[:, None]
        return np.concatenate([sounds * ~short, short], axis=1, dtype=np.float32)


def standardised(vectors: Floats, mean: Floats, spread: Floats) -> Floats:
    """Vectors less their mean, in units of their spread, limited to `CLIP`."""
    return np.asarray(np.clip((vectors - mean) / spread, -CLIP, CLIP), np.float32)


def kind_of_rows(table: Table, recipe: DefaultRecipe) -> Integers:
    """Number of the kind of each row's set."""
    number = {name: recipe.all_kinds.index(one.kind) for name, one in recipe.sets.items()}
    return np.array([number[name] for name in table.dataset])


def _classifier(
    x: Floats, kind: Integers, rows: Mask, recipe: DefaultRecipe
) -> tuple[Floats, Floats]:
    """Linear scores of the kinds that the sound decides; every kind counts the same."""
    from sklearn.linear_model import LogisticRegression

    count = len(recipe.sounds)
    rows = rows & (kind < count)
    present, members = np.unique(kind[rows], return_counts=True)
    weights, bias = np.zeros((x.shape[1], count), np.float32), np.full(count, -20.0, np.float32)
    bias[present] = 0.0
    if len(present) > 1:
        share = dict(zip(present.tolist(), 600 / members, strict=True))
        model = LogisticRegression(C=recipe.kinds.strength, max_iter=1000)
        model.fit(x[rows], kind[rows], sample_weight=[share[k] for k in kind[rows].tolist()])
        # Two classes have one set of coefficients, that of the second.
        chosen = present[1:] if len(present) == 2 else present
        weights[:, chosen] = recipe.kinds.sharpness * model.coef_.T
        bias[chosen] = recipe.kinds.sharpness * model.intercept_
    return weights, bias


def familiar_music(basis: Basis, table: Table) -> dict[str, Floats]:
    """Arrays that familiarity is computed from: projection, training pieces, their distances.

    Returns
    -------
    dict
        ``axes``, shape ``(dim, p)``; ``known``, projected pieces ``(m, p)``; ``distances``, rising,
        from pieces to their `NEIGHBOURS` nearest of other groups, ``(QUANTILES,)``.
    """
    from sklearn.decomposition import PCA

    rows = table.clean
    x = basis.x(table.vectors[rows])
    pca = PCA(SOUND_AXES, whiten=True, random_state=0).fit(x)
    axes = (pca.components_ / np.sqrt(pca.explained_variance_)[:, None]).T
    known, group = x @ axes, table.group[rows]
    squares = (known**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * known @ known.T
    squares[group[:, None] == group[None, :]] = np.inf
    nearest = np.sqrt(np.maximum(np.sort(squares, axis=1)[:, :NEIGHBOURS], 0)).mean(axis=1)
    # Sets count the same, or the largest would decide what is familiar.
    weights = row_weights(table, dict.fromkeys(set(table.dataset), 1.0))[rows]
    order = np.argsort(nearest)
    levels = np.cumsum(weights[order]) / weights.sum()
    rising = np.interp(np.linspace(0, 1, QUANTILES), levels, nearest[order])
    found = {"axes": axes, "known": known, "distances": rising}
    return {name: np.asarray(array, np.float32) for name, array in found.items()}
