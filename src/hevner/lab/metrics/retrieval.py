"""Ranks of the right items among all items: music for an emotion, or emotions for a piece.

Conventions
-----------
``scores`` has a row per query and a column per item, shape ``(queries, items)``, higher for better;
for distances pass ``-distances``. ``relevance`` is 0/1 or bool of the same shape; without it, the
one relevant item of query i is item i and the table is square. ``distances`` are those of query and
item in the plane of valence and arousal (`va_distances`), same shape. For the other direction
transpose all three. The first rank is 1. Every metric is a mean over queries.

=====================  ===============  =====================================================
Score                  Range            Meaning
=====================  ===============  =====================================================
``mrr``                (0, 1]           1 / rank of the first relevant item
``average_rank``       [1, items]       rank of the first relevant item; lower is better
``ndcg``               [0, 1]           sum of gain / log2(1 + rank) over the first k, divided by
                                        the same sum of the best order
``mean_distance``      [0, inf)         mean distance of the first k; lower is better
=====================  ===============  =====================================================

The gain falls in a line from 1 at distance 0 to 0 at distance 0.5 (on [-1, 1]), see `gain`.

Ties
----
Among items of equal score the worst comes first: irrelevant before relevant, far before near. A
model that gives every item one score thus gets the lowest score, below chance.

Chance
------
``chance_*`` is the exact expectation of the score when the items are in random order. No result is
NaN: a query without a relevant item, or without an item of positive gain, raises `DataError`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Mask
from hevner.errors import DataError
from hevner.lab.metrics.regression import flags, numbers, same_shape

GAIN_RADIUS = 0.5
"""Distance (unit scale) from which an item has no gain: a quarter of the width of the plane."""


def validate(scores: ArrayLike, relevance: ArrayLike | None = None) -> tuple[Doubles, Mask]:
    """Both tables, or a `DataError` for other shapes, NaN, or a query without a relevant item."""
    table = numbers("scores", scores, axes=2)
    if relevance is None:
        if table.shape[0] != table.shape[1]:
            raise DataError(
                f"scores have shape {table.shape}, so item i cannot belong to query i",
                remedy="Give the relevance of each item",
                code="not_square",
            )
        return table, np.eye(len(table), dtype=bool)
    relevant = flags("relevance", relevance, axes=2)
    same_shape(scores=table, relevance=relevant)
    _refuse_rows(relevant.sum(axis=1) == 0, "no relevant item", "Drop it", "nothing_relevant")
    return table, relevant


def va_distances(queries: ArrayLike, items: ArrayLike) -> Doubles:
    """Euclidean distances of points (valence, arousal), shape ``(queries, items)``."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(numbers("queries", queries, 2), numbers("items", items, 2)))


def gain(distances: ArrayLike) -> Doubles:
    """``max(0, 1 - distance / GAIN_RADIUS)``, shape of ``distances``."""
    return np.maximum(0.0, 1 - numbers("distances", distances, axes=2) / GAIN_RADIUS)


def first_ranks(scores: ArrayLike, relevance: ArrayLike | None = None) -> Doubles:
    """Rank of the first relevant item of each query, shape ``(queries,)``."""
    table, relevant = validate(scores, relevance)
    best = np.where(relevant, table, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(1.0 + (~relevant & (table >= best)).sum(axis=1))


def mrr(scores: ArrayLike, relevance: ArrayLike | None = None) -> float:
    """Mean reciprocal rank of the first relevant item."""
    return float(np.mean(1 / first_ranks(scores, relevance)))


def average_rank(scores: ArrayLike, relevance: ArrayLike | None = None) -> float:
    """Mean rank of the first relevant item."""
    return float(np.mean(first_ranks(scores, relevance)))


def ndcg(scores: ArrayLike, k: int, distances: ArrayLike) -> float:
    """Normalised discounted cumulative gain of the first k, with the gain of `gain`."""
    table, far = _with_distances(scores, distances)
    _check_cutoff(k, table)
    worth = gain(far)
    reached = _ranked(table, worth)[:, :k] @ _discounts(k)
    return float(np.mean(reached / _ideal(worth, k)))


def mean_distance(scores: ArrayLike, k: int, distances: ArrayLike) -> float:
    """Mean distance of the first k items, in units of the scale."""
    table, far = _with_distances(scores, distances)
    _check_cutoff(k, table)
    return float(np.mean(-_ranked(table, -far)[:, :k]))


def chance_mrr(relevance: ArrayLike) -> float:
    """Expected `mrr`; ``H_N / N`` for one relevant item among N, H the harmonic number."""
    relevant, items = _relevant_counts(relevance)
    by_count = {n: (_first_rank_odds(n, items) / _ranks(items)).sum() for n in set(relevant)}
    return float(np.mean([by_count[n] for n in relevant]))


def chance_average_rank(relevance: ArrayLike) -> float:
    """Expected `average_rank`: ``(N + 1) / (R + 1)`` for R relevant among N."""
    relevant, items = _relevant_counts(relevance)
    return float(np.mean((items + 1) / (np.array(relevant) + 1)))


def chance_recall(relevance: ArrayLike, k: int) -> float:
    """Expected `recall`: ``k / N``."""
    table = flags("relevance", relevance, axes=2)
    _check_cutoff(k, table)
    return k / int(table.shape[1])


def chance_ndcg(distances: ArrayLike, k: int) -> float:
    """Expected `ndcg`: every rank holds the mean gain of the query."""
    worth = gain(distances)
    _check_cutoff(k, worth)
    return float(np.mean(worth.mean(axis=1) * _discounts(k).sum() / _ideal(worth, k)))


def chance_distance(distances: ArrayLike) -> float:
    """Expected `mean_distance`, whatever k: the mean over all items."""
    return float(numbers("distances", distances, axes=2).mean())


def _ranked(scores: Doubles, worth: Doubles | Mask) -> Doubles:
    """The worth of the items of each query, best score first; in a tie the least worth first."""
    order = np.lexsort((worth, -scores), axis=1)
    return np.take_along_axis(worth, order, axis=1).astype(np.float64)


def _with_distances(scores: ArrayLike, distances: ArrayLike) -> tuple[Doubles, Doubles]:
    table, far = numbers("scores", scores, axes=2), numbers("distances", distances, axes=2)
    same_shape(scores=table, distances=far)
    return table, far


def _discounts(k: int) -> Doubles:
    return np.asarray(1 / np.log2(np.arange(2, k + 2)))


def _ideal(worth: Doubles, k: int) -> Doubles:
    """Discounted gain of the best order, shape ``(queries,)``."""
    remedy = "Drop it, or add items near it"
    _refuse_rows(worth.max(axis=1) == 0, f"no item within {GAIN_RADIUS}", remedy, "nothing_near")
    return np.asarray(-np.sort(-worth, axis=1)[:, :k] @ _discounts(k))


def _ranks(items: int) -> Doubles:
    return np.arange(1.0, items + 1)


def _first_rank_odds(relevant: int, items: int) -> Doubles:
    """Odds that the first relevant of the items, in random order, has rank 1, 2, ..., items."""
    # Having found none before rank k, the next of the N - k + 1 left is relevant in R cases.
    here = np.minimum(relevant / (items - _ranks(items) + 1), 1)
    none_before = np.cumprod(np.append(1, 1 - here[:-1]))
    return np.asarray(none_before * here)


def _relevant_counts(relevance: ArrayLike) -> tuple[list[int], int]:
    """Relevant items of each query, and the number of items."""
    _, relevant = validate(np.zeros(np.shape(relevance)), relevance)
    return relevant.sum(axis=1).tolist(), relevant.shape[1]


def _check_cutoff(k: int, table: Doubles | Mask) -> None:
    if not 1 <= k <= table.shape[1]:
        raise DataError(
            f"k is {k} of {table.shape[1]} items", remedy="Give a k that fits", code="out_of_range"
        )


def _refuse_rows(wrong: Mask, cause: str, remedy: str, code: str) -> None:
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise DataError(cause, subject=f"query {row}", remedy=remedy, code=code)
