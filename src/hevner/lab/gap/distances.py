"""Distances between datasets: of their music in one representation, and those that chance gives.

Conventions
-----------
The vectors of all datasets are `Standardised` together, so that distances between any two are in
the same units: every dimension has mean 0 and standard deviation 1, with equal weight for every
dataset whatever its size; dimensions that do not vary are dropped.

==================  ==========  ===================================================================
Measure             Range       Meaning
==================  ==========  ===================================================================
``wasserstein``     [0, inf)    Wasserstein-1 distance of single dimensions, their mean, in
                                standard deviations
``sliced``          [0, inf)    the same along 100 random directions, so that differences in how
                                dimensions go together count too
``mmd``             [0, 1.42)   maximum mean discrepancy, Gaussian kernel as wide as the median
                                distance of rows (the root of the biased estimate)
``jensen_shannon``  [0, 1]      Jensen-Shannon distance, base 2, of histograms of 8 x 8 cells over
                                the first two principal components
``frechet``         [0, inf)    Wasserstein-2 distance of normal distributions with the means and
                                covariances of the first ten principal components
==================  ==========  ===================================================================

All are 0 for equal sets and symmetric. All but the last are above 0 for samples of one
distribution, the smaller the samples the more: read them against the references below.

A *split* is a mask over pooled rows: True for the first set, False for the second. A *measure* is a
function of a split that returns a float. Two references are computed for any measure:

============  =====================================================================================
exchanged     whole groups (songs, games, artists) of both sets change places at random: distances
              that chance alone gives to sets of this size
within        random halves of one set, by whole groups: distance of a set from itself. Halves are
              smaller than sets, which makes this reference rather too large than too small
============  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hevner.arrays import Doubles, Floats, Mask, Names, Rows
from hevner.errors import DataError
from hevner.lab.data.samples import names
from hevner.lab.metrics.statistics import group_index

Measure = Callable[[Mask], float]

EXCHANGES = 199
"""Random exchanges; the smallest p is 1 / (1 + EXCHANGES)."""

HALVES = 50


@dataclass(frozen=True)
class Distance:
    """A distance between two datasets, and its reference by chance.

    ``space`` is ``valence``, ``arousal`` or a representation. One in twenty random exchanges
    exceeds ``chance_95``; ``p`` is the share of exchanges, the observed one among them, that are
    at least as far apart.
    """

    space: str
    measure: str
    first: str
    second: str
    value: float
    chance_95: float
    p: float


@dataclass(frozen=True)
class Within:
    """Mean distance between random halves of one dataset."""

    space: str
    measure: str
    dataset: str
    value: float


def compare_datasets(
    space: str,
    measures: Callable[[Mask], Mapping[str, Measure]],
    dataset: Names,
    group: Names,
    seed: int = 0,
) -> tuple[list[Distance], list[Within]]:
    """Distances between every two datasets, and within each.

    ``measures`` makes measures over the rows of a mask. Raises `DataError` if a dataset has fewer
    than two groups.
    """
    apart: list[Distance] = []
    inside: list[Within] = []
    present = names(dataset)
    for name in present:
        rows = dataset == name
        inside += within(space, name, measures(rows), group[rows], seed)
    for first, second in combinations(present, 2):
        rows = np.isin(dataset, (first, second))
        is_first = dataset[rows] == first
        apart += between(space, first, second, measures(rows), is_first, group[rows], seed)
    return apart, inside


def between(
    space: str,
    first: str,
    second: str,
    measures: Mapping[str, Measure],
    is_first: Mask,
    groups: Names,
    seed: int = 0,
) -> list[Distance]:
    """Distances between two sets by several measures, over the same random exchanges."""
    chance = exchanges(is_first, groups, seed)
    rows = []
    for name, measure in measures.items():
        value = measure(is_first)
        drawn = np.array([measure(split) for split in chance])
        # Sums of the same numbers in another order differ in the last digits; those are ties.
        extreme = int((drawn >= value - 1e-12 * max(1.0, value)).sum())
        p = (1 + extreme) / (1 + len(drawn))
        rows.append(Distance(space, name, first, second, value, float(np.quantile(drawn, 0.95)), p))
    return rows


def within(
    space: str, dataset: str, measures: Mapping[str, Measure], groups: Names, seed: int = 0
) -> list[Within]:
    """Mean distance between halves of a set, by several measures."""
    splits = halves(groups, seed)
    return [
        Within(space, name, dataset, float(np.mean([measure(split) for split in splits])))
        for name, measure in measures.items()
    ]


def exchanges(is_first: Mask, groups: Names, seed: int = 0) -> list[Mask]:
    """Random splits with as many groups on either side as there are."""
    return _splits(groups, len(set(groups[is_first].tolist())), seed, EXCHANGES)


def halves(groups: Names, seed: int = 0) -> list[Mask]:
    """Random splits of one set into two with the same number of groups, give or take one."""
    return _splits(groups, len(set(groups.tolist())) // 2, seed, HALVES)


def _splits(groups: Names, size: int, seed: int, count: int) -> list[Mask]:
    """Random splits with so many groups on the first side."""
    present, index = group_index(groups)
    rng = np.random.default_rng(seed)
    return [np.isin(index, rng.permutation(len(present))[:size]) for _ in range(count)]


DIRECTIONS = 100
CELLS = 8
COMPONENTS = 10
KEPT = 50
"""Number of principal components kept, for maps."""

MEDIAN_ROWS = 1000
"""Number of rows for the median distance."""


@dataclass(frozen=True)
class Standardised:
    """Vectors of all datasets in common units, shape ``(n, p)``.

    Principal components, the first varying most, have the shape ``(n, min(KEPT, p, n))``; random
    unit vectors ``(p, DIRECTIONS)``. There are the width of the kernel and the number of the
    histogram cell of each row, ``(n,)``.
    """

    rows: Doubles
    components: Doubles
    directions: Doubles
    width: float
    cell: Rows

    def measures(self, chosen: Mask) -> dict[str, Measure]:
        """The measures over some of the rows."""
        rows, components = self.rows[chosen], self.components[chosen, :COMPONENTS]
        return {
            "wasserstein": transport(rows),
            "sliced": transport(rows @ self.directions),
            "mmd": discrepancy(rows, self.width),
            "jensen_shannon": divergence(self.cell[chosen]),
            "frechet": lambda split: frechet(components[split], components[~split]),
        }


def standardise(vectors: Floats, datasets: Names, seed: int = 0) -> Standardised:
    """Bring vectors ``(n, p)`` of several datasets to common units.

    The seed decides the random directions and the rows for the kernel's width. Raises `DataError`
    if nothing varies.
    """
    _, which, counts = np.unique(datasets, return_inverse=True, return_counts=True)
    weights = 1 / counts[which] / len(counts)
    raw = vectors.astype(np.float64)
    centred = raw - weights @ raw
    spread = np.sqrt(weights @ centred**2)
    varies = spread > 1e-6 * np.abs(raw).max(axis=0)
    if not varies.any():
        raise DataError(
            "all vectors are the same", remedy="Check the stored features", code="constant_features"
        )
    rows = centred[:, varies] / spread[varies]
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(rows.shape[1], DIRECTIONS))
    components = _principal(rows, weights)
    return Standardised(
        rows,
        components,
        directions / np.linalg.norm(directions, axis=0),
        _median_distance(rows, weights, rng),
        _cells(components[:, :2]),
    )


def transport(values: Doubles) -> Measure:
    """Mean Wasserstein-1 distance of the columns of values ``(n, p)``, by split.

    The area between the two distribution functions; sorting once serves every split.
    """
    order = np.argsort(values, axis=0)
    gaps = np.diff(np.take_along_axis(values, order, axis=0), axis=0)

    def measure(split: Mask) -> float:
        steps = np.where(split, 1 / split.sum(), -1 / (~split).sum())
        between = np.cumsum(steps[order], axis=0)[:-1]
        return float((np.abs(between) * gaps).sum(axis=0).mean())

    return measure


def discrepancy(rows: Doubles, width: float) -> Measure:
    """Maximum mean discrepancy of rows ``(n, p)``, Gaussian kernel of a width, by split."""
    kernel = np.exp(-_squared_distances(rows) / (2 * width**2))

    def measure(split: Mask) -> float:
        weights = np.where(split, 1 / split.sum(), -1 / (~split).sum())
        return float(np.sqrt(max(0.0, weights @ kernel @ weights)))

    return measure


def divergence(cells: Rows) -> Measure:
    """Jensen-Shannon distance, base 2, of the shares of cells ``(n,)``, by split."""
    from scipy.spatial.distance import jensenshannon

    size = int(cells.max()) + 1

    def measure(split: Mask) -> float:
        counts = [np.bincount(cells[side], minlength=size) for side in (split, ~split)]
        return float(jensenshannon(*counts, base=2))

    return measure


def frechet(first: Doubles, second: Doubles) -> float:
    """Wasserstein-2 distance of the normal distributions fitted to rows ``(n, k)`` and ``(m, k)``.

    After Dowson and Landau, "The Frechet distance between multivariate normal distributions", 1982.
    """
    shift = first.mean(axis=0) - second.mean(axis=0)
    one, other = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second))
    root = _root(one)
    common = np.sqrt(np.clip(np.linalg.eigvalsh(root @ other @ root), 0, None)).sum()
    return float(np.sqrt(max(0.0, shift @ shift + np.trace(one) + np.trace(other) - 2 * common)))


def _root(covariance: Doubles) -> Doubles:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)


def _principal(rows: Doubles, weights: Doubles) -> Doubles:
    _, _, axes = np.linalg.svd(rows * np.sqrt(weights)[:, None], full_matrices=False)
    axes = axes[:KEPT]
    # The sign of an axis is arbitrary; a fixed one keeps maps the same everywhere.
    largest = np.abs(axes).argmax(axis=1)
    return np.asarray(rows @ (axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]).T)


def _cells(plane: Doubles) -> Rows:
    cell = np.zeros(len(plane), np.intp)
    for values in plane.T:
        low, high = np.quantile(values, [0.01, 0.99])
        edges = np.linspace(low, high, CELLS + 1)[1:-1]
        cell = cell * CELLS + np.searchsorted(edges, values)
    return cell


def _median_distance(rows: Doubles, weights: Doubles, rng: np.random.Generator) -> float:
    count = min(MEDIAN_ROWS, len(rows))
    sample = rows[rng.choice(len(rows), count, replace=False, p=weights)]
    squares = _squared_distances(sample)[np.triu_indices(count, 1)]
    return float(np.sqrt(np.median(squares))) or 1.0


def _squared_distances(rows: Doubles) -> Doubles:
    squares = (rows**2).sum(axis=1)
    return np.asarray(np.clip(squares[:, None] + squares - 2 * rows @ rows.T, 0, None))
