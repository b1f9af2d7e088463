"""Whether intervals hold what they promise and probabilities come true.

Conventions
-----------
Intervals are ``low`` and ``high`` in units of the scale of ``truth``, shape ``(n,)``; ends belong
to the interval. ``probability`` lies in [0, 1] and ``outcome`` is 0 or 1, shape ``(n,)``; for
several classes give the probability of the class named and whether it was right.

================================  ======  ==================================================
Metric                            Range   Meaning
================================  ======  ==================================================
``coverage``                      [0, 1]  share of ratings inside their interval; to be
                                          compared with the level the interval was made for
``mean_width``                    >= 0    mean of ``high - low``, in units of the scale
``expected_calibration_error``    [0, 1]  mean distance of probability and frequency over
                                          10 equal bins, weighted by their counts; 0 is best
================================  ======  ==================================================

No result is NaN, but for the empty bins of `reliability_curve`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError
from hevner.lab.metrics.validation import Array, Mask, flags, numbers, same_shape

BINS = 10


class Reliability(NamedTuple):
    """Probability against frequency, shape ``(BINS,)`` each.

    Bins are equal parts of [0, 1], closed below, the last also above.
    """

    probability: Array
    """Mean probability in the bin; NaN if it is empty."""
    frequency: Array
    """Share of outcomes 1 in the bin; NaN if it is empty."""
    cases: NDArray[np.intp]
    """Cases in the bin."""


def validate(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array, Array]:
    """Ratings and ends as float64, or a `DataError`, also where ``low`` is above ``high``."""
    ratings, lows, highs = numbers("truth", truth), numbers("low", low), numbers("high", high)
    same_shape(truth=ratings, low=lows, high=highs)
    crossed = np.flatnonzero(lows > highs)
    if crossed.size:
        raise DataError(f"low is above high in row {crossed[0]}", remedy="Exchange the two")
    return ratings, lows, highs


def validate_probabilities(outcome: ArrayLike, probability: ArrayLike) -> tuple[Mask, Array]:
    """Outcomes and probabilities, or a `DataError`, also for a probability outside [0, 1]."""
    outcomes, chances = flags("outcome", outcome), numbers("probability", probability)
    same_shape(outcome=outcomes, probability=chances)
    if chances.min() < 0 or chances.max() > 1:
        raise DataError(
            f"probability runs from {chances.min():g} to {chances.max():g}",
            remedy="Give values in [0, 1]",
        )
    return outcomes, chances


def coverage(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of ratings inside their interval."""
    ratings, lows, highs = validate(truth, low, high)
    return float(np.mean((lows <= ratings) & (ratings <= highs)))


def mean_width(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Mean length of the intervals; ``truth`` is there so that all metrics are called alike."""
    _, lows, highs = validate(truth, low, high)
    return float(np.mean(highs - lows))


def reliability_curve(outcome: ArrayLike, probability: ArrayLike) -> Reliability:
    """Mean probability, frequency and count by bin of probability."""
    outcomes, chances = validate_probabilities(outcome, probability)
    bins = np.minimum((chances * BINS).astype(np.intp), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    divisor = np.where(count > 0, count, np.nan)
    return Reliability(
        np.bincount(bins, chances, BINS) / divisor,
        np.bincount(bins, outcomes.astype(np.float64), BINS) / divisor,
        count,
    )


def expected_calibration_error(outcome: ArrayLike, probability: ArrayLike) -> float:
    """Mean over cases of the distance between mean probability and frequency of their bin."""
    curve = reliability_curve(outcome, probability)
    filled = curve.cases > 0
    gaps = np.abs(curve.probability - curve.frequency)[filled]
    return float(np.average(gaps, weights=curve.cases[filled]))


def evaluate(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> dict[str, float]:
    """Scores of intervals, in the order of the table above."""
    return {"coverage": coverage(truth, low, high), "mean_width": mean_width(truth, low, high)}
