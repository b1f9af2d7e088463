"""Reliability of mean ratings, for tests of loaders that keep every rater."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def reliability(ratings: Sequence[Sequence[float]], splits: int = 200) -> float:
    """Correlation of the means of random halves of each item's raters, by Spearman and Brown."""
    rng = np.random.default_rng(0)
    items = [np.asarray(one, float) for one in ratings if len(one) > 1]
    found = []
    for _ in range(splits):
        halves = []
        for item in items:
            order, half = rng.permutation(item), len(item) // 2
            halves.append((order[:half].mean(), order[half : 2 * half].mean()))
        found.append(np.corrcoef(np.array(halves).T)[0, 1])
    mean = float(np.mean(found))
    return 2 * mean / (1 + mean)
