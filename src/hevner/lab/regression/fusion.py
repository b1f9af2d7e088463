"""Valence and arousal from several representations at once.

Conventions
-----------
Features are blocks by name (`hevner.lab.data.samples.Samples.blocks`), shape ``(n, width)`` each.
Labels are shape ``(n, 2)`` in the order of `AXES`; NaN where there is none.

Every block is standardised by the weighted mean and spread of the training rows, limited to
`hevner.model.predict.CLIP` spreads, and divided by the square root of its width, so that 72 numbers
of chroma count as much as 4,800 of an embedding. Hyper-parameters are chosen by the squared error
of rows unseen in a cross-validation inside the training rows, in which groups stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.emotion import AXES
from hevner.errors import DataError, ModelError
from hevner.lab.data.blocks import Array, Block, Blocks, Rows, check, grouped_folds
from hevner.lab.regression.regression import Choice, Kernel, LinearModel, Ridge, train_hidden
from hevner.model import stored


@dataclass
class FusionRegressor:
    """Regression on blocks, by the estimator contract of scikit-learn.

    Parameters
    ----------
    kind
        ``linear``: ridge regression. ``hidden``: one hidden layer of 512 rectified units, the
        probe of the distribution-gap study; needs torch for fitting. ``kernel``: kernel ridge
        regression with a Gaussian kernel.
    weights
        How much blocks count, by name; 1 for those not named.
    balanced
        Without it blocks are merely standardised and put side by side, so that each counts by its
        width.
    components
        Main axes that are kept of wider blocks; all if None.
    search
        Factors that the weight of every block may be multiplied by; the best combination that a
        search along the blocks finds is taken. Not for ``hidden``.
    folds
        Parts of the cross-validation, at most; as many as there are groups if those are fewer.
    seed
        Decides the parts, and all chance in ``hidden``.
    """

    kind: Literal["linear", "hidden", "kernel"] = "linear"
    weights: Mapping[str, float] | None = None
    balanced: bool = True
    components: int | None = None
    search: tuple[float, ...] = ()
    folds: int = 5
    seed: int = 0
    _fitted: _Fitted | None = field(default=None, init=False, repr=False, compare=False)

    # --- the contract ---

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    def set_params(self, **params: Any) -> Self:
        """Change parameters.

        Raises
        ------
        ModelError
            If there is no such parameter.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ModelError(f"no parameter '{name}'", remedy=f"Choose from {', '.join(known)}")
            setattr(self, name, value)
        return self

    def fit(
        self,
        blocks: Blocks,
        emotion: ArrayLike,
        *,
        groups: Sequence[Any] | NDArray[Any] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit to training rows.

        Parameters
        ----------
        blocks
            Features of the training rows alone.
        emotion
            Labels, shape ``(n, 2)``.
        groups
            Rows of one group are never on both sides of the cross-validation; names of datasets
            choose what carries over to another dataset. Every row is its own group if None.
        sample_weight
            Positive, shape ``(n,)``.

        Raises
        ------
        DataError
            If shapes do not fit, features are not finite, or an axis has fewer than two groups
            with labels or constant labels.
        MissingDependencyError
            For ``hidden`` without torch.
        """
        rows = Rows.of(blocks, emotion, groups, sample_weight)
        if self.kind not in ("linear", "hidden", "kernel"):
            raise ModelError(f"no kind '{self.kind}'", remedy="Choose linear, hidden or kernel")
        shares = self._weights(rows.blocks)
        prepared = {
            name: Block.fit(x, rows.weights, components=self.components, weight=shares[name])
            for name, x in rows.blocks.items()
        }
        x = [prepared[name](block) for name, block in rows.blocks.items()]
        fit = _fit_hidden if self.kind == "hidden" else _fit_axes
        self._fitted = fit(self, prepared, x, rows)
        return self

    def predict(self, blocks: Blocks) -> Array:
        """Valence and arousal of rows, shape ``(n, 2)``, in the units of the labels.

        Raises
        ------
        ModelError
            Before `fit`.
        DataError
            If a block is missing, of another width, or not finite.
        """
        fitted = self._known()
        found = {}
        for name, block in fitted.blocks.items():
            if name not in blocks:
                raise DataError(f"no block '{name}'", remedy="Give all blocks of the training")
            found[name] = check(name, blocks[name])
            if found[name].shape[1] != len(block.mean):
                raise DataError(
                    f"block {name} is {found[name].shape[1]} wide, in training {len(block.mean)}",
                    remedy="Extract the features that the model was trained on",
                )
        return fitted.predict([block(found[name]) for name, block in fitted.blocks.items()])

    def predict_axes(self, blocks: Blocks) -> dict[str, Array]:
        """What `predict` tells, by the name of the axis."""
        return dict(zip(AXES, self.predict(blocks).T, strict=True))

    def describe(self) -> dict[str, Any]:
        """What was fitted and chosen, in plain JSON values."""
        fitted = self._known()
        widths = {name: len(block.mean) for name, block in fitted.blocks.items()}
        return {"kind": self.kind, "blocks": widths, "axes": fitted.chosen}

    # --- on disk ---

    def save(self, path: Path) -> None:
        """Write a linear model as ``.npz``, and what is known about it as ``.json`` beside it.

        Raises
        ------
        ModelError
            If it is not linear, or not fitted.
        """
        fitted = self._known()
        if not isinstance(fitted.predict, LinearModel):
            raise ModelError(
                f"a model of kind '{self.kind}' cannot be saved", remedy="Train a linear one"
            )
        linear = fitted.predict
        arrays = {"intercept": linear.intercept}
        for (name, block), part in zip(fitted.blocks.items(), linear.coefficients, strict=True):
            whole = part if block.rotation is None else block.rotation @ part
            arrays |= {
                f"mean.{name}": block.mean,
                f"spread.{name}": block.spread,
                f"coefficients.{name}": whole * block.scale,
            }
        stored.write(path, arrays, {"parameters": self.get_params(), **self.describe()})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a saved model.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        with stored.damage_is_refused(path, remedy="Train it again"):
            arrays, card = stored.read(path)
            blocks = {
                name: Block(arrays[f"mean.{name}"], arrays[f"spread.{name}"], None, 1.0)
                for name in card["blocks"]
            }
            parts = [arrays[f"coefficients.{name}"] for name in card["blocks"]]
            parameters = card["parameters"] | {"search": tuple(card["parameters"]["search"])}
            model = cls(**parameters)
            linear = LinearModel(parts, arrays["intercept"])
            model._fitted = _Fitted(blocks, linear, card["axes"])
        return model

    # --- inside ---

    def _weights(self, blocks: Mapping[str, Array]) -> dict[str, float]:
        mean_width = sum(x.shape[1] for x in blocks.values()) / len(blocks)
        return {
            name: (self.weights or {}).get(name, 1.0)
            * (1.0 if self.balanced else float(np.sqrt(x.shape[1] / mean_width)))
            for name, x in blocks.items()
        }

    def _known(self) -> _Fitted:
        if self._fitted is None:
            raise ModelError("not fitted yet", remedy="Call fit first")
        return self._fitted


@dataclass(frozen=True)
class _Fitted:
    """What `fit` leaves behind: from prepared blocks to emotion, and what was chosen."""

    blocks: dict[str, Block]
    predict: Callable[[Sequence[Array]], Array]
    chosen: dict[str, Any]


def _fit_axes(
    model: FusionRegressor, prepared: dict[str, Block], x: list[Array], rows: Rows
) -> _Fitted:
    kind = Ridge if model.kind == "linear" else Kernel
    chosen, fits, units = {}, [], []
    for axis, name in enumerate(AXES):
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

    def predict(parts: Sequence[Array]) -> Array:
        values = [
            level + spread * fit(parts) for fit, (level, spread) in zip(fits, units, strict=True)
        ]
        return np.stack(values, axis=1)

    return _Fitted(prepared, predict, chosen)


def _choose(
    problem: Ridge | Kernel, count: int, search: tuple[float, ...]
) -> tuple[float, Array, Choice]:
    """The least error for unseen rows, and the factors and hyper-parameters that give it."""

    def best(factors: Array) -> tuple[float, Array, Choice]:
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
    model: FusionRegressor, prepared: dict[str, Block], x: list[Array], rows: Rows
) -> _Fitted:
    if model.search:
        raise ModelError("weights are not searched for 'hidden'", remedy="Set search to ()")
    for axis in range(len(AXES)):
        _rated(rows, axis, model)
    shares = rows.weights[:, None] * np.isfinite(rows.emotion)
    level = np.nansum(shares * rows.emotion, axis=0) / shares.sum(axis=0)
    spread = np.sqrt(np.nansum(shares * (rows.emotion - level) ** 2, axis=0) / shares.sum(axis=0))
    known = np.isfinite(rows.emotion).any(axis=1)
    fold = grouped_folds(rows.groups[known], model.folds, model.seed)
    joined = np.concatenate(x, axis=1)
    gain = np.sqrt(joined.shape[1] / len(x))  # networks begin best at a variance of 1 per number
    network = train_hidden(
        joined[known] * gain, ((rows.emotion - level) / spread)[known], rows.weights[known], fold,
        model.seed,
    )  # fmt: skip

    def predict(parts: Sequence[Array]) -> Array:
        return np.asarray(network(np.concatenate(parts, axis=1) * gain) * spread + level)

    about = {**network.choice, "r2": 1 - network.error, "clips": int(known.sum())}
    return _Fitted(prepared, predict, dict.fromkeys(AXES, about))


def _rated(
    rows: Rows, axis: int, model: FusionRegressor
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Mask of the rows with a label, and the fold of each of these."""
    rated = np.isfinite(rows.emotion[:, axis])
    target = rows.emotion[rated, axis]
    if len(set(rows.groups[rated].tolist())) < 2 or target.min() == target.max():
        raise DataError(
            f"{AXES[axis]} has labels in fewer than two groups, or the same everywhere",
            remedy="Train on more clips",
        )
    return rated, grouped_folds(rows.groups[rated], model.folds, model.seed)
