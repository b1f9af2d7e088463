"""An emotion in every form: rated by listeners, wanted in a search, or predicted by the model.

Conventions
-----------
Valence and arousal are on the unit scale. NaN stands for an unknown number; a form is known if all
its numbers are, except tags, of which any may be known. Rows are emotions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Floats, Mask, Rows
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.model.prediction import Prediction

CURVE_POINTS = 8
"""Points of a curve, each the mean of an eighth of a piece: room for a rise, a fall, a return."""

SURE = 1e-4
"""Least distance of a probability from 0 and 1, where log odds are infinite."""


@dataclass(frozen=True, eq=False)
class Description:
    """``n`` emotions, each in one or several forms.

    Attributes
    ----------
    point
        Valence and arousal, shape ``(n, 2)``.
    spread
        Standard deviation of the two between raters, shape ``(n, 2)``; NaN counts as none.
    curve
        Course of the two through the piece, around their mean, shape ``(n, 2, CURVE_POINTS)``.
    quadrants
        Probabilities, shape ``(n, 4)``.
    gems
        Shares of listeners, shape ``(n, 9)``.
    tags
        Log odds of each of `hevner.emotion.MOOD_TAGS` above those of its base rate, ``(n, 56)``.
    """

    point: Floats
    spread: Floats
    curve: Floats
    quadrants: Floats
    gems: Floats
    tags: Floats

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            table = np.asarray(getattr(self, name), np.float32)
            if table.shape != (len(self.point), *shape):
                raise DataError(
                    f"{name} has the shape {table.shape}, not {(len(self.point), *shape)}",
                    remedy="Give one row for each emotion",
                    code="wrong_shape",
                )
            object.__setattr__(self, name, table)

    def __len__(self) -> int:
        return len(self.point)

    @classmethod
    def unknown(cls, count: int) -> Description:
        """Emotions of which nothing is known."""
        return cls(**{n: np.full((count, *s), np.nan, np.float32) for n, s in _SHAPES.items()})

    @classmethod
    def of(cls, **forms: ArrayLike) -> Description:
        """Emotions of which only some forms are known; a DataError if their shapes do not fit."""
        given: dict[str, Any] = {n: np.asarray(table, np.float32) for n, table in forms.items()}
        return replace(cls.unknown(len(next(iter(given.values())))), **given)

    def where(self, rows: Mask | Rows | slice) -> Description:
        """Some of the rows."""
        return Description(**{name: getattr(self, name)[rows] for name in _SHAPES})


_SHAPES: dict[str, tuple[int, ...]] = {
    "point": (2,),
    "spread": (2,),
    "curve": (2, CURVE_POINTS),
    "quadrants": (len(Quadrant),),
    "gems": (len(GEMS),),
    "tags": (len(MOOD_TAGS),),
}


def join(parts: list[Description]) -> Description:
    """Rows of several descriptions, one after the other."""
    return Description(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in _SHAPES})


def described(
    prediction: Prediction, base_rates: ArrayLike | None, curve: Floats | None = None
) -> Description:
    """Describe ``n`` pieces or windows by a prediction; heads that the model lacks are unknown.

    Parameters
    ----------
    prediction
        The prediction.
    base_rates
        Base rates of the tags, shape ``(56,)``; None for a model without tags.
    curve
        Courses of valence and arousal through the pieces, shape ``(n, 2, CURVE_POINTS)``; flat if
        None, as within a window.
    """
    flat = np.zeros((len(prediction.values), *_SHAPES["curve"]), np.float32)
    names = (name for name in ("quadrants", "gems") if prediction.outputs[name].shape[1])
    forms: dict[str, ArrayLike] = {name: prediction.outputs[name] for name in names}
    if base_rates is not None:
        forms["tags"] = log_odds(prediction.outputs["tags"]) - log_odds(base_rates)
    return Description.of(point=prediction.values, curve=flat if curve is None else curve, **forms)


def log_odds(probabilities: ArrayLike) -> Doubles:
    """Logarithm of the odds; NaN stays."""
    kept = np.clip(np.asarray(probabilities, np.float64), SURE, 1 - SURE)
    return np.asarray(np.log(kept / (1 - kept)))


def course(times: ArrayLike, valence: ArrayLike, arousal: ArrayLike) -> Floats:
    """The course of valence and arousal around their means, shape ``(2, CURVE_POINTS)``.

    Parameters
    ----------
    times
        Rising, shape ``(n,)``; the first and the last are taken for the ends.
    valence, arousal
        At those times; NaN where nothing sounds.

    Raises
    ------
    DataError
        If no moment has both.
    """
    moments = np.asarray(times, np.float64)
    values = np.stack([np.asarray(valence, np.float64), np.asarray(arousal, np.float64)])
    known = np.isfinite(values).all(axis=0)
    if not known.any():
        raise DataError(
            "no moment has valence and arousal", remedy="Give at least one", code="no_ratings"
        )
    moments, values = moments[known], values[:, known]
    # Many fine steps, then their means: no moment of a short peak is lost between points.
    fine = np.linspace(moments[0], moments[-1], CURVE_POINTS * 16)
    smooth = np.stack([np.interp(fine, moments, one) for one in values])
    points = smooth.reshape(2, CURVE_POINTS, -1).mean(axis=2)
    return np.asarray(points - points.mean(axis=1, keepdims=True), np.float32)
