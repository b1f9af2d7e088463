"""Pairs of music and the emotion that listeners rated: the training rows of a space.

Music is described by predictions of a default model that was not trained on it; emotions by the
labels of the datasets. Forms of emotion that a dataset does not have are missing on the side of
emotions, never on the side of music.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Floats, Mask, Names, Rows
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.lab.default.fit import Predictions
from hevner.lab.default.recipe import DefaultRecipe, TagRecipe
from hevner.lab.default.students import tag_labels
from hevner.lab.default.table import Table
from hevner.model.description import CURVE_POINTS, Description, course, described


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows of music and emotion.

    Attributes
    ----------
    musics, emotions
        Row i of both belongs to one piece.
    dataset, group, clip
        Names, shape ``(n,)``.
    """

    musics: Description
    emotions: Description
    dataset: Names
    group: Names
    clip: Names

    def __len__(self) -> int:
        return len(self.dataset)

    def where(self, rows: Mask | Rows) -> Pairs:
        """Some of the rows."""
        descriptions = self.musics.where(rows), self.emotions.where(rows)
        return Pairs(*descriptions, self.dataset[rows], self.group[rows], self.clip[rows])


def build(
    table: Table, recipe: DefaultRecipe, readings: Predictions, tracks: Mapping[str, Track]
) -> Pairs:
    """A pair for each whole clip of a table, in the variant that is evaluated.

    Parameters
    ----------
    table, recipe
        Training table and recipe of the default model, with tags.
    readings
        Predictions for all rows of the table.
    tracks
        Tracks by full name, for ratings over time and the spread between raters.
    """
    assert recipe.tags is not None
    predicted, rated = _courses(table, readings, tracks)
    emotions = Description.of(
        point=table.emotion,
        spread=_spreads(table, tracks),
        curve=rated,
        quadrants=_quadrants(table),
        gems=table.gems,
        tags=_tags(table, recipe.tags),
    )
    musics = described(readings["whole"], recipe.tags.rates.tolist(), predicted)
    pairs = Pairs(musics, emotions, table.dataset, table.group, table.clip)
    return pairs.where(table.clean)


def _courses(
    table: Table, readings: Predictions, tracks: Mapping[str, Track]
) -> tuple[Floats, Floats]:
    """Courses of whole pieces, as predicted for their windows and as rated by listeners."""
    predicted = np.zeros((len(table), 2, CURVE_POINTS), np.float32)
    rated = np.full_like(predicted, np.nan)
    # The windows of a clip in one variant follow the row of the whole.
    piece = np.cumsum(~table.window) - 1
    wholes = np.flatnonzero(~table.window)
    for number in np.unique(piece[table.window]):
        row = wholes[number]
        if not table.clean[row]:
            continue
        mine = np.flatnonzero((piece == number) & table.window)
        middle = (table.start[mine] + table.end[mine]) / 2
        predicted[row] = course(middle, *readings["window"].values[mine].T)
        curve = tracks[str(table.clip[row])].curve
        if curve is not None:
            rated[row] = course(curve.times, curve.valence, curve.arousal)
    return predicted, rated


def _spreads(table: Table, tracks: Mapping[str, Track]) -> Doubles:
    spreads = np.full((len(table), 2), np.nan)
    for row in np.flatnonzero(table.clean):
        track = tracks[str(table.clip[row])]
        if track.valence_std is not None and track.arousal_std is not None:
            spreads[row] = track.valence_std, track.arousal_std
    return spreads


def _quadrants(table: Table) -> Doubles:
    """Quadrants of clips that have no other label."""
    found = np.full((len(table), len(Quadrant)), np.nan)
    only = (table.quadrant >= 0) & ~np.isfinite(table.emotion).all(axis=1)
    found[only] = np.eye(len(Quadrant))[table.quadrant[only]]
    return found


def _tags(table: Table, plan: TagRecipe) -> Doubles:
    """Log odds of tags above their base rates, from both teachers of the tags."""
    # In standard units the odds at the base rate lie as in `hevner.lab.default.fit`.
    return np.asarray(plan.slope * tag_labels(table, plan) - plan.slope**2 / 2)
