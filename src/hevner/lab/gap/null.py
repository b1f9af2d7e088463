"""Distances that chance gives to two sets, as a reference for measured ones.

Conventions
-----------
A *split* is a mask over pooled rows: True for the first set, False for the second. A *measure* is a
function of a split that returns a float. Two references are computed for any measure:

============  =====================================================================================
exchanged     whole groups (songs, games, artists) of both sets change places at random: distances
              that chance alone gives to sets of this size
within        random halves of one set, by whole groups: distance of a set from itself. Halves are
              smaller than sets, which makes this reference rather too large than too small
============  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hevner.arrays import Mask, Names
from hevner.errors import DataError
from hevner.lab.data.samples import names
from hevner.lab.metrics.statistics import group_index

Measure = Callable[[Mask], float]

EXCHANGES = 199
"""Random exchanges; the smallest p is 1 / (1 + EXCHANGES)."""

HALVES = 50


@dataclass(frozen=True)
class Distance:
    """A distance between two datasets, and its reference by chance.

    ``space`` is ``valence``, ``arousal`` or a representation. One in twenty random exchanges
    exceeds ``chance_95``; ``p`` is the share of exchanges, the observed one among them, that are
    at least as far apart.
    """

    space: str
    measure: str
    first: str
    second: str
    value: float
    chance_95: float
    p: float


@dataclass(frozen=True)
class Within:
    """Mean distance between random halves of one dataset."""

    space: str
    measure: str
    dataset: str
    value: float


def distances(
    space: str,
    measures: Callable[[Mask], Mapping[str, Measure]],
    dataset: Names,
    group: Names,
    seed: int = 0,
) -> tuple[list[Distance], list[Within]]:
    """Distances between every two datasets, and within each.

    ``measures`` makes measures over the rows of a mask. Raises `DataError` if a dataset has fewer
    than two groups.
    """
    apart: list[Distance] = []
    inside: list[Within] = []
    present = names(dataset)
    for name in present:
        rows = dataset == name
        inside += within(space, name, measures(rows), group[rows], seed)
    for first, second in combinations(present, 2):
        rows = np.isin(dataset, (first, second))
        is_first = dataset[rows] == first
        apart += between(space, first, second, measures(rows), is_first, group[rows], seed)
    return apart, inside


def between(
    space: str,
    first: str,
    second: str,
    measures: Mapping[str, Measure],
    is_first: Mask,
    groups: Names,
    seed: int = 0,
) -> list[Distance]:
    """Distances between two sets by several measures, over the same random exchanges."""
    chance = [*exchanges(is_first, groups, seed)]
    rows = []
    for name, measure in measures.items():
        value = measure(is_first)
        drawn = np.array([measure(split) for split in chance])
        # Sums of the same numbers in another order differ in the last digits; those are ties.
        extreme = int((drawn >= value - 1e-12 * max(1.0, value)).sum())
        p = (1 + extreme) / (1 + len(drawn))
        rows.append(Distance(space, name, first, second, value, float(np.quantile(drawn, 0.95)), p))
    return rows


def within(
    space: str, dataset: str, measures: Mapping[str, Measure], groups: Names, seed: int = 0
) -> list[Within]:
    """Mean distance between halves of a set, by several measures."""
    splits = halves(groups, seed)
    return [
        Within(space, name, dataset, float(np.mean([measure(split) for split in splits])))
        for name, measure in measures.items()
    ]


def exchanges(is_first: Mask, groups: Names, seed: int = 0, count: int = EXCHANGES) -> list[Mask]:
    """Random splits with as many groups on either side as there are."""
    present, index = group_index(groups)
    number = len(present)
    size = len(set(index[is_first].tolist()))
    if not 0 < size < number:
        raise DataError(
            "a set has no groups", remedy="Compare two sets that are not empty", code="empty"
        )
    rng = np.random.default_rng(seed)
    return [np.isin(index, rng.permutation(number)[:size]) for _ in range(count)]


def halves(groups: Names, seed: int = 0, count: int = HALVES) -> list[Mask]:
    """Random splits of one set into two with the same number of groups, give or take one."""
    present, index = group_index(groups)
    number = len(present)
    rng = np.random.default_rng(seed)
    return [np.isin(index, rng.permutation(number)[: number // 2]) for _ in range(count)]
