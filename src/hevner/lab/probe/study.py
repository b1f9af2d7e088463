"""A probe as a study: every fold is a cell, in which all systems are fitted.

Conventions
-----------
A *kernel* holds the products of all rows with each other, shape ``(n, n)``, divided so that those
of training rows with themselves are 1 on average. Targets have shape ``(n, k)`` and their own
penalty each. With more numbers than rows a ridge regression from products is cheaper than one on
the numbers, and it is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from hevner import __version__
from hevner.arrays import Doubles, Floats, Integers, Rows
from hevner.errors import DataError
from hevner.lab.cross_dataset import experiments
from hevner.lab.cross_dataset.experiments import Experiment, StudyData, join, load_dataset
from hevner.lab.data.blocks import grouped_folds
from hevner.lab.probe import scores
from hevner.lab.probe.scores import Predictions
from hevner.lab.probe.states import Probe, systems
from hevner.lab.study import engine, kept
from hevner.lab.study.kept import Row
from hevner.lab.study.splits import Split, group_numbers
from hevner.store import FeatureStore

INNER_FOLDS = 5
"""Parts of a training part, in whole groups; the learned mix stops by the first."""

CellResult = engine.CellResult[Split]


class ProbeStudy(engine.Study[Probe, StudyData, Split]):
    """A probe and its data; its cells are the folds of every seed.

    Results hold the tested rows with both labels (``test``), predictions of every system for them
    (``guesses``), the place of the state chosen for each axis (``chosen``) and the weights of the
    learned mix (``weights``, shape ``(2, states)``).
    """

    columns = scores.COLUMNS
    load_dataset = staticmethod(load_dataset)
    join = staticmethod(join)

    @classmethod
    def load(
        cls, recipe: Probe, folders: Mapping[str, Path], store: FeatureStore, jobs: int = 1
    ) -> tuple[Self | None, list[str]]:
        """As `engine.Study.load`; raises `DataError` if vectors do not consist of such states."""
        study, missing = super().load(recipe, folders, store, jobs)
        if study is not None:
            recipe.parts(study.vectors.shape[1])
        return study, missing

    @cached_property
    def experiment(self) -> Experiment:
        """Folds of every seed; parts that share anything raise `DataError` (``leak``)."""
        recipe = self.recipe.recipe
        experiment = experiments.plan(recipe.protocols[0], recipe, self.data)[0]
        if experiment.refused:
            raise DataError(
                f"training and test parts leak: {experiment.leaks[self.recipe.dataset]}",
                subject=self.recipe.dataset,
                remedy="Correct the groups of the dataset",
                code="leak",
            )
        return experiment

    def plan(self) -> list[Split]:
        """Folds of every seed."""
        return self.experiment.splits

    def describe(self, cells: Sequence[Split]) -> Iterator[str]:
        """Tracks, states and folds."""
        name = self.recipe.dataset
        rows = self.data.rows(name)
        groups = len(set(self.data.samples.group[rows].tolist()))
        yield (
            f"{name}: {len(rows)} tracks with {self.data.kinds[name]} in {groups} groups; "
            f"{self.experiment.leaks[name]}"
        )
        widths = sorted({part.stop - part.start for part in self.parts.values()})
        numbers = " or ".join(map(str, widths))
        yield f"{self.recipe.block}: {len(self.parts)} states of {numbers} numbers"
        yield f"{len(cells)} folds"

    def file_name(self, cell: Split) -> str:
        """Name of the file of a fold."""
        about = [__version__, self._digest, *(str(place) for place in self.parts.values())]
        rows = kept.digest(cell.train.astype(np.int64), cell.test.astype(np.int64))
        return kept.file_name(about, rows.encode())

    def compute(self, cell: Split, folder: Path) -> Mapping[str, Any]:
        """Fit all systems to the training rows and predict the test rows."""
        truth = self.data.truth
        train, test = (
            rows[np.isfinite(truth[rows]).all(axis=1)] for rows in (cell.train, cell.test)
        )
        numbers = standard(self.vectors, train)
        targets, fold = truth[train], self._inner_folds(train)
        kernels = [kernel(numbers[:, place], train) for place in self.parts.values()]
        fits = [fit(one, train, test, targets, fold) for one in kernels]
        chosen = np.argmax([one.inside for one in fits], axis=0)
        guesses = [one.guesses for one in fits]
        together = np.mean(kernels, axis=0)
        guesses.append(fit(together, train, test, targets, fold).guesses)
        weights = np.zeros((0, 0))
        if self.mixed:
            states = numbers.reshape(len(numbers), len(kernels), -1)
            weights = _learned_weights(states[train], targets, fold)
            even = np.full_like(weights, 1 / len(kernels))
            guesses += [_mixed(states, w, train, test, targets, fold) for w in (even, weights)]
        guesses.append(np.stack([fits[k].guesses[:, axis] for axis, k in enumerate(chosen)], 1))
        return {"test": test, "guesses": guesses, "chosen": chosen, "weights": weights}

    def table(
        self, results: Sequence[CellResult], *, features: str = "", command: str = ""
    ) -> list[Row]:
        """Rows of the table; features and command are written into each."""
        about = {
            "dataset": self.recipe.dataset,
            "features": features or self.recipe.block,
            "labels": self.data.kinds[self.recipe.dataset],
            "seeds": self.recipe.seeds,
            "folds": self.recipe.folds,
            "leaks": self.experiment.leaks[self.recipe.dataset],
            "command": command,
        }
        return scores.score(self, self.predict(results), about)

    def predict(self, results: Sequence[CellResult]) -> Predictions:
        """Predictions of all folds together; results are in the order of `plan`."""
        names = systems(tuple(self.parts), mixed=self.mixed)
        seeds = [seed for seed, run in enumerate(self.experiment.runs) for _ in run]
        table = np.full((len(names), self.recipe.seeds, *self.data.truth.shape), np.nan)
        for seed, result in zip(seeds, results, strict=True):
            table[:, seed, result.arrays["test"]] = result.arrays["guesses"]
        rows = self.data.rows(self.recipe.dataset)
        numbers = np.array(tuple(self.parts))
        return Predictions(
            {name: table[k][:, rows] for k, name in enumerate(names)},
            np.array([numbers[result.arrays["chosen"]] for result in results]),
            np.array([result.arrays["weights"] for result in results]) if self.mixed else None,
        )

    # --- inside ---

    @property
    def vectors(self) -> Floats:
        """All states of every track, side by side."""
        return self.data.samples.blocks[self.recipe.block]

    @cached_property
    def parts(self) -> dict[int, slice]:
        """Place of each state in the vectors."""
        return self.recipe.parts(self.vectors.shape[1])

    @property
    def mixed(self) -> bool:
        """Whether states can be mixed: they have one width, and there are several."""
        widths = {part.stop - part.start for part in self.parts.values()}
        return len(widths) == 1 and len(self.parts) > 1

    @cached_property
    def _digest(self) -> str:
        return kept.digest(self.vectors, self.data.truth)

    def _inner_folds(self, train: Rows) -> Integers:
        groups = group_numbers([self.data.tracks[row] for row in train])
        return grouped_folds(groups, INNER_FOLDS, seed=0)


def _learned_weights(
    states: Floats, targets: Doubles, fold: Integers
) -> Doubles:  # fmt: skip
    """Learned weights of the states, shape ``(2, states)``."""
    from hevner.lab.probe.mix import learn_weights  # here, as planning needs no torch

    units = (targets - targets.mean(axis=0)) / (targets.std(axis=0) + 1e-12)
    return learn_weights(states, units, fold == 0)


def _mixed(
    states: Floats,
    weights: Doubles,
    train: Rows,
    test: Rows,
    targets: Doubles,
    fold: Integers,
) -> Doubles:
    """Predictions from the mean of states with weights for each axis, shape ``(m, 2)``."""
    guesses = []
    for axis, own in enumerate(weights):
        mixed = standard(np.einsum("nsw,s->nw", states, own.astype(np.float32)), train)
        products = kernel(mixed, train)
        guesses.append(fit(products, train, test, targets[:, [axis]], fold).guesses)
    return np.concatenate(guesses, axis=1)


PENALTIES = 10.0 ** np.arange(1.0, -6.5, -0.5)
"""Penalties that are tried, as a share of the sum of the training rows' products with themselves:
from little more than the mean to nearly none."""


@dataclass(frozen=True)
class Fit:
    """Predictions ``(m, k)`` of a ridge regression, and the penalty of each target.

    The penalty is the one with the best ``inside``: R2 over the training rows, each predicted
    without its fold. Both have shape ``(k,)``.
    """

    guesses: Doubles
    inside: Doubles
    penalty: Doubles


def standard(numbers: Floats, train: Rows) -> Floats:
    """Numbers ``(n, width)`` less their mean over training rows, in units of their spread there."""
    mean, spread = numbers[train].mean(axis=0), numbers[train].std(axis=0)
    still = spread <= 1e-6 * np.maximum(1, np.abs(mean))
    return np.asarray((numbers - mean) / np.where(still, 1, spread), np.float32)


def kernel(numbers: Floats, train: Rows) -> Doubles:
    """Products of rows ``(n, width)`` with each other; see the module."""
    wide = numbers.astype(np.float64)
    products = wide @ wide.T
    return np.asarray(products / (np.diag(products)[train].mean() or 1.0))


def fit(products: Doubles, train: Rows, test: Rows, targets: Doubles, fold: Integers) -> Fit:
    """Fit to training rows with the penalty that predicts their folds best, and predict others.

    Targets ``(n, k)`` and numbers of folds are those of the training rows.
    """
    inner = products[np.ix_(train, train)]
    level = inner.mean(axis=0)
    centred = inner - level - level[:, None] + level.mean()
    values, vectors = np.linalg.eigh(centred)
    values = np.maximum(values, 0)
    penalties = PENALTIES * (values.sum() or 1.0)
    mean = targets.mean(axis=0)
    projected = vectors.T @ (targets - mean)
    left = np.stack([_left_out(vectors, values / (values + p), projected, targets - mean, fold)
                     for p in penalties])  # fmt: skip
    inside = 1 - left / ((targets - mean) ** 2).sum(axis=0)
    best = inside.argmax(axis=0)
    dual = vectors @ (projected / (values[:, None] + penalties[best]))
    guesses = mean + (products[np.ix_(test, train)] - level) @ dual
    return Fit(guesses, inside.max(axis=0), PENALTIES[best])


def _left_out(
    vectors: Doubles, kept: Doubles, projected: Doubles, targets: Doubles, fold: Integers
) -> Doubles:
    """Sums of squared errors for rows, each predicted by a fit without its fold, shape ``(k,)``.

    The errors of such a fit are those of the fit to all rows, multiplied by the inverse of the
    identity less the fold's part of the matrix that turns targets into predictions; no fit needs
    to be done again.
    """
    errors = targets - vectors @ (kept[:, None] * projected)
    total = np.zeros(targets.shape[1])
    for number in range(fold.max() + 1):
        mine = fold == number
        own = vectors[mine]
        smoother = (own * kept) @ own.T + 1 / len(targets)
        missed = np.linalg.solve(np.eye(len(own)) - smoother, errors[mine])
        total += (missed**2).sum(axis=0)
    return total
