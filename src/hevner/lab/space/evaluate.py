"""Measure the common space: found both ways, by words and by degrees, on music kept aside.

    python -m hevner.lab.space.evaluate recipes/joint.toml --data DIR --cache DIR --out FILE.csv

Folds are those of the unified model's evaluation, one division for every seed. For every fold a
space is fitted to the others, from readings of unified models that saw neither the fold nor the
row they tell of; it is judged on readings of a model that had not seen the fold. Candidates are the
pieces of the same dataset in the fold. Intervals (95 %) are over groups: songs, games, artist
proxies.

Conventions
-----------
``find`` is from an emotion to music, ``tell`` from music to an emotion; the emotion is what
listeners said of the piece, the one right item is the piece itself. ``mrr`` mean reciprocal rank,
``rank`` mean rank as a share of the candidates (chance .5), ``ndcg@10`` and ``distance@5`` of the
emotions of the first results. ``regressor`` is the same by the distance of what the unified model
tells in the same form (valence and arousal, or GEMS shares), in which emotions are compared too.
``word auc``: listeners' judgement of music found by a word, beside the unified model's tag.
``degrees``: Kendall's tau inside categories (`hevner.lab.joint.degrees`). ``less`` rows are
paired differences on the same pieces.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from hevner.datasets.track import Track
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.files import replace_file
from hevner.lab.default.basis import folds
from hevner.lab.default.evaluate import refuse_leaks
from hevner.lab.default.table import Table
from hevner.lab.default.table import build as build_table
from hevner.lab.default.train import prepare
from hevner.lab.joint import degrees
from hevner.lab.metrics import retrieval
from hevner.lab.metrics.report import Report, Row, Score
from hevner.lab.metrics.tags import average_precision, roc_auc
from hevner.lab.space import recipe as recipes
from hevner.lab.space.fit import fit
from hevner.lab.space.pairs import Pairs, build
from hevner.lab.space.readings import Task, joined, pairwise, plan, read
from hevner.lab.space.recipe import Recipe
from hevner.lab.space.train import READINGS, tracks_of
from hevner.model.description import Description
from hevner.model.space import Space
from hevner.words import Lexicon
from hevner.words.describing import describe

Array = NDArray[np.float64]
Fold = tuple[Pairs, Pairs]
"""Training and test rows."""

SEEDS = 5

CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
"""Of the quadrants, in their order."""

LITTLE, MUCH = 0.2, 0.7
"""Distance from neutral, along the diagonal of a quadrant, of a slight and of a strong emotion."""

METRICS = ("mrr", "rank", "ndcg@10", "distance@5")
"""Of every query."""

PARTS: dict[str, float | None] = {"": None, ", gaussians alone": 0.0, ", variates alone": 1.0}
"""The composite and its parts, by the share of the variates; None for that of the space."""

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
"""What listeners' labels should say of music found by a word: the quadrant, a GEMS share above the
median, or a direction in the plane above the median."""


def evaluate(divisions: Sequence[Sequence[Fold]], recipe: Recipe) -> Report:
    """Fit and judge a space for every fold.

    Parameters
    ----------
    divisions
        Folds, for each seed.
    recipe
        How spaces are fitted.
    """
    spaces = [[fit(train, recipe) for train, _ in folds_of] for folds_of in divisions]
    report = Report()
    first = [test for _, test in divisions[0]]
    for name in sorted({str(name) for test in first for name in test.dataset}):
        tests = [[test.where(test.dataset == name) for _, test in one] for one in divisions]
        judged = Judged(tests, spaces)
        emotions = tests[0][0].emotions
        if np.isfinite(emotions.quadrants).all():
            _score_quadrants(report, judged)
        else:
            form = "point" if np.isfinite(emotions.point).all() else "gems"
            _score_pairs(report, judged, form)
            _score_degrees(report, judged, form)
        if name in WORDS:
            _score_words(report, judged, name)
    return report


class Judged:
    """Test rows of one dataset and the spaces that have not seen them, fold after fold.

    Parameters
    ----------
    tests, spaces
        By seed and fold.
    """

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

    def each(self, score: Callable[[Pairs, Space], NDArray[np.floating]]) -> list[Array]:
        """A score of every row, by seed; rows are in the order of the clips' names."""
        found = []
        for tests, spaces, order in zip(self.tests, self.spaces, self._orders, strict=True):
            parts = [score(test, space) for test, space in zip(tests, spaces, strict=True)]
            found.append(np.concatenate(parts)[order].astype(np.float64))
        return found


# --- finding and telling ---


def _score_pairs(report: Report, judged: Judged, form: str) -> None:
    told: dict[str, tuple[str, ...]] = {"": (form,)}
    if all(np.isfinite(test.emotions.curve).all() for test in judged.tests[0]):
        told[" by course"] = (form, "curve")
    chance = judged.each(lambda test, _: np.full(len(test), _chance(len(test))))
    for way in ("find", "tell"):
        plain = judged.each(partial(_regressed, way=way, form=form))
        _add_queries(report, judged, f"{way} by regressor", plain, None)
        for suffix, forms in told.items():
            for kind, share in PARTS.items():
                found = judged.each(partial(_reached, way=way, form=form, told=forms, share=share))
                _add_queries(report, judged, f"{way}{suffix}{kind}", found, plain)
        report.add("folds", judged, f"{way} by chance mrr", _mean(chance), len(chance))


def _chance(count: int) -> float:
    return retrieval.chance_mrr(np.eye(count, dtype=bool))


def _add_queries(
    report: Report,
    judged: Judged,
    name: str,
    found: Sequence[Array],
    plain: Sequence[Array] | None,
) -> None:
    for column, metric in enumerate(METRICS):
        values = [one[:, column] for one in found]
        report.add("folds", judged, f"{name} {metric}", _mean(values), len(values))
        if plain is not None:
            less = [value - one[:, column] for value, one in zip(values, plain, strict=True)]
            report.add("folds", judged, f"{name} {metric} less regressor", _mean(less), len(less))


def _reached(
    test: Pairs, space: Space, *, way: str, form: str, told: tuple[str, ...], share: float | None
) -> Array:
    """Scores of a space, a row per query; see `_queries`."""
    space = space if share is None else replace(space, share=share)
    wanted = Description.of(**{name: getattr(test.emotions, name) for name in told})
    emotions, musics = space.emotion(wanted), space.music(test.musics)
    divergences = space.find(emotions, musics) if way == "find" else space.tell(musics, emotions)
    return _queries(divergences, getattr(test.emotions, form))


def _regressed(test: Pairs, _space: Space, *, way: str, form: str) -> Array:
    """Scores of what the unified model tells in the same form, by distance."""
    rated, heard = getattr(test.emotions, form), getattr(test.musics, form)
    apart = retrieval.va_distances(rated, heard)
    return _queries(apart if way == "find" else apart.T, rated)


def _queries(divergences: NDArray[np.floating], rated: NDArray[np.floating]) -> Array:
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


# --- categories and words ---


def _score_quadrants(report: Report, judged: Judged) -> None:
    wanted = Description.of(quadrants=np.eye(len(Quadrant)))
    truth = judged.each(lambda test, _: test.emotions.quadrants)[0]
    heard = judged.each(lambda test, _: test.musics.quadrants)
    points = judged.each(lambda test, _: test.musics.point @ CORNERS.T)
    fits = judged.each(partial(_fit_of, wanted))
    told = judged.each(
        lambda test, space: -space.tell(space.music(test.musics), space.emotion(wanted))
    )
    score = partial(_mean_precision, truth)
    found: Score = partial(_seeded, score, fits)
    report.add("folds", judged, "find quadrant ap", found, len(fits))
    for label, other in (("unified model", heard), ("regressor", points)):
        plain: Score = partial(_seeded, score, other)
        less: Score = partial(_less, found, plain)
        report.add("folds", judged, f"find quadrant ap by {label}", plain, len(fits))
        report.add("folds", judged, f"find quadrant ap less {label}", less, len(fits))
    for label, table in (("", told), (" by unified model", heard)):
        right = [(one.argmax(axis=1) == truth.argmax(axis=1)).astype(float) for one in table]
        report.add("folds", judged, f"tell quadrant accuracy{label}", _mean(right), len(right))


def _mean_precision(truth: Array, table: Array, rows: NDArray[np.intp]) -> float:
    """Mean over columns of the average precision."""
    columns = [k for k in range(truth.shape[1]) if 0 < truth[rows, k].sum() < len(rows)]
    return float(np.mean([average_precision(truth[rows, k] > 0, table[rows, k]) for k in columns]))


def _seeded(
    score: Callable[[Array, NDArray[np.intp]], float],
    tables: Sequence[Array],
    seed: int,
    rows: NDArray[np.intp],
) -> float:
    return score(tables[seed], rows)


def _less(first: Score, second: Score, seed: int, rows: NDArray[np.intp]) -> float:
    return first(seed, rows) - second(seed, rows)


def _score_words(report: Report, judged: Judged, name: str) -> None:
    """Whether music found by a word carries what listeners mean by the word."""
    words = WORDS[name]
    columns = [MOOD_TAGS.index(word) for word in words]
    lexicon = Lexicon()
    wanted = describe([lexicon.feeling(word) for word in words])
    fits = judged.each(partial(_fit_of, wanted))
    heard = judged.each(lambda test, _: test.musics.tags[:, columns])
    degrees_meant = judged.each(partial(_meant, meanings=tuple(words.values())))[0]
    truth = degrees_meant > np.median(degrees_meant, axis=0)
    every = [(word, [place]) for place, word in enumerate(words)]
    for word, places in [*every, ("mean", list(range(len(words))))]:
        auc = partial(_auc, truth, places)
        found: Score = partial(_seeded, auc, fits)
        plain: Score = partial(_seeded, auc, heard)
        less: Score = partial(_less, found, plain)
        report.add("folds", judged, f"word auc, {word}", found, len(fits))
        report.add("folds", judged, f"word auc, {word}, by unified model", plain, len(fits))
        report.add("folds", judged, f"word auc, {word}, less unified model", less, len(fits))


def _auc(
    truth: NDArray[np.bool_], columns: Sequence[int], table: Array, rows: NDArray[np.intp]
) -> float:
    """Mean over some columns."""
    return float(np.mean([roc_auc(truth[rows, k], table[rows, k]) for k in columns]))


def _fit_of(wanted: Description, test: Pairs, space: Space) -> Array:
    """How well musics fit emotions, against music at large; a column per emotion.

    Spaces of different folds can be compared in it.
    """
    emotions = space.emotion(wanted)
    divergences = space.find(emotions, space.music(test.musics))
    # Beyond the best and worst of music at large, order by the divergence itself.
    return np.asarray((space.fit(divergences, emotions) - 1e-4 * divergences).T, np.float64)


def _meant(test: Pairs, _space: Space, *, meanings: Sequence[Meaning]) -> Array:
    """How much of what words mean listeners heard in each piece, a column per word."""
    columns = []
    for meaning in meanings:
        if isinstance(meaning, int):
            columns.append(test.emotions.quadrants[:, meaning])
        elif isinstance(meaning, str):
            columns.append(test.emotions.gems[:, GEMS.index(meaning)])
        else:
            columns.append(test.emotions.point @ np.array(meaning))
    return np.stack(columns, axis=1)


# --- degrees ---


def _score_degrees(report: Report, judged: Judged, form: str) -> None:
    """Whether, inside a category, a stronger emotion rather fits stronger music."""
    rated = judged.each(lambda test, _: getattr(test.emotions, form))[0]
    heard = judged.each(lambda test, _: getattr(test.musics, form))
    pointed = form == "point"
    category = degrees.quadrants(rated) if pointed else degrees.strongest(rated)
    degree = degrees.along_diagonal if pointed else degrees.own_share
    each = np.arange(len(rated))
    told = [one[each, category] for one in judged.each(partial(_degrees, form=form))]
    plain = [degree(one, category) for one in heard]
    tau = partial(_tau, category, degree(rated, category))
    found: Score = partial(_seeded, tau, told)
    other: Score = partial(_seeded, tau, plain)
    report.add("folds", judged, "degrees tau", found, len(told))
    report.add("folds", judged, "degrees tau by regressor", other, len(told))
    report.add(
        "folds", judged, "degrees tau less regressor", partial(_less, found, other), len(told)
    )


def _tau(category: NDArray[np.integer], truth: Array, told: Array, rows: NDArray[np.intp]) -> float:
    return degrees.within(category[rows], truth[rows], told[rows])


def _degrees(test: Pairs, space: Space, *, form: str) -> Array:
    """How much rather the strong than the slight emotion of every category, ``(n, categories)``."""
    if form == "point":
        slight, strong = (
            Description.of(point=CORNERS * radius / np.sqrt(2)) for radius in (LITTLE, MUCH)
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


def _mean(values: Sequence[Array]) -> Score:
    return lambda seed, rows: float(values[seed][rows].mean())


# --- command ---


def divide(
    table: Table, recipe: Recipe, seed: int, tracks: Mapping[str, Track], cache: Path, jobs: int
) -> list[Fold]:
    """Training and test rows of every fold of one division.

    Raises
    ------
    DataError
        If a test track is known from the training tracks.
    """
    fold = folds(table, recipe.folds, seed)
    single, double = plan(fold), pairwise(fold)
    for task in single:
        refuse_leaks(table, task.told, tracks)
    with Progress() as bar:
        work = bar.add_task(f"unified model, seed {seed}", total=len(single) + len(double))
        found = read(
            table, recipe.unified, [*single, *double.values()], cache / READINGS, jobs,
            lambda done, _: bar.update(work, completed=done),
        )  # fmt: skip
    unseen = dict(zip(double, found[len(single) :], strict=True))
    inside = fold[table.clean]
    divided = []
    for number in range(recipe.folds):
        others = [pair for pair in double if number in pair]
        # A fit without two folds tells of both; only the other one is for training here.
        tasks = [Task(double[pair].train, double[pair].told & (fold != number)) for pair in others]
        readings = joined([unseen[pair] for pair in others], tasks)
        train = build(table, recipe.unified, readings, tracks)
        test = build(table, recipe.unified, found[number], tracks)
        divided.append((train.where(inside != number), test.where(inside == number)))
    return divided


def write(rows: Sequence[Row], path: Path) -> None:
    """Write a result table as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode("utf-8"))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="Measure the common space.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for renders and features")
    parser.add_argument("--out", type=Path, required=True, help="table to write (.csv)")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    recipe = recipes.read(options.recipe)
    prepare(recipe.unified, options.data, options.cache, options.jobs)
    table = build_table(recipe.unified, options.data, options.cache, options.jobs)
    tracks = tracks_of(recipe, options.data)
    divisions = [
        divide(table, recipe, seed, tracks, options.cache, options.jobs)
        for seed in range(options.seeds)
    ]
    write(evaluate(divisions, recipe).rows, options.out)


if __name__ == "__main__":
    main()
