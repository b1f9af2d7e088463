"""Scores of a space by categories and words, and by degrees inside a category."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from hevner.arrays import Doubles, Mask, Rows
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.lab.joint import degrees
from hevner.lab.metrics.report import Report, by_seed, less, mean_of
from hevner.lab.metrics.tags import average_precision, roc_auc
from hevner.lab.space.fold_rows import FoldRows
from hevner.lab.space.pairs import Pairs
from hevner.model.description import Description
from hevner.model.space import Space
from hevner.words import Lexicon
from hevner.words.describing import describe

CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
"""Signs of valence and arousal of the quadrants, in their order."""

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
    points = tests.each(lambda test, _: test.musics.point @ CORNERS.T)
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
    category = degrees.quadrants(rated) if pointed else degrees.strongest(rated)
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
            Description.of(point=CORNERS * radius / np.sqrt(2)) for radius in (SLIGHT, STRONG)
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
