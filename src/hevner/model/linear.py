"""A linear head: a part shared by all domains of music, and a part for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """A linear head.

    Attributes
    ----------
    intercept, shared
        The part shared by all domains, shapes ``(k,)`` and ``(dim, k)``.
    constants, parts
        The parts of the domains, shapes ``(domains, k)`` and ``(domains, dim, k)``.
    """

    intercept: Array
    shared: Array
    constants: Array
    parts: Array

    def __call__(self, x: Array, membership: Array) -> Array:
        """Scores ``(n, k)`` of standardised vectors ``(n, dim)``."""
        score = self.intercept + x @ self.shared + membership @ self.constants
        for domain, part in enumerate(self.parts):
            score = score + membership[:, [domain]] * (x @ part)
        return np.asarray(score, np.float32)
