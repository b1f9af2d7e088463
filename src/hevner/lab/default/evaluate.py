"""Measure the default model: grouped cross-validation, datasets and genres left out, curves.

``hevner evaluate recipes/unified.toml`` runs it. Every number comes with n, seeds and a 95 %
bootstrap interval over groups (songs, games, artist proxies). Before every fit the test tracks are
compared with those trained on (`hevner.datasets.leaks`). Folds keep groups together; everything is
fitted inside the training part, with the code that trains the shipped model.

Conventions
-----------
``r`` Pearson, ``ccc`` concordance, ``r2`` coefficient of determination on the unit scale,
``r2_affine`` the same after the best line (the square of r), ``leak`` correlation of predicted
valence with human arousal, ``coverage`` share of ratings inside the interval, ``within genres`` r
after the mean of each genre is taken off both. Of classes: ``FIRST against SECOND``, the area under
the curve with which valence or arousal tells one class from another, and ``signs``, the share of
clips whose quadrant has the signs of valence and arousal.
Tags: ``tags spearman`` mean over tags of the rank correlation with the tagging network that
taught them, ``tags ece`` expected calibration error against what they were taught (both teachers,
at the base rates), ``tag auc`` of one word against listeners, with that network's own beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import spearmanr

from hevner.arrays import Doubles, Floats, Mask, Rows
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.emotion import AXES, GEMS, MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.lab import workers
from hevner.lab.default.basis import folds
from hevner.lab.default.fit import Predictions, fit, leave_one_out, merged, predictions
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.scores import agreement, interval_coverage, label_scores
from hevner.lab.default.table import Table, build, load_tracks
from hevner.lab.default.targets import tag_labels
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.report import Report, Row, Score, into_card, less
from hevner.lab.metrics.tags import roc_auc
from hevner.model.predict import Model
from hevner.model.prediction import Prediction, sigmoid

OUTER_FOLDS = 5
SEEDS = 5


def refuse_leaks(table: Table, test: Mask, tracks: Mapping[str, Track]) -> None:
    """Raise `DataError` if a test row's track is known from the others in any way but by sound."""
    train, held = ([tracks[clip] for clip in np.unique(table.clip[m])] for m in (~test, test))
    leaks.refuse(leaks.find(train, held))


def predict_held_out(
    table: Table, recipe: DefaultRecipe, seeds: int, tracks: Mapping[str, Track], jobs: int = 1
) -> list[Predictions]:
    """Predictions for every row from a model that has not seen its group; one for each seed.

    As whole pieces and as windows.
    """
    tests = []
    for seed in range(seeds):
        fold = folds(table, OUTER_FOLDS, seed)
        tests += [fold == number for number in range(OUTER_FOLDS)]
    for test in tests:
        refuse_leaks(table, test, tracks)
    parts = list(zip(tests, _fit_all(table, recipe, tests, jobs), strict=True))
    starts = range(0, len(parts), OUTER_FOLDS)
    return [merged(len(table), parts[start : start + OUTER_FOLDS]) for start in starts]


def _fit_all(
    table: Table, recipe: DefaultRecipe, tests: list[Mask], jobs: int
) -> list[Predictions]:
    """Fit without the rows of each test and predict them."""
    shown = partial(track, description="fits", total=len(tests), console=Console(stderr=True))
    if jobs == 1:
        return [_fit_one(table, recipe, test) for test in shown(tests)]
    with workers.pool(jobs) as pool:
        return list(shown(pool.map(partial(_fit_one, table, recipe), tests)))


def _fit_one(table: Table, recipe: DefaultRecipe, test: Mask) -> Predictions:
    return predictions(fit(table.where(~test), recipe), table.where(test))


def _add(report: Report, protocol: str, table: Table, guesses: list[Prediction]) -> None:
    for name, score in label_scores(table, guesses).items():
        report.add(protocol, table, name, score, len(guesses))


def score_curves(report: Report, table: Table, guesses: list[Prediction]) -> None:
    """Correlation over time within a piece, averaged over pieces, for clean windows."""
    for axis, name in enumerate(AXES):
        within = _within(table, guesses, axis)
        report.add("curves", table, f"{name} within-piece r", within, len(guesses))
        inside = interval_coverage(table, guesses, axis)
        report.add("curves", table, f"{name} coverage", inside, len(guesses))


def _within(table: Table, guesses: list[Prediction], axis: int) -> Score:
    def score(seed: int, rows: Rows) -> float:
        values = []
        # A piece drawn twice counts once: its curve is the same.
        for clip in sorted(set(table.clip[rows])):
            mine = table.clip == clip
            truth, guess = table.emotion[mine, axis], guesses[seed].values[mine, axis]
            if mine.sum() >= 4 and truth.std() > 1e-6 and guess.std() > 1e-6:
                values.append(pearson(truth, guess))
        return float(np.mean(values))

    return score


def cross_validate(
    report: Report,
    table: Table,
    recipe: DefaultRecipe,
    seeds: int,
    tracks: Mapping[str, Track],
    jobs: int = 1,
) -> None:
    """Grouped cross-validation of the whole recipe, all sets at once."""
    protocol = "cross-validation"
    held_out = predict_held_out(table, recipe, seeds, tracks, jobs)
    wanted = tag_targets(table, recipe) if recipe.tags else None
    for dataset in sorted(set(table.dataset)):
        rows = table.clean & (table.dataset == dataset)
        own = table.where(rows)
        held = [{name: one.where(rows) for name, one in seed.items()} for seed in held_out]
        _add(report, protocol, own, [one["whole"] for one in held])
        if wanted is not None:
            score_tags(
                report, protocol, own, [one["whole"].outputs["tags"] for one in held], wanted[rows]
            )
    rows = table.window & np.isin(table.clip, table.clip[table.clean]) & first_variant(table)
    if rows.any():
        score_curves(report, table.where(rows), [held["window"].where(rows) for held in held_out])


def first_variant(table: Table) -> Mask:
    """Rows before the second whole-clip row of the same clip, that is of its first variant."""
    seen: dict[str, int] = {}
    result = np.zeros(len(table), bool)
    for row in range(len(table)):
        if not table.window[row]:
            seen[table.clip[row]] = seen.get(table.clip[row], 0) + 1
        result[row] = seen[table.clip[row]] == 1
    return result


def leave_one_dataset_out(
    report: Report, table: Table, recipe: DefaultRecipe, tracks: Mapping[str, Track]
) -> dict[str, Model]:
    """Train on the other sets, test on one."""
    models = {}
    left_out = dict(leave_one_out(table))
    labelled = (table.quadrant >= 0) | (table.cluster >= 0)
    for dataset in sorted(set(table.dataset[labelled]) | set(left_out)):
        mine, others = table.dataset == dataset, table.others(dataset)
        known = table.where(mine | others)
        refuse_leaks(known, known.dataset == dataset, tracks)
        models[dataset] = fit(table.where(others), recipe)
        rows = table.where(mine & table.clean)
        _add(
            report,
            "leave-one-dataset-out",
            rows,
            [models[dataset].predict(rows.vectors, rows.seconds)],
        )
    return models


def leave_one_genre_out(
    report: Report, table: Table, recipe: DefaultRecipe, tracks: Mapping[str, Track], jobs: int = 1
) -> None:
    """Train without one genre of the sets with GEMS ratings, test on it; all genres together."""
    for dataset in sorted(set(table.dataset[np.isfinite(table.gems[:, 0])])):
        mine = table.dataset == dataset
        tests = [mine & (table.kind == genre) for genre in sorted(set(table.kind[mine]))]
        for test in tests:
            refuse_leaks(table, test, tracks)
        found = _fit_all(table, recipe, tests, jobs)
        parts = [(test, held["whole"]) for test, held in zip(tests, found, strict=True)]
        rows = mine & table.clean
        own = Prediction.merged(len(table), parts).where(rows)
        _add(report, "leave-one-genre-out", table.where(rows), [own])


def evaluate(
    recipe: DefaultRecipe,
    folders: Mapping[str, Path],
    store: Path,
    seeds: int = SEEDS,
    jobs: int = 1,
) -> list[Row]:
    """Measure the default model in every way, with a number of cross-validations.

    Recipe, folders, store and jobs are those of `hevner.lab.default.fit.train`. If features are
    missing, or a test track is known from the training tracks, `DataError` is raised.
    """
    table = build(recipe, folders, store, jobs)
    report = Report()
    tracks = load_tracks(recipe, folders)
    cross_validate(report, table, recipe, seeds, tracks, jobs)
    leave_one_dataset_out(report, table, recipe, tracks)
    leave_one_genre_out(report, table, recipe, tracks, jobs)
    return report.rows


def write_into_card(rows: list[Row], recipe: DefaultRecipe, card: Path) -> None:
    """Write scores into the card of a model, with what they come from."""
    run = f"hevner.lab.default.evaluate, recipe {recipe.digest}, {OUTER_FOLDS} folds"
    into_card(rows, card, run)


WORDS = {
    "happy": (Quadrant.Q1,),
    "sad": (Quadrant.Q3,),
    "calm": (Quadrant.Q4,),
    "relaxing": (Quadrant.Q4,),
    "energetic": (Quadrant.Q1, Quadrant.Q2),
    "dark": (Quadrant.Q2, Quadrant.Q3),
}
"""Quadrants in which a word is right."""

SHARES = {
    "happy": "joyful activation",
    "sad": "sadness",
    "calm": "calmness",
    "relaxing": "calmness",
    "energetic": "joyful activation",
    "powerful": "power",
    "soft": "tenderness",
    "melancholic": "nostalgia",
    "dark": "tension",
}
"""GEMS emotions whose third of clips with the largest shares a word should find."""

TOP = 2 / 3
BINS = 10


def tag_targets(table: Table, recipe: DefaultRecipe) -> Doubles:
    """What the tags were taught, as probabilities, shape ``(n, 56)``; NaN for windows.

    The labels of training, through the line that turns tags into log odds
    (`hevner.lab.default.fit`).
    """
    if recipe.tags is None:
        raise DataError("the recipe has no tags", remedy="Add a part [tags]", code="no_tags")
    odds = tag_labels(table, recipe.tags) * recipe.tags.slope + recipe.tags.offset
    return np.asarray(sigmoid(odds.astype(np.float32)), np.float64)


def score_tags(
    report: Report, protocol: str, table: Table, tags: list[Floats], wanted: Doubles
) -> None:
    """Scores of one dataset; tags by seed, and what they were taught."""
    seeds = len(tags)
    ranks = _mean_spearman(table.tags, tags)
    report.add(protocol, table, "tags spearman", ranks, seeds)
    report.add(
        protocol, table, "tags ece",
        lambda s, rows: calibration_error(wanted[rows], tags[s][rows]), seeds,
    )  # fmt: skip
    for word, right in _answers(table).items():
        column = MOOD_TAGS.index(word)
        own = agreement(roc_auc, right, tags, column)
        report.add(protocol, table, f"tag auc, {word}", own, seeds)
        teacher = agreement(roc_auc, right, [table.tags] * seeds, column)
        report.add(protocol, table, f"tag auc, {word}, by the tagging network", teacher, 1)
        gain = less(own, teacher)
        report.add(protocol, table, f"tag auc, {word}, more than the tagging network", gain, seeds)


def calibration_error(wanted: Doubles, probabilities: NDArray[np.floating]) -> float:
    """Mean distance of mean probability and mean label over tenths of equal size, all tags.

    Tags are rare, so bins of equal width would put almost every case into the first. Both arrays
    are in [0, 1] and of the same shape; labels may be soft.
    """
    order = np.argsort(probabilities, axis=None)
    given, known = probabilities.ravel()[order], wanted.ravel()[order]
    parts = zip(np.array_split(given, BINS), np.array_split(known, BINS), strict=True)
    return float(np.average([abs(one.mean() - other.mean()) for one, other in parts]))


def _answers(table: Table) -> dict[str, Doubles]:
    """By word, 1 for the clips that listeners found it in, else 0."""
    if (table.quadrant >= 0).all():
        quadrants = list(Quadrant)
        return {
            word: np.isin(table.quadrant, [quadrants.index(one) for one in right]).astype(float)
            for word, right in WORDS.items()
        }
    if np.isfinite(table.gems).all():
        shares = {word: table.gems[:, GEMS.index(mood)] for word, mood in SHARES.items()}
        return {word: (s >= np.quantile(s, TOP)).astype(float) for word, s in shares.items()}
    return {}


def _mean_spearman(teacher: Doubles, tags: list[Floats]) -> Score:
    def score(seed: int, rows: Rows) -> float:
        pairs = zip(teacher[rows].T, tags[seed][rows].T, strict=True)
        return float(np.mean([spearmanr(one, other).statistic for one, other in pairs]))

    return score
