"""Scores of tags: against the teachers they were learned from, and against listeners.

Conventions
-----------
Tags are probabilities of `hevner.emotion.MOOD_TAGS`, shape ``(n, 56)``. A word is judged against
listeners where they were asked something close to it: `WORDS` and `SHARES` say what.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from hevner.arrays import Doubles, Floats, Rows
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.students import tag_labels
from hevner.lab.default.table import Table
from hevner.lab.metrics.report import Report, Score, less
from hevner.lab.metrics.tags import roc_auc
from hevner.model.prediction import sigmoid

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
        own = _auc(right, [one[:, column] for one in tags])
        report.add(protocol, table, f"tag auc, {word}", own, seeds)
        teacher = _auc(right, [table.tags[:, column]] * seeds)
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


def _auc(right: Doubles, scores: list[NDArray[np.floating]]) -> Score:
    return lambda s, rows: roc_auc(right[rows], scores[s][rows].astype(np.float64))


def _mean_spearman(teacher: Doubles, tags: list[Floats]) -> Score:
    def score(seed: int, rows: Rows) -> float:
        pairs = zip(teacher[rows].T, tags[seed][rows].T, strict=True)
        return float(np.mean([spearmanr(one, other).statistic for one, other in pairs]))

    return score
