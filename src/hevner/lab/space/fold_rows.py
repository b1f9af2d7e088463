"""Test rows of folds with their spaces, and scores of them by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hevner.lab.metrics.report import Score
from hevner.lab.space.pairs import Pairs
from hevner.model.space import Space

Array = NDArray[np.float64]


class FoldRows:
    """Test rows of one dataset and the spaces that were fitted without them, by fold.

    Parameters
    ----------
    tests, spaces
        Rows and spaces by seed and fold.
    """

    def __init__(self, tests: Sequence[Sequence[Pairs]], spaces: Sequence[Sequence[Space]]) -> None:
        self.tests = tests
        self.spaces = spaces
        clips = [np.concatenate([test.clip for test in one]) for one in tests]
        self._orders = [np.argsort(one) for one in clips]
        self.dataset, self.group = (
            np.concatenate([getattr(test, name) for test in tests[0]])[self._orders[0]]
            for name in ("dataset", "group")
        )

    def __len__(self) -> int:
        return len(self.dataset)

    def each(self, score: Callable[[Pairs, Space], NDArray[np.floating]]) -> list[Array]:
        """A score of every row, by seed; rows are in the order of the clips' names."""
        found = []
        for tests, spaces, order in zip(self.tests, self.spaces, self._orders, strict=True):
            parts = [score(test, space) for test, space in zip(tests, spaces, strict=True)]
            found.append(np.concatenate(parts)[order].astype(np.float64))
        return found


def seeded(
    score: Callable[[Array, NDArray[np.intp]], float],
    tables: Sequence[Array],
    seed: int,
    rows: NDArray[np.intp],
) -> float:
    """Score of some rows of the table of a seed."""
    return score(tables[seed], rows)


def difference(first: Score, second: Score, seed: int, rows: NDArray[np.intp]) -> float:
    """The first score less the second."""
    return first(seed, rows) - second(seed, rows)


def mean(values: Sequence[Array]) -> Score:
    """Score that is the mean of values of rows, given by seed."""
    return lambda seed, rows: float(values[seed][rows].mean())
