"""Regressions of one target or several on blocks of features, for `hevner.lab.regression.fusion`.

Conventions
-----------
Blocks are standardised and scaled so that the variances of a block add up to 1; a block with the
*factor* 2 counts as if its numbers were twice as large. Weights of rows have the mean 1. A fold
number says in which part of the training rows a row is predicted without being seen.

A `Regression` computes the error of a choice of hyper-parameters on unseen rows, and fits with a
choice. A network is trained by `train_hidden`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hevner import extras
from hevner.arrays import Doubles, Integers, Mask
from hevner.lab.regression.ridge import NormalEquations, sums_by_fold

Choice = dict[str, float]


@dataclass(frozen=True)
class LinearModel:
    """Coefficients of every block, shape ``(width,)`` or ``(width, k)`` each, and intercepts."""

    coefficients: Sequence[Doubles]
    intercept: Doubles

    def __call__(self, blocks: Sequence[Doubles]) -> Doubles:
        """Values for rows of blocks, shape ``(n,)`` or ``(n, k)``."""
        parts = [x @ own for x, own in zip(blocks, self.coefficients, strict=True)]
        return np.asarray(np.sum(parts, axis=0) + self.intercept)

    @classmethod
    def join(cls, axes: Sequence[LinearModel], units: Sequence[tuple[float, float]]) -> LinearModel:
        """One model of several targets, each brought to units of a level and a spread."""
        level, spread = np.array(units).T
        count = len(axes[0].coefficients)
        parts = [np.stack([one.coefficients[k] for one in axes], axis=1) for k in range(count)]
        intercept = np.array([one.intercept for one in axes])
        return cls([part * spread for part in parts], level + spread * intercept)


class Regression(ABC):
    """Training rows of one target, whose unseen parts judge choices of hyper-parameters."""

    choices: ClassVar[list[Choice]]

    def __init__(
        self, blocks: Sequence[Doubles], target: Doubles, weights: Doubles, fold: Integers
    ) -> None:
        self._blocks, self._fold = blocks, fold
        self._target, self._weights = target, weights

    def error(self, factors: Doubles, choice: Choice) -> float:
        """Weighted mean squared error for unseen rows."""
        total = 0.0
        for k, guess in enumerate(self._unseen(factors, choice)):
            mine = self._fold == k
            total += float(self._weights[mine] @ (self._target[mine] - guess) ** 2)
        return total / float(self._weights.sum())

    @abstractmethod
    def _unseen(self, factors: Doubles, choice: Choice) -> Iterator[Doubles]:
        """Predictions for each fold by a model of the others."""

    @abstractmethod
    def fit(self, factors: Doubles, choice: Choice) -> LinearModel | KernelModel:
        """A model of all rows."""


class Ridge(Regression):
    """Weighted ridge regression with an intercept, one penalty per block.

    The penalty of a choice is that of one unit of weight; the choices run from models close to the
    mean to models with nearly no penalty.
    """

    choices = [{"penalty": float(p)} for p in 10.0 ** np.arange(1, -4, -0.5)]  # noqa: RUF012

    def __init__(
        self, blocks: Sequence[Doubles], target: Doubles, weights: Doubles, fold: Integers
    ) -> None:
        super().__init__(blocks, target, weights, fold)
        self._x = np.concatenate(blocks, axis=1)
        self._widths = [block.shape[1] for block in blocks]
        self._total, self._parts = sums_by_fold(self._x, target[:, None], weights, fold)

    def _unseen(self, factors: Doubles, choice: Choice) -> Iterator[Doubles]:
        for k, part in enumerate(self._parts):
            coefficients, intercept = self._solve(self._total - part, factors, choice)
            yield (self._x[self._fold == k] @ coefficients + intercept)[:, 0]

    def fit(self, factors: Doubles, choice: Choice) -> LinearModel:
        """A model of all rows."""
        coefficients, intercept = self._solve(self._total, factors, choice)
        parts = np.split(coefficients[:, 0], np.cumsum(self._widths)[:-1])
        return LinearModel(parts, intercept[0])

    def _solve(
        self, sums: NormalEquations, factors: Doubles, choice: Choice
    ) -> tuple[Doubles, Doubles]:
        # With the factor f, coefficients cost 1 / f² as much; 0 excludes the block.
        penalty = choice["penalty"] * sums.weight / np.maximum(factors, 1e-6) ** 2
        return sums.solve(np.repeat(penalty, self._widths))


class Kernel(Regression):
    """Weighted kernel ridge regression with ``exp(-gamma d²)``.

    ``d²`` is the mean over blocks of squared distances, in which the squares of factors weigh. It
    replaces a support vector regression: with some thousand rows nothing is gained by sparsity,
    and the loss is that of the other kinds.
    """

    choices = [  # noqa: RUF012
        {"gamma": gamma, "penalty": penalty}
        for gamma in (0.1, 0.3, 1.0)
        for penalty in (10.0, 1.0, 0.1, 0.01)
    ]

    def __init__(
        self, blocks: Sequence[Doubles], target: Doubles, weights: Doubles, fold: Integers
    ) -> None:
        super().__init__(blocks, target, weights, fold)
        self._squares = [_squared_distances(block, block) for block in blocks]

    def _unseen(self, factors: Doubles, choice: Choice) -> Iterator[Doubles]:
        similarity = _similarity(self._squares, factors, choice)
        for k in range(self._fold.max() + 1):
            mine = self._fold == k
            dual, intercept = self._solve(similarity, ~mine, choice)
            yield similarity[np.ix_(mine, ~mine)] @ dual + intercept

    def fit(self, factors: Doubles, choice: Choice) -> KernelModel:
        """A model of all rows."""
        everything = np.ones(len(self._target), bool)
        similarity = _similarity(self._squares, factors, choice)
        dual, intercept = self._solve(similarity, everything, choice)
        return KernelModel(self._blocks, factors, choice, dual, intercept)

    def _solve(self, similarity: Doubles, rows: Mask, choice: Choice) -> tuple[Doubles, float]:
        from scipy.linalg import solve

        weights, target = self._weights[rows], self._target[rows]
        intercept = float(np.average(target, weights=weights))
        system = similarity[np.ix_(rows, rows)] + np.diag(choice["penalty"] / weights)
        return np.asarray(solve(system, target - intercept, assume_a="pos")), intercept


@dataclass(frozen=True)
class KernelModel:
    """A fitted `Kernel`: its rows, and the weight of each."""

    blocks: Sequence[Doubles]
    factors: Doubles
    choice: Choice
    dual: Doubles
    intercept: float

    def __call__(self, blocks: Sequence[Doubles]) -> Doubles:
        """Values for rows of blocks, shape ``(n,)``."""
        squares = [_squared_distances(x, y) for x, y in zip(blocks, self.blocks, strict=True)]
        return _similarity(squares, self.factors, self.choice) @ self.dual + self.intercept


def _squared_distances(one: Doubles, other: Doubles) -> Doubles:
    lengths = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    return np.asarray(np.maximum(lengths - 2 * one @ other.T, 0))


def _similarity(squares: Sequence[Doubles], factors: Doubles, choice: Choice) -> Doubles:
    shares = factors**2 / (factors**2).sum()
    distance = sum(share * square for share, square in zip(shares, squares, strict=True))
    return np.asarray(np.exp(-choice["gamma"] * distance))


# --- a network with one hidden layer ---

HIDDEN_UNITS = 512
DROPOUT = 0.5
LEARNING_RATE = 1e-3
BATCH = 64
MOST_EPOCHS = 40
DECAYS = (1.0, 0.01)
"""Weight decays to try, decoupled from the gradient."""


Layers = tuple[Doubles, Doubles, Doubles, Doubles]
"""Weights and biases of two layers: ``(width, 512)``, ``(512,)``, ``(512, k)``, ``(k,)``."""


def apply_hidden(layers: Layers, x: Doubles) -> Doubles:
    """Values of a network for rows ``(n, width)``, shape ``(n, k)``."""
    into, into_bias, out, out_bias = layers
    return np.asarray(np.maximum(x @ into + into_bias, 0) @ out + out_bias)


def train_hidden(
    x: Doubles, targets: Doubles, weights: Doubles, fold: Integers, seed: int
) -> tuple[Layers, Choice, float]:
    """Train a network with 512 rectified units and dropout before both layers.

    Torch rather than scikit-learn, whose networks have neither dropout nor a loss that leaves out
    missing labels. Prediction is plain numpy. Raises `MissingDependencyError` without torch.

    Features ``(n, width)`` have a variance of about 1, targets ``(n, k)`` mean 0 and variance 1,
    NaN where a label is missing; weights and folds ``(n,)`` belong to rows. The seed decides the
    initial weights, the order of rows and the dropout. Gives the layers, the weight decay and
    number of epochs that predicted unseen rows best, and the weighted mean squared error for these.
    """
    trials = []
    for decay in DECAYS:
        curves = [
            _curve(x, targets, weights, fold == k, decay, seed) for k in range(fold.max() + 1)
        ]
        curve = np.sum(curves, axis=0) / (weights[:, None] * np.isfinite(targets)).sum()
        trials.append((float(curve.min()), decay, int(curve.argmin()) + 1))
    error, decay, epochs = min(trials)
    network = _Network(x.shape[1], targets.shape[1], decay, seed)
    for _ in range(epochs):
        network.epoch(x, targets, weights)
    return network.layers(), {"decay": decay, "epochs": epochs}, error


def _curve(
    x: Doubles, targets: Doubles, weights: Doubles, unseen: Mask, decay: float, seed: int
) -> Doubles:
    """Weighted sum of squared errors for unseen rows after every epoch."""
    network = _Network(x.shape[1], targets.shape[1], decay, seed)
    errors = []
    for _ in range(MOST_EPOCHS):
        network.epoch(x[~unseen], targets[~unseen], weights[~unseen])
        guess = apply_hidden(network.layers(), x[unseen])
        errors.append(np.nansum(weights[unseen, None] * (guess - targets[unseen]) ** 2))
    return np.array(errors)


class _Network:
    """The network while it is trained."""

    def __init__(self, width: int, outputs: int, decay: float, seed: int) -> None:
        with extras.required("training a network", "networks"):
            import torch
        self._torch = torch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._net: Any = torch.nn.Sequential(
                torch.nn.Dropout(DROPOUT), torch.nn.Linear(width, HIDDEN_UNITS), torch.nn.ReLU(),
                torch.nn.Dropout(DROPOUT), torch.nn.Linear(HIDDEN_UNITS, outputs),
            )  # fmt: skip
            self._state = torch.random.get_rng_state()
        self._optimiser = torch.optim.AdamW(
            self._net.parameters(), lr=LEARNING_RATE, weight_decay=decay
        )

    def epoch(self, x: Doubles, targets: Doubles, weights: Doubles) -> None:
        torch = self._torch
        rows = torch.from_numpy(x.astype(np.float32))
        truth = torch.from_numpy(np.nan_to_num(targets).astype(np.float32))
        share = torch.from_numpy((weights[:, None] * np.isfinite(targets)).astype(np.float32))
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(self._state)
            for batch in torch.randperm(len(rows)).split(BATCH):
                self._optimiser.zero_grad()
                loss = (share[batch] * (self._net(rows[batch]) - truth[batch]) ** 2).sum()
                (loss / len(batch)).backward()
                self._optimiser.step()
            self._state = torch.random.get_rng_state()

    def layers(self) -> Layers:
        into, out = self._net[1], self._net[4]
        tensors = (into.weight.T, into.bias, out.weight.T, out.bias)
        first, second, third, last = (t.detach().numpy().astype(np.float64) for t in tensors)
        return first, second, third, last
