"""What a linear model cannot say: how much a piece is like some pieces of the training music."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table

JITTER = 1e-2
"""Added to the likeness of a piece to itself: the whitening must not blow up small differences."""


@dataclass(frozen=True)
class Kernel:
    """A Gaussian kernel, approximated by pieces (Nystroem's method: Williams & Seeger, 2001).

    Ridge regressions on the rows of a kernel are kernel ridge regressions, as far as the chosen
    pieces span the music.

    Attributes
    ----------
    pieces
        Standardised vectors of pieces, shape ``(m, dim)``, as 16 bits hold them.
    sharpness
        The likeness of two pieces falls with the mean square of the differences of their
        standardised vectors, times this.
    whitening
        Makes rows of likeness those of the kernel, shape ``(m, m)``.
    """

    pieces: Floats
    sharpness: float
    whitening: Doubles

    @classmethod
    def fit(cls, table: Table, x: Floats, recipe: DefaultRecipe) -> Kernel:
        """Choose pieces at random; a set has as many as the square root of its size asks for."""
        rows = np.flatnonzero(table.clean)
        _, number, sizes = np.unique(table.dataset[rows], return_inverse=True, return_counts=True)
        chances = 1 / np.sqrt(sizes[number])
        count = min(recipe.kernel.pieces, len(rows))
        rng = np.random.default_rng(recipe.seed)
        chosen = rng.choice(rows, count, replace=False, p=chances / chances.sum())
        pieces = x[chosen].astype(np.float16).astype(np.float32)
        plain = cls(pieces, recipe.kernel.sharpness, np.eye(count))
        variances, axes = np.linalg.eigh(plain.likeness(pieces).astype(np.float64))
        spread = np.sqrt(np.maximum(variances, 0) + JITTER)
        # Rows of the kernel are about as long as standardised vectors, so penalties compare.
        return cls(pieces, plain.sharpness, (axes / spread) @ axes.T * np.sqrt(x.shape[1]))

    def likeness(self, x: Floats) -> Floats:
        """To each piece, from 0 to 1, shape ``(n, m)``."""
        squares = (x**2).sum(axis=1)[:, None] + (self.pieces**2).sum(axis=1)
        apart = np.maximum(squares - 2 * x @ self.pieces.T, 0) / x.shape[1]
        return np.asarray(np.exp(-self.sharpness * apart), np.float32)

    def __call__(self, x: Floats) -> Floats:
        """Rows of the kernel, shape ``(n, m)``."""
        return np.asarray(self.likeness(x) @ self.whitening, np.float32)
