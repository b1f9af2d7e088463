"""Scores of a space in both directions, by categories and words, and by degrees in a category."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Mask, Rows
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.lab.data.labels import QUADRANT_SIGNS, quadrants_of
from hevner.lab.joint import degrees
from hevner.lab.metrics import retrieval
from hevner.lab.metrics.report import Report, by_seed, less, mean_of
from hevner.lab.metrics.tags import average_precision, roc_auc
from hevner.lab.space.pairs import Pairs
from hevner.model.description import Description
from hevner.model.space import Space
from hevner.words import Lexicon
from hevner.words.describing import describe


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


SLIGHT, STRONG = 0.2, 0.7
"""Distance from neutral, along the diagonal of a quadrant, of a slight and of a strong emotion."""

Meaning = int | str | tuple[float, float]

WORDS: dict[str, dict[str, Meaning]] = {
    "emopia": {
        "happy": 0, "energetic": 0, "dark": 1, "dramatic": 1,
        "sad": 2, "melancholic": 2, "calm": 3, "relaxing": 3,
    },
    "emotify": {
        "happy": "joyful activation", "fun": "joyful activation", "sad": "sadness",
        "calm": "calmness", "relaxing": "calmness", "epic": "power", "powerful": "power",
        "dark": "tension", "romantic": "tenderness",
    },
    "musemo": {
        "happy": (1, 1), "energetic": (0, 1), "fun": (1, 0.5), "dark": (-1, 0),
        "sad": (-1, -1), "calm": (1, -1), "heavy": (-1, 1),
    },
}  # fmt: skip
"""Label that music found by a word should have: the quadrant, a GEMS share above the median, or a
direction in the plane above the median."""


def _add_compared(
    report: Report,
    tests: FoldRows,
    name: str,
    score: Callable[[Doubles, Rows], float],
    found: Sequence[Doubles],
    others: Mapping[str, Sequence[Doubles]],
    comma: str = "",
) -> None:
    """Add a score of a space, those of others, and by how much it is above them."""
    seeds, own = len(found), by_seed(score, found)
    report.add("folds", tests, name, own, seeds)
    for label, tables in others.items():
        plain = by_seed(score, tables)
        report.add("folds", tests, f"{name}{comma} by {label}", plain, seeds)
        report.add("folds", tests, f"{name}{comma} less {label}", less(own, plain), seeds)


def score_quadrants(report: Report, tests: FoldRows) -> None:
    """Score quadrants in both directions."""
    wanted = Description.of(quadrants=np.eye(len(Quadrant)))
    truth = tests.each(lambda test, _: test.emotions.quadrants)[0]
    predicted = tests.each(lambda test, _: test.musics.quadrants)
    points = tests.each(lambda test, _: test.musics.point @ QUADRANT_SIGNS.T)
    fits = tests.each(partial(_fit_of, wanted))
    nearness = tests.each(
        lambda test, space: -space.find(space.emotion(wanted), space.music(test.musics)).T
    )
    score = partial(_mean_precision, truth)
    others = {"unified model": predicted, "regressor": points}
    _add_compared(report, tests, "find quadrant ap", score, fits, others)
    for label, table in (("", nearness), (" by unified model", predicted)):
        right = [(one.argmax(axis=1) == truth.argmax(axis=1)).astype(float) for one in table]
        report.add("folds", tests, f"tell quadrant accuracy{label}", mean_of(right), len(right))


def _mean_precision(truth: Doubles, table: Doubles, rows: Rows) -> float:
    """Mean over columns of the average precision."""
    columns = [k for k in range(truth.shape[1]) if 0 < truth[rows, k].sum() < len(rows)]
    return float(np.mean([average_precision(truth[rows, k] > 0, table[rows, k]) for k in columns]))


def score_words(report: Report, tests: FoldRows, name: str) -> None:
    """Score whether music found by a word has the label that the word means."""
    words = WORDS[name]
    columns = [MOOD_TAGS.index(word) for word in words]
    lexicon = Lexicon()
    wanted = describe([lexicon.feeling(word) for word in words])
    fits = tests.each(partial(_fit_of, wanted))
    predicted = tests.each(lambda test, _: test.musics.tags[:, columns])
    degrees_meant = tests.each(partial(_meant, meanings=tuple(words.values())))[0]
    truth = degrees_meant > np.median(degrees_meant, axis=0)
    every = [(word, [place]) for place, word in enumerate(words)]
    for word, places in [*every, ("mean", list(range(len(words))))]:
        auc = partial(_auc, truth, places)
        others = {"unified model": predicted}
        _add_compared(report, tests, f"word auc, {word}", auc, fits, others, comma=",")


def _auc(truth: Mask, columns: Sequence[int], table: Doubles, rows: Rows) -> float:
    """Mean over some columns."""
    return float(np.mean([roc_auc(truth[rows, k], table[rows, k]) for k in columns]))


def _fit_of(wanted: Description, test: Pairs, space: Space) -> Doubles:
    """How well musics fit emotions, against music at large; a column per emotion.

    Spaces of different folds can be compared in it.
    """
    emotions = space.emotion(wanted)
    divergences = space.find(emotions, space.music(test.musics))
    # Beyond the best and worst of music at large, order by the divergence itself.
    return np.asarray((space.fit(divergences, emotions) - 1e-4 * divergences).T, np.float64)


def _meant(test: Pairs, _space: Space, *, meanings: Sequence[Meaning]) -> Doubles:
    """Labels of each piece for the meanings of words, a column per word."""
    columns = []
    for meaning in meanings:
        if isinstance(meaning, int):
            columns.append(test.emotions.quadrants[:, meaning])
        elif isinstance(meaning, str):
            columns.append(test.emotions.gems[:, GEMS.index(meaning)])
        else:
            columns.append(test.emotions.point @ np.array(meaning))
    return np.stack(columns, axis=1)


def score_degrees(report: Report, tests: FoldRows, form: str) -> None:
    """Score whether, inside a category, a stronger emotion fits stronger music better."""
    rated = tests.each(lambda test, _: getattr(test.emotions, form))[0]
    predicted = tests.each(lambda test, _: getattr(test.musics, form))
    pointed = form == "point"
    category = quadrants_of(rated) if pointed else degrees.strongest(rated)
    degree = degrees.along_diagonal if pointed else degrees.own_share
    each = np.arange(len(rated))
    found_degrees = [one[each, category] for one in tests.each(partial(_degrees, form=form))]
    plain = [degree(one, category) for one in predicted]
    truth = degree(rated, category)

    def tau(found: Doubles, rows: Rows) -> float:
        return degrees.within(category[rows], truth[rows], found[rows])

    _add_compared(report, tests, "degrees tau", tau, found_degrees, {"regressor": plain})


def _degrees(test: Pairs, space: Space, *, form: str) -> Doubles:
    """How much better the strong than the slight emotion of every category fits.

    Shape ``(n, categories)``.
    """
    if form == "point":
        slight, strong = (
            Description.of(point=QUADRANT_SIGNS * radius / np.sqrt(2))
            for radius in (SLIGHT, STRONG)
        )
    else:
        expert = space.experts["gems"]
        steps = np.eye(len(GEMS)) * expert.scale
        slight, strong = (
            Description.of(gems=expert.centre + factor * steps) for factor in (-1.0, 2.0)
        )
    musics = space.music(test.musics)
    weak, much = (space.find(space.emotion(one), musics).T for one in (slight, strong))
    return np.asarray(weak - much, np.float64)
