"""Valence and arousal from several representations at once.

Conventions
-----------
Features are blocks by name (`hevner.lab.data.samples.Samples.blocks`), shape ``(n, width)`` each.
Labels are shape ``(n, k)``, two of them in the order of `AXES`; NaN where there is none.

Every block is standardised by the weighted mean and spread of the training rows, limited to
`hevner.model.predict.CLIP` spreads, and divided by the square root of its width, so that 72 numbers
of chroma count as much as 4,800 of an embedding. Hyper-parameters are chosen by the squared error
of rows unseen in a cross-validation inside the training rows, in which groups stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.arrays import Doubles, Integers, Mask
from hevner.emotion import AXES
from hevner.errors import DataError, ModelError
from hevner.lab.data.blocks import Block, Blocks, TrainingRows, check, grouped_folds
from hevner.lab.regression.estimators import (
    Choice,
    Kernel,
    LinearModel,
    Regression,
    Ridge,
    apply_hidden,
    train_hidden,
)


@dataclass
class FusionRegressor:
    """Regression on blocks, with the `fit` and `predict` of scikit-learn.

    Parameters
    ----------
    kind
        ``linear``: ridge regression. ``hidden``: one hidden layer of 512 rectified units, the
        probe of the distribution-gap study; needs torch for fitting. ``kernel``: kernel ridge
        regression with a Gaussian kernel.
    weights
        Weight of each block, by name; 1 for those not named.
    balanced
        Whether blocks have the same influence whatever their width; if False they are only
        standardised and concatenated.
    components
        Number of main axes kept of wider blocks; all if None.
    search
        Factors by which the weight of every block may be multiplied; a search along the blocks
        takes the best combination. Not for ``hidden``.
    folds
        Largest number of folds of the cross-validation; never more than there are groups.
    seed
        Seed of the folds, and of everything random in ``hidden``.
    """

    kind: Literal["linear", "hidden", "kernel"] = "linear"
    weights: Mapping[str, float] | None = None
    balanced: bool = True
    components: int | None = None
    search: tuple[float, ...] = ()
    folds: int = 5
    seed: int = 0
    _fitted: _Fitted | None = field(default=None, init=False, repr=False, compare=False)

    def fit(
        self,
        blocks: Blocks,
        emotion: ArrayLike,
        *,
        groups: Sequence[Any] | NDArray[Any] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit to training rows, with labels ``(n, k)`` and positive weights ``(n,)``.

        Rows of one group are never on both sides of the cross-validation; with names of datasets,
        parameters are chosen that carry over to another dataset. Without groups every row is its
        own. Raises `DataError` if shapes do not fit, features are not finite, or an axis has fewer
        than two groups with labels or constant labels; `MissingDependencyError` for ``hidden``
        without torch.
        """
        rows = TrainingRows.of(blocks, emotion, groups, sample_weight)
        shares = self._weights(rows.blocks)
        prepared = {
            name: Block.fit(x, rows.weights, components=self.components, weight=shares[name])
            for name, x in rows.blocks.items()
        }
        x = [prepared[name](block) for name, block in rows.blocks.items()]
        fit = _fit_hidden if self.kind == "hidden" else _fit_axes
        self._fitted = fit(self, prepared, x, rows)
        return self

    def predict(self, blocks: Blocks) -> Doubles:
        """Values of rows, shape ``(n, k)``, in the units of the labels.

        Raises `ModelError` before `fit`; `DataError` if a block is not finite.
        """
        fitted = self._known()
        return fitted.predict(
            [block(check(name, blocks[name])) for name, block in fitted.blocks.items()]
        )

    def get_params(self) -> dict[str, Any]:
        """Parameters by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    def describe(self) -> dict[str, Any]:
        """Kind, blocks and chosen hyper-parameters, as plain JSON values."""
        fitted = self._known()
        widths = {name: len(block.mean) for name, block in fitted.blocks.items()}
        return {"kind": self.kind, "blocks": widths, "axes": fitted.chosen}

    def _weights(self, blocks: Mapping[str, Doubles]) -> dict[str, float]:
        mean_width = sum(x.shape[1] for x in blocks.values()) / len(blocks)
        return {
            name: (self.weights or {}).get(name, 1.0)
            * (1.0 if self.balanced else float(np.sqrt(x.shape[1] / mean_width)))
            for name, x in blocks.items()
        }

    def _known(self) -> _Fitted:
        if self._fitted is None:
            raise ModelError("not fitted yet", remedy="Call fit first", code="not_fitted")
        return self._fitted


@dataclass(frozen=True)
class _Fitted:
    """Preparation of blocks, function from these to emotion, and hyper-parameters by axis."""

    blocks: dict[str, Block]
    predict: Callable[[Sequence[Doubles]], Doubles]
    chosen: dict[str, Any]


def _fit_axes(
    model: FusionRegressor, prepared: dict[str, Block], x: list[Doubles], rows: TrainingRows
) -> _Fitted:
    kind = Ridge if model.kind == "linear" else Kernel
    chosen, fits, units = {}, [], []
    for axis, name in enumerate(_names(rows)):
        rated, fold = _rated(rows, axis, model)
        target = rows.emotion[rated, axis]
        weights = rows.weights[rated] / rows.weights[rated].mean()
        level = float(np.average(target, weights=weights))
        spread = float(np.sqrt(np.average((target - level) ** 2, weights=weights)))
        problem = kind([part[rated] for part in x], (target - level) / spread, weights, fold)
        error, factors, choice = _choose(problem, len(x), model.search)
        chosen[name] = {
            **choice,
            "factors": dict(zip(prepared, factors.tolist(), strict=True)),
            "r2": 1 - error,
            "clips": int(rated.sum()),
        }
        fits.append(problem.fit(factors, choice))
        units.append((level, spread))
    linear = [fit for fit in fits if isinstance(fit, LinearModel)]
    if linear:
        return _Fitted(prepared, LinearModel.join(linear, units), chosen)

    def predict(parts: Sequence[Doubles]) -> Doubles:
        values = [
            level + spread * fit(parts) for fit, (level, spread) in zip(fits, units, strict=True)
        ]
        return np.stack(values, axis=1)

    return _Fitted(prepared, predict, chosen)


def _choose(
    problem: Regression, count: int, search: tuple[float, ...]
) -> tuple[float, Doubles, Choice]:
    """The least error for unseen rows, and the factors and hyper-parameters that give it."""

    def best(factors: Doubles) -> tuple[float, Doubles, Choice]:
        trials = [(problem.error(factors, choice), choice) for choice in problem.choices]
        error, choice = min(trials, key=lambda trial: trial[0])
        return error, factors, choice

    found = best(np.ones(count))
    for block in range(count) if count > 1 else ():
        for factor in search:
            factors = found[1].copy()
            factors[block] = factor
            found = min(found, best(factors), key=lambda trial: trial[0])
    return found


def _fit_hidden(
    model: FusionRegressor, prepared: dict[str, Block], x: list[Doubles], rows: TrainingRows
) -> _Fitted:
    if model.search:
        raise ModelError(
            "weights are not searched for 'hidden'", remedy="Set search to ()", code="conflict"
        )
    for axis in range(rows.emotion.shape[1]):
        _rated(rows, axis, model)
    shares = rows.weights[:, None] * np.isfinite(rows.emotion)
    level = np.nansum(shares * rows.emotion, axis=0) / shares.sum(axis=0)
    spread = np.sqrt(np.nansum(shares * (rows.emotion - level) ** 2, axis=0) / shares.sum(axis=0))
    known = np.isfinite(rows.emotion).any(axis=1)
    fold = grouped_folds(rows.groups[known], model.folds, model.seed)
    joined = np.concatenate(x, axis=1)
    gain = np.sqrt(joined.shape[1] / len(x))  # networks begin best at a variance of 1 per number
    targets = (rows.emotion - level) / spread
    layers, choice, error = train_hidden(
        joined[known] * gain, targets[known], rows.weights[known], fold, model.seed
    )

    def predict(parts: Sequence[Doubles]) -> Doubles:
        values = apply_hidden(layers, np.concatenate(parts, axis=1) * gain)
        return np.asarray(values * spread + level)

    about = {**choice, "r2": 1 - error, "clips": int(known.sum())}
    return _Fitted(prepared, predict, dict.fromkeys(_names(rows), about))


def _names(rows: TrainingRows) -> tuple[str, ...]:
    """Names of the columns of labels."""
    count = rows.emotion.shape[1]
    return AXES if count == len(AXES) else tuple(f"column {k}" for k in range(count))


def _rated(rows: TrainingRows, axis: int, model: FusionRegressor) -> tuple[Mask, Integers]:
    """Mask of the rows with a label, and the fold of each of these."""
    rated = np.isfinite(rows.emotion[:, axis])
    target = rows.emotion[rated, axis]
    if len(set(rows.groups[rated].tolist())) < 2 or target.min() == target.max():
        raise DataError(
            f"{_names(rows)[axis]} has labels in fewer than two groups, or the same everywhere",
            remedy="Train on more clips",
            code="too_few_labels",
        )
    return rated, grouped_folds(rows.groups[rated], model.folds, model.seed)
