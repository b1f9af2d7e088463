"""Metrics of each query from distances, and what candidates in random order would give."""

from __future__ import annotations

import numpy as np

from hevner.lab.joint.data import Array
from hevner.lab.metrics import retrieval

CUTOFF = 10
METRICS = (
    "mrr", "average_rank", "rank_share", "recall@1", "recall@5", "recall@10", "ndcg@10",
    "distance@10",
)  # fmt: skip
"""Metrics of `hevner.lab.metrics.retrieval`, per query; ``rank_share`` is rank / candidates."""


def per_query(distances: Array, apart: Array) -> tuple[Array, Array]:
    """`METRICS` of each query and their chance levels, shapes ``(metrics, n)``.

    Parameters
    ----------
    distances
        Distances of queries and candidates, lower for nearer, ``(n, n)``; i belongs to i.
    apart
        Distances between the emotions of both, ``(n, n)``.
    """
    count = len(distances)
    ranks = retrieval.first_ranks(-distances)
    own = np.eye(count, dtype=bool)
    values = [1 / ranks, ranks, ranks / count, *(ranks <= k for k in (1, 5, CUTOFF))]
    even = [
        retrieval.chance_mrr(own),
        retrieval.chance_average_rank(own),
        retrieval.chance_average_rank(own) / count,
        *(retrieval.chance_recall(own, k) for k in (1, 5, CUTOFF)),
    ]
    chance = [np.full(count, level) for level in even]
    rows = [slice(row, row + 1) for row in range(count)]
    values += [
        np.array([retrieval.ndcg(-distances[row], CUTOFF, apart[row]) for row in rows]),
        np.array([retrieval.mean_distance(-distances[row], CUTOFF, apart[row]) for row in rows]),
    ]
    chance += [
        np.array([retrieval.chance_ndcg(apart[row], CUTOFF) for row in rows]),
        np.array([retrieval.chance_distance(apart[row]) for row in rows]),
    ]
    return np.array(values, np.float64), np.array(chance, np.float64)
