"""What kind of items a search finds first: the detailed analysis of Takashima et al. (2023).

Conventions
-----------
``distances`` has a row per query and a column per candidate, ``(n, n)``, lower for nearer; row and
column i belong to the same song. ``features`` and ``classes`` are those of the songs, by column.
Scores are given per query, to be looked at by group of quality (`quality`) or as a mean. In a tie
the first column comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError
from hevner.evaluation.metrics import retrieval
from hevner.evaluation.metrics.validation import Array, numbers

TOP = 20
"""One candidate in so many is looked at: the first 5 %, rounded down."""

GOOD = 0.1
"""Share of the candidates among which a well answered query finds its own song."""

BAD = 0.5


class Quality(NamedTuple):
    """Queries by how well they were answered: row numbers, best rank first."""

    good: NDArray[np.intp]
    middle: NDArray[np.intp]
    bad: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Found:
    """A score per query, shape ``(n,)``, and what it is for candidates in random order."""

    value: Array
    chance: Array


def quality(distances: ArrayLike) -> Quality:
    """Queries whose own song ranks in the first tenth, in between, or in the last half.

    With N candidates a rank of at most N / 10 is good, one of at least N / 2 bad. Row numbers are
    sorted together with the ranks; the published code left its song ids unsorted, so those it
    writes belong to other songs.
    """
    ranks = retrieval.first_ranks(-_square(distances))
    order = np.argsort(ranks, kind="stable")
    sorted_ranks, count = ranks[order], len(ranks)
    good, bad = sorted_ranks <= GOOD * count, sorted_ranks >= BAD * count
    return Quality(order[good], order[~good & ~bad], order[bad])


def similarity(distances: ArrayLike, features: ArrayLike, centre: ArrayLike | None = None) -> Found:
    """Mean cosine of the feature of a query's own song with those of the first 5 % found.

    Parameters
    ----------
    distances
        See the module; at least 20 candidates.
    features
        Shape ``(n, d)``: of the music when emotions are found, valence and arousal when music is.
    centre
        Subtracted first, shape ``(d,)``: the neutral point of ratings, or the mean of training.
        Without it features that are all positive are all similar, whatever is found.
    """
    table = _square(distances)
    rows = numbers("features", features, 2)
    if len(rows) != len(table):
        raise DataError(
            f"features of {len(rows)} songs, distances of {len(table)}", remedy="Give the same"
        )
    if centre is not None:
        rows = rows - np.asarray(centre, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # A feature without a direction is similar to none.
    directions = rows / np.where(lengths > 0, lengths, 1)
    cosines = directions @ directions.T
    found = np.take_along_axis(cosines, _order(table)[:, : top(len(table))], axis=1)
    return Found(found.mean(axis=1), cosines.mean(axis=1))


def average_precision(distances: ArrayLike, classes: ArrayLike) -> Found:
    """Average precision of the songs of a query's class, its own song among them.

    The published analysis takes the five classes of `hevner.evaluation.joint.circumplex`.
    """
    table, relevance = _square(distances), _same_class(classes)
    rows = range(len(table))
    return Found(
        np.array([retrieval.mean_average_precision(-table[[i]], relevance[[i]]) for i in rows]),
        np.array([retrieval.chance_map(relevance[[i]]) for i in rows]),
    )


def entropy(distances: ArrayLike, classes: ArrayLike, *, as_published: bool = False) -> Array:
    """Entropy in bits of the classes among the first 5 % found, shape ``(n,)``.

    0 if all are of one class. As published, one song more is counted.
    """
    table, kinds = _square(distances), np.asarray(classes)
    first = _order(table)[:, : top(len(table)) + as_published]
    return np.array([_bits(kinds[row]) for row in first])


def top(candidates: int) -> int:
    """How many the first 5 % are, rounded down."""
    if candidates < TOP:
        raise DataError(
            f"5 % of {candidates} candidates is less than one", remedy=f"Give at least {TOP}"
        )
    return candidates // TOP


def mean_by_quality(values: Array, groups: Quality) -> dict[str, float]:
    """Mean of a score over each group of queries, and over all; NaN for a group of none."""
    parts = {"all": np.arange(len(values)), **groups._asdict()}
    return {
        name: float(values[rows].mean()) if len(rows) else np.nan for name, rows in parts.items()
    }


def _square(distances: ArrayLike) -> Array:
    table = numbers("distances", distances, 2)
    if table.shape[0] != table.shape[1]:
        raise DataError(
            f"distances have shape {table.shape}", remedy="Give as many candidates as queries"
        )
    return table


def _order(table: Array) -> NDArray[np.intp]:
    return np.argsort(table, axis=1, kind="stable")


def _same_class(classes: ArrayLike) -> NDArray[np.bool_]:
    kinds = np.asarray(classes)
    return np.asarray(kinds[:, None] == kinds)


def _bits(kinds: NDArray[np.int64]) -> float:
    _, counts = np.unique(kinds, return_counts=True)
    shares = counts / counts.sum()
    # The sum of one whole share is -0.
    return abs(float((shares * np.log2(shares)).sum()))
