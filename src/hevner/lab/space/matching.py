"""Scores of a space in both directions: music for an emotion, and emotions for music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles
from hevner.lab.metrics import retrieval
from hevner.lab.metrics.report import Report, mean_of
from hevner.lab.space.fold_rows import FoldRows
from hevner.lab.space.pairs import Pairs
from hevner.model.description import Description
from hevner.model.space import Space

METRICS = ("mrr", "rank", "ndcg@10", "distance@5")
"""Metrics of every query."""

PARTS: dict[str, float | None] = {"": None, ", gaussians alone": 0.0, ", variates alone": 1.0}
"""The composite and its parts, by the share of the variates; None for that of the space."""


def score_pairs(report: Report, tests: FoldRows, form: str) -> None:
    """Score both directions for emotions of one form."""
    given: dict[str, tuple[str, ...]] = {"": (form,)}
    if all(np.isfinite(test.emotions.curve).all() for test in tests.tests[0]):
        given[" by course"] = (form, "curve")
    chance = tests.each(
        lambda test, _: np.full(len(test), retrieval.chance_mrr(np.eye(len(test), dtype=bool)))
    )
    for way in ("find", "tell"):
        plain = tests.each(partial(_regressed, way=way, form=form))
        _add_queries(report, tests, f"{way} by regressor", plain, None)
        for suffix, forms in given.items():
            for kind, share in PARTS.items():
                found = tests.each(partial(_reached, way=way, form=form, forms=forms, share=share))
                _add_queries(report, tests, f"{way}{suffix}{kind}", found, plain)
        report.add("folds", tests, f"{way} by chance mrr", mean_of(chance), len(chance))


def _add_queries(
    report: Report,
    tests: FoldRows,
    name: str,
    found: Sequence[Doubles],
    plain: Sequence[Doubles] | None,
) -> None:
    for column, metric in enumerate(METRICS):
        values = [one[:, column] for one in found]
        report.add("folds", tests, f"{name} {metric}", mean_of(values), len(values))
        if plain is not None:
            less = [value - one[:, column] for value, one in zip(values, plain, strict=True)]
            report.add("folds", tests, f"{name} {metric} less regressor", mean_of(less), len(less))


def _reached(
    test: Pairs, space: Space, *, way: str, form: str, forms: tuple[str, ...], share: float | None
) -> Doubles:
    """Scores of a space, a row per query; see `_queries`."""
    space = space if share is None else replace(space, share=share)
    wanted = Description.of(**{name: getattr(test.emotions, name) for name in forms})
    emotions, musics = space.emotion(wanted), space.music(test.musics)
    found = space.find(emotions, musics)
    divergences = found if way == "find" else found.T
    return _queries(divergences, getattr(test.emotions, form))


def _regressed(test: Pairs, _space: Space, *, way: str, form: str) -> Doubles:
    """Scores of the default model's predictions of the same form, by distance."""
    rated, predicted = getattr(test.emotions, form), getattr(test.musics, form)
    apart = retrieval.va_distances(rated, predicted)
    return _queries(apart if way == "find" else apart.T, rated)


def _queries(divergences: NDArray[np.floating], rated: NDArray[np.floating]) -> Doubles:
    """`METRICS` of every query, shape ``(n, 4)``."""
    scores = -np.asarray(divergences, np.float64)
    apart = retrieval.va_distances(rated, rated)
    ranks = retrieval.first_ranks(scores)
    count = len(scores)
    depth, few = min(10, count), min(5, count)
    return np.array(
        [
            [
                1 / ranks[query],
                (ranks[query] - 0.5) / count,
                retrieval.ndcg(scores[[query]], depth, apart[[query]]),
                retrieval.mean_distance(scores[[query]], few, apart[[query]]),
            ]
            for query in range(count)
        ]
    )
