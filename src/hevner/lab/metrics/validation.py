"""Checks shared by the metrics: shapes, lengths and finite numbers.

Conventions
-----------
Each function gives the array as float64 (or bool) or raises `hevner.errors.DataError` naming it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

AXES_OF = {1: "a list of numbers", 2: "a table"}


def numbers(name: str, values: ArrayLike, axes: int = 1) -> Array:
    """Finite numbers as float64, not empty, with the given number of axes."""
    array = np.asarray(values, np.float64)
    if array.ndim != axes:
        raise DataError(f"{name} has shape {array.shape}", remedy=f"Give {AXES_OF[axes]}")
    if array.size == 0:
        raise DataError(f"{name} is empty", remedy="Give at least one value")
    if not np.isfinite(array).all():
        raise DataError(
            f"{name} holds NaN or infinity at {_first(~np.isfinite(array))}",
            remedy="Drop the rows without a value",
        )
    return array


def flags(name: str, values: ArrayLike, axes: int = 1) -> Mask:
    """Zeros and ones, or booleans, as bool."""
    array = numbers(name, values, axes)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        raise DataError(f"{name} is neither 0 nor 1 at {_first(wrong)}", remedy="Give flags")
    return array.astype(bool)


def same_shape(**arrays: Array | Mask) -> None:
    """Refuse arrays of different shapes, by name."""
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"shapes differ: {shapes}", remedy="Give one value of each per item")


def _first(wrong: Mask) -> str:
    return str(tuple(int(i) for i in np.argwhere(wrong)[0]))
