"""What every row should be predicted as: labels of all kinds, without invented scales.

Ratings count by value, classes by their place relative to each other. Valence and arousal are
brought to units of each set in which they have variance 1 and do not correlate, for how they go
together differs (film scores -.4, songs +.5) and depends on how a set was chosen; each kind of
music gets them back on its own scale (`hevner.lab.default.scales`). A class of emotions stands at
a place on the plane (`QUADRANT_PLACES`, `CLUSTER_PLACES`): only how it lies to the other classes of
its set matters. Tension, basic emotions and tags are in standard units of each set.

Conventions
-----------
NaN where a row has no such label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Integers, Mask
from hevner.emotion import BASIC, GEMS, Quadrant
from hevner.errors import DataError
from hevner.lab.data.labels import QUADRANT_SIGNS, gems_axes
from hevner.lab.default.recipe import DefaultRecipe, TagRecipe
from hevner.lab.default.table import Table
from hevner.model.description import log_odds

CLUSTER_PLACES = np.array([[0.3, 0.7], [1, 0.1], [-0.7, -0.6], [0.5, 0.1], [-0.7, 0.9]])
"""Valence and arousal of the five MIREX clusters (rousing, cheerful, wistful, witty, aggressive),
from the meaning of their words, shape ``(5, 2)``."""

QUADRANT_TENSION = np.array([np.nan, 1.0, np.nan, -1.0])
CLUSTER_TENSION = np.array([np.nan, -1.0, np.nan, np.nan, 1.0])
"""Tension of the classes that are clearly tense or relaxed."""

GEMS_EMOTIONS = {"joy": "joyful activation", "sadness": "sadness", "tenderness": "tenderness"}
"""GEMS emotions that a basic emotion is much like."""


@dataclass(frozen=True)
class Targets:
    """Labels of rows.

    Attributes
    ----------
    values
        Shape ``(n, m)``: the outputs of all heads that are learned, side by side.
    columns
        Where those of a head lie.
    """

    values: Doubles
    columns: dict[str, slice]

    @classmethod
    def of(cls, table: Table, recipe: DefaultRecipe) -> Targets:
        """Labels of all rows of a table.

        Raises
        ------
        DataError
            If none of them says anything of valence and arousal.
        """
        parts = {
            "emotion": valence_and_arousal(table),
            "tension": _tension(table)[:, None],
            "emotions": _emotions(table),
            "quadrants": _quadrants(table),
            "gems": table.gems,
        }
        if recipe.tags is not None:
            parts["tags"] = tag_labels(table, recipe.tags)
        if not np.isfinite(parts["emotion"]).any():
            raise DataError(
                "no clip has a rating, a quadrant or GEMS emotions",
                remedy="Add a labelled dataset to the recipe",
                code="no_labels",
            )
        ends = np.cumsum([0, *(part.shape[1] for part in parts.values())]).tolist()
        columns = {name: slice(*ends[k : k + 2]) for k, name in enumerate(parts)}
        return cls(np.concatenate(list(parts.values()), axis=1), columns)


def valence_and_arousal(table: Table) -> Doubles:
    """Ratings, else places of classes, else proxies of GEMS; whitened in each set, ``(n, 2)``."""
    values = table.emotion.copy()
    for dataset in set(table.dataset):
        mine = table.dataset == dataset
        if not np.isfinite(values[mine]).any():
            if (table.quadrant[mine] >= 0).any():
                values[mine] = _placed(QUADRANT_SIGNS, table.quadrant[mine])
            elif (table.cluster[mine] >= 0).any():
                values[mine] = _placed(CLUSTER_PLACES, table.cluster[mine])
            else:
                values[mine] = gems_axes(table.gems[mine])
        whole = mine & ~table.window & np.isfinite(values).all(axis=1)
        if whole.any():
            values[mine] = (values[mine] - values[whole].mean(axis=0)) @ _whitening(values[whole])
    return np.asarray(values)


def root(covariance: Doubles) -> Doubles:
    """The symmetric square root of a covariance, shape ``(k, k)``."""
    variances, axes = np.linalg.eigh(covariance)
    return np.asarray((axes * np.sqrt(np.maximum(variances, 0))) @ axes.T)


def _whitening(values: Doubles) -> Doubles:
    covariance = np.cov(values.T, ddof=0) + 1e-9 * np.eye(values.shape[1])
    return np.asarray(np.linalg.inv(root(covariance)))


def _placed(places: Doubles, number: Integers) -> Doubles:
    """The place of each class, NaN where the number is negative."""
    found = places[number]
    found[number < 0] = np.nan
    return found


def _tension(table: Table) -> Doubles:
    """Tension: ratings, else clearly tense and relaxed classes, else GEMS tension over calmness."""
    values = table.tension.copy()
    tense, calm = (table.gems[:, GEMS.index(name)] for name in ("tension", "calmness"))
    for more in (
        _placed(QUADRANT_TENSION, table.quadrant),
        _placed(CLUSTER_TENSION, table.cluster),
        tense - calm,
    ):
        values = np.where(np.isfinite(values), values, more)
    # Classes say nothing where the set has ratings.
    rated = set(table.dataset[np.isfinite(table.emotion[:, 0])])
    values[np.isin(table.dataset, list(rated)) & ~np.isfinite(table.tension)] = np.nan
    return _standard_in_sets(values[:, None], table)[:, 0]


def _emotions(table: Table) -> Doubles:
    """Basic emotions: ratings, else the GEMS emotions that are much like them."""
    values = table.emotions.copy()
    for name, other in GEMS_EMOTIONS.items():
        column = BASIC.index(name)
        share = table.gems[:, GEMS.index(other)]
        values[:, column] = np.where(np.isfinite(values[:, column]), values[:, column], share)
    return _standard_in_sets(values, table)


def _quadrants(table: Table) -> Doubles:
    """1 for the quadrant of a clip, else 0."""
    found = np.eye(len(Quadrant))[table.quadrant]
    found[table.quadrant < 0] = np.nan
    return found


def _standard_in_sets(values: Doubles, table: Table) -> Doubles:
    """Columns in standard units of the whole clips of each set."""
    result = values.copy()
    for dataset in set(table.dataset):
        mine = table.dataset == dataset
        for column in range(values.shape[1]):
            known = values[mine & ~table.window, column]
            known = known[np.isfinite(known)]
            if len(known):
                spread = max(float(known.std()), 1e-6)
                result[mine, column] = (values[mine, column] - known.mean()) / spread
    return result


def tag_labels(table: Table, plan: TagRecipe) -> Doubles:
    """Tags in standard units, shape ``(n, 56)``; NaN where the tagging network was not run.

    The log odds of the tagging network and the listeners' valence and arousal, both in standard
    units of the clean clips, are added and brought to standard units again.
    """
    odds = standard(log_odds(table.tags), table.clean)
    # Where there is no rating, the tagging network is the only teacher.
    agreement = np.nan_to_num(valence_and_arousal(table)) @ plan.directions().T
    return standard(odds + plan.weight * agreement, table.clean)


def standard(values: Doubles, rows: Mask) -> Doubles:
    """Columns in units of their spread over some of the rows, around their mean."""
    known = values[rows]
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        return values
    return np.asarray((values - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-6))
