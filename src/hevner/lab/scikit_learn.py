"""Estimators for scikit-learn: features of recordings, and a regression of emotion on them.

Both have the parameters, the ``fit`` and the errors that scikit-learn expects, so that they stand
in its pipelines, searches and cross-validations. Neither needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from hevner import extras
from hevner.analysis import SILENT
from hevner.arrays import Doubles, Floats, Names
from hevner.audio.decode import open_audio
from hevner.audio.sources import open_source
from hevner.batch import in_threads, usable_cores
from hevner.blocks import DIMENSION, WIDTHS
from hevner.encoders.handcrafted import NAMES as HANDCRAFTED
from hevner.errors import AudioError, DataError, HevnerError
from hevner.features import extract, pool
from hevner.files import display_name
from hevner.lab.regression.fusion import FusionRegressor
from hevner.music import analyse
from hevner.music.descriptors import NAMES as HARMONY

with extras.required("hevner.lab.scikit_learn", "lab"):
    from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
    from sklearn.utils.validation import (
        check_consistent_length,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )

NAMED = {"handcrafted": HANDCRAFTED, "harmony": HARMONY}
"""Names of the numbers of blocks; those of the others are numbered."""


class FeatureExtractor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The vector of each recording that the default model reads, a summary of the whole piece.

    Parameters
    ----------
    blocks
        Blocks to keep, names of `hevner.blocks.WIDTHS`; all if None.
    on_error
        What happens with a file that cannot be read, or in which nothing sounds: ``raise`` its
        error, or put a row of ``nan`` in its place.
    n_jobs
        Number of threads; one per processor core if None.

    Notes
    -----
    There is nothing to fit. The vectors of a file do not depend on the other files.
    """

    def __init__(
        self,
        blocks: Iterable[str] | None = None,
        on_error: Literal["raise", "nan"] = "raise",
        n_jobs: int | None = None,
    ) -> None:
        self.blocks, self.on_error, self.n_jobs = blocks, on_error, n_jobs

    @property
    def widths(self) -> dict[str, int]:
        """Widths of the blocks in their order, for `EmotionRegressor`."""
        names = tuple(WIDTHS) if self.blocks is None else tuple(self.blocks)
        if not names or not {*names} <= {*WIDTHS}:
            choices = ", ".join(WIDTHS)
            raise DataError(
                f"blocks are {names}", remedy=f"Choose from {choices}", code="unknown_name"
            )
        return {name: width for name, width in WIDTHS.items() if name in names}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters, a `DataError` if one is wrong; nothing is fitted."""
        if self.widths and self.on_error not in ("raise", "nan"):
            raise DataError(
                f"on_error is {self.on_error!r}", remedy="Give raise or nan", code="unknown_name"
            )
        return self

    def transform(self, X: Any) -> Floats:
        """Vectors of recordings, shape ``(n, sum of widths)``.

        ``X`` has paths of files, shape ``(n,)`` or ``(n, 1)``. Raises `DataError` if it has
        another shape; with ``on_error="raise"`` the error of the first file that fails.
        """
        paths = np.asarray(X, dtype=object)
        if paths.ndim == 0 or paths.size != len(paths):
            raise DataError(
                f"paths of shape {paths.shape}", remedy="Give a list of files", code="wrong_shape"
            )
        jobs = self.n_jobs or usable_cores()
        rows = in_threads(partial(_row, self.on_error), map(Path, paths.ravel()), jobs)
        found = np.stack([*rows]) if len(paths) else np.empty((0, DIMENSION), np.float32)
        kept = [np.full(width, name in self.widths) for name, width in WIDTHS.items()]
        return np.asarray(found[:, np.concatenate(kept)], np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> Names:
        """Names of the numbers, such as ``handcrafted__level_db``, shape ``(sum of widths,)``."""
        return np.array(
            [
                f"{block}__{name}"
                for block, width in self.widths.items()
                for name in NAMED.get(block, range(width))
            ],
            dtype=object,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = False, True
        tags.input_tags.string = True
        tags.requires_fit = False
        return tags


def _row(on_error: str, path: Path) -> Floats:
    try:
        return _vector(path)
    except HevnerError:
        if on_error == "raise":
            raise
        return np.full(DIMENSION, np.nan, np.float32)


def _vector(path: Path) -> Floats:
    features = extract(open_source(path, None, open_audio))
    if not features.sounding.any():
        raise AudioError(
            SILENT, subject=display_name(path), remedy="Leave out the file", code="silent"
        )
    harmony = analyse(features.spectrum, features.duration)
    return pool(features, harmony, 0.0, features.duration)


class EmotionRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression on blocks of features, as hevner's studies fit it to valence and arousal.

    Features are standardised and limited to four spreads, blocks have the same influence whatever
    their width, and the penalty of each target is chosen inside the training rows.

    Parameters
    ----------
    blocks
        Width of each block of features, in their order, such as `FeatureExtractor.widths`; all
        features are one block if None.
    search
        Factors by which the weight of every block may be multiplied; a search along the blocks
        takes the best combination.
    folds
        Largest number of folds of the cross-validation that chooses.
    random_state
        Seed of the folds.

    Attributes
    ----------
    chosen_
        Penalty, factors of the blocks, R2 for unseen rows and number of rows, by target.
    """

    def __init__(
        self,
        blocks: Mapping[str, int] | None = None,
        search: tuple[float, ...] = (),
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.blocks, self.search = blocks, search
        self.folds, self.random_state = folds, random_state

    def fit(self, X: Any, y: Any, groups: Any = None, sample_weight: Any = None) -> Self:
        """Fit to rows ``(n, p)`` with labels ``(n,)`` or ``(n, k)``, NaN where there is none.

        Rows of one group are never on both sides of the cross-validation; without groups every row
        is its own. Rows of weight 0 are left out. Raises `ValueError` if shapes do not fit, numbers
        are not finite, or a target has fewer than two groups or one value alone.
        """
        checks: tuple[dict[str, Any], ...] = (
            {"dtype": np.float64, "ensure_min_samples": 2},
            {"dtype": np.float64, "ensure_2d": False, "ensure_all_finite": "allow-nan"},
        )
        X, y = validate_data(self, X, y, validate_separately=checks)
        check_consistent_length(X, y, groups, sample_weight)
        weights = np.ones(len(X)) if sample_weight is None else column_or_1d(sample_weight)
        used = weights != 0
        if not used.any():
            raise ValueError("every sample weight is zero")
        self._flat = y.ndim == 1
        columns = y[:, None] if self._flat else y
        model = FusionRegressor(search=tuple(self.search), folds=self.folds, seed=self.random_state)
        try:
            self._model = model.fit(
                self._split(X[used]), columns[used], sample_weight=weights[used],
                groups=None if groups is None else np.asarray(groups)[used],
            )  # fmt: skip
        except DataError as error:
            raise ValueError(str(error)) from error
        self.chosen_ = model.describe()["axes"]
        return self

    def predict(self, X: Any) -> Doubles:
        """Values of rows ``(n, p)``, in the shape and the units of the labels."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        values = self._model.predict(self._split(rows))
        return values[:, 0] if self._flat else values

    def _split(self, X: Doubles) -> dict[str, Doubles]:
        widths = self.blocks or {"features": X.shape[1]}
        ends = np.cumsum([*widths.values()])
        if ends[-1] != X.shape[1]:
            raise DataError(
                f"blocks are {ends[-1]} wide, features {X.shape[1]}",
                remedy="Give the widths of the blocks that X is made of",
                code="wrong_shape",
            )
        return dict(zip(widths, np.split(X, ends[:-1], axis=1), strict=True))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
