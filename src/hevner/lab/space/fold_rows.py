"""Test rows of folds with their spaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles
from hevner.lab.space.pairs import Pairs
from hevner.model.space import Space


class FoldRows:
    """Test rows of one dataset and the spaces that were fitted without them, by seed and fold."""

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

    def each(self, score: Callable[[Pairs, Space], NDArray[np.floating]]) -> list[Doubles]:
        """A score of every row, by seed; rows are in the order of the clips' names."""
        found = []
        for tests, spaces, order in zip(self.tests, self.spaces, self._orders, strict=True):
            parts = [score(test, space) for test, space in zip(tests, spaces, strict=True)]
            found.append(np.concatenate(parts)[order].astype(np.float64))
        return found
