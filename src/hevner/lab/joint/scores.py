"""Scores of a study of the joint space, and the pairs that its claims compare.

Conventions
-----------
Per query, scores are averaged over seeds first; a score is then the mean over queries, and its
interval resamples whole groups of linked tracks (95 %). ``tau`` is the order of degrees inside
quadrants, or among music with the same strongest GEMS emotion (`hevner.lab.joint.degrees`), of the
emotion that is predicted for each music, averaged over seeds; its chance is 0. Claims are tested on
the same queries by `CLAIMED`; ``both`` is the mean of the two directions, ``all`` the mean over
datasets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hevner.arrays import Doubles
from hevner.emotion import AXES
from hevner.lab.data.labels import quadrants_of
from hevner.lab.joint import degrees
from hevner.lab.joint.data import MatchingData
from hevner.lab.joint.recipe import Claim, JointRecipe
from hevner.lab.metrics import retrieval
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.study import claims
from hevner.lab.study.claims import ALL, Comparison, Measure, Pair, mean_over_pairs
from hevner.lab.study.kept import Row

if TYPE_CHECKING:
    from hevner.lab.joint.study import CellResult

CUTOFF = 10
METRICS = (
    "mrr", "average_rank", "rank_share", "recall@1", "recall@5", "recall@10", "ndcg@10",
    "distance@10",
)  # fmt: skip
"""Metrics of `hevner.lab.metrics.retrieval`, per query; ``rank_share`` is rank / candidates."""

CLAIMED = ("mrr", "rank_share")
"""Metrics that claims are tested by."""
LOWER_IS_BETTER = ("average_rank", "rank_share", "distance@10")
BOTH = "both"
TAU = "tau"
PREDICTED = "told"
"""The array of predicted emotions, and the direction under which ``tau`` stands in the table."""


COLUMNS = (
    "dataset", "space", "division", "scorer", "query", "direction", "metric", "value", "low",
    "high", "chance", "seed_sd", "n", "groups", "seeds", "pool", "leaks", "recipe",
)  # fmt: skip
"""Columns of the table; ``pool`` is the mean number of candidates."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results of a space in a dataset with one scorer, kind of query and direction, over all seeds.

    ``values`` and ``chance`` are scores of each query and seed by metric, shape ``(n, seeds)``, NaN
    where it was not tested; for ``tau``, predicted degrees. ``truth`` has the category and degree
    of each music for ``tau``, ``(n, 2)``, else zeros; ``pool`` is the mean number of candidates.
    """

    data: MatchingData
    space: str
    division: str
    scorer: str
    query: str
    direction: str
    values: dict[str, Doubles]
    chance: dict[str, Doubles]
    truth: Doubles
    pool: float
    leaks: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What was matched, without space and scorer."""
        return (self.data.name, self.division, self.query, self.direction)

    def means(self, metric: str) -> Doubles:
        """Mean over seeds, shape ``(n,)``, NaN for queries that were never tested."""
        table = self.values[metric]
        known = np.isfinite(table)
        count = known.sum(axis=1)
        total = np.where(known, table, 0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def evaluations(
    recipe: JointRecipe, data: Mapping[str, MatchingData], results: Sequence[CellResult]
) -> list[Evaluation]:
    """Everything that was matched, dataset by dataset and space by space."""
    found = []
    for name, one in data.items():
        for space in recipe.spaces:
            for division in space.divisions:
                own = [
                    result for result in results
                    if (result.cell.dataset, result.cell.space.name, result.cell.split.protocol)
                    == (name, space.name, division)
                ]  # fmt: skip
                found += list(_evaluations(recipe, one, own))
    return found


def _evaluations(
    recipe: JointRecipe, data: MatchingData, results: Sequence[CellResult]
) -> Iterator[Evaluation]:
    cell = results[0].cell
    shape = (len(data.tracks), recipe.seeds)
    blank = Evaluation(
        data, cell.space.name, cell.split.protocol, "corrected", "rated", PREDICTED, {}, {},
        np.zeros((len(data.tracks), 2)),
        float(np.mean([len(one.cell.split.test) for one in results])),
        "; ".join(dict.fromkeys(one.cell.split.leaks for one in results)),
    )  # fmt: skip
    for key in results[0].arrays:
        if key == PREDICTED or key.endswith(",chance"):
            continue
        scorer, query, direction = key.split(",")
        values = {metric: np.full(shape, np.nan) for metric in METRICS}
        chance = {metric: np.full(shape, np.nan) for metric in METRICS}
        for one in results:
            split = one.cell.split
            for number, metric in enumerate(METRICS):
                values[metric][split.test, split.seed] = one.arrays[key][number]
                chance[metric][split.test, split.seed] = one.arrays[f"{key},chance"][number]
        yield replace(
            blank, scorer=scorer, query=query, direction=direction, values=values, chance=chance
        )
    yield _degrees(blank, shape, results)


def _degrees(
    blank: Evaluation, shape: tuple[int, int], results: Sequence[CellResult]
) -> Evaluation:
    """Degrees of predicted emotions inside the categories of the listeners."""
    place = blank.data.emotions.place
    profile = blank.data.emotions.kind == "profile"
    axes = slice(None if profile else len(AXES))
    place = place[:, axes]
    category = degrees.strongest(place) if profile else quadrants_of(place)
    degree = degrees.own_share if profile else degrees.along_diagonal
    predicted = np.full(shape, np.nan)
    for one in results:
        split = one.cell.split
        emotions = one.arrays[PREDICTED].astype(np.float64)[:, axes]
        predicted[split.test, split.seed] = degree(emotions, category[split.test])
    truth = np.column_stack([category, degree(place, category)]).astype(np.float64)
    chance = np.zeros_like(predicted)
    return replace(blank, values={TAU: predicted}, chance={TAU: chance}, truth=truth)


def score(recipe: JointRecipe, found: Sequence[Evaluation]) -> list[Row]:
    """The table of scores."""
    return [_score(recipe, one, metric) for one in found for metric in one.values]


def _score(recipe: JointRecipe, one: Evaluation, metric: str) -> Row:
    means = one.means(metric)
    rows = np.flatnonzero(np.isfinite(means))
    groups, truth, own = one.data.groups[rows], one.truth[rows], means[rows]
    measure: Measure = _tau if metric == TAU else _mean
    low, high = bootstrap(
        lambda drawn: measure(truth[drawn], own[drawn]), groups, resamples=_resamples(metric)
    )
    seeds = []
    for column in one.values[metric].T:
        known = np.isfinite(column[rows])
        seeds.append(measure(truth[known], column[rows][known]))
    values = (
        one.data.name, one.space, one.division, one.scorer, one.query, one.direction,
        metric, measure(truth, own), low, high, float(np.nanmean(one.chance[metric])),
        float(np.std(seeds, ddof=1)) if len(seeds) > 1 else float("nan"),
        len(rows), len(np.unique(groups)), recipe.seeds, one.pool, one.leaks, recipe.digest,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _resamples(metric: str) -> int:
    return claims.FEW_RESAMPLES if metric == TAU else claims.RESAMPLES


def _tau(truth: Doubles, values: Doubles) -> float:
    return degrees.within(truth[:, 0], truth[:, 1], values)


def _mean(truth: Doubles, values: Doubles) -> float:
    return float(values.mean())


# --- metrics of each query ---


def per_query(distances: Doubles, apart: Doubles) -> tuple[Doubles, Doubles]:
    """`METRICS` of each query and their chance levels, shapes ``(metrics, n)``.

    Distances of queries and candidates, and between the emotions of both, are ``(n, n)``; i belongs
    to i.
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


# --- claims ---


class _Queries(NamedTuple):
    """Scores of both systems of a claim for the same queries."""

    key: tuple[str, str, str, str]
    metric: str
    pair: Pair
    sides: tuple[Evaluation, Evaluation]


def compare(recipe: JointRecipe, found: Sequence[Evaluation], jobs: int = 1) -> list[Row]:
    """Test every claim on all queries that both of its spaces answered."""
    comparisons = []
    for claim in recipe.claims:
        queries = list(_queries(claim, found))
        comparisons += [_comparison(claim, [one]) for one in queries]
        several: dict[tuple[str, ...], list[_Queries]] = {}
        for one in queries:
            several.setdefault((*one.key[1:], one.metric), []).append(one)
        comparisons += [_comparison(claim, own) for own in several.values() if len(own) > 1]
    return claims.compare(comparisons, jobs)


def _queries(claim: Claim, found: Sequence[Evaluation]) -> Iterator[_Queries]:
    sides = [
        {one.key: one for one in found if (one.space, one.scorer) == wanted}
        for wanted in zip((claim.first, claim.second), claim.scorers, strict=True)
    ]
    for key, first in sides[0].items():
        if key not in sides[1]:
            continue
        second, other = sides[1][key], (*key[:3], "to_emotion")
        for metric in (TAU,) if key[3] == PREDICTED else CLAIMED:
            one, two = first.means(metric), second.means(metric)
            yield _Queries(key, metric, _pair(first, one, two), (first, second))
            if key[3] == "to_music" and other in sides[0] and other in sides[1]:
                one = (one + sides[0][other].means(metric)) / 2
                two = (two + sides[1][other].means(metric)) / 2
                pair = _pair(first, one, two)
                yield _Queries((*key[:3], BOTH), metric, pair, (first, second))


def _pair(about: Evaluation, one: Doubles, two: Doubles) -> Pair:
    rows = np.flatnonzero(np.isfinite(one) & np.isfinite(two))
    groups = np.char.add(f"{about.data.name}/", about.data.groups[rows].astype(np.str_))
    return Pair(about.truth[rows], one[rows], two[rows], groups.tolist())


def _comparison(claim: Claim, queries: Sequence[_Queries]) -> Comparison:
    """Test one dataset, or the mean over several."""
    metric, (dataset, division, query, direction) = queries[0].metric, queries[0].key
    first, second = (
        f"{name} ({scorer} scorer)"
        for name, scorer in zip((claim.first, claim.second), claim.scorers, strict=True)
    )
    return Comparison(
        claim.claim, f"{division}: {dataset if len(queries) == 1 else ALL}",
        f"{query} {direction}", first, second, metric, [one.pair for one in queries],
        partial(mean_over_pairs, [_tau if metric == TAU else _mean] * len(queries)),
        _resamples(metric), len(queries[0].sides[0].values[metric].T),
        [side.leaks for one in queries for side in one.sides],
        lower_is_better=metric in LOWER_IS_BETTER,
    )  # fmt: skip
