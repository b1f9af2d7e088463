"""A table of scores: means over seeds with intervals over groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hevner.evaluation.statistics import bootstrap
from hevner.training.table import Table

Row = dict[str, object]
Score = Callable[[int, NDArray[np.intp]], float]
"""A score by seed and rows."""

RESAMPLES = 1000


class Report:
    """Rows of a result table; a score is the mean over seeds, its interval over groups."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(
        self,
        protocol: str,
        table: Table,
        name: str,
        score: Score,
        seeds: int,
    ) -> None:
        """Add ``score(seed, rows)`` of a table."""
        everything = np.arange(len(table))
        per_seed = [score(seed, everything) for seed in range(seeds)]
        low, high = bootstrap(lambda rows: score(0, rows), table.group, resamples=RESAMPLES)
        self.rows.append(
            {
                "protocol": protocol,
                "dataset": str(table.dataset[0]),
                "metric": name,
                "value": round(float(np.mean(per_seed)), 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "seed_std": round(float(np.std(per_seed)), 4),
                "n": len(table),
                "groups": len(set(table.group)),
                "seeds": seeds,
            }
        )
