"""Scores of a study of the joint space, and paired tests of its claims.

Conventions
-----------
Per query, scores are averaged over seeds first; a score is then the mean over queries, and its
interval resamples whole groups of linked tracks (95 %). ``tau`` is the order of degrees inside
quadrants, or among music with the same strongest GEMS emotion
(`hevner.lab.joint.degrees`), of what is told of each music, averaged over seeds; its chance
is 0. Claims are tested on the same queries by `CLAIMED`; ``both`` is the mean of the two
directions, ``all`` the mean over datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hevner.lab import workers
from hevner.lab.joint import degrees
from hevner.lab.joint.material import Array, World
from hevner.lab.joint.recipe import Claim
from hevner.lab.joint.recipe import JointRecipe as Recipe
from hevner.lab.joint.study import METRICS, Outcome
from hevner.lab.metrics.statistics import bootstrap, paired_bootstrap, permutation_test
from hevner.lab.study.claims import ALL, ALPHA, Verdict

RESAMPLES = 1000
TAU_RESAMPLES = 200

CLAIMED = ("mrr", "rank_share")
"""Metrics that claims are tested by."""
LOWER_IS_BETTER = ("average_rank", "rank_share", "distance@10")
BOTH = "both"
TAU = "tau"


@dataclass(frozen=True)
class Score:
    """A line of the table; ``pool`` is the mean number of candidates."""

    dataset: str
    space: str
    division: str
    scorer: str
    query: str
    direction: str
    metric: str
    value: float
    low: float
    high: float
    chance: float
    seed_sd: float
    n: int
    groups: int
    seeds: int
    pool: float
    leaks: str
    recipe: str


COLUMNS = tuple(one.name for one in fields(Score))


@dataclass(frozen=True, eq=False)
class Trial:
    """How a space did in a dataset with one scorer, kind of query and direction, over all seeds.

    Attributes
    ----------
    world, space, division, scorer, query, direction
        What it is about; the direction ``told`` holds ``tau``.
    values, chance
        Of each query and seed by metric, shape ``(n, seeds)``, NaN where it was not tested. For
        ``told``, the degrees told.
    truth
        For ``told``, category and degree of each music, shape ``(n, 2)``.
    pool
        Mean number of candidates.
    leaks
        Labels of the leak check.
    """

    world: World
    space: str
    division: str
    scorer: str
    query: str
    direction: str
    values: dict[str, Array]
    chance: dict[str, Array]
    truth: Array | None
    pool: float
    leaks: str

    @property
    def key(self) -> tuple[str, ...]:
        """What it is about, whichever the space and scorer."""
        return (self.world.name, self.division, self.query, self.direction)

    def means(self, metric: str) -> Array:
        """Over seeds, shape ``(n,)``, NaN for what was never tested."""
        table = self.values[metric]
        known = np.isfinite(table)
        count = known.sum(axis=1)
        total = np.where(known, table, 0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def trials(recipe: Recipe, worlds: Sequence[World], outcomes: Sequence[Outcome]) -> list[Trial]:
    """Everything that was matched, world by world and space by space."""
    found = []
    for world in worlds:
        for space in recipe.spaces:
            for division in space.divisions:
                own = [
                    one for one in outcomes
                    if (one.cell.world, one.cell.space.name, one.cell.part.division)
                    == (world.name, space.name, division)
                ]  # fmt: skip
                found += list(_trials(recipe, world, own))
    return found


def _trials(recipe: Recipe, world: World, outcomes: Sequence[Outcome]) -> Iterator[Trial]:
    cell = outcomes[0].cell
    leaks = "; ".join(dict.fromkeys(one.cell.part.leaks for one in outcomes))
    pool = float(np.mean([len(one.cell.part.test) for one in outcomes]))
    shape = (len(world.tracks), recipe.seeds)
    for key in outcomes[0].scores:
        values = {metric: np.full(shape, np.nan) for metric in METRICS}
        chance = {metric: np.full(shape, np.nan) for metric in METRICS}
        for one in outcomes:
            part = one.cell.part
            for number, metric in enumerate(METRICS):
                values[metric][part.test, part.seed] = one.scores[key][number]
                chance[metric][part.test, part.seed] = one.chance[key][number]
        about = (world, cell.space.name, cell.part.division, *key)
        yield Trial(*about, values, chance, None, pool, leaks)
    yield _degrees(recipe, world, outcomes, pool, leaks)


def _degrees(
    recipe: Recipe, world: World, outcomes: Sequence[Outcome], pool: float, leaks: str
) -> Trial:
    """Degrees of what is told of each music inside the category listeners gave it."""
    place = world.emotions.place
    profile = world.emotions.kind == "profile"
    category = degrees.strongest(place) if profile else degrees.quadrants(place)
    degree = degrees.own_share if profile else degrees.along_diagonal
    told = np.full((len(place), recipe.seeds), np.nan)
    for one in outcomes:
        part = one.cell.part
        told[part.test, part.seed] = degree(one.told, category[part.test])
    cell = outcomes[0].cell
    truth = np.column_stack([category, degree(place, category)]).astype(np.float64)
    return Trial(
        world, cell.space.name, cell.part.division, "corrected", "rated", "told",
        {TAU: told}, {TAU: np.zeros_like(told)}, truth, pool, leaks,
    )  # fmt: skip


def score(recipe: Recipe, found: Sequence[Trial]) -> list[Score]:
    """The table of scores."""
    return [_score(recipe, trial, metric) for trial in found for metric in trial.values]


def _score(recipe: Recipe, trial: Trial, metric: str) -> Score:
    means = trial.means(metric)
    rows = np.flatnonzero(np.isfinite(means))
    groups = trial.world.groups[rows]
    measure = _measure(metric)
    truth = np.zeros((len(rows), 2)) if trial.truth is None else trial.truth[rows]
    own = means[rows]
    low, high = bootstrap(
        lambda drawn: measure(truth[drawn], own[drawn]), groups, resamples=_resamples(metric)
    )
    seeds = []
    for column in trial.values[metric].T:
        known = np.isfinite(column[rows])
        seeds.append(measure(truth[known], column[rows][known]))
    return Score(
        trial.world.name, trial.space, trial.division, trial.scorer, trial.query, trial.direction,
        metric, measure(truth, own), low, high, float(np.nanmean(trial.chance[metric])),
        float(np.std(seeds, ddof=1)) if len(seeds) > 1 else float("nan"),
        len(rows), len(np.unique(groups)), recipe.seeds, trial.pool, trial.leaks, recipe.digest,
    )  # fmt: skip


def _resamples(metric: str) -> int:
    return TAU_RESAMPLES if metric == TAU else RESAMPLES


def _measure(metric: str) -> Callable[[Array, Array], float]:
    """From truth ``(n, 2)`` and values ``(n,)`` to a score."""
    if metric == TAU:
        return lambda truth, told: degrees.within(truth[:, 0], truth[:, 1], told)
    return lambda truth, values: float(values.mean())


# --- claims ---


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two systems on the same queries: truth ``(n, 2)``, values and groups ``(n,)``."""

    key: tuple[str, ...]
    metric: str
    truth: Array
    first: Array
    second: Array
    groups: NDArray[np.str_]


def judge(recipe: Recipe, found: Sequence[Trial], jobs: int = 1) -> list[Verdict]:
    """Test every claim on all queries that both of its spaces answered, in ``jobs`` processes."""
    tests: list[tuple[Claim, list[_Pair]]] = []
    for claim in recipe.claims:
        pairs = list(_pairs(claim, found))
        tests += [(claim, [pair]) for pair in pairs]
        several: dict[tuple[str, ...], list[_Pair]] = {}
        for pair in pairs:
            several.setdefault((*pair.key[1:], pair.metric), []).append(pair)
        tests += [(claim, own) for own in several.values() if len(own) > 1]
    if jobs == 1:
        return [_judge(*test) for test in tests]
    with workers.pool(jobs) as pool:
        return list(pool.map(_judge, *zip(*tests, strict=True), chunksize=8))


def _pairs(claim: Claim, found: Sequence[Trial]) -> Iterator[_Pair]:
    sides = [
        {trial.key: trial for trial in found if (trial.space, trial.scorer) == wanted}
        for wanted in zip((claim.first, claim.second), claim.scorers, strict=True)
    ]
    for key, first in sides[0].items():
        if key not in sides[1]:
            continue
        second, other = sides[1][key], (*key[:3], "to_emotion")
        for metric in (TAU,) if key[3] == "told" else CLAIMED:
            one, two = first.means(metric), second.means(metric)
            yield _pair(first, metric, key, one, two)
            if key[3] == "to_music" and other in sides[0] and other in sides[1]:
                one = (one + sides[0][other].means(metric)) / 2
                two = (two + sides[1][other].means(metric)) / 2
                yield _pair(first, metric, (*key[:3], BOTH), one, two)


def _pair(trial: Trial, metric: str, key: tuple[str, ...], one: Array, two: Array) -> _Pair:
    rows = np.flatnonzero(np.isfinite(one) & np.isfinite(two))
    truth = np.zeros((len(one), 2)) if trial.truth is None else trial.truth
    groups = np.char.add(f"{trial.world.name}/", trial.world.groups[rows].astype(np.str_))
    return _Pair(key, metric, truth[rows], one[rows], two[rows], groups)


def _judge(claim: Claim, pairs: Sequence[_Pair]) -> Verdict:
    """Test one pair, or the mean over several."""
    metric, (world, division, query, direction) = pairs[0].metric, pairs[0].key
    measure = _measure(metric)

    def mean(truth: Array, values: Array) -> float:
        parts = [truth[:, 2] == number for number in range(len(pairs))]
        return float(np.mean([
            measure(truth[mine, :2], values[mine]) if mine.any() else np.nan for mine in parts
        ]))  # fmt: skip

    truth = np.concatenate([
        np.column_stack([pair.truth, np.full(len(pair.truth), number)])
        for number, pair in enumerate(pairs)
    ])  # fmt: skip
    first, second = (
        np.concatenate([getattr(pair, side) for pair in pairs]) for side in ("first", "second")
    )
    groups = np.concatenate([pair.groups for pair in pairs])
    count = _resamples(metric)
    found = paired_bootstrap(mean, truth, first, second, groups, resamples=count)
    p = permutation_test(mean, truth, first, second, groups, permutations=count)
    better = (found.value < 0) == (metric in LOWER_IS_BETTER)
    sure = p < ALPHA and (found.low > 0 or found.high < 0)
    one, two = [
        f"{name} ({scorer} scorer)"
        for name, scorer in zip((claim.first, claim.second), claim.scorers, strict=True)
    ]
    return Verdict(
        claim.claim, f"{division}: {world if len(pairs) == 1 else ALL}", f"{query} {direction}",
        one, two, metric, mean(truth, first), mean(truth, second), *found, p, len(pairs),
        len(truth), len(np.unique(groups)), ("holds" if better else "opposite") if sure else "open",
    )  # fmt: skip
