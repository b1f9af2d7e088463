"""Array types under short names, by what their elements are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
"""Samples of sound, vectors of encoders: single precision."""

Doubles = NDArray[np.float64]
"""Numbers to calculate with: double precision."""

Mask = NDArray[np.bool_]
"""Which rows are chosen."""

Rows = NDArray[np.intp]
"""Numbers of rows."""

Integers = NDArray[np.int64]
"""Counts, classes, folds."""

Names = NDArray[np.str_]
"""A name for every row: dataset, group, genre."""
