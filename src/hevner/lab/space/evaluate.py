"""Measure the common space: searched both ways, by words and by degrees, on unseen music.

``hevner evaluate joint`` runs it. Folds are those of the default model's evaluation,
one division for every seed. For every fold a space is fitted to the others, from readings of models
fitted without the fold and without the row they predict; it is scored on readings of a model fitted
without the fold. Candidates are the pieces of the same dataset in the fold. Intervals (95 %) are
over groups: songs, games, artist proxies.

Conventions
-----------
``find`` is from an emotion to music, ``tell`` from music to an emotion; the emotion is the
listeners' label of the piece, the one right item is the piece itself. ``mrr`` mean reciprocal rank,
``rank`` mean rank as a share of the candidates (chance .5), ``ndcg@10`` and ``distance@5`` of the
emotions of the first results. ``regressor`` is the same by the distance of the default model's
predictions of the same form (valence and arousal, or GEMS shares), in which emotions are compared
too. ``word auc``: listeners' labels of music found by a word, beside the default model's tag.
``degrees``: Kendall's tau inside categories (`hevner.lab.joint.degrees`). ``less`` rows are
paired differences on the same pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from hevner.datasets.track import Track
from hevner.lab.default.basis import folds
from hevner.lab.default.evaluate import refuse_leaks
from hevner.lab.default.fit import Progress, prepare
from hevner.lab.default.table import Table, load_tracks
from hevner.lab.default.table import build as build_table
from hevner.lab.metrics.report import Report, Row
from hevner.lab.space.fit import READINGS_FOLDER, fit
from hevner.lab.space.pairs import Pairs, Task, build, joined, paired, pairwise, plan, read
from hevner.lab.space.recipe import SpaceRecipe
from hevner.lab.space.scores import (
    WORDS,
    FoldRows,
    score_degrees,
    score_pairs,
    score_quadrants,
    score_words,
)

Fold = tuple[Pairs, Pairs]
"""Training and test rows."""

SEEDS = 5


def evaluate(divisions: Sequence[Sequence[Fold]], recipe: SpaceRecipe) -> Report:
    """Fit and score a space for every fold; a division into folds for each seed."""
    spaces = [[fit(train, recipe) for train, _ in folds_of] for folds_of in divisions]
    report = Report()
    first = [test for _, test in divisions[0]]
    for name in sorted({str(name) for test in first for name in test.dataset}):
        tests = [[test.where(test.dataset == name) for _, test in one] for one in divisions]
        rows = FoldRows(tests, spaces)
        emotions = tests[0][0].emotions
        if np.isfinite(emotions.quadrants).all():
            score_quadrants(report, rows)
        else:
            form = "point" if np.isfinite(emotions.point).all() else "gems"
            score_pairs(report, rows, form)
            score_degrees(report, rows, form)
        if name in WORDS:
            score_words(report, rows, name)
    return report


def divide(
    table: Table,
    recipe: SpaceRecipe,
    seed: int,
    tracks: Mapping[str, Track],
    store: Path,
    jobs: int,
    progress: Progress,
) -> list[Fold]:
    """Training and test rows of every fold of one division.

    If a test track is known from the training tracks, `DataError` is raised.
    """
    fold = folds(table, recipe.folds, seed)
    single, double = plan(fold), pairwise(fold)
    for task in single:
        refuse_leaks(table, task.predicted, tracks)
    found = read(
        table, recipe.unified, [*single, *double.values()], store / READINGS_FOLDER, jobs,
        partial(progress, f"default model, seed {seed}"),
    )  # fmt: skip
    unseen = dict(zip(double, found[len(single) :], strict=True))
    inside = fold[paired(table)]
    divided = []
    for number in range(recipe.folds):
        others = [pair for pair in double if number in pair]
        # A fit without two folds predicts both; only the other one is for training here.
        tasks = [
            Task(double[pair].train, double[pair].predicted & (fold != number)) for pair in others
        ]
        readings = joined([unseen[pair] for pair in others], tasks)
        train = build(table, recipe.unified, readings, tracks)
        test = build(table, recipe.unified, found[number], tracks)
        divided.append((train.where(inside != number), test.where(inside == number)))
    return divided


def measure(
    recipe: SpaceRecipe,
    folders: Mapping[str, Path],
    store: Path,
    seeds: int,
    jobs: int,
    progress: Progress,
) -> list[Row]:
    """Encode what is missing, and measure the space of a recipe over a number of divisions.

    The other parameters are those of `hevner.lab.space.fit.train`. If a dataset cannot be read, or
    a test track is known from the training tracks, `DataError` is raised.
    """
    prepare(recipe.unified, folders, store, jobs, progress)
    table = build_table(recipe.unified, folders, store, jobs)
    tracks = load_tracks(recipe.unified, folders)
    divisions = [
        divide(table, recipe, seed, tracks, store, jobs, progress) for seed in range(seeds)
    ]
    return evaluate(divisions, recipe).rows
