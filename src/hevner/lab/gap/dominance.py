"""Influence of single genres on a model: leave a genre out of training and compare the errors.

A ridge regression is trained on the songs of a dataset, once with everything, once without a genre,
and once without as many tracks drawn at random from all genres, which measures the mere loss of
music. Errors are those for songs that were not trained on.

Conventions
-----------
Errors are root mean squares in units of the scale [-1, 1]. A change is the error without less the
error with: above 0, the genre was of use. Intervals are paired 95 % bootstrap intervals over
groups. Genres need as many groups as there are folds (`hevner.lab.gap.bias`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Mask
from hevner.lab.data.samples import Samples
from hevner.lab.gap.bias import folds, ridge, with_genres
from hevner.lab.gap.labels import AXES, names, rated
from hevner.lab.metrics.regression import rmse
from hevner.lab.metrics.statistics import paired_bootstrap

CONTROLS = 5
"""Random losses of the same size; their errors are averaged."""


@dataclass(frozen=True)
class Dominance:
    """Change of a model's error when one genre is left out of training.

    Attributes
    ----------
    representation, dataset, axis, genre, tracks
        The model, the genre that is left out, and its number of tracks.
    others, low, high
        Change of the error for all other genres, with its interval.
    others_random
        Change of the error for the same genres when as many tracks of any genre are left out.
    own, own_low, own_high
        Change of the error for the genre itself, with its interval.
    """

    representation: str
    dataset: str
    axis: str
    genre: str
    tracks: int
    others: float
    low: float
    high: float
    others_random: float
    own: float
    own_low: float
    own_high: float


def dominance(representation: str, samples: Samples, seed: int = 0) -> list[Dominance]:
    """Leave out each genre of each rated dataset that has at least three."""
    rows: list[Dominance] = []
    for name, part in with_genres(samples.where(rated(samples))):
        genres = sorted(set(part.genre.tolist()))
        if len(genres) > 2:
            study = _Study(representation, name, part, seed)
            rows += [row for genre in genres for row in study.without(genre)]
    return rows


class _Study:
    """One dataset, its folds, and the predictions of a model trained on all genres."""

    def __init__(self, representation: str, dataset: str, samples: Samples, seed: int) -> None:
        self.representation, self.dataset = representation, dataset
        self.samples, self.seed = samples, seed
        self.rng = np.random.default_rng(seed)
        self.tests = [test for _, test in folds(samples.genre, samples.group, seed)]
        self.whole = self.predict(np.ones(len(samples), bool))

    def predict(self, allowed: Mask) -> Doubles:
        """Predictions for every row, trained on allowed rows of other folds."""
        vectors, emotion = self.samples.blocks[self.representation], self.samples.emotion
        guess = np.empty_like(emotion)
        for test in self.tests:
            model = ridge().fit(vectors[allowed & ~test], emotion[allowed & ~test])
            guess[test] = model.predict(vectors[test])
        return guess

    def without(self, genre: str) -> list[Dominance]:
        """Rows of a genre, one for each axis."""
        own = self.samples.genre == genre
        guess = self.predict(~own)
        controls = [self.predict(self._random_loss(int(own.sum()))) for _ in range(CONTROLS)]
        return [self._row(axis, genre, own, guess, controls) for axis in range(len(AXES))]

    def _random_loss(self, count: int) -> Mask:
        """All rows but ``count`` random ones, in whole groups as far as they go."""
        kept = np.ones(len(self.samples), bool)
        for group in self.rng.permutation(names(self.samples.group)):
            rows = np.flatnonzero(self.samples.group == group)[:count]
            kept[rows] = False
            count -= len(rows)
        return kept

    def _row(
        self, axis: int, genre: str, own: Mask, guess: Doubles, controls: list[Doubles]
    ) -> Dominance:
        truth = self.samples.emotion[:, axis]
        with_all = self.whole[:, axis]

        def change(rows: Mask) -> tuple[float, float, float]:
            return paired_bootstrap(
                rmse, truth[rows], guess[rows, axis], with_all[rows], self.samples.group[rows],
                seed=self.seed,
            )  # fmt: skip

        lost = np.mean([rmse(truth[~own], one[~own, axis]) for one in controls])
        return Dominance(
            self.representation, self.dataset, AXES[axis], genre, int(own.sum()),
            *change(~own), float(lost - rmse(truth[~own], with_all[~own])), *change(own),
        )  # fmt: skip
