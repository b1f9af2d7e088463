"""Make the features of datasets alike, without using labels.

Conventions
-----------
Features are blocks by name, shape ``(n, width)`` each; ``dataset`` names the dataset of each row,
shape ``(n,)``. Results are in standard units of the training rows, block by block, so that a model
can still weigh the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Names
from hevner.lab.data.blocks import Block, Blocks, check
from hevner.lab.regression.ridge import NormalEquations

RIDGE = 0.01
"""Penalty of the linear classifiers of datasets."""


def balanced_weights(dataset: Names) -> Doubles:
    """Weights of mean 1 that give every dataset the same total, shape ``(n,)``."""
    _, number, sizes = np.unique(dataset, return_inverse=True, return_counts=True)
    return np.asarray(len(dataset) / (len(sizes) * sizes[number]))


@dataclass(frozen=True)
class CovarianceAlignment:
    """CORAL (Sun, Feng and Saenko, "Return of frustratingly easy domain adaptation", AAAI 2016).

    The rows of a dataset are centred, whitened by their own covariance and given the mean
    covariance of the training datasets (``spreads`` holds its root for each block). Covariances are
    drawn towards a multiple of the identity, as there may be fewer rows than numbers.
    """

    blocks: dict[str, Block]
    spreads: dict[str, Doubles]

    @classmethod
    def fit(cls, blocks: Blocks, dataset: Names) -> CovarianceAlignment:
        """Compute the mean covariance of the training datasets."""
        prepared = _prepare(blocks, dataset)
        spreads = {}
        for name, block in prepared.items():
            x = block(check(name, blocks[name]))
            parts = [_covariance(x[dataset == one]) for one in np.unique(dataset)]
            spreads[name] = _power(np.mean(parts, axis=0), 0.5)
        return cls(prepared, spreads)

    def transform(self, blocks: Blocks, dataset: Names) -> dict[str, Doubles]:
        """Align every dataset by its own rows, of which there should be many."""
        aligned = {}
        for name, block in self.blocks.items():
            x = block(check(name, blocks[name]))
            for one in np.unique(dataset):
                mine = dataset == one
                whiten = _power(_covariance(x[mine]), -0.5)
                x[mine] = (x[mine] - x[mine].mean(axis=0)) @ whiten @ self.spreads[name]
            aligned[name] = block.expand(x)
        return aligned

    def pass_through(self, blocks: Blocks) -> dict[str, Doubles]:
        """Rows of an unknown dataset, in the same units and not aligned."""
        return {name: block.expand(block(blocks[name])) for name, block in self.blocks.items()}


def _covariance(x: Doubles) -> Doubles:
    # As much of the identity as of the covariance: the original adds 1 to variances of 1.
    covariance = (x - x.mean(axis=0)).T @ (x - x.mean(axis=0)) / len(x)
    level = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    return np.asarray(covariance + level * np.eye(len(covariance)))


def _power(matrix: Doubles, exponent: float) -> Doubles:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * values**exponent) @ vectors.T)


@dataclass(frozen=True)
class IdentityRemoval:
    """Features without the directions that distinguish datasets.

    Iterative nullspace projection (Ravfogel et al., "Null it out", ACL 2020): a linear classifier
    of the dataset is fitted, its directions (orthonormal, ``(width, k)``) are removed, and so on.
    """

    blocks: dict[str, Block]
    directions: dict[str, Doubles]

    @classmethod
    def fit(cls, blocks: Blocks, dataset: Names, rounds: int) -> IdentityRemoval:
        """Find the directions in training rows, one fewer per round than there are datasets."""
        prepared = _prepare(blocks, dataset)
        weights = balanced_weights(dataset)
        names, number = np.unique(dataset, return_inverse=True)
        truth = np.eye(len(names))[number]
        directions = {}
        for name, block in prepared.items():
            x = block(check(name, blocks[name]))
            found = np.empty((x.shape[1], 0))
            for _ in range(rounds):
                rest = x - x @ found @ found.T
                sums = NormalEquations.of(rest, truth, weights)
                classifier, _ = sums.solve(np.full(x.shape[1], RIDGE * sums.weight))
                found = _extend(found, classifier)
            directions[name] = found
        return cls(prepared, directions)

    def transform(self, blocks: Blocks) -> dict[str, Doubles]:
        """Rows without the directions."""
        result = {}
        for name, block in self.blocks.items():
            x = block(check(name, blocks[name]))
            found = self.directions[name]
            result[name] = block.expand(x - x @ found @ found.T)
        return result


def _extend(found: Doubles, more: Doubles) -> Doubles:
    """Orthonormal columns that span both; directions of next to no length are left out."""
    left, lengths, _ = np.linalg.svd(more - found @ (found.T @ more), full_matrices=False)
    return np.hstack([found, left[:, lengths > 1e-9 * max(1.0, lengths[0])]])


def _prepare(blocks: Blocks, dataset: Names) -> dict[str, Block]:
    weights = balanced_weights(dataset)
    return {name: Block.fit(check(name, block), weights) for name, block in blocks.items()}
