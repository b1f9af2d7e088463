"""Checks shared by the metrics: shapes, lengths and finite numbers.

Conventions
-----------
Each function returns the array as float64 (or bool) or raises `hevner.errors.DataError` naming it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Mask
from hevner.errors import DataError

AXES_OF = {1: "a list of numbers", 2: "a table"}


def numbers(name: str, values: ArrayLike, axes: int = 1) -> Doubles:
    """Finite numbers as float64, not empty, with the given number of axes."""
    array = np.asarray(values, np.float64)
    if array.ndim != axes:
        raise DataError(
            f"{name} has shape {array.shape}", remedy=f"Give {AXES_OF[axes]}", code="wrong_shape"
        )
    if array.size == 0:
        raise DataError(f"{name} is empty", remedy="Give at least one value", code="empty")
    if not np.isfinite(array).all():
        raise DataError(
            f"{name} holds NaN or infinity at {_first(~np.isfinite(array))}",
            remedy="Drop the rows without a value",
            code="not_finite",
        )
    return array


def flags(name: str, values: ArrayLike, axes: int = 1) -> Mask:
    """Zeros and ones, or booleans, as bool."""
    array = numbers(name, values, axes)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        raise DataError(
            f"{name} is neither 0 nor 1 at {_first(wrong)}",
            remedy="Give 0 or 1 for each item",
            code="not_binary",
        )
    return array.astype(bool)


def same_shape(**arrays: Doubles | Mask) -> None:
    """Refuse arrays of different shapes, by name."""
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"shapes differ: {shapes}",
            remedy="Give one value of each per item",
            code="shapes_differ",
        )


def _first(wrong: Mask) -> str:
    return str(tuple(int(i) for i in np.argwhere(wrong)[0]))
