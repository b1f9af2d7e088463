"""Regression that is to generalise to another dataset: several measures, each a switch.

Conventions
-----------
`AdaptedRegressor` combines the switches; without any it is plain regression. Everything is fitted
to training rows alone. With ``align="all"`` it also uses the features, never the labels, of the
rows that are predicted.

Adversarial training against a classifier of datasets (Ganin et al., 2016) is left out: with fixed
features and a linear model it can only learn to ignore the directions in which datasets differ, and
`IdentityRemoval` removes these in closed form.

Features are blocks by name, shape ``(n, width)`` each; ``dataset`` names the dataset of each row,
shape ``(n,)``. `CovarianceAlignment` and `IdentityRemoval` make datasets alike without labels, in
standard units of the training rows, block by block, so that a model can still weigh the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Integers, Names
from hevner.emotion import AXES
from hevner.errors import DataError, ModelError
from hevner.lab.data.blocks import Block, Blocks, check, grouped_folds
from hevner.lab.data.labels import LabelScale, labels_of
from hevner.lab.data.samples import Samples
from hevner.lab.metrics.regression import pearson
from hevner.lab.regression.fusion import FusionRegressor
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


ROBUST_ROUNDS = 10
ROBUST_STEP = 0.5
ROBUST_PENALTY = 0.1

REMOVAL_ROUNDS = (0, 1, 2, 4)
"""Numbers of rounds of removal to try; the best is chosen inside the training rows."""


def robust_weights(
    blocks: Blocks, targets: Doubles, dataset: Names, group: Names, *, seed: int = 0
) -> Doubles:
    """Weights of mean 1 that emphasise the datasets predicted worst, shape ``(n,)``.

    Group DRO (Sagawa et al., "Distributionally robust neural networks for group shifts", ICLR
    2020) with ridge regression: round by round, the weight of a dataset is multiplied by the
    exponential of its error. Errors are for rows unseen in a cross-validation (by whole groups),
    since a model that fits its training rows perfectly has no worst dataset. Targets are in
    standard units, see `hevner.lab.data.labels.LabelScale`.
    """
    even = balanced_weights(dataset)
    x = np.hstack([Block.fit(check(name, b), even)(b) for name, b in blocks.items()])
    names, number = np.unique(dataset, return_inverse=True)
    fold = grouped_folds(group, 5, seed)
    share = np.ones(len(names))
    for _ in range(ROBUST_ROUNDS):
        miss = _unseen(x, targets, even * share[number], fold) - targets
        missed = [miss[(number == d)[:, None] & np.isfinite(miss)] for d in range(len(names))]
        errors = [np.mean(one**2) for one in missed]
        share = share * np.exp(ROBUST_STEP * np.array(errors))
        share = share / share.mean()
    weights = even * share[number]
    return np.asarray(weights / weights.mean())


def _unseen(x: Doubles, targets: Doubles, weights: Doubles, fold: Integers) -> Doubles:
    """Predictions of a ridge regression for rows that it has not seen."""
    guess = np.empty_like(targets)
    for axis in range(len(AXES)):
        for k in range(fold.max() + 1):
            rows = (fold != k) & np.isfinite(targets[:, axis])
            sums = NormalEquations.of(x[rows], targets[rows, axis, None], weights[rows])
            penalty = np.full(x.shape[1], ROBUST_PENALTY * sums.weight)
            coefficients, intercept = sums.solve(penalty)
            guess[fold == k, axis] = (x[fold == k] @ coefficients + intercept)[:, 0]
    return guess


class SubsetEnsemble:
    """Mean of one regression, with the parameters of ``member``, for each choice of blocks.

    A block that misleads on new music does not affect the models without it.
    """

    def __init__(self, member: FusionRegressor) -> None:
        self.member = member
        self._members: list[tuple[tuple[str, ...], FusionRegressor]] = []

    def fit(
        self, blocks: Blocks, emotion: ArrayLike, *, groups: Any = None, sample_weight: Any = None
    ) -> Self:
        """Fit every member; see `FusionRegressor.fit`."""
        names = list(blocks)
        self._members = []
        for choice in (c for k in range(len(names)) for c in combinations(names, k + 1)):
            some = {name: blocks[name] for name in choice}
            member = replace(self.member)
            member.fit(some, emotion, groups=groups, sample_weight=sample_weight)
            self._members.append((choice, member))
        return self

    def predict(self, blocks: Blocks) -> Doubles:
        """Valence and arousal of rows, shape ``(n, 2)``."""
        return np.asarray(np.mean([member.predict(blocks) for _, member in self._members], axis=0))


@dataclass(frozen=True)
class Switches:
    """Measures for generalising to other datasets; none by default.

    Attributes
    ----------
    align_labels
        Bring labels to standard units of each dataset. Predictions are in the units of the row's
        dataset or, for an unknown one, in the mean units of the rated training datasets.
    balance
        Give every dataset the same weight.
    robust
        Weight datasets by `robust_weights`, in place of ``balance``.
    across
        Choose hyper-parameters by leaving out one training dataset after the other instead of
        groups of tracks, where there are two datasets or more.
    gems
        Train on clips with GEMS ratings by proxy; needs ``align_labels``.
    align
        Apply CORAL to the training ``sources``, or to ``all`` datasets including those predicted.
    remove_identity
        Remove directions that distinguish datasets, as often as helps on a training dataset left
        out.
    ensemble
        Average over all choices of blocks in place of one model.
    """

    align_labels: bool = False
    balance: bool = False
    robust: bool = False
    across: bool = False
    gems: bool = False
    align: Literal["", "sources", "all"] = ""
    remove_identity: bool = False
    ensemble: bool = False


class AdaptedRegressor:
    """Regression with `Switches` and the parameters of a regressor, from `Samples` to emotion.

    ``rounds`` is the number of rounds in which directions are removed; it is chosen in the training
    rows if None.
    """

    def __init__(
        self,
        switches: Switches = Switches(),
        regressor: FusionRegressor | None = None,
        rounds: int | None = None,
    ) -> None:
        self.switches, self.rounds = switches, rounds
        self.regressor = regressor or FusionRegressor()

    def fit(self, samples: Samples) -> Self:
        """Fit to training rows; those without any label are left out.

        Raises `DataError` if there are no labels, or too few; `ModelError` if switches do not go
        together.
        """
        if self.switches.gems and not self.switches.align_labels:
            raise ModelError(
                "proxies from GEMS have no scale", remedy="Switch on align_labels", code="conflict"
            )
        labels = labels_of(samples, gems=self.switches.gems)
        known = np.asarray(np.isfinite(labels).any(axis=1))
        if not known.any():
            raise DataError(
                "no row has a label", remedy="Add a rated dataset", code="too_few_labels"
            )
        train, labels = samples.where(known), labels[known]
        self._scale = LabelScale.fit(labels, train.dataset)
        self._rated = tuple(np.unique(train.dataset[np.isfinite(train.emotion).all(axis=1)]))
        targets = self._scale.align(labels, train.dataset) if self.switches.align_labels else labels
        many = len(self._scale.units) > 1
        self.rounds_ = 0
        if self.switches.remove_identity and many:
            self.rounds_ = self._choose_rounds(train) if self.rounds is None else self.rounds
        blocks = self._fit_features(train)
        model = replace(self.regressor)
        self._model = SubsetEnsemble(model) if self.switches.ensemble else model
        self._model.fit(
            blocks,
            targets,
            groups=train.dataset if self.switches.across and many else train.group,
            sample_weight=self._weights(blocks, targets, train),
        )
        return self

    def predict(self, samples: Samples) -> Doubles:
        """Valence and arousal, shape ``(n, 2)``, on the unit scale."""
        values = self.scores(samples)
        if not self.switches.align_labels:
            return values
        scale = self._scale.with_default(self._rated or self._scale.units)
        return scale.back(values, samples.dataset)

    def scores(self, samples: Samples) -> Doubles:
        """Valence and arousal in the units of training, shape ``(n, 2)``."""
        return self._model.predict(self._features(samples))

    def _weights(self, blocks: Blocks, targets: Doubles, train: Samples) -> Doubles | None:
        if self.switches.robust:
            seed = self.regressor.seed
            return robust_weights(blocks, targets, train.dataset, train.group, seed=seed)
        return balanced_weights(train.dataset) if self.switches.balance else None

    def _fit_features(self, train: Samples) -> Blocks:
        blocks: Blocks = train.blocks
        self._alignment = self._removal = None
        if self.switches.align:
            self._alignment = CovarianceAlignment.fit(blocks, train.dataset)
            blocks = self._alignment.transform(blocks, train.dataset)
        if self.rounds_:
            self._removal = IdentityRemoval.fit(blocks, train.dataset, self.rounds_)
            blocks = self._removal.transform(blocks)
        return blocks

    def _features(self, samples: Samples) -> Blocks:
        blocks: Blocks = samples.blocks
        if self._alignment is not None:
            blocks = (
                self._alignment.transform(blocks, samples.dataset)
                if self.switches.align == "all"
                else self._alignment.pass_through(blocks)
            )
        return blocks if self._removal is None else self._removal.transform(blocks)

    def _choose_rounds(self, train: Samples) -> int:
        """Number of rounds that best orders the clips of a training dataset left out."""

        def error(rounds: int) -> float:
            model = AdaptedRegressor(self.switches, self.regressor, rounds)
            # Not a squared error, which would reward the loss of the datasets' offsets.
            return 1 - float(np.mean(list(_left_out(model, train))))

        return min(REMOVAL_ROUNDS, key=error)


def _left_out(model: AdaptedRegressor, train: Samples) -> Iterator[float]:
    """Correlation with the labels of each training dataset when it is left out, axis by axis."""
    for name in np.unique(train.dataset):
        mine = train.of(str(name))
        guess = model.fit(train.where(~mine)).scores(train.where(mine))
        labels = labels_of(train.where(mine), gems=model.switches.gems)
        for axis in range(len(AXES)):
            rated = np.isfinite(labels[:, axis])
            if rated.any():
                yield pearson(labels[rated, axis], guess[rated, axis])
