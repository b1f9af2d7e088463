"""Distances between the distributions of two sets of ratings, or of ratings and predictions.

Conventions
-----------
``first`` and ``second`` are values of one axis on the unit scale [-1, 1], shapes ``(n,)`` and
``(m,)``; rows are not paired and their order does not matter.

==================  ==========  ===============================================================
Metric              Range       Meaning
==================  ==========  ===============================================================
``wasserstein``     [0, 2]      mean distance that ratings must move, in units of the scale
``jensen_shannon``  [0, 1]      Jensen-Shannon distance, base 2, of histograms of 20 equal bins
==================  ==========  ===============================================================

Both are metrics in the mathematical sense: 0 for the same distribution (of bins), symmetric, and
they obey the triangle inequality. No result is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles
from hevner.errors import DataError
from hevner.lab.metrics.validation import numbers

BINS = 20


def validate(first: ArrayLike, second: ArrayLike) -> tuple[Doubles, Doubles]:
    """Both as float64, or a `DataError` for no values, NaN or values outside [-1, 1]."""
    sets = numbers("first", first), numbers("second", second)
    for name, values in zip(("first", "second"), sets, strict=True):
        if np.abs(values).max() > 1:
            raise DataError(
                f"{name} leaves [-1, 1]: it runs from {values.min():g} to {values.max():g}",
                remedy="Bring it to the unit scale",
                code="out_of_range",
            )
    return sets


def wasserstein(first: ArrayLike, second: ArrayLike) -> float:
    """Wasserstein-1 (earth mover's) distance."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(*validate(first, second)))


def jensen_shannon(first: ArrayLike, second: ArrayLike) -> float:
    """Jensen-Shannon distance: the root of the divergence, base 2."""
    from scipy.spatial.distance import jensenshannon

    counts = [np.histogram(v, BINS, range=(-1, 1))[0] for v in validate(first, second)]
    return float(jensenshannon(*counts, base=2))
