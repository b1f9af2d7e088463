"""Distances between the music of datasets, in one representation.

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
distribution, the smaller the samples the more: read them against `hevner.lab.gap.null`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Mask, Names, Rows
from hevner.errors import DataError
from hevner.lab.gap.null import Measure

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
